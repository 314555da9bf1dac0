/** @file Options of choice items: of the item itself, or one set of labels for all. */
import { InputError } from "../../core/errors.js";
import { printable } from "../reading/printable.js";
import { badRecord, type SourceRecord } from "../reading/read-records.js";
import { foldText } from "../sample-key.js";
import { isEmpty, valueAt } from "./field-map.js";

/** Options of an item, and the names its answers may call them by ("1", "2" …) where the source has such. */
export interface OptionList {
  texts: string[];
  names?: string[] | undefined;
}

/** Options are told by the letters A to Z. */
const MAX_OPTIONS = 26;

/** The values of a field as options for every item, sorted; spellings that differ by case or white space are one. */
export function labelsOf(records: readonly SourceRecord[], field: string): string[] {
  const labels = new Map<string, string>();
  for (const record of records) {
    const value = valueAt(record.fields, field);
    if (isEmpty(value)) continue;
    if (typeof value === "object")
      throw badRecord(
        record,
        `field ${printable(field)} holds no single label`,
        "a choice item has one right option; name a field with one label",
      );
    const text = String(value).trim();
    if (!labels.has(foldText(text))) labels.set(foldText(text), text);
  }
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
}

/** @throws {InputError} where it is no set to choose from. @param where - flag that gave it */
export function checkLabels(labels: readonly string[], where: string): void {
  const repeated = labels.find(
    (label, index) => labels.findIndex((one) => foldText(one) === foldText(label)) < index,
  );
  const shown = labels
    .slice(0, 6)
    .map((label) => printable(label, 30))
    .join(", ");
  const reason =
    repeated !== undefined
      ? `${printable(repeated, 40)} is given twice`
      : labels.length < 2
        ? `a choice needs two options or more; found ${shown || "none"}`
        : labels.length > MAX_OPTIONS
          ? `${labels.length} different values (${shown} …), but at most ${MAX_OPTIONS} options can be told apart by a letter`
          : undefined;
  if (reason === undefined) return;
  throw new InputError(`${where}: ${reason}`, {
    code: "bad-labels",
    hint:
      labels.length > MAX_OPTIONS
        ? "use --kind text with an --instruction that lists the labels, or name another field"
        : "name a field of labels, or list them: --choices a,b,c",
  });
}

/** Options of one record: a list, a list of {text, label}, {text: […], label: […]}, or several fields with one option each. */
export function optionsOf(record: SourceRecord, field: string | readonly string[]): OptionList {
  const value =
    typeof field === "string"
      ? listed(valueAt(record.fields, field))
      : field.map((name) => valueAt(record.fields, name)).filter((one) => !isEmpty(one));
  if (isTexts(value)) return { texts: value.map(String) };
  if (Array.isArray(value)) {
    const texts = value.map((one) => pick(one, TEXT_NAMES));
    if (isTexts(texts))
      return { texts: texts.map(String), names: namesOf(value.map((one) => pick(one, NAME_NAMES))) };
  } else {
    const texts = pick(value, TEXT_NAMES);
    if (isTexts(texts)) return { texts: texts.map(String), names: namesOf(pick(value, NAME_NAMES)) };
    const entries = Object.entries((value ?? {}) as object);
    // {"A": "red", "B": "blue"}
    if (entries.length >= 2 && isTexts(entries.map(([, text]) => text)))
      return { texts: entries.map(([, text]) => String(text)), names: entries.map(([name]) => name) };
  }
  throw badRecord(
    record,
    `field ${printable([field].flat().join(", "))} is wrong: expected a list of options`,
    "name the fields with one option each by --choice-field, or one set for all items by --choices a,b,c or --choices-from FIELD",
  );
}

const TEXT_NAMES = ["text", "texts", "content", "value", "option", "choice"];
const NAME_NAMES = ["label", "labels", "key", "id", "letter"];

function pick(value: unknown, names: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const name = names.find((one) => one in value);
  return name === undefined ? undefined : (value as Record<string, unknown>)[name];
}

function namesOf(value: unknown): string[] | undefined {
  return isTexts(value) ? value.map(String) : undefined;
}

/** A list in a cell of a table: as JSON, as Python prints it, or its parts with a separator between them. */
function listed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (!/^\s*\[.*\]\s*$/s.test(value)) {
    const mark = ["|", ";", "\n", ","].find((one) => value.includes(one));
    return mark === undefined
      ? value
      : value
          .split(mark)
          .map((part) => part.trim())
          .filter((part) => part !== "");
  }
  for (const text of [value, value.replace(/(?<=[[,]\s*)'|'(?=\s*[,\]])/g, '"')]) {
    try {
      return JSON.parse(text);
    } catch {
      // Not in this notation.
    }
  }
  return value;
}

function isTexts(value: unknown): value is (string | number | boolean)[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => ["string", "number", "boolean"].includes(typeof one))
  );
}
