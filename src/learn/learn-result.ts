/** @file What a learning run ends with: base against trained, the final test, what it cost; written to summary.json. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Collaboration } from "../config/policies-schema.js";
import { messageOf } from "../core/errors.js";
import { writeAtomic } from "../core/write-atomic.js";
import { evaluateAll, type Workflow } from "../design/workbench.js";
import { cardContext, executorOf, measuredUse } from "../evaluate/card-context.js";
import { cardMarkdown, workflowCard } from "../evaluate/workflow-card.js";
import { RoundFiles } from "../records/round-files.js";
import { adoptedIn, type RoundRecord } from "../records/round-record.js";
import { breakEven, type ResultRow, resultRow, type Spent, spentOf } from "../records/run-summary.js";
import { type CandidateRecord, readTrajectory } from "../records/trajectory.js";
import { emitSpent, isInterruption } from "../run/run-session.js";
import { drawItems } from "../run/task-bench.js";
import { benchParts, type LearnSession, type LearnTask } from "./learn-session.js";
import {
  comparePolicies,
  type EpisodeScore,
  type PolicyDifference,
  type PolicyScore,
  policyScore,
} from "./policy-score.js";

/** What is known while rounds are played. */
export interface LearnProgress {
  rounds: RoundRecord[];
  /** Judged episodes of the bare base, and of the adapter the run started with where there is one. */
  base: EpisodeScore[];
  start: EpisodeScore[];
}

export interface LearnResult {
  command: "learn";
  directory: string;
  model: string;
  modelHash: string;
  executor: string;
  isSimulated: boolean;
  tasks: string[];
  judgeTasks: string[];
  /** False where the policy was judged on the tasks it was trained on. */
  isHeldBack: boolean;
  rounds: RoundRecord[];
  /** The last accepted adapter, absolute; null where none was accepted. */
  adapter: { path: string; hash: string; round: number } | null;
  /** How several policies worked together; absent = a single one. */
  collaboration?: Collaboration;
  /** The adapters in force at the end, of every member that has one, where several policies work together. */
  members?: { name: string; path: string; hash: string; round: number }[];
  base: PolicyScore | null;
  baseEpisodes: EpisodeScore[];
  trained: PolicyScore | null;
  /** Trained − base over the same seeds. */
  difference: PolicyDifference | null;
  /** Baselines and the best workflows of base and trained on the judged tasks' test splits. */
  test: ResultRow[];
  /** By judged task and baseline: deployed samples after which designing has paid for itself; null = never. */
  breakEven: { task: string; baseline: string; samples: number | null }[];
  warnings: string[];
  spent: Spent;
  isComplete: boolean;
  stoppedBy?: unknown;
}

export async function concludeLearning(
  session: LearnSession,
  progress: LearnProgress,
  interruption: unknown,
): Promise<LearnResult> {
  const { config, directory, executor, emit } = session;
  let stoppedBy = interruption;
  const test: ResultRow[] = [];
  if (stoppedBy === undefined && config.testLimit > 0) {
    try {
      for (const task of session.judgeTasks) test.push(...(await finalTest(session, task, progress)));
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
  }
  const last = progress.rounds.findLast((record) => record.isAccepted);
  const trainedEpisodes = last?.episodes ?? progress.start;
  const spent = spentOf(session.store.ledgerTotals());
  const difference =
    trainedEpisodes.length > 0 && progress.base.length > 0
      ? comparePolicies(trainedEpisodes, progress.base, config.seed, config.bootstrap.samples)
      : null;
  const warnings = warningsOf(session, difference);
  for (const message of warnings) emit({ type: "warning", message });
  emitSpent({ store: session.store, emit });
  const isComplete = stoppedBy === undefined;
  emit({ type: "run-end", directory: directory.path, isComplete });
  const result: LearnResult = {
    command: "learn",
    directory: directory.path,
    model: [...new Set(session.members.map(({ model }) => model))].join(", "),
    modelHash: session.members[0]?.modelHash ?? "",
    executor: executor.model.id,
    isSimulated: executor.model.isSimulated,
    tasks: session.tasks.map(({ name }) => name),
    judgeTasks: session.judgeTasks.map(({ name }) => name),
    isHeldBack: session.isHeldBack,
    rounds: progress.rounds,
    adapter:
      last === undefined
        ? null
        : { path: join(directory.path, last.adapter), hash: last.adapterHash, round: last.round },
    ...(session.collaboration === "single"
      ? {}
      : { collaboration: session.collaboration, members: membersInForce(session, progress.rounds) }),
    base: progress.base.length === 0 ? null : policyScore(progress.base),
    baseEpisodes: progress.base,
    trained: trainedEpisodes.length === 0 ? null : policyScore(trainedEpisodes),
    difference,
    test,
    breakEven: session.judgeTasks.flatMap((task) => breakEvens(session, task, progress, spent)),
    warnings,
    spent,
    isComplete,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
  };
  const summary = stoppedBy === undefined ? result : { ...result, stoppedBy: messageOf(stoppedBy) };
  await writeAtomic(directory.file("summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  const best = bestDesign(session, progress, session.judgeTasks[0]?.name ?? "", "trained");
  if (best?.source) {
    await writeAtomic(directory.file("best-workflow.js"), best.source);
    const row = test.find((one) => one.workflowHash === best.workflowHash);
    const card = workflowCard(best.source, cardContext(config, executorOf(session)), measuredUse(row));
    await writeAtomic(directory.file("best-workflow.md"), cardMarkdown(card, "Best workflow"));
  }
  return result;
}

/** Round 0 stands for what a member started the run with. */
function membersInForce(
  { members, directory }: LearnSession,
  rounds: readonly RoundRecord[],
): NonNullable<LearnResult["members"]> {
  return members.flatMap(({ name, start }) => {
    const found = rounds
      .filter((record) => record.isAccepted)
      .flatMap((record) => adoptedIn(record).map((one) => ({ ...one, round: record.round })))
      .findLast((one) => one.name === name);
    if (found !== undefined) {
      const { adapter, adapterHash: hash, round } = found;
      return [{ name, path: join(directory.path, adapter), hash, round }];
    }
    return start === undefined ? [] : [{ name, ...start, round: 0 }];
  });
}

/** The judged tasks' test items, opened once, after everything was chosen on validation. */
async function finalTest(
  session: LearnSession,
  task: LearnTask,
  progress: LearnProgress,
): Promise<ResultRow[]> {
  const { config, executor, emit } = session;
  if (!task.task.splits.includes("test")) return [];
  const contestants: { name: string; title: string; workflow: Workflow }[] = [
    ...task.baselines.map((workflow) => ({ name: workflow.title, title: workflow.title, workflow })),
  ];
  for (const [name, title] of [
    ["base", "best design of the base"],
    ["trained", "best design of the trained model"],
  ] as const) {
    const { workflowHash: hash, source } = bestDesign(session, progress, task.name, name) ?? {};
    if (hash && source) contestants.push({ name, title, workflow: { hash, source } });
  }
  const items = await drawItems(task.task, "test", config.testLimit, config.seed);
  emit({ type: "test-opened", items: items.length, purpose: `${task.name}: baselines and best designs` });
  const rows: ResultRow[] = [];
  for (const { name, title, workflow } of contestants) {
    const parts = benchParts(session, task);
    const [evaluation] = await evaluateAll(parts, [workflow], items, `test of ${title}`);
    if (evaluation === undefined) continue;
    const row = {
      name,
      title: `${task.name}: ${title}`,
      split: "test",
      executor: executor.model.id,
    } as const;
    rows.push(resultRow(row, executor.model, evaluation));
  }
  return rows;
}

/** The best of the judging episodes on validation, as it was recorded; undefined where none was scored. */
function bestDesign(
  session: LearnSession,
  progress: LearnProgress,
  task: string,
  policy: "base" | "trained",
): CandidateRecord | undefined {
  const last = progress.rounds.findLast((record) => record.isAccepted);
  const round = policy === "base" ? 0 : last?.round;
  if (round === undefined) return undefined;
  const files = new RoundFiles(session.directory.path, round);
  const path = files.judged(policy === "base" ? "base" : "new", task);
  const turns = existsSync(path) ? readTrajectory(path).filter((record) => record.kind === "turn") : [];
  return turns
    .flatMap((turn) => turn.candidates)
    .filter(({ accuracy, source }) => accuracy !== null && source !== null)
    .sort(
      (a, b) =>
        (b.accuracy ?? 0) - (a.accuracy ?? 0) ||
        a.tokens - b.tokens ||
        ((a.workflowHash ?? "") < (b.workflowHash ?? "") ? -1 : 1),
    )
    .at(0);
}

function breakEvens(
  session: LearnSession,
  task: LearnTask,
  progress: LearnProgress,
  spent: Spent,
): LearnResult["breakEven"] {
  const best = bestDesign(session, progress, task.name, "trained");
  if (best === undefined) return [];
  const isPaid = Boolean(spent.dollars);
  const costOf = ({ dollars, tokens, n }: { dollars: number | null; tokens: number; n: number }) =>
    (isPaid ? (dollars ?? 0) : tokens) / Math.max(1, n);
  return task.baselines.map((baseline) => ({
    task: task.name,
    baseline: baseline.title,
    samples: breakEven(
      isPaid ? (spent.dollars ?? 0) : spent.tokens,
      costOf(baseline.evaluation),
      costOf(best),
    ),
  }));
}

function warningsOf(session: LearnSession, difference: PolicyDifference | null): string[] {
  const warnings: string[] = [];
  if (session.executor.model.isSimulated)
    warnings.push("the executor is simulated: its figures say nothing about any real model");
  if (!session.isHeldBack)
    warnings.push("the policy was judged on tasks it was trained on: name others with --held-back");
  if (difference !== null && difference.meanReward.interval.low <= 0) {
    warnings.push(
      `${difference.pairs} judged episodes do not show that the trained model designs better: the interval reaches 0`,
    );
  }
  return warnings;
}
