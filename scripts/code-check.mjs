/**
 * @file Every canonical solution of the code datasets must pass, and a stub that returns None must not.
 * node scripts/code-check.mjs [--datasets DIR] [--names humaneval,mbpp] [--splits train,test] [--limit N] [--processes 2]
 * Not part of `make test`: two checks an item. Run after `make build`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeScorer } from "../dist/tasks/make-scorer.js";
import { parseSampleLine } from "../dist/tasks/reading/parse-sample-line.js";
import { PythonSandbox } from "../dist/workflow/python/python-sandbox.js";

/** Items whose tests expect None or something that counts as false: the stub is right there. */
const NONE_IS_RIGHT = new Set(["mbpp/test/0333", "mbpp/train/0521"]);
const SHARED = process.env.W4S_SHARED ?? fileURLToPath(new URL("../../shared", import.meta.url));

const { values } = parseArgs({
  options: {
    datasets: { type: "string", default: join(SHARED, "datasets") },
    names: { type: "string", default: "humaneval,mbpp" },
    splits: { type: "string", default: "train,validation,test" },
    limit: { type: "string" },
    processes: { type: "string", default: "2" },
  },
});
const limit = Number(values.limit ?? Number.POSITIVE_INFINITY);
const items = [];
for (const name of values.names.split(",")) {
  const folder = join(values.datasets, name);
  const { splits } = JSON.parse(await readFile(join(folder, "dataset.json"), "utf8"));
  for (const split of values.splits.split(",").filter((wanted) => wanted in splits)) {
    const { file } = splits[split];
    for (const line of (await readFile(join(folder, file), "utf8")).trimEnd().split("\n")) {
      const value = JSON.parse(line);
      const sample = parseSampleLine(line, { kind: "code", metric: "tests" });
      items.push({ sample, solution: value.canonicalSolution });
    }
  }
}
// Spread over the whole list where only a part is asked for.
const step = Math.max(1, items.length / limit);
const chosen = items.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));

const programs = new PythonSandbox({
  processes: Number(values.processes),
  // As in runs: Python in WebAssembly is slower, and what other processes take from a program is not counted.
  limits: { wallMs: 20_000, busyMs: 40_000 },
});
const scorer = makeScorer("tests", {}, { programs });
await programs.run("pass");
let wrong = 0;
const note = (line) => {
  wrong++;
  console.log(line);
};
const startedAt = performance.now();
let next = 0;
let checks = 0;
const worker = async () => {
  while (next < chosen.length) {
    const { sample, solution } = chosen[next++];
    const stub = `def ${sample.entryPoint}(*args, **kwargs):\n    return None\n`;
    const good = await scorer.score(solution, sample);
    if (!good.isCorrect) note(`${sample.id}: the canonical solution: ${good.extracted}`);
    const bad = await scorer.score(stub, sample);
    if (bad.isCorrect !== NONE_IS_RIGHT.has(sample.id)) note(`${sample.id}: the stub: ${bad.extracted}`);
    checks += 2;
    if (checks % 100 === 0) process.stderr.write(`${checks} checks\n`);
  }
};
await Promise.all(Array.from({ length: Number(values.processes) }, worker));
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `${chosen.length} items, ${checks} checks (canonical solution and None), ${wrong} not as expected, ` +
    `${seconds.toFixed(1)} s with ${values.processes} at once: ${((seconds / checks) * 500).toFixed(1)} s for 500 checks`,
);
await programs.close();
process.exitCode = wrong > 0 ? 1 : 0;
