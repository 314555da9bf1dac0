/** @file Records in a JSON value: a list of objects, however it is wrapped. */

import { foldName } from "../importing/field-map.js";
import { splitOf } from "../importing/split-words.js";
import { USUAL_NAMES } from "../importing/usual-names.js";

type Fields = Record<string, unknown>;

/** Members that hold the records of a file, the likeliest first. */
const LIST_NAMES = ["rows", "data", "examples", "records", "items", "instances", "questions", "samples"];

/** Records of one JSON value, with the member they stood in where that may name a split; undefined where there are none. */
export function jsonRecords(value: unknown): { fields: Fields; member?: string | undefined }[] | undefined {
  if (Array.isArray(value))
    return value.every(isObject) ? value.flatMap(unwrapped).map((fields) => ({ fields })) : undefined;
  if (!isObject(value)) return undefined;
  const lists = Object.entries(value).filter(([, member]) => isList(member));
  const named = LIST_NAMES.find((name) => lists.some(([member]) => member.toLowerCase() === name));
  const chosen = named === undefined ? lists : lists.filter(([member]) => member.toLowerCase() === named);
  const isWrapping =
    named !== undefined ||
    lists.length === Object.keys(value).length ||
    lists.every(([member]) => splitOf(member) !== undefined) ||
    // Beside a version or a title; a record of its own has a question.
    (lists.length === 1 && (!hasScalar(value) || (asks((lists[0]![1] as Fields[])[0]!) && !asks(value))));
  if (chosen.length > 0 && isWrapping)
    return chosen.flatMap(([member, list]) =>
      (list as Fields[]).flatMap(unwrapped).map((fields) => ({ fields, member })),
    );
  const keyed = records(value);
  if (keyed) return keyed.map((fields) => ({ fields }));
  const single = hasScalar(value) ? unwrapped(value) : undefined;
  return (columns(value) ?? single)?.map((fields) => ({ fields }));
}

/** Members that hold the items of a record, as in SQuAD: articles hold paragraphs, and these hold questions. */
const NESTED = ["paragraphs", "qas", "questions"];

/** A record taken out of its wrapping; one that holds others gives those, each with what stands around it. */
export function unwrapped(wrapped: Fields): Fields[] {
  const fields = row(wrapped);
  const name = NESTED.find((one) => isList(fields[one]));
  if (name === undefined) return [fields];
  return (fields[name] as Fields[]).flatMap((inner) => {
    const whole: Fields = Object.create(null);
    for (const [key, value] of [...Object.entries(fields), ...Object.entries(inner)])
      if (key !== name || key in inner) whole[key] = value;
    return unwrapped(whole);
  });
}

/** A page of a datasets server (`{"rows": [{"row": …}]}`) on a line of its own. */
export function isPage(value: Fields): boolean {
  return isList(value.rows) && (value.rows as Fields[]).every((one) => isObject(one.row));
}

/** What a datasets server wraps around a record taken off. */
function row(fields: Fields): Fields {
  return isObject(fields.row) && Object.keys(fields).every((name) => /^row|^truncated/.test(name))
    ? fields.row
    : fields;
}

/** Records by their ids. */
function records(value: Fields): Fields[] | undefined {
  const entries = Object.entries(value);
  if (entries.length < 2 || !entries.every(([, member]) => isObject(member) && asks(member)))
    return undefined;
  return entries.map(([id, member]) => Object.assign(Object.create(null), { id }, member));
}

/** Columns side by side: lists of one length, or objects by row number (as pandas writes them). */
function columns(value: Fields): Fields[] | undefined {
  const members = Object.values(value);
  const [first] = members;
  let keys: string[];
  if (Array.isArray(first)) {
    if (!members.every((member) => Array.isArray(member) && member.length === first.length)) return undefined;
    keys = first.map((_, index) => String(index));
  } else if (isObject(first)) {
    keys = Object.keys(first);
    const all = keys.join("\n");
    const isTable = members.every((member) => isObject(member) && Object.keys(member).join("\n") === all);
    if (!isTable || !keys.every((key) => /^\d+$/.test(key))) return undefined;
  } else return undefined;
  return keys.map((key) => {
    const fields: Fields = Object.create(null);
    for (const [name, member] of Object.entries(value)) fields[name] = (member as Fields)[key];
    return fields;
  });
}

/** Names of questions that nothing else has. */
const QUESTIONS: ReadonlySet<string> = new Set(USUAL_NAMES.question.slice(0, 9));

function asks(fields: Fields): boolean {
  return Object.keys(fields).some((name) => QUESTIONS.has(foldName(name)));
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function hasScalar(value: Fields): boolean {
  return Object.values(value).some((member) => typeof member !== "object" && member !== undefined);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
