/** @file The rounds of `w4s learn` for reports: data, training, judgement, adapter. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readLines } from "./run-report-events.js";
import { readState } from "./run-report-state.js";

const stat = z.object({
  mean: z.number(),
  /** Null where there was nothing to draw from: JSON has no infinity. */
  interval: z.object({ low: z.number().nullable(), high: z.number().nullable() }),
});
/** A policy minus another over the same seeds. */
export const policyDifference = z.object({ pairs: z.number(), meanReward: stat, best: stat });

/** Judged episodes of one policy. */
export const policyScore = z.object({
  episodes: z.number(),
  meanReward: z.number(),
  best: z.number(),
  validShare: z.number(),
  distinctShare: z.number(),
  executorTokensPerCandidate: z.number(),
  techniques: z.record(z.string(), z.number()),
});

/** Judged episodes, for the spread of the means. */
export const judgedEpisodes = z.array(
  z.object({ task: z.string(), meanReward: z.number(), best: z.number() }),
);

const roundRecord = z.object({
  round: z.number(),
  plan: z.object({
    episodes: z.array(z.object({ task: z.string(), count: z.number() })),
    reason: z.string(),
  }),
  card: z.object({
    candidates: z.number(),
    examples: z.number(),
    validShare: z.number(),
    distinctShare: z.number(),
    rewards: z.object({ mean: z.number(), lowest: z.number().nullable(), highest: z.number().nullable() }),
    histogram: z.array(z.object({ low: z.number(), high: z.number(), count: z.number() })),
    promptTokens: z.number(),
    actionTokens: z.number(),
  }),
  adapter: z.string(),
  adapterHash: z.string(),
  parentHash: z.string().nullable(),
  training: z.object({
    steps: z.number(),
    firstLoss: z.number().nullable(),
    lastLoss: z.number().nullable(),
    trainedTokens: z.number(),
    peakRssBytes: z.number(),
  }),
  episodes: judgedEpisodes,
  score: policyScore.nullable(),
  againstBase: policyDifference.nullable(),
  againstPrevious: policyDifference.nullable(),
  isAccepted: z.boolean(),
  reason: z.string(),
  seconds: z.record(z.string(), z.number()),
  best: z.array(z.object({ task: z.string(), accuracy: z.number(), hash: z.string(), source: z.string() })),
});

export type JudgedEpisode = z.infer<typeof judgedEpisodes>[number];
export type ReportScore = z.infer<typeof policyScore>;
export type ReportDifference = z.infer<typeof policyDifference>;
/** What round.json says of a finished round. */
export type ReportRoundRecord = z.infer<typeof roundRecord>;

export interface ReportRound {
  round: number;
  /** Null: the round is not finished. */
  record: ReportRoundRecord | null;
  /** Loss by update, in the order of the updates; an update done twice by a resumed run counts once. */
  losses: ReportLoss[];
  /** The same of each policy, where several learn together; `losses` is empty then. */
  members: { name: string; losses: ReportLoss[] }[];
}

export interface ReportLoss {
  step: number;
  loss: number;
}

/**
 * The rounds of a run directory in their order; none for other commands.
 * @throws {InputError} on a record with other fields; {StorageError} on damage.
 */
export async function readRounds(directory: string): Promise<ReportRound[]> {
  const folder = join(directory, "rounds");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder)
    .filter((name) => /^\d+$/.test(name) && Number(name) > 0)
    .sort((a, b) => Number(a) - Number(b));
  const rounds: ReportRound[] = [];
  for (const name of names) {
    const record = readState(join(folder, name, "round.json"), roundRecord) ?? null;
    const members = [];
    for (const entry of readdirSync(join(folder, name), { withFileTypes: true })) {
      const log = join(folder, name, entry.name, "train.jsonl");
      if (entry.isDirectory() && existsSync(log))
        members.push({ name: entry.name, losses: await readLosses(log) });
    }
    const losses = await readLosses(join(folder, name, "train.jsonl"));
    rounds.push({ round: Number(name), record, losses, members });
  }
  return rounds;
}

async function readLosses(path: string): Promise<ReportLoss[]> {
  const losses = new Map<number, number>();
  if (!existsSync(path)) return [];
  for await (const { text } of readLines(path)) {
    const event = plainObject(text);
    if (event?.type === "step" && typeof event.step === "number" && typeof event.loss === "number")
      losses.set(event.step, event.loss);
  }
  return [...losses].map(([step, loss]) => ({ step, loss })).sort((a, b) => a.step - b.step);
}

/** The curve is only for the eye: a line that cannot be read is a missing point, not an error. */
function plainObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
