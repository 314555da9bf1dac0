/** @file What a turn comes to: the levels that its rewards are measured by, and the candidate that is kept. */
import { onCommonItems, ranked } from "../evaluate/common-items.js";
import type { Evaluation, ShownWorkflow } from "../evaluate/evaluation.js";
import type { EpisodeRace } from "./race.js";
import { type Attempt, noteCommon } from "./score-candidates.js";

export interface TurnEnd {
  /** Highest level before the turn, baselines included. */
  best: number;
  /** Level of the workflow that the turn started from. */
  previous: number;
  /** The best of the turn; undefined where nothing was scored. */
  kept: Attempt | undefined;
}

/** Figures of an attempt that ran, however far it got. */
export function measured({ evaluation, screen }: Attempt): Evaluation | undefined {
  return evaluation ?? screen;
}

/** After a race levels are those of its standings, whatever items they were measured on, those of baselines too. */
export function concludeRace(
  race: EpisodeRace,
  known: readonly ShownWorkflow[],
  parent: ShownWorkflow,
  attempts: readonly Attempt[],
): TurnEnd {
  const levelOf = levelsOf(race);
  const rank = (attempt: Attempt) => ({ attempt, level: attempt.common!.accuracy + attempt.shift! });
  const [first] = attempts
    .filter(({ common }) => common !== undefined)
    .map(rank)
    .sort(
      (a, b) =>
        b.level - a.level ||
        a.attempt.common!.tokens / a.attempt.common!.n - b.attempt.common!.tokens / b.attempt.common!.n ||
        a.attempt.action.index - b.attempt.action.index,
    );
  return {
    best: Math.max(0, ...known.map(levelOf)),
    previous: levelOf(parent),
    kept: first?.attempt,
  };
}

/** Levels of shown workflows as the race has them now. */
export function levelsOf(race: EpisodeRace): (one: Pick<ShownWorkflow, "evaluation">) => number {
  const standings = race.standings();
  return ({ evaluation }) => standings.get(evaluation.workflowHash)?.level ?? evaluation.accuracy;
}

/** Without a race all were run on the whole validation set: levels are accuracies on the samples that all of them have. */
export function concludeComparison(
  known: readonly ShownWorkflow[],
  parent: ShownWorkflow,
  attempts: readonly Attempt[],
  reference: Evaluation,
): TurnEnd {
  const scored = attempts.filter(isScored);
  const common = onCommonItems([...known, ...scored]);
  noteCommon(scored, common, reference);
  const level = common.shift(reference);
  const accuracies = known.flatMap((one) => common.figures.get(one)?.accuracy ?? []);
  return {
    best: Math.max(0, ...accuracies) + level,
    previous: (common.figures.get(parent)?.accuracy ?? parent.evaluation.accuracy) + level,
    kept: ranked(common).find((one): one is Attempt & { evaluation: Evaluation } => "action" in one),
  };
}

export function isScored(attempt: Attempt): attempt is Attempt & { evaluation: Evaluation } {
  return attempt.evaluation !== undefined;
}
