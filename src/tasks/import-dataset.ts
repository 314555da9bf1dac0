/** @file A user's JSONL or CSV file to a dataset folder: fields mapped, duplicates refused, splits drawn by seed. */
import { basename } from "node:path";
import { ConfigError, InputError } from "../core/errors.js";
import { nearNames } from "../core/near-names.js";
import { type DatasetManifest, KIND_METRICS, type MetricOptions } from "./dataset-manifest.js";
import { drawSplits } from "./draw-splits.js";
import { readAnswer } from "./read-answer.js";
import { parseSampleLine, SampleLineError } from "./reading/parse-sample-line.js";
import { printable } from "./reading/printable.js";
import {
  badRecord,
  formatOf,
  type RecordFormat,
  readRecords,
  type SourceRecord,
} from "./reading/read-records.js";
import { sampleKey } from "./sample-key.js";
import { type MetricName, SPLIT_NAMES, type SplitName, type TaskKind } from "./task.js";
import { type DatasetLine, writeDataset } from "./write-dataset.js";

/** Which field of the source becomes which of ours. */
interface FieldMap {
  /** Default "question". */
  question?: string | undefined;
  /** Default "answer". For kind choice: a letter, the text of an option, or (with `answerIndexFrom`) its number. */
  answer?: string | undefined;
  context?: string | undefined;
  /** One field with a list, or several fields with one option each. Default "choices" for kind choice. */
  choices?: string | readonly string[] | undefined;
  /** Default: made from dataset, split and line number. */
  id?: string | undefined;
  solution?: string | undefined;
  /** A field that names the split ("train", "validation", "valid", "dev", "test"). */
  split?: string | undefined;
  /** Further fields kept in `meta`. */
  meta?: readonly string[] | undefined;
}

/** Which file, from where to where, and how its fields are read. */
export interface ImportOptions {
  /** JSONL, CSV or TSV file, also packed as .gz. */
  source: string;
  /** Folder of the dataset, new or empty. */
  directory: string;
  /** Default: the name of `directory`. */
  name?: string | undefined;
  kind: Exclude<TaskKind, "code">;
  /** Default: the usual one of the kind. */
  metric?: MetricName | undefined;
  metricOptions?: MetricOptions | undefined;
  title?: string | undefined;
  description?: string | undefined;
  /** What every model that answers an item is told with it; at most 2 000 characters. */
  instruction?: string | undefined;
  license?: string | undefined;
  homepage?: string | undefined;
  /** Default: by the ending of `source`. */
  format?: RecordFormat | undefined;
  fields?: FieldMap | undefined;
  /** Shares that sum to at most 1 (so a single 1 means all), or counts of items. Default train 0.6, validation 0.2, test 0.2. Not with `fields.split`. */
  splits?: Partial<Record<SplitName, number>> | undefined;
  /** Draws the splits. Default 0. */
  seed?: number | undefined;
  /** Keep only what follows the last of these marks in an answer (such as "####"). */
  answerAfter?: string | undefined;
  /** Number of the first option where answers are option numbers. */
  answerIndexFrom?: 0 | 1 | undefined;
  /** Keep the first of equal items instead of refusing the file. Default false. */
  dropDuplicates?: boolean | undefined;
  overwrite?: boolean | undefined;
}

export interface ImportReport {
  directory: string;
  manifest: DatasetManifest;
  counts: Partial<Record<SplitName, number>>;
  /** Lines of the source left out as duplicates. */
  dropped: number[];
}

const SPLIT_WORDS: Readonly<Record<string, SplitName>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
};

interface Row {
  line: number;
  split: SplitName | undefined;
  item: Omit<DatasetLine, "id"> & { id: string | undefined };
}

/**
 * Writes a dataset folder from a file of records.
 * @throws {InputError} on a bad line, a missing field, or equal items (all named by line).
 * @throws {ConfigError} on contradicting options or a folder that is not empty.
 */
export async function importDataset(options: ImportOptions): Promise<ImportReport> {
  const format = options.format ?? formatOf(options.source);
  const name = options.name ?? basename(options.directory);
  const metric = options.metric ?? KIND_METRICS[options.kind][0]!;
  if (options.fields?.split !== undefined && options.splits) {
    throw new ConfigError("give either a split field or split sizes, not both");
  }
  const records = await readRecords(options.source, format);
  if (records.length === 0) {
    throw new InputError(`0 items in ${options.source}`, {
      code: "empty-dataset",
      hint: "the file holds no records",
    });
  }
  const rows = records.map((record) => toRow(record, options));
  const { kept, dropped } = withoutDuplicates(rows, options);
  const groups =
    options.fields?.split === undefined ? drawSplits(kept, options.splits, options.seed) : groupSplits(kept);
  const splits: Partial<Record<SplitName, DatasetLine[]>> = {};
  const counts: Partial<Record<SplitName, number>> = {};
  for (const split of SPLIT_NAMES) {
    const group = groups[split];
    if (!group || group.length === 0) continue;
    counts[split] = group.length;
    splits[split] = group.map(({ line, item }, index) => {
      const { id, ...rest } = item;
      const whole = { id: id ?? `${name}/${split}/${String(index + 1).padStart(4, "0")}`, ...rest };
      checkLine(whole, line, options, metric);
      return whole;
    });
  }
  const manifest = await writeDataset(
    options.directory,
    { manifest: manifestOf(options, name, metric), splits },
    { overwrite: options.overwrite ?? false },
  );
  return { directory: options.directory, manifest, counts, dropped };
}

function toRow({ line, fields }: SourceRecord, options: ImportOptions): Row {
  const map = options.fields ?? {};
  const take = (field: string): unknown => {
    if (field in fields) return fields[field];
    const near = nearNames(field, Object.keys(fields));
    const known =
      near.length > 0
        ? `did you mean ${near.map((name) => printable(name)).join(" or ")}?`
        : `it has ${Object.keys(fields)
            .slice(0, 10)
            .map((name) => printable(name, 30))
            .join(", ")}`;
    throw badRecord(options.source, line, `no field ${printable(field)}; ${known}`);
  };
  const text = (field: string): string => {
    const value = take(field);
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    throw badRecord(options.source, line, `field ${printable(field)} is wrong: expected text`);
  };
  const choices = options.kind === "choice" ? readChoices(take, text, map, options.source, line) : undefined;
  const meta: Record<string, unknown> = Object.create(null);
  meta.sourceLine = line;
  for (const field of map.meta ?? []) meta[field] = take(field);
  const answerField = map.answer ?? "answer";
  const rawAnswer = Array.isArray(take(answerField))
    ? (take(answerField) as unknown[]).map(String)
    : text(answerField);
  return {
    line,
    split: map.split === undefined ? undefined : readSplitName(text(map.split), options.source, line),
    item: {
      id: map.id === undefined ? undefined : text(map.id),
      question: text(map.question ?? "question"),
      context: map.context === undefined ? undefined : text(map.context),
      choices,
      answer: readAnswer(rawAnswer, choices, options, line),
      solution: map.solution === undefined ? undefined : text(map.solution),
      meta,
    },
  };
}

function readChoices(
  take: (field: string) => unknown,
  text: (field: string) => string,
  map: FieldMap,
  source: string,
  line: number,
): string[] {
  const field = map.choices ?? "choices";
  if (typeof field !== "string") return field.map(text).filter((choice) => choice.trim() !== "");
  const value = take(field);
  if (
    Array.isArray(value) &&
    value.every((choice) => typeof choice === "string" || typeof choice === "number")
  ) {
    return value.map(String);
  }
  throw badRecord(source, line, `field ${printable(field)} is wrong: expected a list of options`);
}

function readSplitName(text: string, source: string, line: number): SplitName {
  const split = SPLIT_WORDS[text.trim().toLowerCase()];
  if (split) return split;
  throw badRecord(source, line, `${printable(text, 40)} is not a split; use train, validation or test`);
}

function withoutDuplicates(rows: readonly Row[], options: ImportOptions): { kept: Row[]; dropped: number[] } {
  const firstLine = new Map<string, number>();
  const kept: Row[] = [];
  const repeated: [number, number][] = [];
  for (const row of rows) {
    const key = sampleKey(row.item);
    const first = firstLine.get(key);
    if (first === undefined) {
      firstLine.set(key, row.line);
      kept.push(row);
    } else repeated.push([first, row.line]);
  }
  if (repeated.length > 0 && !options.dropDuplicates) {
    const listed = repeated
      .slice(0, 5)
      .map(([first, second]) => `lines ${first} and ${second}`)
      .join(", ");
    throw new InputError(`${options.source}: ${repeated.length} items occur more than once: ${listed}`, {
      code: "repeated-item",
      hint: "remove them, or pass --drop-duplicates to keep the first of each",
    });
  }
  return { kept, dropped: repeated.map(([, line]) => line) };
}

function groupSplits(rows: readonly Row[]): Partial<Record<SplitName, Row[]>> {
  return Object.fromEntries(SPLIT_NAMES.map((name) => [name, rows.filter(({ split }) => split === name)]));
}

function checkLine(
  whole: DatasetLine,
  line: number,
  { kind, metricOptions, source }: ImportOptions,
  metric: MetricName,
): void {
  try {
    parseSampleLine(JSON.stringify(whole), { kind, metric, metricOptions });
  } catch (error) {
    if (!(error instanceof SampleLineError)) throw error;
    throw badRecord(source, line, error.message);
  }
}

function manifestOf(
  options: ImportOptions,
  name: string,
  metric: MetricName,
): Omit<DatasetManifest, "splits"> {
  const { title, description, instruction, kind, metricOptions, license, homepage, source, seed, fields } =
    options;
  return {
    name,
    title,
    description,
    instruction,
    kind,
    metric,
    metricOptions,
    license,
    homepage,
    // Only the file's name: a path would tell about the computer it came from.
    source: { file: basename(source), seed: seed ?? 0, fields: { ...fields } },
  };
}
