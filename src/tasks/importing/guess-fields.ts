/** @file Which columns hold question, answer and the rest, where the user has not said so. */
import type { SourceRecord } from "../reading/read-records.js";
import type { TaskKind } from "../task.js";
import { type FieldMap, foldName, isEmpty, OUR_FIELDS, type OurField, valueAt } from "./field-map.js";
import { splitOf } from "./split-words.js";
import { OPTION_COLUMNS, TEXT_MEMBERS, USUAL_NAMES } from "./usual-names.js";

export interface GuessedFields {
  map: FieldMap;
  /** Columns with values that nothing is made of, in their order. */
  unused: string[];
  /** What the user should know about a guess. */
  notes: string[];
}

/** Records whose values guesses look at. */
const SAMPLE = 200;
/** Characters of a column of passages, on average. */
const MIN_PASSAGE = 80;
/** Of a column of questions that no name tells. */
const MIN_QUESTION = 12;
/** What is no name of a column: a table without a header begins with an item. */
const NO_NAME = /\?|^\d|.{60}/;

/** A column, or a member of one that holds objects, with some of its values. */
interface Column {
  path: string;
  /** Column of the table it is in. */
  top: string;
  /** Folded names it goes by. */
  names: readonly string[];
  values: readonly unknown[];
}

/**
 * Completes a field map by the usual names; what is given stays. Names of ours match before others, whatever their case.
 * @param labels - the field that options are taken from, which holds the answers too
 */
export function guessFields(
  records: readonly SourceRecord[],
  kind: TaskKind,
  given: FieldMap = {},
  labels?: string,
  hasChoices = labels !== undefined,
): GuessedFields {
  const map: FieldMap = { ...given, answer: given.answer ?? labels };
  const notes: string[] = [];
  const tops = columnNames(records);
  const sample = records.slice(0, SAMPLE);
  const columns = tops.flatMap((top) => columnsOf(top, sample));
  const used = () =>
    new Set(
      [map].flatMap(({ meta = [], choices = [], ...single }) =>
        [...meta, choices, ...Object.values(single)].flat(),
      ),
    );
  const isFree = ({ path, top }: Column) => {
    const names = used();
    return !names.has(path) && !names.has(top);
  };
  const find = (field: OurField, isFit: (column: Column) => boolean = () => true) => {
    for (const name of USUAL_NAMES[field]) {
      const found = columns.find((one) => one.names.includes(name) && isFree(one) && isFit(one));
      if (found) return found.path;
    }
    return undefined;
  };

  map.split ??= find("split", ({ values }) => values.some((value) => splitOf(value) !== undefined));
  map.id ??= uniqueId(find("id"), records, notes);
  if (kind === "choice" && !hasChoices)
    map.choices ??= optionColumns(columns.filter(isFree)) ?? find("choices");
  // A worked solution ends in the answer where there is no field for that alone.
  map.answer ??= find("answer", isAnswer) ?? find("solution", isTextual);
  const long = (least: number, isFit?: (column: Column) => boolean) =>
    longest(
      columns.filter((one) => isFree(one) && isFit?.(one) !== false),
      sample.length,
      least,
    );
  map.question ??= find("question", isTextual);
  if (map.question === undefined && map.answer !== undefined && !hasNoHeader(tops)) {
    map.question = long(MIN_QUESTION, isVaried);
    if (map.question !== undefined)
      notes.push(`${map.question} is taken for the question by its texts alone`);
  }
  map.context ??= find("context", isTextual);
  if (kind === "qa" && map.question !== undefined) {
    const questions = meanLength(sample.map(({ fields }) => valueAt(fields, map.question!)));
    map.context ??= long(Math.max(MIN_PASSAGE, 2 * questions));
  }
  map.solution ??= find("solution", isTextual);
  map.split ??= splitByValues(columns.filter(isFree), records);
  const unused = tops.filter(
    (top) => columns.some((one) => one.top === top) && columns.filter((one) => one.top === top).every(isFree),
  );
  return { map: ordered(map), unused, notes };
}

function columnNames(records: readonly SourceRecord[]): string[] {
  const names = new Set<string>();
  for (const { fields } of records)
    for (const name in fields) if (!names.has(name) && !isEmpty(fields[name])) names.add(name);
  return [...names];
}

function columnsOf(top: string, sample: readonly SourceRecord[]): Column[] {
  const values = sample.map(({ fields }) => fields[top]).filter((value) => !isEmpty(value));
  const whole: Column = { path: top, top, names: [foldName(top)], values };
  const [first] = values;
  const object = Array.isArray(first) ? first[0] : first;
  if (typeof object !== "object" || object === null) return [whole];
  // The object itself before its members: options may be objects, and then they are read as such.
  return [whole, ...Object.keys(object).flatMap((name) => memberColumns(top, top, name, sample, 1))];
}

function memberColumns(
  top: string,
  parent: string,
  name: string,
  sample: readonly SourceRecord[],
  depth: number,
): Column[] {
  const path = `${parent}.${name}`;
  const values = sample.map(({ fields }) => valueAt(fields, path)).filter((value) => !isEmpty(value));
  const own = foldName(name);
  const names = TEXT_MEMBERS.has(own) ? [foldName(parent.split(".").at(-1)!), own] : [own];
  const column: Column = { path, top, names, values };
  const [first] = values;
  const isObject = typeof first === "object" && first !== null && !Array.isArray(first);
  if (!isObject || depth > 2) return [column];
  return [
    column,
    ...Object.keys(first).flatMap((inner) => memberColumns(top, path, inner, sample, depth + 1)),
  ];
}

function isTextual({ values }: Column): boolean {
  return values.length > 0 && values.every((value) => typeof value === "string" || typeof value === "number");
}

function isAnswer({ values }: Column): boolean {
  const isPlain = (value: unknown) => typeof value !== "object" || value === null;
  return (
    values.length > 0 &&
    values.every((value) => (Array.isArray(value) ? value.every(isPlain) : isPlain(value)))
  );
}

/** Columns A, B, C …, option_a …, choice1 …: the longest such row. */
function optionColumns(columns: readonly Column[]): string[] | undefined {
  let best: string[] = [];
  for (const series of OPTION_COLUMNS) {
    const found: string[] = [];
    for (const name of series) {
      const column = columns.find(({ names, path, top }) => path === top && names.includes(name));
      if (!column) break;
      found.push(column.path);
    }
    if (found.length > best.length) best = found;
  }
  return best.length >= 2 ? best : undefined;
}

/** An id that two records share would refuse the file: such a column is left alone. */
function uniqueId(
  path: string | undefined,
  records: readonly SourceRecord[],
  notes: string[],
): string | undefined {
  if (path === undefined) return undefined;
  const ids = new Set<unknown>();
  for (const { fields } of records) {
    const id = valueAt(fields, path);
    if (isEmpty(id) || typeof id === "object" || ids.has(String(id)) || String(id).length > 200) {
      notes.push(`${path} is no id: it is empty, repeated or too long in some rows`);
      return undefined;
    }
    ids.add(String(id));
  }
  return path;
}

/** The column of the longest texts, if they have so many characters on average, and twice those of the next. */
function longest(columns: readonly Column[], count: number, least: number): string | undefined {
  const [first, second] = columns
    .filter((one) => isTextual(one) && one.values.length > count / 2)
    .map(({ path, values }) => ({ path, length: meanLength(values) }))
    .sort((a, b) => b.length - a.length);
  if (first === undefined || first.length < least) return undefined;
  return least < MIN_PASSAGE && second !== undefined && 2 * second.length > first.length
    ? undefined
    : first.path;
}

/** Characters of texts, on average; what is no text has none. */
export function meanLength(texts: readonly unknown[]): number {
  return (
    texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? text.length : 0), 0) / texts.length
  );
}

/** Questions differ; labels and states repeat. */
function isVaried({ values }: Column): boolean {
  return 2 * new Set(values).size > values.length;
}

/** True where the names of a table's columns are its first item. */
export function hasNoHeader(names: readonly string[]): boolean {
  return names.some((name) => NO_NAME.test(name));
}

/** A column that says nothing but words for splits, two of them at least, is one of splits, whatever its name. */
function splitByValues(columns: readonly Column[], records: readonly SourceRecord[]): string | undefined {
  return columns.find(({ path, values }) => {
    if (values.length === 0 || values.some((value) => splitOf(value) === undefined)) return false;
    const splits = records.map(({ fields }) => splitOf(valueAt(fields, path)));
    return !splits.includes(undefined) && new Set(splits).size > 1;
  })?.path;
}

/** In the order of our fields, without those that are open or given as none. */
function ordered(map: FieldMap): FieldMap {
  const entries = [...OUR_FIELDS, "meta" as const].map((name) => [name, map[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ""));
}
