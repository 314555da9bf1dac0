/** @file How the records of a source are read: fields, options and marks, as given or as the records themselves tell. */
import { InputError } from "../../core/errors.js";
import { nearNames } from "../../core/near-names.js";
import { printable } from "../reading/printable.js";
import type { SourceRecord } from "../reading/read-records.js";
import { foldText } from "../sample-key.js";
import type { MetricName, TaskKind } from "../task.js";
import { type FieldMap, foldName, isEmpty, valueAt } from "./field-map.js";
import { guessFields, hasNoHeader, meanLength } from "./guess-fields.js";
import { checkLabels, labelsOf, optionsOf } from "./option-lists.js";
import type { AnswerRules } from "./read-answer.js";

/** What the user said about the records. */
export interface PlanOptions {
  kind: Exclude<TaskKind, "code">;
  fields?: FieldMap | undefined;
  /** The same options for every item, in this order. */
  choices?: readonly string[] | undefined;
  /** Field whose values are the options of every item. */
  choicesFrom?: string | undefined;
  answerAfter?: string | undefined;
  answerIndexFrom?: 0 | 1 | undefined;
  decimalComma?: boolean | undefined;
  instruction?: string | undefined;
}

/** What is read, with the words to show it by. */
export interface ImportPlan extends AnswerRules {
  kind: PlanOptions["kind"];
  fields: FieldMap & { question: string; answer: string };
  /** One set of options for all items. */
  labels?: string[] | undefined;
  /** Columns with values that nothing is made of. */
  unused: string[];
  /** What was found rather than said. */
  notes: string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Records that guesses about answers look at. */
const SAMPLE = 1000;
/** Labels of a column that is worth an advice: at most so many, each used that often on average. */
const MAX_LABELS = 26;
const USES = 3;

/** @throws {InputError} on a field that is not there and on options that are none. */
export function planImport(
  records: readonly SourceRecord[],
  metric: MetricName,
  options: PlanOptions,
): ImportPlan {
  const { kind } = options;
  const named = (name: string) => (name === "" ? name : nameOf(records, name));
  const choicesFrom = options.choicesFrom === undefined ? undefined : named(options.choicesFrom);
  const hasSet = choicesFrom !== undefined || options.choices !== undefined;
  const given = Object.fromEntries(
    Object.entries(options.fields ?? {}).flatMap(([ours, theirs]) =>
      theirs === undefined ? [] : [[ours, Array.isArray(theirs) ? theirs.map(named) : named(theirs)]],
    ),
  ) as FieldMap;
  const { map, unused, notes } = guessFields(records, kind, given, choicesFrom, hasSet);
  const { question, answer } = map;
  if (question === undefined) throw openField(records, "question", unused);
  if (answer === undefined) throw openField(records, "answer", unused);
  const plan: ImportPlan = {
    kind,
    metric,
    fields: { ...map, question, answer },
    unused,
    notes,
    answerAfter: options.answerAfter,
    answerIndexFrom: options.answerIndexFrom,
    hasDecimalComma: options.decimalComma,
    hasLabels: hasSet,
  };
  if (hasSet) {
    plan.labels = choicesFrom === undefined ? [...(options.choices ?? [])] : labelsOf(records, choicesFrom);
    checkLabels(plan.labels, choicesFrom === undefined ? "--choices" : `--choices-from ${choicesFrom}`);
  } else if (kind === "choice" && map.choices === undefined) throw noOptions(records, answer);
  findMark(plan, records);
  if (kind === "choice" && plan.answerIndexFrom === undefined && choicesFrom === undefined)
    findIndexBase(plan, records);
  if (kind === "qa" || kind === "text") adviseLabels(plan, records, options.instruction);
  return plan;
}

/** "####" in every answer marks the end of a worked solution. */
function findMark(plan: ImportPlan, records: readonly SourceRecord[]): void {
  if (plan.answerAfter !== undefined || plan.kind === "choice") return;
  const answers = records.slice(0, SAMPLE).map(({ fields }) => valueAt(fields, plan.fields.answer));
  if (!answers.every((answer) => typeof answer === "string" && answer.includes("####"))) return;
  plan.answerAfter = "####";
  plan.notes.push('answers are what follows "####" (--answer-after)');
}

/**
 * Numbers as answers are places of options: JSON numbers always, digits of a table where no option has such a text.
 * @throws {InputError} where they may count from 0 or from 1
 */
function findIndexBase(plan: ImportPlan, records: readonly SourceRecord[]): void {
  const bases = new Set<0 | 1>([0, 1]);
  for (const record of records) {
    const value = valueAt(record.fields, plan.fields.answer);
    const answer = Array.isArray(value) ? value[0] : value;
    if (isEmpty(answer)) continue;
    if (typeof answer !== "number" && !(typeof answer === "string" && /^\s*\d+\s*$/.test(answer))) return;
    const { texts, names } = plan.labels ? { texts: plan.labels } : optionsOf(record, plan.fields.choices!);
    const folded = foldText(String(answer));
    if (names?.some((name) => foldText(name) === folded)) return;
    if (typeof answer === "string" && texts.some((text) => foldText(text) === folded)) return;
    const place = Number(answer);
    if (!Number.isInteger(place)) return;
    if (place < 0 || place >= texts.length) bases.delete(0);
    if (place < 1 || place > texts.length) bases.delete(1);
    if (bases.size === 0) return;
  }
  if (bases.size === 2)
    throw new InputError(`${records[0]!.path}: answers are numbers of options, counted from 0 or from 1?`, {
      code: "open-index",
      hint: "pass --answer-index-from 0 or --answer-index-from 1",
    });
  plan.answerIndexFrom = [...bases][0]!;
  plan.notes.push(
    `answers are numbers of options, counted from ${plan.answerIndexFrom} (--answer-index-from ${plan.answerIndexFrom})`,
  );
}

/** A model cannot know a fixed set of labels that nobody tells it. */
function adviseLabels(
  plan: ImportPlan,
  records: readonly SourceRecord[],
  instruction: string | undefined,
): void {
  if (instruction !== undefined) return;
  const { answer } = plan.fields;
  const labels = fewLabels(records, answer);
  if (labels)
    plan.notes.push(
      `${answer} has ${labels.length} values, which no model is told: --kind choice --choices-from ${answer} gives them as options`,
    );
}

/** The values of a field where they are few and repeat. */
function fewLabels(records: readonly SourceRecord[], field: string): string[] | undefined {
  if (records.some(({ fields }) => typeof valueAt(fields, field) === "object")) return undefined;
  const labels = labelsOf(records, field);
  const isFew = labels.length >= 2 && labels.length <= MAX_LABELS && labels.length * USES <= records.length;
  return isFew ? labels : undefined;
}

function columnsText(records: readonly SourceRecord[]): string {
  const names = [...new Set(records.slice(0, SAMPLE).flatMap(({ fields }) => Object.keys(fields)))];
  const shown = names.slice(0, 10).map((name) => printable(name, 30));
  return `${shown.join(", ")}${names.length > shown.length ? ", …" : ""}`;
}

/** A field as the records spell it: the very name, or the only one that it means. @throws {InputError} where there is none */
function nameOf(records: readonly SourceRecord[], name: string): string {
  if (records.some(({ fields }) => valueAt(fields, name) !== undefined)) return name;
  const names = new Set(records.slice(0, SAMPLE).flatMap(({ fields }) => Object.keys(fields)));
  const alike = [...names].filter((one) => foldName(one) === foldName(name));
  if (alike.length === 1) return alike[0]!;
  throw noField(records, name);
}

/** A field that the user named is nowhere. */
function noField(records: readonly SourceRecord[], name: string): InputError {
  const [record] = records as [SourceRecord];
  const paths = pathsOf(record.fields);
  const dotted = name.includes(".") ? paths.filter((path) => path.includes(".")) : [];
  const [near] = nearNames(name, dotted.length > 0 ? dotted : paths);
  return new InputError(`${record.path}: no field ${printable(name)}; it has ${columnsText(records)}`, {
    code: "no-field",
    hint:
      near === undefined
        ? "a field inside another is named with dots, such as answers.text"
        : `did you mean ${printable(near)}?`,
  });
}

/** Names of the fields, and of those within objects and lists of objects with dots. */
function pathsOf(fields: Readonly<Record<string, unknown>>, prefix = ""): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const inner = Array.isArray(value) ? value[0] : value;
    const isObject = typeof inner === "object" && inner !== null && prefix.split(".").length < 4;
    return [`${prefix}${name}`, ...(isObject ? pathsOf(inner, `${prefix}${name}.`) : [])];
  });
}

/** A field of ours that no column looks like. */
function openField(
  records: readonly SourceRecord[],
  field: "question" | "answer",
  unused: readonly string[],
): InputError {
  const [record] = records as [SourceRecord];
  const names = Object.keys(record.fields);
  const turn = turnsOf(record.fields)?.[field];
  const length = (name: string) => meanLength(records.slice(0, SAMPLE).map(({ fields }) => fields[name]));
  const byLength = [...unused].sort((a, b) => length(b) - length(a));
  const near = nearNames(field, unused)[0] ?? turn ?? (field === "answer" ? unused.at(-1) : byLength[0]);
  const named = near !== undefined && /^[\w.-]+$/.test(near) ? near : JSON.stringify(near ?? "NAME");
  const isTable = record.unit === "line" && names.every((name) => typeof record.fields[name] === "string");
  const isHeaderless = isTable && hasNoHeader(names);
  const hint = isHeaderless
    ? `the first line of a table must name its columns, such as question,answer; then --field ${field}=NAME names the one with the ${field}`
    : `name the field with the ${field}, such as --field ${field}=${named}`;
  return new InputError(`${record.path}: no field "${field}"; it has ${columnsText(records)}`, {
    code: "no-field",
    hint: isTable && names.length === 1 ? `${hint}; --separator names what stands between columns` : hint,
  });
}

/** Where the last question and the last answer of a conversation stand, as chat models are trained on them. */
function turnsOf(
  fields: Readonly<Record<string, unknown>>,
): { question: string; answer: string } | undefined {
  for (const [name, turns] of Object.entries(fields)) {
    if (!Array.isArray(turns)) continue;
    const last = (roles: RegExp) =>
      turns.findLastIndex((turn) => roles.test(String((turn as Fields)?.role ?? (turn as Fields)?.from)));
    const [asked, answered] = [last(/^(user|human)$/), last(/^(assistant|gpt|model)$/)];
    if (asked < 0 || answered < 0) continue;
    const place = (index: number) => `${name}.${index}.${"content" in turns[index] ? "content" : "value"}`;
    return { question: place(asked), answer: place(answered) };
  }
  return undefined;
}

function noOptions(records: readonly SourceRecord[], answer: string): InputError {
  const labels = fewLabels(records, answer);
  const values = labels
    ?.slice(0, 8)
    .map((label) => printable(label, 30))
    .join(", ");
  return new InputError(`${records[0]!.path}: no field with options; it has ${columnsText(records)}`, {
    code: "no-field",
    hint: labels
      ? `--choices-from ${answer} gives every item the ${labels.length} values of that field as options (${values}); --choices a,b,c lists them`
      : "--field choices=NAME names a list, --choice-field NAME one column for each option; --choices a,b,c or --choices-from FIELD give all items the same",
  });
}
