/** @file How well weights of examples follow true accuracies: shrunk rewards and plain ones, simulated with known truth. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Random } from "../dist/core/random.js";
import { mean } from "../dist/core/statistics.js";
import { rewardedCandidates } from "../dist/learn/examples/trajectory-samples.js";
import { weighSamples } from "../dist/learn/examples/weigh-samples.js";

const { values: flags } = parseArgs({
  options: { trials: { type: "string", default: "400" }, out: { type: "string" } },
});
const TRIALS = Number(flags.trials);
const ITEMS = 32;
const TURNS = 8;
const CANDIDATES = 5;
/** On the logit scale: deviation of items' difficulty, and level of the candidates. */
const DIFFICULTY = 1.2;
const LEVEL = 0.2;

/**
 * `spread`: deviation of true quality within a turn, `turns`: of turns among each other, both on the logit scale; `screen`: items that
 * all candidates of a turn are measured on before the better half (rounded up) gets to all; 0 = all get to all.
 */
const WORLDS = [
  { name: "spread 0.15, screened on 4", spread: 0.15, screen: 4, turns: 0 },
  { name: "spread 0.35, screened on 4", spread: 0.35, screen: 4, turns: 0 },
  { name: "spread 0.60, screened on 4", spread: 0.6, screen: 4, turns: 0 },
  { name: "spread 0.35, screened on 8", spread: 0.35, screen: 8, turns: 0 },
  { name: "spread 0.35, not screened", spread: 0.35, screen: 0, turns: 0 },
  { name: "spread 0.25, turns differ by 0.40, screened on 4", spread: 0.25, screen: 4, turns: 0.4 },
];

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const SETTINGS = { weighting: "advantage", invalid: "keep", unbalanced: true };

/** True accuracy of a quality over all items that could be drawn: the mean over their difficulties. */
function truthOf(quality) {
  let [sum, total] = [0, 0];
  for (let z = -3; z <= 3; z += 0.1) {
    const density = Math.exp((-z * z) / 2);
    sum += density * sigmoid(quality + DIFFICULTY * z);
    total += density;
  }
  return sum / total;
}

function candidateRecord(index, accuracy, screenAccuracy, isOut) {
  return {
    ...{ index, repairOf: null, forced: [], techniques: [], source: "", status: "ok", interval: null },
    ...{ calls: 1, tokens: 1, dollars: 0, reward: 0, workflowHash: `${index}` },
    ...(isOut
      ? { outcome: "screened-out", accuracy: null, screenAccuracy, n: 0 }
      : { outcome: "scored", accuracy, screenAccuracy, n: ITEMS }),
  };
}

/** One task in one round: its recorded turns, with the true accuracies. */
function play({ spread, screen, turns: apart }, random) {
  const items = Array.from({ length: ITEMS }, () => DIFFICULTY * random.normal());
  return Array.from({ length: TURNS }, (_, turn) => {
    const level = LEVEL + apart * random.normal();
    const own = Array.from({ length: CANDIDATES }, (_, i) => {
      const quality = level + spread * random.normal();
      const right = items.map((item) => (random.chance(sigmoid(quality + item)) ? 1 : 0));
      const screened = screen === 0 ? null : mean(right.slice(0, screen));
      return { index: turn * CANDIDATES + i, truth: truthOf(quality), accuracy: mean(right), screened };
    });
    const order = [...own].sort((a, b) => b.screened - a.screened || a.index - b.index);
    const passed = new Set(screen === 0 ? own : order.slice(0, Math.ceil(CANDIDATES / 2)));
    const candidates = own.map((one) =>
      candidateRecord(one.index, one.accuracy, one.screened, !passed.has(one)),
    );
    const history = { best: 0, previous: 0, sampleCount: ITEMS };
    const record = { kind: "turn", episode: 0, turn, history, parentHash: null, candidates, kept: null };
    return { record, truths: own.map(({ truth }) => truth) };
  });
}

function ranks(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value));
}

function correlation(a, b) {
  const [x, y] = [a, b].map((list) => list.map((value) => value - mean(list)));
  const product = (one, other) => mean(one.map((value, i) => value * other[i]));
  const scale = Math.sqrt(product(x, x) * product(y, y));
  return scale === 0 ? 0 : product(x, y) / scale;
}

const sum = (list) => list.reduce((total, value) => total + value, 0);

/** Figures of one rule: rank correlations, share of the heaviest fifth, and of those screened out. */
function figures(weights, played, samples) {
  const truths = played.flatMap((turn) => turn.truths);
  const advantages = played.flatMap((turn) => turn.truths.map((truth) => truth - mean(turn.truths)));
  const fifth = [...weights].sort((a, b) => b - a).slice(0, weights.length / 5);
  const out = weights.filter((_, i) => samples[i].candidate.outcome === "screened-out");
  return [
    correlation(ranks(weights), ranks(truths)),
    correlation(ranks(weights), ranks(advantages)),
    sum(fifth) / sum(weights),
    sum(out) / sum(weights),
  ];
}

function weightsOf(turns) {
  const samples = rewardedCandidates(turns, undefined, "accuracy").map((one) => ({
    ...one,
    episode: 0,
    turn: one.turn.turn,
  }));
  const plain = samples.map((sample) => ({ ...sample, shrunk: undefined }));
  const weigh = (list) => weighSamples([list], SETTINGS, "accuracy", 0)[0];
  return { samples, plain: weigh(plain), shrunk: weigh(samples) };
}

const rows = WORLDS.flatMap((world) => {
  const found = { plain: [], shrunk: [] };
  for (let trial = 0; trial < TRIALS; trial++) {
    const played = play(world, new Random(1000 + trial));
    const { samples, ...weights } = weightsOf(played.map(({ record }) => record));
    for (const rule of ["plain", "shrunk"]) found[rule].push(figures(weights[rule], played, samples));
  }
  return Object.entries(found).map(([rule, list]) => {
    const [truth, advantage, fifth, out] = [0, 1, 2, 3].map((i) => mean(list.map((one) => one[i])));
    return [
      ...[world.name, rule, truth.toFixed(3), advantage.toFixed(3)],
      ...[`${(100 * fifth).toFixed(0)} %`, world.screen === 0 ? "" : `${(100 * out).toFixed(0)} %`],
    ];
  });
});
const head = [
  ...["candidates", "rewards", "rank correlation with true accuracy", "with true advantage in its turn"],
  ...["weight of the heaviest fifth", "weight of those screened out (40 %)"],
];
const table = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const example = [
  candidateRecord(0, 0.55, 0.75, false),
  candidateRecord(1, 0.55, 0.75, false),
  candidateRecord(2, null, 0.75, true),
  candidateRecord(3, null, 0.75, true),
];
const history = { best: 0, previous: 0, sampleCount: ITEMS };
const only = { kind: "turn", episode: 0, turn: 0, history, parentHash: null, candidates: example, kept: 0 };
const { plain, shrunk } = weightsOf([only]);
const told = (weights) => `${weights[2].toFixed(2)} and ${weights[0].toFixed(2)}`;
const page = `${table}\n\nOut with 3 of 4, and 55 % of 32 (two of each in a turn): plain ${told(plain)}, shrunk ${told(shrunk)}.\n`;
if (flags.out) writeFileSync(flags.out, page);
process.stdout.write(page);
