/** @file Where the runs lie that a command names, by its flags, the environment and the configuration. */
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { Command } from "commander";
import { configSources } from "./run-flags.js";

/** Folder of runs; what else a configuration lacks is nothing to a command that only reads. */
export async function runsRootOf(command: Command): Promise<string> {
  const { loadRunConfig } = await import("../commands.js");
  return loadRunConfig({ ...configSources(command), defaults: { task: "none", executor: "simulated" } })
    .runsRoot;
}

/**
 * The directory of a run that was given as a path, as a name of `w4s runs`, or as "latest".
 * @throws {InputError} where there is none of that name
 */
export async function namedRunOf(command: Command, name: string): Promise<string> {
  // A path needs no configuration, which may be a broken one; what is wrong with it says who reads it.
  if (existsSync(name) || isAbsolute(name)) return name;
  const { namedRun } = await import("../commands.js");
  return namedRun(name, await runsRootOf(command));
}
