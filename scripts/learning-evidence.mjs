#!/usr/bin/env node
/**
 * @file Does learning pay? Base against trained, and against the same training with shuffled rewards, uniform weights
 * and successes only, or under another objective, on task families that were not trained on. Prints one table; --out keeps it.
 *
 *   node scripts/learning-evidence.mjs --model smollm2-135m --seeds 3 --out docs/results/learning-smollm2.md
 *   node scripts/learning-evidence.mjs --model nano --seeds 6 --epochs 4 --rate 0.004 \
 *     --variants advantage,preference,group,group-wide,kto,light,uniform,shuffled --runs-root runs/objectives
 *
 * Every run is a directory of `w4s learn` under --runs-root; the same command goes on where it was stopped.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { policyScore } from "../dist/learn/policy-score.js";
import { differences, inParallel, markdownTable, summaryOf as readSummary, runLearn } from "./learn-runs.mjs";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m" },
    seeds: { type: "string", default: "3" },
    train: { type: "string", default: "counting,shopping,sequences,unit-conversion" },
    judge: { type: "string", default: "word-problems,swaps" },
    episodes: { type: "string", default: "12" },
    turns: { type: "string", default: "1" },
    candidates: { type: "string", default: "10" },
    "judge-episodes": { type: "string", default: "8" },
    "judge-candidates": { type: "string", default: "5" },
    validation: { type: "string", default: "32" },
    variants: { type: "string", default: "advantage,shuffled,uniform,success,exponential" },
    epochs: { type: "string", default: "2" },
    rate: { type: "string", default: "0.0003" },
    temperature: { type: "string", default: "0.8" },
    "weight-temperature": { type: "string" },
    threads: { type: "string", default: "2" },
    jobs: { type: "string", default: "1" },
    /** The simulated executor writes no program that computes anything, and starting Python for each takes half a second. */
    rules: {
      type: "string",
      default: fileURLToPath(new URL("../models/nano/demo-rules.yaml", import.meta.url)),
    },
    "runs-root": { type: "string", default: "runs/evidence" },
    out: { type: "string" },
  },
});
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
const variants = flags.variants.split(",");

/** What each variant changes; everything else is equal, and so are the trajectories that are trained on. */
const VARIANTS = {
  advantage: ["--weighting", "advantage"],
  exponential: ["--weighting", "exponential", "--reward", "discrete"],
  shuffled: ["--weighting", "shuffled"],
  uniform: ["--weighting", "uniform"],
  success: ["--weighting", "uniform", "--reward", "discrete", "--only-success"],
  light: ["--weighting", "advantage", "--light-share", "0.05"],
  whole: ["--weighting", "advantage", "--whole-groups"],
  preference: ["--objective", "preference"],
  group: ["--objective", "group"],
  "group-wide": ["--objective", "group", "--clip", "0.6"],
  kto: ["--objective", "kto"],
};
const MEANING = {
  base: "the model as it came",
  random: "control: no model, one to three techniques drawn uniformly",
  advantage: "exp((accuracy − task mean) / T), the default",
  exponential: "discrete reward, exp(r / 0.4): the reference's weights",
  shuffled: "control: the same weights, dealt out at random within a task",
  uniform: "control: every candidate weighs 1",
  success: "control: supervised fine-tuning on designs that beat the workflow they were shown",
  light: "advantage without the lightest examples, which together carry at most 5 % of all weight",
  whole: "advantage, whole episodes in every update",
  preference: "DPO over all pairs of a prompt",
  group: "group-relative advantages, ratios clipped at 0.2",
  "group-wide": "the same, clipped at 0.6",
  kto: "KTO, better and worse than the baseline of the turn",
};

const runFolder = (variant, seed) => join(flags["runs-root"], `${variant}-${seed}`);
const summaryOf = (variant, seed) => readSummary(runFolder(variant, seed));

async function main() {
  const startedAt = Date.now();
  // The first variant collects; the others are handed its trajectories and stored calls.
  const jobs = Number(flags.jobs);
  await inParallel(
    seeds.map((seed) => () => runVariant(variants[0], seed)),
    jobs,
  );
  await inParallel(
    variants.slice(1).flatMap((variant) =>
      seeds.map((seed) => async () => {
        await share(seed, variant);
        await runVariant(variant, seed);
      }),
    ),
    jobs,
  );
  const text = report(startedAt);
  process.stdout.write(text);
  if (flags.out) writeFileSync(flags.out, text);
}

async function share(seed, variant) {
  const from = runFolder(variants[0], seed);
  const to = runFolder(variant, seed);
  if (existsSync(join(to, "rounds"))) return;
  for (const round of ["00", "01"]) {
    mkdirSync(join(to, "rounds", round), { recursive: true });
    for (const name of readdirSync(join(from, "rounds", round))) {
      if (/^(collect|judge-base)-.*\.jsonl$/.test(name))
        copyFileSync(join(from, "rounds", round, name), join(to, "rounds", round, name));
    }
  }
  copyFileSync(join(from, "calls.db"), join(to, "calls.db"));
}

async function runVariant(variant, seed) {
  const epochs = variant === "success" ? await equalEpochs(seed) : Number(flags.epochs);
  const sharpness = flags["weight-temperature"] ? ["--weight-temperature", flags["weight-temperature"]] : [];
  const words = [
    ...["--task", flags.train, "--held-back", flags.judge, "--model", flags.model, "--executor", "simulated"],
    ...["--rounds", "1", "--episodes", flags.episodes, "--turns", flags.turns],
    ...["--candidates", flags["judge-candidates"], "--candidates-schedule", flags.candidates],
    ...[
      "--explore-schedule",
      "1",
      "--from-scratch",
      "1",
      "--screen",
      "0",
      "--temperature",
      flags.temperature,
    ],
    ...["--eval-episodes", flags["judge-episodes"], "--eval-turns", "1", "--accept", "always"],
    ...["--validation-limit", flags.validation, "--test-limit", "0", "--seed", String(seed)],
    ...["--epochs", String(epochs), "--learning-rate", flags.rate, "--threads", flags.threads],
    ...["--rules", flags.rules],
    // The control has no weights: one judgement a seed is enough.
    ...(variant === variants[0] ? ["--control", "random"] : []),
    ...VARIANTS[variant],
    ...(variant === "exponential" ? [] : sharpness),
  ];
  await runLearn(flags["runs-root"], `${variant}-${seed}`, words);
}

/** Successes are fewer: more epochs over them make up the same number of examples. */
async function equalEpochs(seed) {
  const { loadable } = await successes(seed);
  const all = summaryOf(variants[0], seed).rounds[0].card.examples;
  return Math.max(1, Math.round((Number(flags.epochs) * all) / Math.max(1, loadable)));
}

async function successes(seed) {
  const { trajectoryFiles, trajectorySamples } = await import("../dist/learn/examples/trajectory-samples.js");
  const { selectSamples } = await import("../dist/learn/examples/select-samples.js");
  const settings = {
    keep: "all",
    onlySuccess: true,
    untilLastReward: false,
    invalid: "keep",
    countDuplicates: false,
  };
  const loadable = trajectoryFiles(runFolder(variants[0], seed)).reduce(
    (sum, file) => sum + selectSamples(trajectorySamples(file, undefined, "discrete"), settings).length,
    0,
  );
  return { loadable };
}

function report(startedAt) {
  const judged = (key) => seeds.flatMap((seed) => summaryOf(variants[0], seed)[key] ?? []);
  const episodes = new Map([["base", judged("baseEpisodes")]]);
  // Runs of before the control have no such row.
  if (judged("randomEpisodes").length > 0) episodes.set("random", judged("randomEpisodes"));
  for (const variant of variants)
    episodes.set(
      variant,
      seeds.flatMap((seed) => summaryOf(variant, seed).rounds[0].episodes),
    );
  const rows = [...episodes].map(([name, own]) => {
    const score = policyScore(own);
    const difference = (other) =>
      name === other || !episodes.has(other) ? null : differences(own, episodes.get(other));
    const [base, shuffled, random, first] = ["base", "shuffled", "random", variants[0]].map(difference);
    const percent = (share) => `${Math.round(share * 100)} %`;
    return [
      name,
      score.episodes,
      score.meanReward.toFixed(3),
      score.best.toFixed(3),
      percent(score.validShare),
      percent(score.distinctShare),
      percent(score.techniques.steps ?? 0),
      Math.round(score.executorTokensPerCandidate),
      base?.meanReward ?? "",
      base?.best ?? "",
      (name !== "base" && shuffled?.meanReward) || "",
      (name !== "base" && random?.meanReward) || "",
      (!["base", "random", "shuffled"].includes(name) && first?.meanReward) || "",
    ].join(" | ");
  });
  const card = summaryOf(variants[0], seeds[0]).rounds[0].card;
  const head = `policy | episodes | mean accuracy | best of episode | valid | distinct | “step by step” | executor tokens | mean − base | best − base | mean − shuffled | mean − random | mean − ${variants[0]}`;
  const what = variants.some((name) => VARIANTS[name].includes("--objective")) ? "Objectives" : "Learning";
  return `# ${what}, measured: ${flags.model}, simulated executor

\`\`\`
node scripts/learning-evidence.mjs ${process.argv.slice(2).join(" ")}
\`\`\`

**The executor is simulated**: accuracies say how well a design suits the simulator's documented properties (docs/simulated-executor.md), nothing about a real strong model.

Trained on ${flags.train} (${card.candidates} forced candidates a seed from ${flags.episodes} episodes, ${flags.epochs} epochs, rate ${flags.rate}), judged unforced (ε = 0, temperature ${flags.temperature}) on ${flags.judge}, which no training saw: ${flags["judge-episodes"]} episodes × ${flags["judge-candidates"]} candidates each, ${flags.validation} validation items, seeds ${seeds.join(", ")}. Every episode starts from the plainest workflow, and no design runs Python programs. Intervals: 95 %, t over paired (family, seed, episode) and over validation items.

${markdownTable(head, rows)}

${[...episodes.keys()].map((name) => `- ${name}: ${MEANING[name]}`).join("\n")}

Machine: ${cpus().length} × ${cpus()[0]?.model?.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; ${flags.jobs} runs at once with ${flags.threads} threads each; ${Math.round((Date.now() - startedAt) / 60_000)} minutes for what was not stored yet.
`;
}

await main();
