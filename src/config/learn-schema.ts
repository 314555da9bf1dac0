/** @file The `learn` section of the configuration: rounds, examples, weights, curriculum, training, acceptance. */
import { z } from "zod";
import { between, flag, oneOf, positive, schedule, text, whole } from "./config-fields.js";
import { OBJECTIVE_NAMES, OBJECTIVES, WEIGHTING_NAMES, WEIGHTINGS } from "./objectives.js";
import { COLLABORATIONS } from "./policies-schema.js";

function equations(table: Readonly<Record<string, { equation: string }>>): string {
  return Object.entries(table)
    .map(([name, { equation }]) => `${name} = ${equation}`)
    .join("; ");
}

export const learnSchema = z.strictObject({
  rounds: whole(0, 1000)
    .default(2)
    .describe("rounds of collecting and training; 0 = only judge adapter against the bare model"),
  heldBack: text("task names, separated by commas")
    .optional()
    .describe(
      "tasks new adapters are judged on, never trained on; default: the last task, where there are two",
    ),
  evaluationEpisodes: whole(0, 1000)
    .default(2)
    .describe("episodes of each held-back task that judge an adapter; 0 = accept every adapter unjudged"),
  evaluationTurns: whole(1, 50).optional().describe("turns of those episodes; default: turns"),
  control: oneOf(["none", "random"])
    .optional()
    .describe(
      "random: random draws of techniques design for the held-back tasks too, as a row beside base and trained; default none",
    ),
  accept: oneOf(["not-worse", "always"])
    .default("not-worse")
    .describe("not-worse: keep the old adapter when a paired test says that the new one designs worse"),
  start: oneOf(["previous", "base"])
    .default("previous")
    .describe("previous: train the last accepted adapter on; base: train anew on the examples of all rounds"),
  collaboration: oneOf(COLLABORATIONS)
    .optional()
    .describe(
      "how the policies of the section policies, or two copies of model, work together; default: single",
    ),
  exploreSchedule: schedule(0, 1)
    .optional()
    .describe("explore by round, such as 0.8,0.5,0.3; the last value stays; default: explore"),
  temperatureSchedule: schedule(0, 2).optional().describe("temperature by round; default: temperature"),
  candidatesSchedule: schedule(1, 64, true).optional().describe("candidates by round; default: candidates"),
  fromScratch: between(0, 1)
    .default(0)
    .describe("share of episodes that start from the plainest workflow instead of the best baseline"),
  curriculum: oneOf(["fixed", "random", "adaptive", "staged"])
    .default("fixed")
    .describe(
      "which tasks a round's episodes go to; adaptive: most variance of rewards first; staged: easy first",
    ),
  stages: whole(1, 20)
    .default(2)
    .describe("staged: groups of tasks, by the accuracy of the plainest workflow"),
  promoteAt: between(0, 1)
    .default(0.5)
    .describe(
      "staged: the next stage opens once a candidate's mean accuracy gain covers this share of what is left",
    ),
  stageRounds: whole(1, 100).default(2).describe("staged: rounds after which the next stage opens anyway"),
  mixing: between(0, 1).default(0.25).describe("staged: share of episodes on tasks of earlier stages"),
  keep: oneOf(["all", "best"]).default("all").describe("examples: all candidates of a turn, or its best one"),
  onlySuccess: flag().default(false).describe("examples: only candidates with a reward above 0"),
  untilLastReward: flag()
    .default(false)
    .describe("examples: leave out the turns of an episode after its last reward above 0"),
  keepTurns: schedule(1, 50, true).optional().describe("examples: only these turns, counted from 1"),
  invalid: oneOf(["keep", "floor", "drop"])
    .default("keep")
    .describe("examples: invalid candidates with their reward, with the smallest weight, or not at all"),
  countDuplicates: flag()
    .default(false)
    .describe("examples: equal replies to the same prompt count as often as they came"),
  unbalanced: flag().default(false).describe("examples: tasks weigh by their number of examples, not alike"),
  weighting: oneOf(WEIGHTING_NAMES)
    .default("advantage")
    .describe(`weights: ${equations(WEIGHTINGS)}`),
  objective: oneOf(OBJECTIVE_NAMES)
    .optional()
    .describe(`what training makes small, by reply; default weighted: ${equations(OBJECTIVES)}`),
  beta: positive(100)
    .optional()
    .describe("objectives preference and kto: weight of the distance from the start; default 0.1"),
  clip: between(0.01, 0.99)
    .optional()
    .describe("objective group: ratios further than this from 1 bring no gradient; default 0.2"),
  pairGap: between(0, 1)
    .optional()
    .describe("objective preference: rewards of a pair differ by more than this; default 0.02"),
  weightTemperature: positive(100).optional().describe("T; default 0.04 for shrunk rewards, else 0.4"),
  weightCap: positive(1e6).optional().describe("largest weight; default 12, for exponential 12.2"),
  kl: between(0, 1000)
    .optional()
    .describe(
      "training: penalty on the divergence from the model without its adapter; default 0, and weighting group needs one",
    ),
  wholeGroups: flag()
    .optional()
    .describe(
      "training: updates take whole episodes, as many as come nearest to batchSize; default: where the objective compares replies",
    ),
  lightShare: between(0, 0.5)
    .optional()
    .describe(
      "training: the lightest examples that carry at most this share of all weight are left out; default none",
    ),
  tokenBudget: whole(2, 1_000_000)
    .optional()
    .describe("training: most tokens in one pass, and of an example; default 4096"),
  truncate: flag()
    .optional()
    .describe(
      "training: cut the middle of prompts that are too long; default: learn leaves the example out, train refuses it",
    ),
  heldOutShare: between(0, 0.5)
    .optional()
    .describe("training: share of the episodes kept back to stop early; default 0"),
  maxMemory: positive(1e6)
    .optional()
    .describe("training: memory it may take, GB; default 70 % of what is free"),
  epochs: whole(1, 1000).default(3).describe("training: passes over the examples"),
  batchSize: whole(1, 4096).default(8).describe("training: examples per update"),
  learningRate: positive(1)
    .optional()
    .describe("training: highest learning rate; default by the model's size (docs/learning.md)"),
  rank: whole(1, 1024).default(16).describe("training: rank of the adapter"),
  alpha: positive(1e5).default(32).describe("training: alpha of the adapter"),
  topLayers: whole(1, 1000)
    .optional()
    .describe("training: highest layers that get pairs; fewer are faster and take less memory; default: all"),
  device: oneOf(["cpu", "webgpu", "cuda"])
    .optional()
    .describe(
      "training: what computes; webgpu is experimental, cuda needs libraries of its own (docs/training.md); default: cpu",
    ),
});

export type LearnSettings = z.output<typeof learnSchema>;
