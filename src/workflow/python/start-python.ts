/** @file Starts the two kinds of Python process with nothing but what they need to read. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ManagedChild } from "../../core/managed-child.js";
import { childModule } from "../../core/package-file.js";
import { SNAPSHOT_VARIABLE } from "./python-protocol.js";

/** V8's own heap: the interpreter's glue code and its files; wasm memory is counted apart. */
const CHILD_HEAP_MIB = 256;
const START_TIMEOUT_MS = 60_000;

/**
 * @param kind - "program" holds one program and is used once; "judge" holds tests and serves many
 * @param snapshot - path of the picture of a started interpreter, if there is one
 */
export async function startPython(
  kind: "program" | "judge",
  snapshot: string | undefined,
): Promise<ManagedChild> {
  const path = childModule(`workflow/python/python-${kind}-child.js`);
  return await ManagedChild.start(path, {
    name: kind === "program" ? "Python" : "Python judge",
    env: { TZ: "UTC", [SNAPSHOT_VARIABLE]: snapshot },
    execArgv: [
      `--max-old-space-size=${CHILD_HEAP_MIB}`,
      "--disallow-code-generation-from-strings",
      "--no-warnings",
      permissionFlag(),
      // The watchdog that ends orphans, and the judge's interpreter, are threads.
      "--allow-worker",
      ...readable(path, snapshot).map((allowed) => `--allow-fs-read=${allowed}`),
    ],
    startTimeoutMs: START_TIMEOUT_MS,
  });
}

/** The flag lost its first word in Node 23.5 and 22.13. */
function permissionFlag(): string {
  const isNamedShort = process.allowedNodeEnvironmentFlags.has("--permission");
  return isNamedShort ? "--permission" : "--experimental-permission";
}

/**
 * Our compiled files, two packages, the picture. Packages may be linked from elsewhere: both the places where Node looks
 * for them and where they really lie are named.
 */
function readable(modulePath: string, snapshot: string | undefined): string[] {
  const dist = dirname(dirname(dirname(modulePath)));
  const pyodide = dirname(createRequire(modulePath).resolve("pyodide/package.json"));
  const sockets = dirname(createRequire(join(pyodide, "package.json")).resolve("ws/package.json"));
  // Node 20 aborts where one path is named twice.
  const paths = [
    dist,
    join(dirname(dist), "package.json"),
    ...lookups(dirname(modulePath), "pyodide"),
    pyodide,
    ...lookups(pyodide, "ws"),
    sockets,
    ...(snapshot ? [snapshot] : []),
  ];
  return [...new Set(paths)];
}

/** Folders in which Node looks for a package, from a folder upwards. */
function lookups(folder: string, name: string): string[] {
  const here = join(folder, "node_modules", name);
  return dirname(folder) === folder ? [here] : [here, ...lookups(dirname(folder), name)];
}
