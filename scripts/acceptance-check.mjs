/** @file How often `w4s learn` refuses equal adapters, calls them better, and sees a true difference: the rule in force and the one before it, simulated with known truth. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Random } from "../dist/core/random.js";
import { hierarchicalInterval } from "../dist/core/statistics.js";
import { acceptance } from "../dist/learn/acceptance.js";
import { comparePolicies } from "../dist/learn/compare-policies.js";

const { values: flags } = parseArgs({
  options: {
    trials: { type: "string", default: "2000" },
    only: { type: "string", default: "" },
    out: { type: "string" },
  },
});
const TRIALS = Number(flags.trials);
const CANDIDATES = 6;
/** Judged episodes by number of tasks; the first 2 of 16 are the trial of 2. */
const EPISODES = { 1: [2, 3, 4, 6, 8, 16], 2: [2, 3, 4, 6, 8] };
/** Of the rule before, where learn drew 1,000: more of them would take most of the time here. */
const RESAMPLES = 250;
const POWER_EPISODES = [2, 4, 8];
const CALIBRATION = 20_000;

/**
 * What the world is made of, all on the logit scale. `spread`: of designs; `byItem`: how differently two policies suit an
 * item; `shared` and `own`: luck of an episode that both policies have, and that each has for itself; `design`: how a
 * policy draws the quality of a candidate; `invalid`: share of candidates without any score; `screen`: items of a screening
 * that half of the candidates pass.
 */
const USUAL = { items: 32, spread: 0.35, byItem: 0.2, shared: 0.3, own: 0.1, invalid: 0.1, screen: 0 };
const SCENARIOS = [
  { ...USUAL, name: "independent candidates", own: 0 },
  { ...USUAL, name: "turns build on each other", own: 0.5, shared: 0.5, spread: 0.2 },
  { ...USUAL, name: "few designs, many copies", library: 5, copies: 0.8, invalid: 0 },
  { ...USUAL, name: "each writes one design only", library: 1, copies: 1, invalid: 0 },
  { ...USUAL, name: "skewed, a third invalid", skew: true, invalid: 0.33 },
  { ...USUAL, name: "one steady, one varied", varied: 1.2, own: 0.3 },
  { ...USUAL, name: "screened on four items", screen: 4 },
  { ...USUAL, name: "eight items", items: 8 },
];

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const ITEM_SPREAD = 1.2;

/** Quality of a new design of a policy. The second policy of `varied` draws from a wider range. */
function quality({ spread, skew, varied }, policy, random) {
  if (skew) return random.chance(0.1) ? 1.2 : -0.3 + 0.2 * Math.log(1 - random.next());
  return random.normal() * (policy === 1 && varied ? varied : spread);
}

/** How much the second policy is shifted so that its true mean accuracy is higher by `gain`. */
function shiftFor(world, gain) {
  const random = new Random(7);
  const { byItem, shared, own, invalid } = world;
  const draw = (policy) =>
    Float64Array.from({ length: CALIBRATION }, () => {
      const luck = Math.hypot(ITEM_SPREAD, byItem, shared, own, 0.4, 0.3) * random.normal();
      return luck + quality(world, policy, random);
    });
  const accuracy = (list, shift) =>
    ((1 - invalid) * list.reduce((sum, x) => sum + sigmoid(x + shift), 0)) / CALIBRATION;
  const [first, second] = [draw(0), world.varied ? draw(1) : undefined];
  // The same draws for both unless their shapes differ: equal adapters are equal to the last digit.
  const aim = accuracy(first, 0) + gain;
  let [low, high] = [-4, 4];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (accuracy(second ?? first, middle) < aim) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Scores of a workflow on the items of a task. */
function scoresOf(level, task, policy, random) {
  return task.items.map((item, i) =>
    random.next() < sigmoid(level + item + task.suits[policy][i] + 0.4 * random.normal()) ? 1 : 0,
  );
}

/** Judged episodes of two policies on one task. */
function play(world, name, count, shift, random) {
  const normals = (scale) => Array.from({ length: world.items }, () => scale * random.normal());
  const level = 0.3 * random.normal();
  const task = {
    items: normals(ITEM_SPREAD).map((x) => x + level),
    suits: [normals(world.byItem), normals(world.byItem)],
  };
  const shifts = [0, shift];
  // Designs of a library are the same workflows in every episode: their scores are stored. The two policies' are equally good.
  const qualities = Array.from({ length: world.library ?? 0 }, () => quality(world, 0, random));
  const libraries = shifts.map((by, policy) =>
    qualities.map((design) => scoresOf(by + design, task, policy, random)),
  );
  const episodes = [[], []];
  for (let episode = 0; episode < count; episode++) {
    const shared = world.shared * random.normal();
    for (const policy of [0, 1]) {
      const luck = shared + world.own * random.normal() + shifts[policy];
      const candidates = Array.from({ length: CANDIDATES }, () => {
        if (random.chance(world.invalid)) return undefined;
        const [copied, ...others] = libraries[policy];
        if (copied) return random.chance(world.copies) ? copied : random.pick(others);
        return scoresOf(luck + quality(world, policy, random), task, policy, random);
      });
      episodes[policy].push(episodeScore(name, episode, candidates, world));
    }
  }
  return episodes;
}

const sumOf = (list) => list.reduce((sum, x) => sum + x, 0);

function episodeScore(task, episode, candidates, { items: count, screen }) {
  const first = (scores) => sumOf(scores.slice(0, screen)) / screen;
  const valid = candidates.filter(Boolean);
  const passed = screen
    ? new Set([...valid].sort((a, b) => first(b) - first(a)).slice(0, Math.ceil(valid.length / 2)))
    : new Set(valid);
  const items = new Array(count).fill(0);
  let reward = 0;
  for (const scores of valid) {
    const mean = passed.has(scores) ? sumOf(scores) / count : first(scores);
    reward += mean / candidates.length;
    for (let i = 0; i < count; i++) items[i] += (passed.has(scores) ? scores[i] : mean) / candidates.length;
  }
  return { task, seed: 1, episode, meanReward: reward, best: reward, items, candidates: CANDIDATES };
}

/** The rule before: refused where the bootstrap interval over pairs lies below 0. */
function before([base, trained], seed) {
  const tasks = [...new Set(trained.map(({ task }) => task))];
  const differences = tasks.map((task) =>
    trained.flatMap((one, i) => (one.task === task ? [one.meanReward - base[i].meanReward] : [])),
  );
  const { low, high } = hierarchicalInterval(differences, seed, RESAMPLES).interval;
  return { isRefused: high < 0, isBetter: low > 0 };
}

function after([base, trained]) {
  const difference = comparePolicies(trained, base);
  const { isAccepted } = acceptance(difference, "not-worse");
  return { isRefused: !isAccepted, isBetter: difference.verdict === "better" };
}

const RULES = { before, after };

/** Shares by rule, tasks and episodes. */
function simulate(world, gain) {
  const shift = gain === 0 && !world.varied ? 0 : shiftFor(world, gain);
  const counts = new Map();
  for (let trial = 0; trial < TRIALS; trial++) {
    const random = new Random(1000 * trial + Math.round(gain * 100));
    const played = ["a", "b"].map((name) => play(world, name, name === "a" ? 16 : 8, shift, random));
    for (const tasks of [1, 2]) {
      for (const episodes of EPISODES[tasks]) {
        if (gain > 0 && !POWER_EPISODES.includes(episodes)) continue;
        const pair = [0, 1].map((policy) =>
          played.slice(0, tasks).flatMap((own) => own[policy].slice(0, episodes)),
        );
        for (const [name, rule] of Object.entries(RULES)) {
          const key = `${name} ${tasks} ${episodes}`;
          const cell = counts.get(key) ?? { refused: 0, better: 0 };
          const { isRefused, isBetter } = rule(pair, trial);
          if (isRefused) cell.refused++;
          if (isBetter) cell.better++;
          counts.set(key, cell);
        }
      }
    }
  }
  return counts;
}

const percent = (count) => ((100 * count) / TRIALS).toFixed(1);
const rows = [];
const worst = { before: 0, after: 0 };
const startedAt = performance.now();
for (const world of SCENARIOS.filter(({ name }) => name.includes(flags.only))) {
  const [equal, small, large] = [0, 0.05, 0.1].map((gain) => simulate(world, gain));
  for (const tasks of [1, 2]) {
    for (const rule of Object.keys(RULES)) {
      const key = (episodes) => `${rule} ${tasks} ${episodes}`;
      const errors = EPISODES[1].map((episodes) => {
        const cell = equal.get(key(episodes));
        if (cell === undefined) return "";
        worst[rule] = Math.max(worst[rule], cell.refused, cell.better);
        return `${percent(cell.refused)} / ${percent(cell.better)}`;
      });
      const power = POWER_EPISODES.map(
        (episodes) =>
          `${percent(small.get(key(episodes)).better)} / ${percent(large.get(key(episodes)).better)}`,
      );
      rows.push([world.name, tasks, rule, ...errors, ...power]);
    }
  }
  process.stderr.write(`${world.name}: ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
}
const head = [
  ...["adapters", "tasks", "rule", ...EPISODES[1].map((count) => `equal, ${count} episodes`)],
  ...POWER_EPISODES.map((count) => `+0.05 / +0.10, ${count} episodes`),
];
const text = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const summary = `Largest share of equal adapters that were refused or called better: before ${percent(worst.before)} %, after ${percent(worst.after)} %.`;
const page = `${text}\n\n${summary}\n`;
if (flags.out) writeFileSync(flags.out, page);
process.stdout.write(page);
