/** @file A dataset folder written out: split files first, dataset.json with their hashes last. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { writeAtomic } from "../core/write-atomic.js";
import { checkManifest, type DatasetManifest, type SplitEntry } from "./dataset-manifest.js";
import { parseSampleLine, SampleLineError } from "./reading/parse-sample-line.js";
import { SPLIT_NAMES, type SplitName } from "./task.js";

/** A line of a split file in its written form (docs/datasets.md). */
export interface DatasetLine {
  id: string;
  question: string;
  context?: string | undefined;
  choices?: readonly string[] | undefined;
  /** Absent in items of metric writing, which have constraints. */
  answer?: string | readonly string[] | undefined;
  constraints?: Readonly<Record<string, unknown>> | undefined;
  solution?: string | undefined;
  meta?: Readonly<Record<string, unknown>> | undefined;
}

export interface DatasetContent {
  manifest: Omit<DatasetManifest, "splits">;
  splits: Partial<Record<SplitName, readonly DatasetLine[]>>;
}

/**
 * Writes `dataset.json` and one JSONL file a split; the same content gives the same bytes.
 * @throws {ConfigError} when the folder holds something already and `overwrite` is not set, or a line breaks the format.
 * @throws {StorageError} when it cannot be written.
 */
export async function writeDataset(
  directory: string,
  { manifest, splits }: DatasetContent,
  options: { overwrite?: boolean | undefined } = {},
): Promise<DatasetManifest> {
  if (!options.overwrite && existsSync(directory) && readdirSync(directory).length > 0) {
    throw new ConfigError(`${directory} is not empty`, {
      hint: "choose another folder, or pass --overwrite",
    });
  }
  const entries: Partial<Record<SplitName, SplitEntry>> = {};
  const files: [string, string][] = [];
  for (const split of SPLIT_NAMES) {
    const lines = splits[split];
    if (!lines || lines.length === 0) continue;
    for (const line of lines) checkLine(line, manifest, split);
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const file = `${split}.jsonl`;
    files.push([join(directory, file), text]);
    entries[split] = { file, count: lines.length, sha256: sha256(text) };
  }
  const path = join(directory, "dataset.json");
  const whole = checkManifest({ ...manifest, splits: entries }, path);
  for (const [file, text] of files) await writeAtomic(file, text);
  await writeAtomic(path, `${JSON.stringify(whole, undefined, 2)}\n`);
  return whole;
}

function checkLine(line: DatasetLine, rules: Omit<DatasetManifest, "splits">, split: SplitName): void {
  try {
    parseSampleLine(JSON.stringify(line), rules);
  } catch (error) {
    if (!(error instanceof SampleLineError)) throw error;
    throw new ConfigError(`${split} item ${JSON.stringify(line.id)}: ${error.message}`, { cause: error });
  }
}
