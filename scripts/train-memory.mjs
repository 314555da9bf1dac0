/**
 * @file Does a training keep to its plan? Resident memory and time of whole trainings beside what was planned for them.
 *
 * Usage: node scripts/train-memory.mjs [--only nano,smollm2-135m] [--objective weighted] [--kl 0.1] [--threads 2] [--out FILE.md]
 * Each row is one process, as `w4s learn` starts it for a round: two episodes of four replies to one prompt, two epochs of whole
 * groups. The models must have been pulled; dist/ must have been built. A row whose plan is refused says so. Exits with 1
 * where a process took over 5 % more than planned, or a plan is over its limit.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../dist/core/errors.js";
import { Random } from "../dist/core/random.js";
import { resolveModel } from "../dist/hub/model-hub.js";
import { defaultThreads } from "../dist/llm/local/local-model.js";
import { actionExample } from "../dist/train/data/example.js";
import { writeExamples } from "../dist/train/data/example-file.js";
import { runTrainer } from "../dist/train/process/run-trainer.js";
import { DEFAULT_TRAIN_SETTINGS } from "../dist/train/train-settings.js";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "nano,smollm2-135m,qwen2.5-coder-0.5b" },
    objective: { type: "string", default: "weighted" },
    kl: { type: "string", default: "0" },
    threads: { type: "string", default: String(defaultThreads()) },
    out: { type: "string" },
  },
});
/** Model × memory × length of the longest example, tokens. */
const ROWS = [
  { model: "nano", gigabytes: 1, length: 512 },
  { model: "smollm2-135m", gigabytes: 4, length: 512 },
  { model: "smollm2-135m", gigabytes: 4, length: 1024 },
  { model: "smollm2-135m", gigabytes: 1.2, length: 1024 },
  { model: "qwen2.5-coder-0.5b", gigabytes: 6, length: 256 },
  { model: "qwen2.5-coder-0.5b", gigabytes: 6, length: 512 },
];
const REPLY_TOKENS = 96;
const REPLIES = 4;
/** Ids that every model has. */
const IDS = { from: 300, to: 1900 };
const MOST_OVER = 1.05;

/** Two episodes; prompts of the second are shorter, so that passes have two sizes. @param {number} length */
function examplesOf(length) {
  const random = new Random(1);
  const draw = (/** @type {number} */ count) =>
    Int32Array.from({ length: count }, () => random.integer(IDS.from, IDS.to));
  return [1, 0.7].flatMap((share) => {
    const promptTokens = draw(Math.round(share * length) - REPLY_TOKENS);
    return Array.from({ length: REPLIES }, (_, i) =>
      actionExample({
        promptTokens,
        actionTokens: draw(REPLY_TOKENS),
        weight: flags.objective === "weighted" ? 1 + i : 1 - (2 * i) / (REPLIES - 1),
        group: `episode ${share}`,
      }),
    );
  });
}

/** @param {(typeof ROWS)[number]} row */
async function measure({ model, gigabytes, length }) {
  const folder = mkdtempSync(join(tmpdir(), "train-memory-"));
  const examplesPath = join(folder, "examples.jsonl");
  await writeExamples(examplesPath, examplesOf(length));
  /** @type {any} */
  let plan;
  let planned = 0;
  try {
    const result = await runTrainer(
      {
        ...{
          modelPath: await resolveModel(model),
          modelHash: "measured",
          dataHash: "measured",
          examplesPath,
        },
        settings: {
          ...DEFAULT_TRAIN_SETTINGS,
          objective: /** @type {"weighted"} */ (flags.objective),
          klPenalty: Number(flags.kl),
          wholeGroups: true,
          batchSize: REPLIES,
        },
        ...{
          checkpointFolder: join(folder, "checkpoints"),
          checkpointEvery: 10,
          outFolder: folder,
          name: "lora",
        },
        ...{ origin: {}, threads: Number(flags.threads), weights: /** @type {const} */ ("auto") },
        memoryLimitBytes: gigabytes * 1e9,
      },
      {
        onEvent: (event) => {
          if (event.type !== "plan") return;
          plan = event;
          planned = performance.now();
        },
      },
    );
    const seconds = (performance.now() - planned) / 1000;
    return { plan, rss: result.peakRssBytes, seconds, refusal: undefined };
  } catch (error) {
    return { plan, rss: 0, seconds: 0, refusal: messageOf(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const only = flags.only.split(",");
const lines = [
  "| model | tokens | limit, MB | plan, MB | peak RSS, MB | RSS / plan | weights | forecast, s | taken, s |",
  "| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
];
let isKept = true;
const write = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
lines.forEach(write);
for (const row of ROWS.filter(({ model }) => only.includes(model))) {
  const start = `| ${row.model} | ${row.length} | ${row.gigabytes * 1000} |`;
  let line = `${start} not run: ${Math.round(freemem() / 1e6)} MB are free |`;
  if (freemem() > row.gigabytes * 1e9) {
    const { plan, rss, seconds, refusal } = await measure(row);
    if (refusal === undefined) {
      const ratio = rss / plan.memoryBytes;
      isKept &&= ratio <= MOST_OVER && plan.memoryBytes <= row.gigabytes * 1e9;
      const form = plan.weights.split(",")[0].replace("weights ", "");
      const figures = [plan.memoryBytes / 1e6, rss / 1e6].map((value) => Math.round(value));
      const times = [plan.forecastMs / 1000, seconds].map((value) => value.toFixed(1));
      line = `${start} ${figures.join(" | ")} | ${ratio.toFixed(3)} | ${form} | ${times.join(" | ")} |`;
    } else line = `${start} refused: ${refusal} |`;
  }
  lines.push(line);
  write(line);
}
const title = `# Memory and time of trainings beside their plans\n\n\`node scripts/train-memory.mjs\`, ${flags.threads} threads, objective ${flags.objective}.`;
if (flags.out !== undefined) writeFileSync(flags.out, `${title}\n\n${lines.join("\n")}\n`);
process.exitCode = isKept ? 0 : 1;
