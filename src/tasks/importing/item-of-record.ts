/** @file One record of a source to one item of a dataset. */
import { printable } from "../reading/printable.js";
import { badRecord, type SourceRecord } from "../reading/read-records.js";
import type { SplitName } from "../task.js";
import type { DatasetLine } from "../write-dataset.js";
import { isEmpty, valueAt } from "./field-map.js";
import type { ImportPlan } from "./import-plan.js";
import { optionsOf } from "./option-lists.js";
import { readAnswer } from "./read-answer.js";
import { splitOf } from "./split-words.js";

/** An item without a place in the dataset yet. */
export interface ImportedRow {
  record: SourceRecord;
  split: SplitName | undefined;
  item: Omit<DatasetLine, "id"> & { id: string | undefined };
}

/** @throws {InputError} naming file and place */
export function itemOfRecord(record: SourceRecord, plan: ImportPlan): ImportedRow {
  const { fields: map, kind } = plan;
  const text = (field: string): string => {
    const value = valueAt(record.fields, field);
    if (isEmpty(value)) throw emptyField(record, field);
    // A list with one text in it is that text, as nested fields often give.
    const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (["string", "number", "boolean"].includes(typeof single)) return String(single);
    throw badRecord(
      record,
      `field ${printable(field)} is wrong: expected text`,
      "a field inside another is named with dots, such as --field answer=answers.text",
    );
  };
  const optional = (field: string | undefined) =>
    field === undefined || isEmpty(valueAt(record.fields, field)) ? undefined : text(field);
  const options =
    kind !== "choice" ? undefined : plan.labels ? { texts: plan.labels } : optionsOf(record, map.choices!);
  const meta: Record<string, unknown> = Object.create(null);
  meta.sourceLine = record.line;
  for (const field of map.meta ?? []) meta[field] = valueAt(record.fields, field) ?? null;
  const answers = valueAt(record.fields, map.answer);
  const raw =
    Array.isArray(answers) && answers.length > 0 && answers.every(isPlain)
      ? answers.map(String)
      : text(map.answer);
  return {
    record,
    split:
      record.split === undefined && map.split === undefined ? undefined : splitOfRecord(record, map.split),
    item: {
      id: optional(map.id),
      question: text(map.question),
      context: optional(map.context),
      choices: options?.texts,
      answer: readAnswer(raw, options, plan, record),
      solution: optional(map.solution),
      meta,
    },
  };
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function emptyField(record: SourceRecord, field: string) {
  const isThere = valueAt(record.fields, field) !== undefined;
  return badRecord(
    record,
    isThere ? `field ${printable(field)} is empty` : `no field ${printable(field)}`,
    "fill it or leave the record out: --skip-bad leaves out all that cannot be read, and lists them",
  );
}

function splitOfRecord(record: SourceRecord, field: string | undefined): SplitName {
  const value = record.split ?? valueAt(record.fields, field!);
  const split = splitOf(value);
  if (split) return split;
  throw badRecord(
    record,
    `${printable(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), 40)} is not a split; use train, validation or test`,
    "mend it, or draw the splits anew: --split train=0.6 --split validation=0.2 --split test=0.2",
  );
}
