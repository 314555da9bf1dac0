/** @file The datasets a name can stand for. */
import { join } from "node:path";
import { W4sError } from "../core/errors.js";
import { type DatasetManifest, readManifest } from "./dataset-manifest.js";
import { datasetNames, defaultDatasetRoots, findDataset } from "./find-dataset.js";
import { type MetricName, SPLIT_NAMES, type SplitName, type TaskKind } from "./task.js";

export interface DatasetEntry {
  /** Folder name, as `--task` takes it. */
  name: string;
  directory: string;
  title?: string | undefined;
  kind?: TaskKind | undefined;
  metric?: MetricName | undefined;
  license?: string | undefined;
  /** Items per split, where dataset.json tells them; null where it does not. */
  splits: Partial<Record<SplitName, number | null>>;
  family?: string | undefined;
  /** Reason why dataset.json is refused. */
  error?: string | undefined;
  /** A dataset of the same name in an earlier root is taken instead. */
  isHidden: boolean;
}

/** Reads the dataset.json of each dataset under the roots, no split; in the order of the roots, then by name. */
export async function listDatasets(
  roots: readonly string[] = defaultDatasetRoots(),
): Promise<DatasetEntry[]> {
  const entries: DatasetEntry[] = [];
  for (const root of roots) {
    for (const name of datasetNames(root)) {
      const isHidden = entries.some((entry) => entry.name === name);
      entries.push({ ...(await describe(name, join(root, name))), isHidden });
    }
  }
  return entries;
}

/** The dataset.json of a folder or name, no split. @throws {InputError} where there is none, or it is refused */
export async function datasetNamed(nameOrDirectory: string): Promise<DatasetManifest> {
  return await readManifest(findDataset(nameOrDirectory));
}

async function describe(name: string, directory: string): Promise<Omit<DatasetEntry, "isHidden">> {
  try {
    const { title, kind, metric, license, family, splits } = await readManifest(directory);
    const counts: Partial<Record<SplitName, number | null>> = {};
    for (const split of SPLIT_NAMES) if (splits[split]) counts[split] = splits[split].count ?? null;
    return { name, directory, title, kind, metric, license, family, splits: counts };
  } catch (error) {
    if (!W4sError.is(error)) throw error;
    return { name, directory, splits: {}, error: error.message };
  }
}
