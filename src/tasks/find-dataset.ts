/** @file Where a dataset lies: a path, or a name under the roots. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { InputError } from "../core/errors.js";
import { nearNames } from "../core/near-names.js";
import { packageFile } from "../core/package-file.js";
import { printable } from "./reading/printable.js";

/** Datasets that are part of this package. */
const packageDatasets = packageFile("datasets");

/** `datasets/` of the working folder, `datasets/` of this package, then the folders of `$W4S_DATASETS`, without repeats. */
export function defaultDatasetRoots(
  env: Readonly<Record<string, string | undefined>> = process.env,
  workingFolder: string = process.cwd(),
): string[] {
  const extra = (env.W4S_DATASETS ?? "").split(delimiter).filter((root) => root !== "");
  return [
    ...new Set([join(workingFolder, "datasets"), packageDatasets, ...extra].map((root) => resolve(root))),
  ];
}

/**
 * The folder of a dataset: `nameOrPath` itself where it is one (or its dataset.json), else the first root with
 * such a folder.
 * @throws {InputError} with near names and the places looked at.
 */
export function findDataset(nameOrPath: string, roots: readonly string[] = defaultDatasetRoots()): string {
  const asPath = basename(nameOrPath) === "dataset.json" ? dirname(nameOrPath) : nameOrPath;
  if (nameOrPath !== "" && existsSync(join(asPath, "dataset.json"))) return asPath;
  const isPath = /[\\/]/.test(nameOrPath) || nameOrPath === "." || nameOrPath === "..";
  if (!isPath && nameOrPath !== "") {
    for (const root of roots) {
      const directory = join(root, nameOrPath);
      if (existsSync(join(directory, "dataset.json"))) return directory;
    }
  }
  throw unknownDataset(nameOrPath, isPath, roots);
}

function unknownDataset(nameOrPath: string, isPath: boolean, roots: readonly string[]): InputError {
  const unknown = (message: string, hint: string) =>
    new InputError(message, { code: "unknown-dataset", hint });
  const shown = printable(nameOrPath, 200);
  const stats = nameOrPath.includes("\0") ? undefined : statSync(nameOrPath, { throwIfNoEntry: false });
  if (stats?.isDirectory())
    return unknown(
      `${shown} has no dataset.json`,
      "make one with `w4s data import`, or see docs/datasets.md",
    );
  if (stats)
    return unknown(
      `${shown} is not a dataset folder`,
      "turn a JSONL or CSV file into one with `w4s data import`",
    );
  if (isPath)
    return unknown(
      `no dataset folder at ${shown}`,
      "check the path, or give a name listed by `w4s data list`",
    );
  const near = nearNames(nameOrPath, roots.flatMap(datasetNames));
  const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : "see `w4s data list` for the names";
  return unknown(
    `unknown dataset ${shown}; looked in ${roots.join(", ")}`,
    `${hint} Other folders can be named in W4S_DATASETS`,
  );
}

/** Names of the dataset folders right under a root; none where the root is absent or unreadable. */
export function datasetNames(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((name) => existsSync(join(root, name, "dataset.json")))
      .sort();
  } catch {
    return [];
  }
}
