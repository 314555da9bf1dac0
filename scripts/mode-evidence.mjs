#!/usr/bin/env node
/**
 * @file One row for each curriculum and each way policies work together: what was learned by the same number of candidates, on
 * task families that were not trained on. Prints one table; --out keeps it.
 *
 *   node scripts/mode-evidence.mjs --seeds 3 --out docs/results/modes-nano.md
 *
 * Every run is a directory of `w4s learn` under --runs-root; the same command goes on where it was stopped.
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { policyScore } from "../dist/learn/policy-score.js";
import { differences, inParallel, markdownTable, summaryOf as readSummary, runLearn } from "./learn-runs.mjs";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "nano" },
    seeds: { type: "string", default: "3" },
    train: { type: "string", default: "counting,shopping,unit-conversion,word-problems" },
    judge: { type: "string", default: "sequences,swaps" },
    rounds: { type: "string", default: "2" },
    episodes: { type: "string", default: "8" },
    candidates: { type: "string", default: "6" },
    "judge-episodes": { type: "string", default: "4" },
    rate: { type: "string", default: "0.004" },
    epochs: { type: "string", default: "3" },
    threads: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    "runs-root": { type: "string", default: "runs/modes" },
    out: { type: "string" },
  },
});
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);

/** What each mode changes, what it is compared with, and how many episodes a round it plays for equal candidates. */
const MODES = {
  random: { words: ["--curriculum", "random"], meaning: "curriculum: episodes go to tasks by chance" },
  fixed: {
    words: ["--curriculum", "fixed"],
    against: "random",
    meaning: "curriculum: every task alike, the default",
  },
  adaptive: {
    words: ["--curriculum", "adaptive"],
    against: "random",
    meaning: "curriculum: most variance of rewards first",
  },
  staged: { words: ["--curriculum", "staged"], against: "random", meaning: "curriculum: easy tasks first" },
  single: { words: ["--collaboration", "single"], meaning: "one policy" },
  ensemble: {
    words: ["--collaboration", "ensemble"],
    against: "single",
    meaning: "two copies, the candidates of a turn dealt to both",
  },
  "proposer-critic": {
    words: ["--collaboration", "proposer-critic"],
    against: "single",
    meaning: "one writes, one reviews, one revision",
  },
  hierarchical: {
    words: ["--collaboration", "hierarchical"],
    against: "single",
    meaning: "a planner names techniques, a writer writes",
  },
  decentralised: {
    words: ["--collaboration", "decentralised"],
    against: "single",
    // Each of the two members plays the episodes on its own.
    share: 0.5,
    meaning: "two copies learn apart and exchange their best workflow; half as many episodes each",
  },
};

const summaryOf = (mode, seed) => readSummary(join(flags["runs-root"], `${mode}-${seed}`));

async function runMode(mode, seed) {
  const { words, share = 1 } = MODES[mode];
  const episodes = String(Math.max(1, Math.round(Number(flags.episodes) * share)));
  const args = [
    ...["--task", flags.train, "--held-back", flags.judge, "--model", flags.model, "--executor", "simulated"],
    ...["--gpu", "off", "--threads", flags.threads, "--seed", String(seed), "--temperature", "0.8"],
    ...["--rounds", flags.rounds, "--episodes", episodes, "--turns", "1", "--candidates", "5"],
    ...[
      "--candidates-schedule",
      flags.candidates,
      "--explore-schedule",
      "1,0.5",
      "--from-scratch",
      "1",
      "--screen",
      "0",
    ],
    ...[
      "--eval-episodes",
      flags["judge-episodes"],
      "--accept",
      "always",
      "--validation-limit",
      "32",
      "--test-limit",
      "0",
    ],
    ...["--epochs", flags.epochs, "--learning-rate", flags.rate],
    ...words,
  ];
  await runLearn(flags["runs-root"], `${mode}-${seed}`, args);
}

function report(minutes) {
  const trainedOf = (mode) => seeds.flatMap((seed) => summaryOf(mode, seed).rounds.at(-1).episodes);
  const rows = Object.entries(MODES).map(([mode, { against }]) => {
    const base = seeds.flatMap((seed) => summaryOf(mode, seed).baseEpisodes);
    const trained = trainedOf(mode);
    const [before, after] = [policyScore(base), policyScore(trained)];
    const played = seeds.flatMap((seed) => summaryOf(mode, seed).rounds.map(({ card }) => card));
    const candidates = played.reduce((sum, card) => sum + card.candidates, 0) / seeds.length;
    return [
      mode,
      Math.round(candidates),
      after.episodes,
      before.meanReward.toFixed(3),
      after.meanReward.toFixed(3),
      after.best.toFixed(3),
      `${Math.round(after.validShare * 100)} %`,
      `${Math.round(after.distinctShare * 100)} %`,
      Math.round(after.executorTokensPerCandidate),
      differences(trained, base).meanReward,
      against === undefined ? "" : `${against}: ${differences(trained, trainedOf(against)).meanReward}`,
    ].join(" | ");
  });
  const head =
    "mode | candidates a seed | judged episodes | base | trained | best of episode | valid | distinct | executor tokens | trained − own base | trained − trained";
  return `# Curricula and collaboration, measured: ${flags.model}, simulated executor

\`\`\`
node scripts/mode-evidence.mjs ${process.argv.slice(2).join(" ")}
\`\`\`

**The executor is simulated**: accuracies say how well a design suits the simulator's documented properties (docs/simulated-executor.md), nothing about a real strong model.

Trained on ${flags.train} in ${flags.rounds} rounds, judged unforced on ${flags.judge}, which no training saw: ${flags["judge-episodes"]} episodes × 5 candidates each, 32 validation items, seeds ${seeds.join(", ")}. A team is judged as a whole, and its base is the team with every member bare. Mean accuracy of candidates; intervals: 95 %, t over paired (family, seed, episode) and over validation items.

${markdownTable(head, rows)}

${Object.entries(MODES)
  .map(([mode, { meaning }]) => `- ${mode}: ${meaning}`)
  .join("\n")}

Machine: ${cpus().length} × ${cpus()[0]?.model?.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; ${flags.jobs} runs at once with ${flags.threads} threads each; ${minutes} minutes for what was not stored yet.
`;
}

const startedAt = Date.now();
await inParallel(
  Object.keys(MODES).flatMap((mode) => seeds.map((seed) => () => runMode(mode, seed))),
  Number(flags.jobs),
);
const text = report(Math.round((Date.now() - startedAt) / 60_000));
process.stdout.write(text);
if (flags.out) writeFileSync(flags.out, text);
