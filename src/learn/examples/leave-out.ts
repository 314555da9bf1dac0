/** @file Examples that training does without: too long ones, light ones, and those that say nothing under the objective. */
import { groupBy } from "../../core/statistics.js";
import { promptKey, type TokenExample, usedLength } from "../../train/data/example.js";
import { OBJECTIVE_TABLE } from "../../train/loop/objective.js";
import { comparedName, type TrainSettings } from "../../train/train-settings.js";

/** Numbers of examples left out. */
export interface LeftOut {
  /** Over the model's context or one pass, also with the prompt cut where that is allowed. */
  tooLong: number;
  /** The lightest ones, which together carry no more than the share given. */
  light: number;
  /** Nothing to compare: no partner of another reward, or a weight of 0 under an objective that compares replies. */
  silent: number;
}

/**
 * What is left out before training, so that no example stops a round after it was paid for, and none is computed that
 * changes nothing.
 * @param limit - most tokens of an example; undefined where longer ones are the trainer's to refuse
 * @param lightShare - of all weight, for weighted cross-entropy only. Default none
 * @returns for each example, whether it stays
 */
export function leaveOut(
  examples: readonly TokenExample[],
  settings: Pick<TrainSettings, "objective" | "pairGap" | "truncate">,
  {
    limit = Number.POSITIVE_INFINITY,
    lightShare,
  }: { limit?: number | undefined; lightShare?: number | undefined },
): { stays: boolean[]; leftOut: LeftOut } {
  const leftOut: LeftOut = { tooLong: 0, light: 0, silent: 0 };
  const stays = examples.map((example) => {
    // One token of a prompt has to stay, to predict the first target from.
    const cuttable = settings.truncate === "middle" ? example.lossMask.indexOf(1) - 1 : 0;
    return usedLength(example) - cuttable <= limit;
  });
  leftOut.tooLong = stays.filter((stay) => !stay).length;
  const drop = (indices: readonly number[]) => {
    for (const index of indices) stays[index] = false;
    return indices.length;
  };
  const left = [...examples.keys()].filter((index) => stays[index]);
  const compared = comparedName(settings);
  if (compared !== undefined) leftOut.silent = drop(silentOnes(examples, left, compared, settings));
  else if (lightShare !== undefined) leftOut.light = drop(lightOnes(examples, left, lightShare));
  return { stays, leftOut };
}

function silentOnes(
  examples: readonly TokenExample[],
  left: readonly number[],
  compared: keyof typeof OBJECTIVE_TABLE,
  figures: Pick<TrainSettings, "pairGap">,
): number[] {
  const exampleAt = (index: number) => examples[index] as TokenExample;
  return [...groupBy(left, (index) => exampleAt(index).group).values()].flatMap((own) => {
    const replies = own.map((index) => ({
      prompt: promptKey(exampleAt(index)),
      weight: exampleAt(index).weight,
    }));
    const has = OBJECTIVE_TABLE[compared].hasPart(replies, figures);
    return own.filter((_, i) => !has[i]);
  });
}

function lightOnes(examples: readonly TokenExample[], left: readonly number[], share: number): number[] {
  const weightOf = (index: number) => Math.abs((examples[index] as TokenExample).weight);
  const byWeight = [...left].sort((a, b) => weightOf(a) - weightOf(b) || a - b);
  const total = byWeight.reduce((sum, index) => sum + weightOf(index), 0);
  let carried = 0;
  const end = byWeight.findIndex((index) => {
    carried += weightOf(index);
    return carried > share * total;
  });
  return byWeight.slice(0, Math.max(0, end));
}
