/** @file A policy's entry in a suite: it designs a workflow for a task on validation, within its stated budget. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { LostSamplesError } from "../../core/errors.js";
import { hashJson, seedFrom } from "../../core/hash.js";
import { sumOrNull } from "../../core/statistics.js";
import type { Policy } from "../../design/policy.js";
import { bestOf, comparable } from "../../evaluate/common-items.js";
import { LocalModels, type ResolveModelFile } from "../../evaluate/local-models.js";
import type { ScoredWorkflow } from "../../evaluate/scored-workflow.js";
import { readDesign, type SuiteDesign, writeDesign } from "../../records/suite-design.js";
import type { TurnRecord } from "../../records/trajectory.js";
import type { Bench } from "../bench.js";
import { localPolicy } from "../local-policy.js";
import type { Run } from "../run.js";
import { playSideBySide, type Seat } from "../side-by-side.js";
import type { SuitePolicy } from "./suite-schema.js";

/** Stands for a policy that designed nothing: it scores 0, as an empty answer would. */
export const NO_DESIGN = `export default async function workflow() {
  throw new Error("the policy designed no workflow that runs");
}
`;

/**
 * Designs for all tasks of one row with the model loaded once; what an earlier session finished is read, and what the
 * suite brings with it is taken from there.
 * @param given - replaces the local model, in tests
 */
export async function designRow(
  run: Run,
  { row, policy: plan, benches }: { row: string; policy: SuitePolicy; benches: readonly Bench[] },
  resolve: ResolveModelFile,
  given?: Policy,
): Promise<SuiteDesign[]> {
  // Two names may look alike once they can name a folder.
  const name = `${row.replace(/[^\w.-]+/g, "-").slice(0, 40)}-${hashJson(row).slice(0, 6)}`;
  const folder = join(run.directory.path, "designs", name);
  mkdirSync(folder, { recursive: true });
  const designs: SuiteDesign[] = [];
  const { gpu, threads } = run.config;
  const { model = run.config.model, adapter } = plan;
  await using local = new LocalModels({ gpu, threads, model, adapter }, resolve);
  for (const bench of benches) {
    const file = join(folder, `${bench.task.name}.json`);
    const earlier = plan.designs?.find(({ task }) => task === bench.task.name);
    const known = earlier ? { row, ...earlier } : readDesign(file);
    if (known) {
      designs.push(known);
      continue;
    }
    const policy = given ?? localPolicy(await local.load(model ?? ""), run.config);
    const path = join(folder, `${bench.task.name}.jsonl`);
    const design = await designTask(run, bench, { row, plan }, policy, path);
    await writeDesign(file, design);
    designs.push(design);
  }
  return designs;
}

async function designTask(
  run: Run,
  bench: Bench,
  { row, plan }: { row: string; plan: SuitePolicy },
  policy: Policy,
  logPath: string,
): Promise<SuiteDesign> {
  const { turns, candidates, temperature, explore, episodes } = plan;
  // Rows share the draws of their episodes, so that two adapters are compared and not two lucks.
  const drawSeed = seedFrom(bench.settings.seed, "design", bench.task.name);
  const log = bench.openLog(logPath, policy);
  try {
    const task = bench.task.name;
    const play = (episode: number, seat: Seat) => {
      run.emit({ type: "episode-start", task, episode, episodes });
      const draws = { drawSeed, turns, candidates, temperature, explore };
      return bench.episode(policy, { log, seat, draws }, episode);
    };
    const found = await playSideBySide(episodes, run.signal, play);
    return concluded(row, task, found.flat(), log.turns());
  } finally {
    log.close();
  }
}

function concluded(
  row: string,
  task: string,
  found: readonly ScoredWorkflow[],
  turns: readonly TurnRecord[],
): SuiteDesign {
  const candidates = turns.flatMap((turn) => turn.candidates);
  // What the executor lost is asked again by the next session, and is no failure to design.
  const best = bestOf(comparable(found));
  if (!best && candidates.some(({ outcome }) => outcome === "lost")) {
    throw new LostSamplesError(`${row}: every candidate for ${task} lost too many samples to the executor`);
  }
  return {
    row,
    task,
    source: best?.source ?? null,
    title: best?.title ?? "nothing",
    accuracy: best?.evaluation.accuracy ?? 0,
    n: best?.evaluation.n,
    lost: best?.evaluation.errors,
    candidates: candidates.length,
    valid: candidates.filter(({ outcome }) => outcome !== "invalid").length,
    tokens: candidates.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: sumOrNull(candidates.map(({ dollars }) => dollars)),
  };
}
