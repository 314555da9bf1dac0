/** @file One line of a split file: JSON object to Sample, every field checked. */
import { z } from "zod";
import { parseNumber } from "../../core/reply/find-numbers.js";
import { issueText, type MetricOptions } from "../dataset-manifest.js";
import { worldProblem } from "../families/robot/read-world.js";
import { compilePattern } from "../scorers/regex-scorer.js";
import type { MetricName, Sample, TaskKind } from "../task.js";
import { constraintsSchema } from "../writing/constraints.js";
import { JsonTextError, parseJsonLine } from "./parse-json-line.js";
import { printable } from "./printable.js";

/** Fault of a line; the reader adds file and line. */
export class SampleLineError extends Error {
  readonly column: number | undefined;
  readonly field: string | undefined;
  readonly id: string | undefined;
  constructor(
    message: string,
    place: { column?: number | undefined; field?: string | undefined; id?: string | undefined },
  ) {
    super(message);
    this.column = place.column;
    this.field = place.field;
    this.id = place.id;
  }
}

/** Kept as it was parsed (null prototypes): zod's own copy would treat a key `__proto__` specially. */
const meta = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "expected an object",
  )
  .optional();

const filled = z.string().refine((value) => value.trim() !== "", "expected text that is not empty");
const id = filled.max(200);
const answer = z.union([filled, z.array(filled).min(1).max(100)], "expected a string or a list of strings");

const questionFields = {
  id,
  question: filled,
  context: z.string().optional(),
  answer,
  solution: z.string().optional(),
  meta,
};
const questionSchema = z.strictObject(questionFields);
const choiceSchema = z.strictObject({
  ...questionFields,
  choices: z.array(filled).min(2).max(26),
  answer: z.string().regex(/^[A-Z]$/, "expected the letter of the right option, A to Z"),
});
const writingSchema = z.strictObject({ id, question: filled, constraints: constraintsSchema, meta });
const codeSchema = z.strictObject({
  id,
  prompt: filled,
  entryPoint: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a function"),
  publicTests: z.array(z.string()),
  privateTests: filled,
  canonicalSolution: z.string().optional(),
  language: z.literal("python").optional(),
  solution: z.string().optional(),
  meta,
});

export interface LineRules {
  kind: TaskKind;
  metric: MetricName;
  metricOptions?: MetricOptions | undefined;
}

/** @throws {SampleLineError} naming field and id where they are known. */
export function parseSampleLine(text: string, rules: LineRules): Sample {
  let value: unknown;
  try {
    value = parseJsonLine(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new SampleLineError(`${error.message}: ${printable(text)}`, { column: error.column });
  }
  return sampleFromValue(value, rules);
}

/** @throws {SampleLineError} */
function sampleFromValue(value: unknown, rules: LineRules): Sample {
  const found = value as { id?: unknown } | null;
  const lineId = typeof found?.id === "string" ? found.id.slice(0, 200) : undefined;
  if (rules.kind === "code") {
    const { meta: facts, id, ...code } = check(codeSchema, value, lineId);
    const { prompt, entryPoint, publicTests, privateTests } = code;
    // The prompt is the question: prompts and reports need not tell code tasks apart.
    const shown = { prompt, entryPoint, publicTests, privateTests };
    return { id, question: prompt, answers: [], ...shown, meta: facts ?? emptyMeta() };
  }
  if (rules.metric === "writing") {
    const { meta: facts, ...line } = check(writingSchema, value, lineId);
    return { ...line, answers: [], meta: facts ?? emptyMeta() };
  }
  const isChoice = rules.kind === "choice";
  const line = check(isChoice ? choiceSchema : questionSchema, value, lineId);
  const answers = typeof line.answer === "string" ? [line.answer] : line.answer;
  const choices = "choices" in line ? (line.choices as string[]) : undefined;
  checkAnswers(answers, choices, rules, line.id);
  const world = rules.kind === "robot" ? worldProblem(line.meta) : undefined;
  if (world && "problem" in world) throw new SampleLineError(world.problem, { field: "meta", id: line.id });
  return {
    id: line.id,
    question: line.question,
    context: line.context,
    choices,
    answers,
    meta: withSolution(line.meta ?? emptyMeta(), line.solution),
  };
}

function check<T extends z.ZodObject>(schema: T, value: unknown, lineId: string | undefined): z.infer<T> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SampleLineError("expected a JSON object", { id: lineId });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.code === "unrecognized_keys" ? issue.keys[0] : String(issue.path[0] ?? "");
  throw new SampleLineError(issueText(issue, schema.shape, value), { field, id: lineId });
}

function checkAnswers(
  answers: readonly string[],
  choices: readonly string[] | undefined,
  { metric, metricOptions }: LineRules,
  sampleId: string,
): void {
  const refuse = (reason: string) => {
    throw new SampleLineError(`field "answer" is wrong: ${reason}`, { field: "answer", id: sampleId });
  };
  if (choices && answers[0]!.charCodeAt(0) - 65 >= choices.length) {
    refuse(`there is no option ${answers[0]}, only ${choices.length} options`);
  }
  for (const text of answers) {
    if (metric === "exact-number" && parseNumber(text) === undefined) {
      refuse(`${printable(text, 40)} is not a number`);
    }
    if (metric !== "regex") continue;
    try {
      compilePattern(text, metricOptions ?? {});
    } catch {
      refuse(`${printable(text, 40)} is not a regular expression`);
    }
  }
}

function emptyMeta(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** The worked solution travels with what no model may see. */
function withSolution(meta: Record<string, unknown>, solution: string | undefined): Record<string, unknown> {
  if (solution === undefined || "solution" in meta) return meta;
  return Object.assign(emptyMeta(), meta, { solution });
}
