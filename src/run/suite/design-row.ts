/** @file A policy's entry in a suite: it designs a workflow for a task on validation, within its stated budget. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashJson, seedFrom } from "../../core/hash.js";
import { writeAtomic } from "../../core/write-atomic.js";
import { playEpisode, type ScoredWorkflow } from "../../design/play-episode.js";
import type { Policy } from "../../design/policy.js";
import { compareEvaluations, evaluateAll, type Workbench } from "../../design/workbench.js";
import type { ResolveModelFile } from "../../evaluate/build-executor.js";
import { LocalModel } from "../../llm/local/local-model.js";
import { TrajectoryLog, type TurnRecord } from "../../records/trajectory.js";
import { workflowHash } from "../../workflow/workflow-hash.js";
import { localPolicy } from "../run-session.js";
import { baselinesOf } from "../search.js";
import { cardOf, offersOf, type TaskBench, workSettings } from "../task-bench.js";
import type { Workplace } from "../workplace.js";
import type { SuitePolicy } from "./suite-schema.js";

/** What a policy designed for one task. */
export interface Design {
  row: string;
  task: string;
  /** null where no candidate ran on the whole validation set. */
  source: string | null;
  title: string;
  /** On validation, 0–1. */
  accuracy: number;
  candidates: number;
  valid: number;
  /** Tokens and dollars of all candidates' calls, stored replies at the price they once had. */
  tokens: number;
  dollars: number | null;
}

/** Stands for a policy that designed nothing: it scores 0, as an empty answer would. */
export const NO_DESIGN = `export default async function workflow() {
  throw new Error("the policy designed no workflow that runs");
}
`;

export interface DesignOrder {
  row: string;
  policy: SuitePolicy;
  tasks: readonly TaskBench[];
}

/**
 * Designs for all tasks of one row with the model loaded once; what an earlier session finished is read, and what the
 * suite brings with it is taken from there.
 * @param given - replaces the local model, in tests
 */
export async function designRow(
  workplace: Workplace,
  { row, policy, tasks }: DesignOrder,
  resolveModelFile: ResolveModelFile,
  given?: Policy,
): Promise<Design[]> {
  // Two names may look alike once they can name a folder.
  const name = `${row.replace(/[^\w.-]+/g, "-").slice(0, 40)}-${hashJson(row).slice(0, 6)}`;
  const folder = join(workplace.directory.path, "designs", name);
  mkdirSync(folder, { recursive: true });
  const designs: Design[] = [];
  let model: LocalModel | undefined;
  try {
    for (const bench of tasks) {
      const file = join(folder, `${bench.task.name}.json`);
      const earlier = policy.designs?.find(({ task }) => task === bench.task.name);
      if (existsSync(file) || earlier) {
        designs.push(earlier ? { row, ...earlier } : (JSON.parse(readFileSync(file, "utf8")) as Design));
        continue;
      }
      if (!given) model ??= await loadModel(workplace, policy, resolveModelFile);
      const player = given ?? localPolicy(model as LocalModel, workplace.config);
      const path = join(folder, `${bench.task.name}.jsonl`);
      const design = await designTask(workplace, bench, { row, policy }, player, path);
      await writeAtomic(file, `${JSON.stringify(design, null, 2)}\n`);
      designs.push(design);
    }
  } finally {
    await model?.close();
  }
  return designs;
}

async function loadModel(
  { config }: Workplace,
  policy: SuitePolicy,
  resolveModelFile: ResolveModelFile,
): Promise<LocalModel> {
  return await LocalModel.load({
    modelPath: await resolveModelFile(policy.model ?? config.model ?? ""),
    gpu: config.gpu,
    ...(config.threads === undefined ? {} : { threads: config.threads }),
    ...(policy.adapter === undefined ? {} : { adapterPath: policy.adapter }),
  });
}

async function designTask(
  workplace: Workplace,
  bench: TaskBench,
  { row, policy: plan }: Pick<DesignOrder, "row" | "policy">,
  policy: Policy,
  logPath: string,
): Promise<Design> {
  const { config, executor, emit, models, tools, signal } = workplace;
  const log = new TrajectoryLog(logPath);
  try {
    if (!log.header) {
      log.append({
        kind: "header",
        version: 1,
        task: { name: bench.task.name, hash: bench.task.hash },
        executor: executor.model.id,
        isSimulated: executor.model.isSimulated,
        policy: policy.info,
        seed: config.seed,
      });
    }
    const settings = {
      ...workSettings({ config, settingsHash: bench.settingsHash }),
      // Rows share the draws of their episodes, so that two adapters are compared and not two lucks.
      drawSeed: seedFrom(config.seed, "design", bench.task.name),
      turns: plan.turns,
      candidates: plan.candidates,
      temperature: plan.temperature,
      explore: plan.explore,
    };
    const workbench: Workbench = {
      ...bench,
      card: cardOf(bench.task),
      offers: offersOf(bench.task, models, tools),
      tools: tools?.cards ?? [],
      models: [...models.aliases.keys()],
      policy,
      log,
      reward: config.reward ?? "accuracy",
      settings,
      onEvent: emit,
      ...(signal ? { signal } : {}),
    };
    const shown = await shownSeeds(workplace, workbench, bench);
    const found: ScoredWorkflow[] = [];
    for (let episode = 0; episode < plan.episodes; episode++) {
      emit({ type: "episode-start", episode, episodes: plan.episodes });
      found.push(...(await playEpisode(workbench, shown, episode)));
    }
    return concluded(row, bench.task.name, found, log.turns());
  } finally {
    log.close();
  }
}

/** What optimize shows too: the executor's own baselines, evaluated on validation. */
async function shownSeeds(
  { models, config }: Workplace,
  workbench: Workbench,
  bench: TaskBench,
): Promise<ScoredWorkflow[]> {
  const seeds: ScoredWorkflow[] = [];
  for (const seed of baselinesOf({ ...bench, models, config })) {
    if (seed.source.includes("agent.weak.")) continue;
    const workflow = { hash: workflowHash(seed.source), source: seed.source };
    const what = `${bench.task.name}: ${seed.title} on validation`;
    const [evaluation] = await evaluateAll(workbench, [workflow], bench.validation, what);
    if (evaluation) seeds.push({ ...workflow, title: seed.title, evaluation });
  }
  return seeds;
}

function concluded(
  row: string,
  task: string,
  found: readonly ScoredWorkflow[],
  turns: readonly TurnRecord[],
): Design {
  const candidates = turns.flatMap((turn) => turn.candidates);
  const best = [...found].sort((a, b) => compareEvaluations(a.evaluation, b.evaluation)).at(0);
  return {
    row,
    task,
    source: best?.source ?? null,
    title: best?.title ?? "nothing",
    accuracy: best?.evaluation.accuracy ?? 0,
    candidates: candidates.length,
    valid: candidates.filter(({ outcome }) => outcome !== "invalid").length,
    tokens: candidates.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: candidates.reduce<number | null>(
      (sum, { dollars }) => (sum === null || dollars === null ? null : sum + dollars),
      0,
    ),
  };
}
