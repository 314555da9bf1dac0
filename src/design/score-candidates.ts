/** @file Candidates from reply to score: extraction, approval, quick check, then the race, or screening and the whole validation set. */
import { NOT_APPROVED } from "../evaluate/approval.js";
import { type Common, isEligible, onCommonItems, ranked } from "../evaluate/common-items.js";
import type { Evaluation, Figures, ShownWorkflow } from "../evaluate/evaluation.js";
import type { Workflow } from "../evaluate/scored-workflow.js";
import type { ActionRecord, TurnRecord } from "../records/trajectory.js";
import type { Sample } from "../tasks/task.js";
import type { TurnPlace } from "./draw-candidates.js";
import type { EpisodeParts } from "./episode-parts.js";
import type { EpisodeRace } from "./race.js";
import { workflowOf } from "./workflow-of.js";

/** A candidate on its way through a turn. */
export interface Attempt {
  action: ActionRecord;
  workflow?: Workflow | undefined;
  /** Why it is invalid; absent while it may still be valid. */
  failure?: { status: string; message: string } | undefined;
  /** On the screening set, or on the first block of a race that it got no further in. */
  screen?: Evaluation | undefined;
  /** On the whole validation set, or as far as it got in a race. */
  evaluation?: Evaluation | undefined;
  /** What its reward is made of: figures on samples that all it was last compared with have. Absent: too many lost. */
  common?: Figures | undefined;
  /** Added to the accuracy of `common` (see Common.shift). */
  shift?: number | undefined;
}

/**
 * Extraction, approval, then one run on an item that the baselines finished: status `ok` passes, a right answer is not needed.
 * @param items - in the order in which the candidates will meet them
 * @param recorded - the turn as an earlier session finished it, whose approvals stand
 */
export async function quickCheck(
  parts: EpisodeParts,
  attempts: readonly Attempt[],
  items: readonly Sample[],
  recorded: TurnRecord | undefined,
): Promise<void> {
  for (const attempt of attempts) {
    const outcome = workflowOf(attempt.action.text);
    if ("workflow" in outcome) attempt.workflow = outcome.workflow;
    else attempt.failure = { status: "extract-failed", message: outcome.failure };
  }
  await refuseUnapproved(parts, attempts, recorded);
  const running = attempts.filter((attempt) => !attempt.failure);
  const checks = await evaluateDistinct(parts, running, [parts.quickItem(items)], "quick check");
  for (const attempt of attempts) {
    const [result] = (attempt.workflow && checks.get(attempt.workflow.hash))?.results ?? [];
    // A failed call says nothing about the source: the candidate meets the same item again later, and is not written again for it.
    if (!result || result.status === "ok" || result.status === "error" || result.fault !== undefined)
      continue;
    attempt.failure = { status: result.status, message: result.message ?? result.status };
  }
}

async function refuseUnapproved(
  parts: EpisodeParts,
  attempts: readonly Attempt[],
  recorded: TurnRecord | undefined,
): Promise<void> {
  const waiting = attempts.flatMap(({ workflow, failure }) => (workflow && !failure ? [workflow] : []));
  const refused = recorded
    ? new Set(
        recorded.candidates.flatMap(({ status, workflowHash }) =>
          status === NOT_APPROVED && workflowHash !== null ? [workflowHash] : [],
        ),
      )
    : await parts.refused(waiting);
  for (const attempt of attempts)
    if (attempt.workflow && refused.has(attempt.workflow.hash))
      attempt.failure = { status: NOT_APPROVED, message: "a person did not let it run" };
}

/** True where a repair makes sense: what a person refused is not written again. */
export function isRepairable({ failure }: Attempt): boolean {
  return failure !== undefined && failure.status !== NOT_APPROVED;
}

/**
 * Screens what passed the quick check on the small set, then evaluates the survivors on the whole validation set.
 * @param reference - the plainest baseline: shows how hard the samples of a comparison are
 */
export async function scoreCandidates(
  parts: EpisodeParts,
  attempts: readonly Attempt[],
  parent: ShownWorkflow,
  reference: Evaluation,
): Promise<void> {
  const { screen } = parts.draws;
  let survivors = attempts.filter((attempt) => attempt.workflow && !attempt.failure);
  if (screen > 0 && screen < parts.validation.length) {
    const samples = parts.validation.slice(0, screen);
    const screens = await evaluateDistinct(parts, survivors, samples, "screening");
    for (const attempt of survivors) attempt.screen = screens.get(attempt.workflow!.hash)!;
    const shownScreens = [...screens.values()].map((evaluation) => ({ evaluation }));
    const common = onCommonItems([...shownScreens, parent]);
    noteCommon(survivors, common, reference);
    survivors = survivorsOf(survivors, parent, common);
  }
  const evaluations = await evaluateDistinct(parts, survivors, parts.validation, "validation");
  for (const attempt of survivors) attempt.evaluation = evaluations.get(attempt.workflow!.hash)!;
}

/** What passed the quick check joins the race of the episode; each attempt is noted with how far it got, and its shrunk mean. */
export async function raceCandidates(
  race: EpisodeRace,
  attempts: readonly Attempt[],
  place: TurnPlace,
  recorded: TurnRecord | undefined,
): Promise<void> {
  const running = attempts.filter((attempt) => attempt.workflow && !attempt.failure);
  await race.run(
    place,
    running.map((attempt) => attempt.workflow!),
    recorded,
  );
  const standings = race.standings();
  for (const attempt of running) {
    const { hash } = attempt.workflow!;
    const evaluation = race.evaluationOf(hash)!;
    attempt[race.isOut(hash) ? "screen" : "evaluation"] = evaluation;
    attempt.common = isEligible(evaluation) ? evaluation : undefined;
    attempt.shift = (standings.get(hash)?.level ?? evaluation.accuracy) - evaluation.accuracy;
  }
}

/** Notes the figures of a comparison with the candidates it was about. */
export function noteCommon(
  attempts: readonly Attempt[],
  { figures, shift }: Common<{ evaluation: Evaluation }>,
  reference: Evaluation,
): void {
  const byHash = new Map([...figures.values()].map((one) => [one.workflowHash, one]));
  const level = shift(reference);
  for (const attempt of attempts) {
    attempt.common = byHash.get(attempt.workflow!.hash);
    attempt.shift = level;
  }
}

/**
 * At most half of the candidates (rounded up), best on the screening set first, and none that falls below the
 * parent there; the best one always passes, so that a turn is never without a score. Who lost too many samples does not.
 */
function survivorsOf(
  attempts: readonly Attempt[],
  parent: ShownWorkflow,
  common: Common<{ evaluation: Evaluation }>,
): Attempt[] {
  const bar = common.figures.get(parent)?.accuracy ?? 0;
  const order = ranked(common).filter((one) => one !== parent);
  const passing = order
    .slice(0, Math.ceil(order.length / 2))
    .filter((one, rank) => rank === 0 || common.figures.get(one)!.accuracy >= bar)
    .map(({ evaluation }) => evaluation.workflowHash);
  return attempts.filter((attempt) => passing.includes(attempt.workflow!.hash));
}

/** Identical candidates are evaluated once. */
async function evaluateDistinct(
  parts: EpisodeParts,
  attempts: readonly Attempt[],
  samples: readonly Sample[],
  what: string,
): Promise<Map<string, Evaluation>> {
  const distinct = new Map<string, Workflow>();
  for (const { workflow } of attempts) if (workflow) distinct.set(workflow.hash, workflow);
  if (distinct.size === 0) return new Map();
  const evaluations = await parts.evaluate([...distinct.values()], samples, what);
  return new Map(evaluations.map((evaluation) => [evaluation.workflowHash, evaluation]));
}
