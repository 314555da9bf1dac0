#!/usr/bin/env node
/**
 * @file Bundles the command line and the modules of its child processes in place, each with what it imports of dist/:
 * reading some hundred small modules takes longer than most commands do. Packages stay outside. Run by `make build`.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
/** Started as processes or threads: packageFile() of the source tells how deep a chunk must lie. */
const STARTED = [
  "cli/main",
  // For hosts of many commands, such as those of the tests.
  "cli/program",
  "llm/local/local-model-child",
  "train/process/trainer-child",
  "workflow/sandbox/sandbox-child",
  "workflow/python/python-judge-child",
  "workflow/python/python-judge-worker",
  "workflow/python/python-program-child",
  "workflow/python/python-snapshot-child",
];

rmSync(join(DIST, "chunks"), { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(STARTED.map((name) => [name, join(DIST, `${name}.js`)])),
  platform: "node",
  external: /^(?!@oxc-project)[@a-z]/,
  treeshake: { moduleSideEffects: "no-external" },
});
await bundle.write({ dir: DIST, entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" });
await bundle.close();
