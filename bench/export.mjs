/**
 * @file Writing and reading adapters: GGUF, PEFT, merged models; time and size for a rank-16 adapter on all seven matrices.
 *
 * Usage: node bench/export.mjs [--models NAME,…] [--repetitions 3] [--json FILE]
 * The models must have been pulled; dist/ must have been built.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../dist/core/random.js";
import { importAdapter, readGgufHeader, writeGgufAdapter } from "../dist/formats.js";
import { exportAdapter, resolveModel } from "../dist/index.js";
import { initLora } from "../dist/lora/init-lora.js";
import { LINEAR_NAMES } from "../dist/transformer/linear-name.js";
import { readModel } from "../dist/transformer/read-model.js";
import { report, spread, timeMs } from "./harness.mjs";

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m" },
    repetitions: { type: "string", default: "3" },
    json: { type: "string" },
    table: { type: "string" },
  },
});

/** Of a file or a folder of files, in MB. @param {string} path */
function megabytes(path) {
  const entry = statSync(path);
  const sizes = entry.isDirectory()
    ? readdirSync(path).map((name) => statSync(join(path, name)).size)
    : [entry.size];
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6;
}

/** @type {import("./harness.mjs").Row[]} */
const rows = [];
for (const name of flags.models.split(",")) {
  const basePath = await resolveModel(name);
  const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
  const { config } = readModel(readGgufHeader(basePath));
  const adapter = initLora(config, { rank: 16, alpha: 32, targets: [...LINEAR_NAMES] }, new Random(1));
  const adapterPath = join(folder, "adapter.gguf");
  await writeGgufAdapter(adapterPath, adapter);
  const forms = /** @type {const} */ ([
    ["gguf", "F32"],
    ["gguf", "F16"],
    ["peft", "F32"],
    ["merged", "F16"],
    ["merged", "Q8_0"],
  ]);
  for (const [format, type] of forms) {
    const outPath = join(folder, `${format}-${type}${format === "peft" ? "" : ".gguf"}`);
    const times = [];
    for (let i = -1; i < Number(flags.repetitions); i++) {
      const ms = await timeMs(() =>
        exportAdapter({
          adapterPath,
          basePath,
          format,
          outPath,
          force: true,
          ...(format === "peft" ? {} : { type }),
        }),
      );
      if (i >= 0) times.push(ms);
    }
    rows.push({
      name: `${name}: to ${format} ${type}`,
      unit: "ms",
      ...spread(times),
      note: `${megabytes(outPath).toFixed(1)} MB`,
    });
  }
  const back = [];
  for (let i = 0; i < Number(flags.repetitions); i++) {
    const outPath = join(folder, `back-${i}.gguf`);
    back.push(await timeMs(() => importAdapter({ path: join(folder, "peft-F32"), basePath, outPath })));
  }
  rows.push({ name: `${name}: from peft`, unit: "ms", ...spread(back) });
  rmSync(folder, { recursive: true });
}
report("export", rows);
