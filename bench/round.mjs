/**
 * @file One round of `w4s learn` on the simulated executor, by phase: 6 episodes of 2 turns and 5 candidates, one epoch.
 *
 * Usage: node bench/round.mjs [--models NAME,…] [--episodes 6] [--repetitions 1] [--threads N] [--json FILE]
 * The models must have been pulled; dist/ must have been built.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { learn, parseRunConfig, resolveModel } from "../dist/index.js";
import { readTrajectory } from "../dist/records/trajectory.js";
import { report, spread } from "./harness.mjs";

/** What is promised for a round of SmolLM2-135M without judging. */
const LIMIT_S = 240;
const PHASES = /** @type {const} */ (["baselines", "generate", "evaluate", "train", "swap"]);

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m" },
    episodes: { type: "string", default: "6" },
    repetitions: { type: "string", default: "1" },
    threads: { type: "string" },
    json: { type: "string" },
    table: { type: "string" },
  },
});

/** @type {import("./harness.mjs").Row[]} */
const rows = [];
for (const model of flags.models.split(",")) {
  /** @type {Record<string, number[]>} */
  const seconds = Object.fromEntries(PHASES.map((phase) => [phase, []]));
  const totals = [];
  let note = "";
  for (let repetition = 0; repetition < Number(flags.repetitions); repetition++) {
    const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
    const config = parseRunConfig({
      ...{ task: "counting,shopping", model, executor: "simulated", gpu: "off" },
      ...(flags.threads === undefined ? {} : { threads: Number(flags.threads) }),
      ...{ episodes: Number(flags.episodes), turns: 2, candidates: 5 },
      ...{ explore: 0.5, validationLimit: 32, testLimit: 0, promptStyle: "compact" },
      ...{ seed: repetition, run: join(folder, "run") },
      learn: { heldBack: "swaps", rounds: 1, evaluationEpisodes: 0, epochs: 1 },
    });
    const start = performance.now();
    const { rounds } = await learn(config, { resolveModelFile: resolveModel });
    const total = (performance.now() - start) / 1000;
    const [round] = rounds;
    if (round === undefined) throw new Error("no round was played");
    totals.push(total);
    for (const phase of PHASES) seconds[phase]?.push(round.seconds[phase] ?? 0);
    const { card } = round;
    const longest = longestPrompt(join(folder, "run"));
    note = `${card.candidates} candidates, ${Math.round(card.validShare * 100)} % valid, ${card.examples} examples, ${card.actionTokens} action tokens, longest prompt ${longest} tokens`;
    rmSync(folder, { recursive: true });
  }
  for (const phase of PHASES)
    rows.push({ name: `${model}: ${phase}`, unit: "s", ...spread(seconds[phase] ?? []) });
  const all = spread(totals);
  rows.push({
    name: `${model}: whole round, simulated executor, not judged`,
    unit: "s",
    ...all,
    ...(model === "smollm2-135m" ? { limit: `≤ ${LIMIT_S}`, isOk: all.value <= LIMIT_S } : {}),
    note,
  });
}
report("round", rows);

/** In tokens, over what was collected. @param {string} run */
function longestPrompt(run) {
  const folder = join(run, "rounds", "01");
  const records = readdirSync(folder)
    .filter((name) => name.startsWith("collect-"))
    .flatMap((name) => readTrajectory(join(folder, name)));
  return Math.max(...records.map((record) => (record.kind === "actions" ? record.promptTokens.length : 0)));
}
