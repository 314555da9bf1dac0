/** @file A judge model rates the worked steps of weak and strong replies by a rubric of yes-or-no questions. */
import PQueue from "p-queue";
import type { Criterion } from "../../core/answer-judge.js";
import { seedFrom } from "../../core/hash.js";
import { bootstrapInterval, type Interval, mean } from "../../core/statistics.js";
import { askByRubric, type RubricQuestion } from "../../evaluate/ask-by-rubric.js";
import type { JobResult } from "../../evaluate/evaluation.js";
import type { JudgeModel } from "../../evaluate/judge-model.js";
import { isLoss } from "../../llm/fault-class.js";
import type { Sample } from "../../tasks/task.js";
import type { Run } from "../run.js";
import { type Side, sideOf } from "./role-usage.js";
import type { SuiteCell } from "./suite-figures.js";

/** Questions about the steps; a rating is the share answered with yes. */
export const RUBRIC = [
  { name: "follows", meaning: "Does every step follow from the question or from the steps before it?" },
  { name: "calculates", meaning: "Are all calculations and readings of the question right?" },
  { name: "complete", meaning: "Is no step missing that the answer needs?" },
  { name: "concludes", meaning: "Is the final answer the one that the steps lead to?" },
] as const satisfies readonly Criterion[];
type CriterionName = (typeof RUBRIC)[number]["name"];
const NAMES = RUBRIC.map(({ name }) => name);

/** Ratings of one row's replies on one side. */
export interface ReasoningFigures {
  row: string;
  side: Side;
  /** Items whose steps were rated; those the judge gave no usable answer to are counted apart. */
  rated: number;
  unrated: number;
  /** Mean rating, 0–1. */
  rating: number;
  interval: Interval;
  /** Share of yes by criterion. */
  criteria: Record<CriterionName, number>;
}

const MAX_STEPS = 12_000;

/**
 * Rates the first items of every cell. Replies of the judge are stored like all others, so that a resumed run pays none again.
 * @param items - of each task, in the order they were drawn
 * @throws what stops a run: budget, abort, a judge that cannot be used
 */
export async function judgeReasoning(
  run: Run,
  judge: JudgeModel,
  cells: readonly SuiteCell[],
  samples: ReadonlyMap<string, Sample>,
  items: number,
): Promise<ReasoningFigures[]> {
  const queue = new PQueue({ concurrency: run.config.concurrency });
  const ratings = new Map<string, { row: string; side: Side; ratings: (Rating | undefined)[] }>();
  const waiting: Promise<void>[] = [];
  for (const { row, evaluation } of cells) {
    for (const result of evaluation.results.slice(0, items)) {
      const sample = samples.get(result.sampleId);
      if (sample === undefined || result.status === "error") continue;
      for (const [side, steps] of stepsBySide(result)) {
        const key = JSON.stringify([row, side]);
        const list = ratings.get(key) ?? { row, side, ratings: [] };
        ratings.set(key, list);
        const place = list.ratings.push(undefined) - 1;
        const work = async () => {
          run.stopSignal?.throwIfAborted();
          list.ratings[place] = await rate(judge, sample, steps, run.signal);
        };
        waiting.push(queue.add(work));
      }
    }
  }
  const failed = (await Promise.allSettled(waiting)).find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
  const { seed, bootstrap } = run.config;
  return [...ratings.values()].map((list) => figuresOf(list, seed, bootstrap.samples));
}

type Rating = Record<CriterionName, boolean>;

function stepsBySide({ transcript = [] }: JobResult): [Side, string][] {
  return (["weak", "strong"] as const).flatMap((side) => {
    const texts = transcript.filter(({ role }) => sideOf(role) === side).map(({ text }) => text);
    return texts.length === 0 ? [] : [[side, texts.join("\n\n").slice(0, MAX_STEPS)] as [Side, string]];
  });
}

/** @returns undefined where the judge gave no usable answer, or could not be reached */
async function rate(
  judge: JudgeModel,
  { question, context, choices }: Sample,
  steps: string,
  signal: AbortSignal | undefined,
): Promise<Rating | undefined> {
  const texts: [string, string][] = [["problem", question]];
  if (context) texts.push(["text to read", context]);
  if (choices) texts.push(["choices", choices.join("\n")]);
  const rubric: RubricQuestion<Rating> = {
    role: "examiner",
    instruction: "Rate the worked steps of a solution. Judge the reasoning only, not its style or length:",
    criteria: RUBRIC,
    texts: [...texts, ["worked steps", steps]],
    form: `{${NAMES.map((name) => `"${name}": "yes or no"`).join(", ")}}`,
    read: readRating,
  };
  try {
    return await askByRubric(judge, rubric, { signal });
  } catch (error) {
    if (isLoss(error)) return undefined;
    throw error;
  }
}

function readRating(reply: Readonly<Record<string, unknown>>): Rating | undefined {
  const read = NAMES.map((name) => /^(?:(yes|true)|(no|false))\b/i.exec(String(reply[name] ?? "").trim()));
  if (read.some((match) => match === null)) return undefined;
  return Object.fromEntries(NAMES.map((name, i) => [name, read[i]?.[1] !== undefined])) as Rating;
}

function figuresOf(
  { row, side, ratings }: { row: string; side: Side; ratings: readonly (Rating | undefined)[] },
  seed: number,
  resamples: number,
): ReasoningFigures {
  const usable = ratings.filter((rating) => rating !== undefined);
  const scores = usable.map((rating) => mean(NAMES.map((name) => (rating[name] ? 1 : 0))));
  return {
    row,
    side,
    rated: usable.length,
    unrated: ratings.length - usable.length,
    rating: mean(scores),
    interval: bootstrapInterval(scores, seedFrom(seed, "judge", row, side), resamples),
    criteria: Object.fromEntries(
      NAMES.map((name) => [name, mean(usable.map((rating) => (rating[name] ? 1 : 0)))]),
    ) as Record<CriterionName, number>,
  };
}
