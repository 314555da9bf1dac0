/** @file The directory of a run that was named on the command line: a path, a name below the folder of runs, or `latest`. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { InputError } from "../core/errors.js";
import { nearNames } from "../core/near-names.js";
import { runFolders } from "./list-runs.js";

/** Stands for the run that was at work last. */
const LATEST = "latest";

/** @throws {InputError} that names the runs which are there */
export function namedRun(name: string, runsRoot: string): string {
  if (existsSync(name)) return name;
  const found = name === LATEST ? latestRun(runsRoot) : join(runsRoot, name);
  if (name !== "" && found !== undefined && existsSync(found)) return found;
  const known = runFolders(runsRoot).map((path) => relative(runsRoot, path));
  const near = nearNames(name, known);
  throw new InputError(
    name === LATEST
      ? `there is no run below ${runsRoot}`
      : `there is no run ${name}, neither here nor below ${runsRoot}`,
    { hint: near.length > 0 ? `did you mean ${near.join(" or ")}?` : "w4s runs lists which there are" },
  );
}

/** The log grows with every event: the run whose log changed last. What was only forecast is none. */
function latestRun(runsRoot: string): string | undefined {
  const changed = (path: string) =>
    Math.max(
      0,
      ...["events.jsonl", "run.json"].map(
        (file) => statSync(join(path, file), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      ),
    );
  const [latest] = runFolders(runsRoot)
    .filter((path) => !isForecastOnly(path))
    .map((path) => ({ path, at: changed(path) }))
    .sort((a, b) => b.at - a.at);
  return latest?.path;
}

/** Longest log of a run that was never more than forecast. */
const FORECAST_BYTES = 64 * 1024;

function isForecastOnly(path: string): boolean {
  const log = join(path, "events.jsonl");
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 || size > FORECAST_BYTES) return false;
  const starts = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line.includes('"type":"run-start"'));
  return starts.length > 0 && starts.every((line) => line.includes('"isDryRun":true'));
}
