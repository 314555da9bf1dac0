/** @file Metric writing: constraints that can be checked, and coherence and relevance by sentence embeddings. */
import type { AnswerJudge } from "../../core/answer-judge.js";
import { similarity, type TextEmbedder } from "../../core/text-embedder.js";
import type { Sample, Score, Scorer } from "../task.js";
import { checkText } from "../writing/check-text.js";
import { checkTune } from "../writing/check-tune.js";
import type { ConstraintCheck } from "../writing/constraints.js";
import { linesOf, sentencesOf } from "../writing/text-parts.js";
import { isRefusal, writtenText } from "../writing/written-text.js";
import { gradeText, questionOf } from "./judge-scorer.js";

/** Weights of the parts; they are divided by the sum of those that were measured. */
export const WRITING_WEIGHTS = { constraints: 0.7, coherence: 0.15, relevance: 0.15, judge: 0.3 } as const;

/** Similarities between `from` and `to` are worth 1; it falls off in straight lines to 0 at `floor` and `ceiling`. */
export interface Band {
  floor: number;
  from: number;
  to: number;
  ceiling: number;
}

/** Mean cosine of neighbouring sentences or lines; six texts written for this lie at 0.16 to 0.29, a jumble at 0.04. */
export const COHERENCE_BAND: Band = { floor: 0.05, from: 0.15, to: 0.75, ceiling: 1 };
/** Cosine of request and text; the same six lie at 0.35 to 0.56, texts for another request at 0.21 on average. */
export const RELEVANCE_BAND: Band = { floor: 0.2, from: 0.35, to: 0.9, ceiling: 1 };

const MAX_UNITS = 200;
const MAX_LISTED = 3;

export function inBand(value: number, { floor, from, to, ceiling }: Band): number {
  if (value >= from && value <= to) return 1;
  const share = value < from ? (value - floor) / (from - floor) : (ceiling - value) / (ceiling - to);
  return Math.max(0, Math.min(1, share));
}

/**
 * The share of constraints kept, joined with coherence and relevance where they can be measured: not for tunes, not for
 * texts of one sentence (coherence), and not without an embedder, which the score's text then says; and with a judge's grade
 * where there is a judge.
 * An empty text, a refusal or no text at all is worth 0. Right means that every constraint is kept.
 */
export function writingScorer(embedder: TextEmbedder | undefined, judge?: AnswerJudge): Scorer {
  return {
    metric: "writing",
    components: [
      "constraints",
      ...(embedder ? (["coherence", "relevance"] as const) : []),
      ...(judge ? (["judge"] as const) : []),
    ],
    get basis() {
      return `writing-v1 ${embedder?.id ?? "without embeddings"}${judge ? ` judge ${judge.id}` : ""}`;
    },
    async score(answer, sample): Promise<Score> {
      const { constraints } = sample;
      if (!constraints) return nothing("the item has no constraints");
      const text = writtenText(answer, constraints.form);
      const isTune = constraints.form === "tune";
      const parts = {
        ...(embedder && !isTune ? { coherence: 0, relevance: 0 } : {}),
        ...(judge ? { judge: 0 } : {}),
      };
      if (text.trim() === "") return nothing("no text in the answer", parts);
      if (isRefusal(text)) return nothing("the answer is a refusal", parts);
      const checks = isTune ? checkTune(text, constraints) : checkText(text, constraints);
      const kept = checks.filter(({ isKept }) => isKept).length;
      const measured: NonNullable<Score["components"]> = {
        constraints: kept / checks.length,
        ...(embedder && !isTune ? await measure(text, sample, embedder) : {}),
      };
      const grade = await judge?.grade(questionOf(sample), text);
      if (grade) measured.judge = grade.value;
      const note = isTune
        ? "a tune: constraints alone"
        : embedder
          ? ""
          : "without embeddings: constraints alone";
      return {
        value: weighted(measured),
        isCorrect: kept === checks.length,
        extracted: describe(checks, kept, measured, [
          ...(grade ? [`judge ${gradeText(grade)}`] : []),
          ...(note === "" ? [] : [note]),
        ]),
        components: measured,
      };
    },
  };
}

function nothing(reason: string, parts: Score["components"] = {}): Score {
  return { value: 0, isCorrect: false, extracted: reason, components: { constraints: 0, ...parts } };
}

function weighted(measured: NonNullable<Score["components"]>): number {
  let sum = 0;
  let total = 0;
  for (const [name, weight] of Object.entries(WRITING_WEIGHTS) as [keyof typeof WRITING_WEIGHTS, number][]) {
    const value = measured[name];
    if (value === undefined) continue;
    sum += weight * value;
    total += weight;
  }
  return sum / total;
}

/** One call for one text, so that its figures depend on nothing beside it. */
async function measure(
  text: string,
  { question, constraints }: Sample,
  embedder: TextEmbedder,
): Promise<{ coherence?: number; relevance: number }> {
  const units = (constraints?.form === "poem" ? linesOf(text) : sentencesOf(text)).slice(0, MAX_UNITS);
  const [request, whole, ...vectors] = await embedder.embed([question, text, ...units]);
  const relevance = inBand(similarity(request!, whole!), RELEVANCE_BAND);
  if (vectors.length < 2) return { relevance };
  const pairs = vectors.slice(1).map((vector, i) => similarity(vectors[i]!, vector));
  const mean = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
  return { relevance, coherence: inBand(mean, COHERENCE_BAND) };
}

function describe(
  checks: readonly ConstraintCheck[],
  kept: number,
  { coherence, relevance }: NonNullable<Score["components"]>,
  notes: readonly string[],
): string {
  const broken = checks.filter(({ isKept }) => !isKept);
  const listed = broken.slice(0, MAX_LISTED).map(({ name, found }) => `${name} (${found})`);
  const rest = broken.length > MAX_LISTED ? `, and ${broken.length - MAX_LISTED} more` : "";
  return [
    `${kept} of ${checks.length} constraints kept`,
    ...(listed.length > 0 ? [`not kept: ${listed.join(", ")}${rest}`] : []),
    ...(coherence === undefined ? [] : [`coherence ${coherence.toFixed(2)}`]),
    ...(relevance === undefined ? [] : [`relevance ${relevance.toFixed(2)}`]),
    ...notes,
  ].join("; ");
}
