/**
 * @file Training of a whole round by two builds of w4s, in turn and on the same examples: seconds, CPU seconds, memory.
 *
 * Usage: node bench/training-round.mjs --examples FILE --model NAME|PATH [--old DIST] [--epochs 3] [--rate 2e-3]
 *   [--batch 8] [--set JSON] [--light 0.05] [--repetitions 2] [--threads 1] [--max-memory GB] [--json FILE]
 * FILE is the examples.jsonl of a round of `w4s learn`; DIST the built dist/ of another version (default: this one, which
 * shows how far apart two equal runs are). --set changes settings of the new build alone, such as '{"topLayers":10}'; with
 * --light it gets no examples of the smallest weights that together carry less than this share, as in rounds.
 * A run is what the trainer's process does for a round, from opening the model to the adapter, in a process of its own.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { report, spread } from "./harness.mjs";

const OWN = fileURLToPath(new URL("../dist/", import.meta.url));

const { values: flags } = parseArgs({
  options: {
    examples: { type: "string", default: "" },
    model: { type: "string", default: "nano" },
    old: { type: "string", default: OWN },
    epochs: { type: "string", default: "3" },
    rate: { type: "string", default: "2e-3" },
    batch: { type: "string", default: "8" },
    set: { type: "string", default: "{}" },
    light: { type: "string", default: "0" },
    repetitions: { type: "string", default: "2" },
    threads: { type: "string", default: "1" },
    "max-memory": { type: "string", default: "4" },
    json: { type: "string" },
    table: { type: "string" },
    role: { type: "string" },
  },
});

/** @typedef {{ seconds: number, cpu: number, rss: number, planned: number, forecast: number, trainedTokens: number, updates: number, hash: string }} Run */

if (flags.role === undefined) await main();
else process.send?.(await train(flags.role, JSON.parse(flags.set)));

/** @param {string} dist @param {object} changed @returns {Promise<Run>} */
async function train(dist, changed) {
  const load = (/** @type {string} */ path) => import(pathToFileURL(resolve(dist, path)).href);
  const { trainLora } = await load("train/train-lora.js");
  const { OrtBackend } = await load("graph/ort-backend.js");
  const { readExamples } = await load("train/data/example-file.js");
  const { SHARED_HEAP } = await load("train/process/trainer-heap.js");
  const { DEFAULT_TRAIN_SETTINGS } = await load("train/train-settings.js");
  const examples = withoutLight(readExamples(flags.examples), Number(flags.light));
  let planned = 0;
  let forecast = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  const result = await trainLora({
    modelPath: flags.model,
    modelHash: "bench",
    dataHash: "bench",
    examples,
    settings: {
      ...DEFAULT_TRAIN_SETTINGS,
      epochs: Number(flags.epochs),
      batchSize: Number(flags.batch),
      learningRate: Number(flags.rate),
      ...changed,
    },
    backend: new OrtBackend({ threads: Number(flags.threads), sessionOptions: SHARED_HEAP }),
    memoryLimitBytes: Number(flags["max-memory"]) * 1e9,
    onEvent: (/** @type {any} */ event) => {
      if (event.type !== "plan") return;
      planned = event.memoryBytes;
      forecast = event.forecastMs / 1000;
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const digest = createHash("sha256");
  for (const { a, b } of result.adapter.pairs.values()) digest.update(a).update(b);
  const { trainedTokens, losses } = result;
  const rss = process.resourceUsage().maxRSS * 1024;
  const hash = digest.digest("hex").slice(0, 12);
  return {
    seconds,
    cpu: (user + system) / 1e6,
    rss,
    planned,
    forecast,
    trainedTokens,
    updates: losses.length,
    hash,
  };
}

/**
 * Examples without the lightest ones that together carry less than a share of all weights.
 * @template {{ weight: number }} T @param {T[]} examples @param {number} share @returns {T[]}
 */
function withoutLight(examples, share) {
  const size = (/** @type {T} */ { weight }) => Math.abs(weight);
  let left = share * examples.reduce((sum, example) => sum + size(example), 0);
  const light = new Set();
  for (const example of [...examples].sort((a, b) => size(a) - size(b))) {
    left -= size(example);
    if (left < 0) break;
    light.add(example);
  }
  return examples.filter((example) => !light.has(example));
}

/** @param {string} dist @param {string} changed @param {string} light @returns {Promise<Run>} */
async function runIn(dist, changed, light) {
  const { HEAP_ENVIRONMENT } = await import(
    pathToFileURL(resolve(dist, "train/process/trainer-heap.js")).href
  );
  const words = ["examples", "model", "epochs", "rate", "batch", "threads", "max-memory"];
  const passed = words.flatMap((name) => [`--${name}`, String(flags[/** @type {"model"} */ (name)])]);
  const child = fork(
    fileURLToPath(import.meta.url),
    ["--role", dist, "--set", changed, "--light", light, ...passed],
    {
      env: { ...process.env, ...HEAP_ENVIRONMENT },
    },
  );
  return new Promise((done, fail) => {
    child.once("message", (reply) => {
      done(/** @type {Run} */ (reply));
      child.disconnect();
    });
    child.once("exit", (code) => fail(new Error(`a run ended with code ${code}`)));
  });
}

async function main() {
  const { resolveModel } = await import("../dist/hub/model-hub.js");
  flags.model = await resolveModel(flags.model);
  const runs = { old: /** @type {Run[]} */ ([]), new: /** @type {Run[]} */ ([]) };
  for (let repetition = 0; repetition < Number(flags.repetitions); repetition++) {
    runs.old.push(await runIn(flags.old, "{}", "0"));
    runs.new.push(await runIn(OWN, flags.set, flags.light));
  }
  const rows = /** @type {const} */ (["old", "new"]).flatMap((name) => {
    const all = runs[name];
    const last = /** @type {Run} */ (all.at(-1));
    const note = `${last.updates} updates, ${last.trainedTokens} tokens computed, adapter ${last.hash}`;
    return [
      { name: `${name}: training`, unit: "s", ...spread(all.map(({ seconds }) => seconds)), note },
      { name: `${name}: training`, unit: "CPU s", ...spread(all.map(({ cpu }) => cpu)) },
      { name: `${name}: forecast`, unit: "s", ...spread(all.map(({ forecast }) => forecast)) },
      { name: `${name}: planned`, unit: "MB", value: last.planned / 1e6 },
      { name: `${name}: peak RSS`, unit: "MB", ...spread(all.map(({ rss }) => rss / 1e6)) },
    ];
  });
  const ratio = (/** @type {"cpu" | "seconds"} */ what) =>
    spread(runs.old.map((run, i) => run[what] / /** @type {Run} */ (runs.new[i])[what]));
  rows.push({ name: "old / new", unit: "× CPU", ...ratio("cpu") });
  rows.push({ name: "old / new", unit: "×", ...ratio("seconds") });
  report("training-round", rows);
}
