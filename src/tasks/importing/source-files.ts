/** @file The files an import reads: one, several by split, or what a folder holds. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { ConfigError, InputError } from "../../core/errors.js";
import {
  type FileRecords,
  type ReadOptions,
  readRecords,
  type SourceRecord,
} from "../reading/read-records.js";
import { SPLIT_NAMES, type SplitName } from "../task.js";
import { splitInName, splitOf } from "./split-words.js";

/** One file or folder, or a file for each split. */
export type ImportSource = string | Partial<Record<SplitName, string>>;

const DATA_FILE = /\.(?:jsonl|ndjson|json|csv|tsv|tab|parquet)(?:\.gz)?$/i;
const TEXT_FILE = /\.(?:txt|md)$/i;
/** Folders below the one that is named. */
const MAX_DEPTH = 3;
const MAX_FILES = 200_000;
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

interface SourceFiles extends FileRecords {
  /** Files of a folder that were not read. */
  unread: string[];
}

/**
 * The records of all files, each with the word for its split where file or folder name it.
 * @throws {InputError} on what cannot be read; {ConfigError} where a folder does not say which of its files are meant.
 */
export async function readSource(source: ImportSource, options: ReadOptions): Promise<SourceFiles> {
  if (typeof source !== "string") {
    const files = SPLIT_NAMES.flatMap((split) =>
      source[split] === undefined ? [] : [[source[split], split] as const],
    );
    return { ...(await readAll(files, options)), unread: [] };
  }
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory())
    return { ...(await readAll([[source, undefined]], options)), unread: [] };
  const files = filesBelow(source);
  const data = files.filter((path) => DATA_FILE.test(path));
  const texts = files.filter((path) => TEXT_FILE.test(path));
  if (data.length === 0 && texts.length > 0) return textRecords(source, texts);
  const { chosen, unread } = chooseFiles(source, data);
  return { ...(await readAll(chosen, options)), unread };
}

/** Name of the source in dataset.json: a path would tell about the computer it came from. */
export function sourceName(source: ImportSource): string | Record<string, string> {
  return typeof source === "string"
    ? basename(source)
    : Object.fromEntries(Object.entries(source).map(([split, path]) => [split, basename(path)]));
}

type SplitFile = readonly [path: string, split: SplitName | undefined];

async function readAll(files: readonly SplitFile[], options: ReadOptions): Promise<FileRecords> {
  const records: SourceRecord[] = [];
  const forms = new Set<string>();
  for (const [path, split] of files) {
    const found = await readRecords(path, options);
    // A member that names no split ("rows", "data") says nothing.
    for (const record of found.records) {
      record.split = split ?? splitOf(record.split);
      records.push(record);
    }
    forms.add(found.form);
  }
  return { records, form: [...forms].join("; ") };
}

function filesBelow(folder: string, depth = 0): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return entry.isFile() ? [path] : [];
    return depth < MAX_DEPTH ? filesBelow(path, depth + 1) : [];
  });
}

/** Files named by split win; a lone file needs no name. */
function chooseFiles(folder: string, files: readonly string[]): { chosen: SplitFile[]; unread: string[] } {
  const named = files.flatMap((path): SplitFile[] => {
    const split = splitInName(basename(path)) ?? splitOf(basename(dirname(path)));
    return split === undefined ? [] : [[path, split]];
  });
  const chosen: readonly SplitFile[] =
    named.length > 0 ? named : files.length === 1 ? [[files[0]!, undefined]] : [];
  const listed = files.slice(0, 6).map((path) => relative(folder, path));
  if (chosen.length === 0)
    throw new ConfigError(
      files.length === 0
        ? `${folder} is a folder without files of records`
        : `${folder} holds ${files.length} files, and none is named train, validation or test: ${listed.join(", ")}`,
      { hint: "name the file, or give the files by split: --train FILE --validation FILE --test FILE" },
    );
  const homes = new Set(chosen.map(([path]) => `${dirname(path)}${sep}`));
  const isEachSplitOnce = [...homes].every((home) => splitOf(basename(home)) !== undefined);
  if (homes.size > 1 && !isEachSplitOnce)
    throw new ConfigError(
      `${folder} holds several datasets: ${[...homes]
        .slice(0, 6)
        .map((home) => relative(folder, home) || ".")
        .join(", ")}`,
      { hint: "name one of these folders" },
    );
  const taken = new Set(chosen.map(([path]) => path));
  return {
    chosen: [...chosen],
    unread: files.filter((path) => !taken.has(path)).map((path) => relative(folder, path)),
  };
}

/** A text a file, its folder the label: pos/1.txt, or train/pos/1.txt. */
function textRecords(folder: string, files: readonly string[]): SourceFiles {
  if (files.length > MAX_FILES) throw new InputError(`${folder} holds more than ${MAX_FILES} files`);
  const records = files.map((path): SourceRecord => {
    const parts = relative(folder, dirname(path))
      .split(sep)
      .filter((part) => part !== "");
    const split = parts.map(splitOf).find((found) => found !== undefined);
    const label = parts.filter((part) => splitOf(part) === undefined).at(-1);
    if (label === undefined)
      throw new InputError(`${path}: a text without an answer`, {
        code: "no-answers",
        hint: "put each text into a folder named by its label (billing/1.txt), or make a table of question and answer",
      });
    if (statSync(path).size > MAX_TEXT_BYTES) throw new InputError(`${path} is longer than 8 MiB`);
    const fields: Record<string, unknown> = Object.create(null);
    fields.text = readFileSync(path, "utf8").trim();
    fields.label = label;
    fields.file = basename(path, extname(path));
    return { path, unit: "file", line: 1, fields, split };
  });
  return { records, form: "texts in folders named by label", unread: [] };
}
