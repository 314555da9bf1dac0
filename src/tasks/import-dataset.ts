/** @file A user's file of records to a dataset folder: fields mapped, duplicates refused, splits as given or drawn by seed. */
import { basename, resolve } from "node:path";
import { ConfigError, InputError, W4sError } from "../core/errors.js";
import { type DatasetManifest, KIND_METRICS, type MetricOptions } from "./dataset-manifest.js";
import { dealSplits } from "./importing/deal-splits.js";
import type { SplitSizes } from "./importing/draw-splits.js";
import { type FieldMap, valueAt } from "./importing/field-map.js";
import { type ImportPlan, type PlanOptions, planImport } from "./importing/import-plan.js";
import { type ImportedRow, itemOfRecord } from "./importing/item-of-record.js";
import { type ImportSource, readSource, sourceName } from "./importing/source-files.js";
import { withoutDuplicates } from "./importing/without-duplicates.js";
import { parseSampleLine, SampleLineError } from "./reading/parse-sample-line.js";
import { printable } from "./reading/printable.js";
import { badRecord, type ReadOptions, type SourceRecord } from "./reading/read-records.js";
import { type MetricName, SPLIT_NAMES, type SplitName } from "./task.js";
import { type DatasetLine, writeDataset } from "./write-dataset.js";

/** Which file, from where to where, and how its fields are read. */
export interface ImportOptions extends PlanOptions, ReadOptions {
  /** JSONL, JSON, CSV, TSV or Parquet file (text also packed as .gz), a folder of such, or a file for each split. */
  source: ImportSource;
  /** Folder of the dataset, new or empty. */
  directory: string;
  /** Default: the name of `directory`, with dashes for what a name cannot hold. */
  name?: string | undefined;
  /** Default: the usual one of the kind. */
  metric?: MetricName | undefined;
  metricOptions?: MetricOptions | undefined;
  title?: string | undefined;
  description?: string | undefined;
  license?: string | undefined;
  homepage?: string | undefined;
  /**
   * Shares that sum to at most 1 (so a single 1 means all), or counts of items. Default train 0.6, validation 0.2, test 0.2.
   * Where the source names splits of its own, only for missing ones, which are drawn from train.
   */
  splits?: SplitSizes | undefined;
  /** Draws the splits. Default 0. */
  seed?: number | undefined;
  /** Keep the first of equal items instead of refusing the file. Default false. */
  dropDuplicates?: boolean | undefined;
  /** Leave out records that cannot be read instead of refusing the file. Default false. */
  skipBad?: boolean | undefined;
  overwrite?: boolean | undefined;
  /** Called once it is known how the records are read, before any is judged. */
  onPlan?: ((preview: ImportPreview) => void) | undefined;
  /** Everything but the writing. Default false. */
  isDryRun?: boolean | undefined;
}

/** How a source is going to be read. */
export interface ImportPreview {
  /** "CSV, separator semicolon". */
  form: string;
  records: number;
  fields: FieldMap;
  /** One set of options for all items. */
  labels?: readonly string[] | undefined;
  /** Columns with values that nothing is made of. */
  unused: readonly string[];
  notes: readonly string[];
  /** The first records: field of ours to its value. */
  first: Record<string, unknown>[];
}

/** What was written, or would be. */
export interface ImportReport extends ImportPreview {
  directory: string;
  manifest?: DatasetManifest | undefined;
  counts: Partial<Record<SplitName, number>>;
  /** Lines of the source left out as duplicates. */
  dropped: number[];
  /** Messages of the records that were left out. */
  bad: string[];
}

const SHOWN_RECORDS = 3;
/** More characters than most models read. */
const LONG_ITEM = 200_000;

/**
 * Writes a dataset folder from records.
 * @throws {InputError} on a bad record, a missing field, or equal items (all named by their place).
 * @throws {ConfigError} on contradicting options or a folder that is not empty.
 */
export async function importDataset(options: ImportOptions): Promise<ImportReport> {
  const metric = options.metric ?? KIND_METRICS[options.kind][0]!;
  const name = nameOf(options);
  if (options.fields?.split && options.splits?.train !== undefined)
    throw new ConfigError("give either a split field or split sizes, not both", {
      hint: "only splits that the field does not name may be drawn, from train: --split validation=0.2",
    });
  const { records, form, unread } = await readSource(options.source, options);
  if (records.length === 0) {
    throw new InputError(`0 items in ${Object.values(sourceName(options.source)).join("")}`, {
      code: "empty-dataset",
      hint: "the file holds no records; a table needs a line with the names of its columns and one for each item",
    });
  }
  const plan = planImport(records, metric, options);
  if (plan.fields.split !== undefined && options.fields?.split === undefined)
    leaveSplit(plan, records, options);
  if (unread.length > 0) plan.notes.push(`files not read: ${unread.slice(0, 10).join(", ")}`);
  const preview: ImportPreview = {
    form,
    records: records.length,
    fields: plan.fields,
    labels: plan.labels,
    unused: plan.unused,
    notes: plan.notes,
    first: records.slice(0, SHOWN_RECORDS).map((record) => shown(record, plan)),
  };
  options.onPlan?.(preview);
  const { rows, bad } = rowsOf(records, plan, options.skipBad ?? false);
  const { kept, dropped } = withoutDuplicates(rows, plan, options.dropDuplicates ?? false);
  const groups = dealSplits(kept, options.splits, options.seed);
  const splits: Partial<Record<SplitName, DatasetLine[]>> = {};
  const counts: Partial<Record<SplitName, number>> = {};
  for (const split of SPLIT_NAMES) {
    const group = groups[split];
    if (!group || group.length === 0) continue;
    counts[split] = group.length;
    const ids = new Set<string>();
    splits[split] = group.map(({ record, item }, index) => {
      const { id, ...rest } = item;
      const whole = { id: id ?? `${name}/${split}/${String(index + 1).padStart(4, "0")}`, ...rest };
      if (ids.size === ids.add(whole.id).size)
        throw badRecord(
          record,
          `the id ${printable(whole.id, 40)} occurs before`,
          "name another field with --field id=NAME, or leave ids to be made",
        );
      checkLine(whole, record, options, metric);
      return whole;
    });
  }
  const long = kept.find(({ item }) => item.question.length + (item.context?.length ?? 0) > LONG_ITEM);
  if (long)
    plan.notes.push(
      `${long.record.unit} ${long.record.line} is longer than ${LONG_ITEM} characters: more than most models can read`,
    );
  const report = { ...preview, directory: options.directory, counts, dropped, bad };
  if (options.isDryRun) return report;
  const manifest = await writeDataset(
    options.directory,
    { manifest: manifestOf(options, name, metric, plan), splits },
    { overwrite: options.overwrite ?? false },
  );
  return { ...report, manifest };
}

function nameOf({ name, directory }: ImportOptions): string {
  const fits = (text: string) =>
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+|-+$/g, "")
      .slice(0, 100);
  const wanted = name ?? basename(resolve(directory));
  const fitting = fits(wanted) || "dataset";
  if (name === undefined || name === fitting) return fitting;
  throw new ConfigError(
    `--name: ${printable(name, 40)} must be letters, digits, dots and dashes, at most 100`,
    {
      hint: `such as --name ${fitting}; --title takes any text`,
    },
  );
}

/** A column that looks like one of splits gives way to files by split, and to sizes for a split it has. */
function leaveSplit(plan: ImportPlan, records: readonly SourceRecord[], { splits }: ImportOptions): void {
  const field = plan.fields.split!;
  if (splits?.train === undefined && records[0]!.split === undefined) return;
  plan.fields = { ...plan.fields, split: undefined };
  plan.unused.push(field);
}

function rowsOf(
  records: readonly SourceRecord[],
  plan: ImportPlan,
  skipBad: boolean,
): { rows: ImportedRow[]; bad: string[] } {
  const rows: ImportedRow[] = [];
  const bad: string[] = [];
  for (const record of records) {
    try {
      rows.push(itemOfRecord(record, plan));
    } catch (error) {
      if (!skipBad || !W4sError.is(error)) throw error;
      bad.push(error.message);
    }
  }
  return { rows, bad };
}

function shown(record: SourceRecord, { fields }: ImportPlan): Record<string, unknown> {
  const { meta: _, choices, ...single } = fields;
  const columns = Object.entries(single).flatMap(([ours, theirs]) =>
    theirs === undefined ? [] : [[ours, valueAt(record.fields, theirs)] as const],
  );
  const options =
    choices === undefined
      ? []
      : [
          [
            "choices",
            typeof choices === "string"
              ? valueAt(record.fields, choices)
              : choices.map((one) => valueAt(record.fields, one)),
          ] as const,
        ];
  return Object.fromEntries([...columns, ...options]);
}

function checkLine(
  whole: DatasetLine,
  record: SourceRecord,
  { kind, metricOptions }: ImportOptions,
  metric: MetricName,
): void {
  try {
    parseSampleLine(JSON.stringify(whole), { kind, metric, metricOptions });
  } catch (error) {
    if (!(error instanceof SampleLineError)) throw error;
    throw badRecord(record, error.message);
  }
}

function manifestOf(
  options: ImportOptions,
  name: string,
  metric: MetricName,
  { fields }: ImportPlan,
): Omit<DatasetManifest, "splits"> {
  const { title, description, instruction, kind, metricOptions, license, homepage, source, seed } = options;
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
    source: { file: sourceName(source), seed: seed ?? 0, fields },
  };
}
