/** @file The scored replies of a recorded run, each with the prompt it was sampled from: what training chooses from. */
import { existsSync } from "node:fs";
import type { RewardName, RewardWeights } from "../../config/reward-shares.js";
import { InputError } from "../../core/errors.js";
import type { HelperReply } from "../../design/policy.js";
import { rewardOf } from "../../design/reward.js";
import { playedTrajectories } from "../../records/run-files.js";
import {
  type CandidateRecord,
  readTrajectory,
  type TrajectoryHeader,
  type TurnRecord,
} from "../../records/trajectory.js";
import { type ShrunkReward, shrunkRewards } from "./shrunk-rewards.js";

/** One reply of the policy. */
export interface TrajectorySample {
  task: string;
  episode: number;
  /** From 0. */
  turn: number;
  index: number;
  /** Name of the member that wrote it, where several policies work together. */
  policy: string | undefined;
  /** Purpose of a reply that is no candidate itself; it shares the reward of the candidate it led to. */
  helper: HelperReply["kind"] | undefined;
  promptTokens: readonly number[];
  tokens: readonly number[];
  candidate: CandidateRecord;
  reward: number;
  /** What the reward says once luck is taken off; undefined where rewards are no means over items. */
  shrunk?: ShrunkReward | undefined;
}

/** The model whose tokens the trajectories must be made of. */
export interface TokenSource {
  modelHash: string;
  tokenizerHash: string;
}

/**
 * The trajectory files of a run: its own, or those its rounds collected.
 * @param path - a run directory, or one trajectories file
 * @throws {InputError} when there is none
 */
export function trajectoryFiles(path: string): string[] {
  const files = existsSync(path) ? playedTrajectories(path) : [];
  if (files.length === 0) throw noTrajectories(path);
  return files.map((file) => file.path);
}

/**
 * Every candidate with its reward, repairs included, and what other members of a team contributed to it. Tokens are those that were sampled: under a grammar they need
 * not be the tokenizer's own split.
 * @param reward - computes rewards anew from the recorded scores; default: those that were recorded
 * @param weights - of the composite reward
 * @throws {InputError} when nothing was scored, when a component with a weight was not recorded, or when it was sampled from a model with another tokenizer
 */
export function trajectorySamples(
  file: string,
  model?: Pick<TokenSource, "tokenizerHash">,
  reward?: RewardName,
  weights?: RewardWeights,
): TrajectorySample[] {
  const records = readTrajectory(file);
  const header = records.find((record) => record.kind === "header");
  if (header === undefined) throw new InputError(`${file} has no header`, { hint: "collect again" });
  const { members = [], tokenizerHash } = header.policy;
  const isOurs = (policy: string | undefined) => {
    const writer = members.find(({ name }) => name === policy)?.tokenizerHash ?? tokenizerHash;
    return model === undefined || writer === model.tokenizerHash;
  };
  if (![undefined, ...members.map(({ name }) => name)].some(isOurs)) {
    throw new InputError(`${file} was sampled with another tokenizer (policy ${header.policy.id})`, {
      hint: "train the model that wrote the trajectories, or one with the same tokenizer",
    });
  }
  const turns = records.filter((record) => record.kind === "turn");
  const scored = new Map(
    rewardedCandidates(turns, header, reward, weights).map((one) => [
      `${one.turn.episode} ${one.turn.turn} ${one.candidate.index}`,
      one,
    ]),
  );
  const samples: TrajectorySample[] = [];
  for (const record of records) {
    if (record.kind !== "actions") continue;
    for (const action of record.actions) {
      const found = scored.get(`${record.episode} ${record.turn} ${action.index}`);
      // A turn that was cut off by a kill has no rewards yet, and a candidate that lost its samples teaches nothing.
      if (found === undefined || found.candidate.outcome === "lost" || action.tokens.length === 0) continue;
      const shared = {
        task: header.task.name,
        episode: record.episode,
        turn: record.turn,
        index: action.index,
        candidate: found.candidate,
        ...{ reward: found.reward, shrunk: found.shrunk },
      };
      for (const { policy, kind, promptTokens, tokens } of action.helpers ?? []) {
        if (tokens.length > 0 && isOurs(policy))
          samples.push({ ...shared, policy, helper: kind, promptTokens, tokens });
      }
      if (!isOurs(action.policy)) continue;
      samples.push({
        ...shared,
        policy: action.policy,
        helper: undefined,
        promptTokens: action.promptTokens ?? record.promptTokens,
        tokens: action.tokens,
      });
    }
  }
  if (samples.length === 0 && ![...scored.values()].some(({ candidate }) => candidate.outcome === "lost"))
    throw new InputError(`${file} has no scored candidates`, { hint: "let at least one turn finish" });
  return samples;
}

/** With its plain mean: the level that a candidate was given in a race is shrunk already, among the workflows of its episode. */
function asMeasured({ candidate, turn }: ScoredReply): Pick<ScoredReply, "candidate" | "turn"> {
  const mean = candidate.accuracy ?? candidate.screenAccuracy;
  const { components } = candidate;
  if (candidate.lost || mean === null) return { candidate, turn };
  return {
    turn,
    candidate: {
      ...candidate,
      commonAccuracy: undefined,
      components: components && { ...components, accuracy: mean },
    },
  };
}

/** A scored candidate with the turn it was written in and what it is worth. */
export interface ScoredReply extends Pick<TrajectorySample, "candidate" | "reward" | "shrunk"> {
  turn: TurnRecord;
}

/**
 * The candidates of a task and round with their rewards, shrunk where these are means over items: accuracies, and what is
 * composed of them. Recorded rewards are known for accuracies where all of them are.
 * @param header - says what the recorded rewards are, where they were computed anew
 * @param given - computes rewards anew; default: those that were recorded
 * @param givenWeights - of the composite reward
 */
export function rewardedCandidates(
  turns: readonly TurnRecord[],
  header?: Pick<TrajectoryHeader, "reward"> | undefined,
  given?: RewardName | undefined,
  givenWeights?: RewardWeights | undefined,
): ScoredReply[] {
  const reward = given ?? (header?.reward?.name as RewardName | undefined);
  const weights = given ? givenWeights : (header?.reward?.weights as RewardWeights | undefined);
  const anew = (name: RewardName, { candidate, turn }: Pick<ScoredReply, "candidate" | "turn">) =>
    rewardOf(name, candidate, turn.history, weights);
  const all = turns
    .flatMap((turn) => turn.candidates.map((candidate) => ({ turn, candidate })))
    .map((one) => ({
      ...one,
      reward: reward === undefined ? one.candidate.reward : anew(reward, one),
      shrunk: undefined,
    }));
  const areAccuracies = () => all.every((one) => one.reward === anew("accuracy", one));
  const name = reward ?? (areAccuracies() ? "accuracy" : undefined);
  if (name !== "accuracy" && name !== "composite") return all;
  const judged = all.filter(({ candidate }) => candidate.outcome !== "lost");
  const shrunk = shrunkRewards(
    judged.map((one) => ({
      candidate: one.candidate,
      turn: `${one.turn.episode} ${one.turn.turn}`,
      reward: anew(name, asMeasured(one)),
    })),
  );
  const byCandidate = new Map(judged.map(({ candidate }, index) => [candidate, shrunk[index]]));
  return all.map((one) => ({ ...one, shrunk: byCandidate.get(one.candidate) }));
}

function noTrajectories(path: string): InputError {
  return new InputError(`there are no trajectories in ${path}`, {
    hint: "name a run directory of w4s learn, collect or optimize, or a trajectories.jsonl",
  });
}
