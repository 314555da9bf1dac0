/** @file What a learning run ends with: base against trained, the final test, what it cost; written to summary.json. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Collaboration } from "../config/policies-schema.js";
import type { ResultRow, Spent } from "../records/result-row.js";
import { RoundFiles } from "../records/round-files.js";
import {
  adoptedIn,
  type EpisodeScore,
  type PolicyDifference,
  type RoundRecord,
} from "../records/round-record.js";
import { BEST_DESIGN, type BestWorkflow, type LearnSummary, type Result } from "../records/run-summary.js";
import { type CandidateRecord, levelOf, readTrajectory } from "../records/trajectory.js";
import type { Contestant } from "../run/bench.js";
import { isInterruption } from "../run/is-interruption.js";
import { breakEven } from "../run/run-figures.js";
import { comparePolicies } from "./compare-policies.js";
import type { Course, CourseTask } from "./course.js";
import { policyScore } from "./policy-score.js";

/** State while rounds are played. */
export interface LearnProgress {
  rounds: RoundRecord[];
  /** Judged episodes of the bare base, and of the adapter the run started with where there is one. */
  base: EpisodeScore[];
  start: EpisodeScore[];
  /** Judged episodes of the random designer; empty without that control. */
  random: EpisodeScore[];
}

/** Result of a learning run; the same object is in summary.json of its directory. */
export interface LearnResult extends Result<LearnSummary> {
  directory: string;
  modelHash: string;
  /** The last accepted adapter, absolute; null where none was accepted. */
  adapter: { path: string; hash: string; round: number } | null;
  /** Mode in which several policies worked together; absent = a single one. */
  collaboration?: Collaboration | undefined;
  /** The adapters in force at the end, of every member that has one, where several policies work together. */
  members?: { name: string; path: string; hash: string; round: number }[] | undefined;
  best: BestWorkflow | null;
}

export async function concludeLearning(
  course: Course,
  progress: LearnProgress,
  interruption: unknown,
): Promise<LearnResult> {
  const { config, directory, executor } = course.run;
  let stoppedBy = interruption;
  const test: ResultRow[] = [];
  if (stoppedBy === undefined && config.testLimit > 0) {
    try {
      for (const task of course.judgeTasks) test.push(...(await finalTest(course, task, progress)));
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
  }
  const last = progress.rounds.findLast((record) => record.isAccepted);
  const trainedEpisodes = last?.episodes ?? progress.start;
  const spent = course.run.spent();
  const minus = (others: readonly EpisodeScore[]) =>
    trainedEpisodes.length > 0 && others.length > 0 ? comparePolicies(trainedEpisodes, others) : null;
  const difference = minus(progress.base);
  const best = bestDesign(course, progress, course.judgeTasks[0]?.name ?? "", "trained");
  const result: LearnResult = {
    command: "learn",
    directory: directory.path,
    model: [...new Set(course.members.map(({ model }) => model))].join(", "),
    modelHash: course.members[0]?.modelHash ?? "",
    executor: executor.model.id,
    isSimulated: executor.model.isSimulated,
    tasks: course.tasks.map(({ name }) => name),
    judgeTasks: course.judgeTasks.map(({ name }) => name),
    isHeldBack: course.isHeldBack,
    rounds: progress.rounds,
    adapter:
      last === undefined
        ? null
        : { path: join(directory.path, last.adapter), hash: last.adapterHash, round: last.round },
    ...(course.collaboration !== "single" && {
      collaboration: course.collaboration,
      members: membersInForce(course, progress.rounds),
    }),
    base: progress.base.length === 0 ? null : policyScore(progress.base),
    baseEpisodes: progress.base,
    trained: trainedEpisodes.length === 0 ? null : policyScore(trainedEpisodes),
    difference,
    random: progress.random.length === 0 ? undefined : policyScore(progress.random),
    randomEpisodes: progress.random.length === 0 ? undefined : progress.random,
    againstRandom: minus(progress.random) ?? undefined,
    test,
    best:
      best?.source && best.workflowHash
        ? { title: BEST_DESIGN, hash: best.workflowHash, source: best.source, isBaseline: false }
        : null,
    breakEven: course.judgeTasks.flatMap((task) => breakEvens(course, task, progress, spent)),
    warnings: warningsOf(course, difference),
    spent,
    isComplete: stoppedBy === undefined,
    stoppedBy,
  };
  const row = test.find((one) => one.workflowHash === result.best?.hash);
  const parts = result.best && (await course.judgeTasks[0]?.bench.partsOf(result.best.source));
  await course.run.finish(
    result,
    result.best ? { ...result.best, title: "Best workflow", row, parts: parts ?? undefined } : undefined,
  );
  return result;
}

/** Round 0 stands for what a member started the run with. */
function membersInForce(
  { members, run: { directory } }: Course,
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
async function finalTest(course: Course, task: CourseTask, progress: LearnProgress): Promise<ResultRow[]> {
  const { directory } = course.run;
  const chosen = bestDesign(course, progress, task.name, "trained")?.workflowHash ?? undefined;
  const purpose = `${task.name}: baselines and best designs`;
  // More rounds may end in another design: its test items were seen before it was chosen.
  if (chosen && directory.tested.length > 0 && !directory.tested.includes(chosen))
    course.run.warn(`${purpose}: test was opened before, for other designs than ${chosen.slice(0, 12)}`);
  const contestants: Contestant[] = task.baselines.map((baseline) => ({ ...baseline, name: baseline.title }));
  for (const [name, title] of [
    ["base", "best design of the base"],
    ["trained", BEST_DESIGN],
  ] as const) {
    const { workflowHash: hash, source } = bestDesign(course, progress, task.name, name) ?? {};
    if (hash && source) contestants.push({ name, title, hash, source });
  }
  const tested = await task.bench.finalTest(contestants, purpose, chosen);
  return tested.map(({ row }) => ({ ...row, title: `${task.name}: ${row.title}` }));
}

/** The best of the judging episodes on validation, as it was recorded; undefined where none was scored. */
function bestDesign(
  course: Course,
  progress: LearnProgress,
  task: string,
  policy: "base" | "trained",
): CandidateRecord | undefined {
  const last = progress.rounds.findLast((record) => record.isAccepted);
  const round = policy === "base" ? 0 : last?.round;
  if (round === undefined) return undefined;
  const files = new RoundFiles(course.run.directory.path, round);
  const path = files.judged(policy === "base" ? "base" : "new", task);
  const turns = existsSync(path) ? readTrajectory(path).filter((record) => record.kind === "turn") : [];
  return turns
    .flatMap((turn) => turn.candidates)
    .filter(({ outcome, source }) => outcome === "scored" && source !== null)
    .sort(
      (a, b) =>
        (levelOf(b) ?? 0) - (levelOf(a) ?? 0) ||
        a.tokens / Math.max(1, a.n) - b.tokens / Math.max(1, b.n) ||
        ((a.workflowHash ?? "") < (b.workflowHash ?? "") ? -1 : 1),
    )
    .at(0);
}

function breakEvens(
  course: Course,
  task: CourseTask,
  progress: LearnProgress,
  spent: Spent,
): LearnResult["breakEven"] {
  const best = bestDesign(course, progress, task.name, "trained");
  if (best === undefined) return [];
  const isPaid = Boolean(spent.dollars);
  const costOf = ({ dollars, tokens, n }: { dollars: number | null; tokens: number; n: number }) =>
    (isPaid ? (dollars ?? 0) : tokens) / Math.max(1, n);
  const accuracy = levelOf(best) ?? 0;
  // What is worse than a baseline saves nothing against any.
  const isWorthIt = accuracy > 0 && task.baselines.every(({ evaluation }) => accuracy >= evaluation.accuracy);
  const spentOnIt = isPaid ? (spent.dollars ?? 0) : spent.tokens;
  return task.baselines.map((baseline) => ({
    task: task.name,
    baseline: baseline.title,
    samples: isWorthIt ? breakEven(spentOnIt, costOf(baseline.evaluation), costOf(best)) : null,
  }));
}

function warningsOf(course: Course, difference: PolicyDifference | null): string[] {
  const warnings: string[] = [];
  if (course.run.executor.model.isSimulated)
    warnings.push("the executor is simulated: its figures say nothing about any real model");
  if (!course.isHeldBack)
    warnings.push("the policy was judged on tasks it was trained on: name others with --held-back");
  if (difference !== null && difference.verdict !== "better") {
    warnings.push(
      `${difference.pairs} judged episodes do not show that the trained model designs better: ${difference.verdict ?? "not told apart"}`,
    );
  }
  return warnings;
}
