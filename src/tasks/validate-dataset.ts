/** @file Everything that is wrong with a dataset folder, in one report. Reads all splits, test among them. */
import { join } from "node:path";
import { W4sError } from "../core/errors.js";
import { type DatasetManifest, readManifest } from "./dataset-manifest.js";
import { findDataset } from "./find-dataset.js";
import { type LineProblem, type ReadSplitOptions, readSplit } from "./read-split.js";
import { findOverlap, type SplitOverlap, sampleKey } from "./sample-key.js";
import { type Sample, SPLIT_NAMES, type SplitName } from "./task.js";

interface SplitReport {
  split: SplitName;
  file: string;
  /** Good items. */
  items: number;
  /** Bad lines. */
  problems: LineProblem[];
  /** Reason why the file as a whole is refused (absent, cut, other hash, repeated ids …). */
  error?: string | undefined;
  sha256?: string | undefined;
  /** Items that occur twice within the split; odd, but allowed. */
  repeatedItems: number;
}

export interface DatasetReport {
  directory: string;
  /** Absent when dataset.json itself is refused. */
  manifest?: DatasetManifest | undefined;
  /** Reason why dataset.json is refused. */
  error?: string | undefined;
  splits: SplitReport[];
  overlaps: SplitOverlap[];
  /** Nothing was found that would stop a run. */
  isValid: boolean;
}

/**
 * Checks a dataset by folder or name.
 * @throws {InputError} only when there is no such dataset; faults inside it are in the report.
 */
export async function validateDataset(
  nameOrDirectory: string,
  options: Pick<ReadSplitOptions, "limits"> & { datasetRoots?: readonly string[] | undefined } = {},
): Promise<DatasetReport> {
  const directory = findDataset(nameOrDirectory, options.datasetRoots);
  let manifest: DatasetManifest;
  try {
    manifest = await readManifest(directory);
  } catch (error) {
    if (!W4sError.is(error)) throw error;
    return { directory, error: error.message, splits: [], overlaps: [], isValid: false };
  }
  const samples = new Map<SplitName, Sample[]>();
  const splits: SplitReport[] = [];
  for (const split of SPLIT_NAMES) {
    const entry = manifest.splits[split];
    if (!entry) continue;
    const base = { split, file: entry.file };
    try {
      const content = await readSplit(join(directory, entry.file), entry, manifest, {
        collectProblems: true,
        limits: options.limits,
      });
      samples.set(split, content.samples);
      const { problems, sha256 } = content;
      const items = content.samples.length;
      const repeatedItems = items - new Set(content.samples.map((sample) => sampleKey(sample))).size;
      splits.push({ ...base, items, problems, sha256, repeatedItems });
    } catch (error) {
      if (!W4sError.is(error)) throw error;
      splits.push({ ...base, items: 0, problems: [], error: error.message, repeatedItems: 0 });
    }
  }
  const overlaps = pairs([...samples]).flatMap(([first, second]) => findOverlap(first, second) ?? []);
  const isValid =
    overlaps.length === 0 &&
    splits.every(({ error, problems }) => error === undefined && problems.length === 0);
  return { directory, manifest, splits, overlaps, isValid };
}

function pairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((first, index) => list.slice(index + 1).map((second): [T, T] => [first, second]));
}
