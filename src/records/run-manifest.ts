/** @file run.json: which command a run directory belongs to, and what decides its results. */
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { readRecord } from "./record-file.js";

export const MANIFEST_FILE = "run.json";

/** How a search uses its validation items. */
const searchPlan = z.object({
  /** Most items. */
  items: z.number().int(),
  /** Candidates race over them; else they are screened, and the better half meets all of them. */
  isRacing: z.boolean(),
  /** Share that only the confirmation of the best designs meets. */
  confirm: z.number(),
  /** How the race is run and its winner chosen; absent without either, and in runs begun before rules had names. */
  rule: z.string().optional(),
});

const runManifest = z.object({
  command: z.enum(["optimize", "collect", "eval", "learn"]),
  version: z.literal(1),
  executor: z.string(),
  isSimulated: z.boolean(),
  /** Name of the run in a ledger that several share; version 0.1 wrote none. */
  id: z.string().optional(),
  /**
   * Rewards are shrunk before they become weights, and losing a screening pays no better than passing it; absent in runs begun
   * before that, which keep to the rules of their time.
   */
  shrinksRewards: z.boolean().optional(),
  /** Compared on resume: the part of the configuration that decides the results, and the inputs' hashes. */
  identity: z.record(z.string(), z.unknown()),
  /** Absent in runs of version 0.1, which screen and do not confirm. */
  search: searchPlan.optional(),
});

export type SearchPlan = z.infer<typeof searchPlan>;

export type RunManifest = z.infer<typeof runManifest>;
export type RunCommand = RunManifest["command"];

/** @returns undefined where the directory is none of a run */
export function findManifest(directory: string): RunManifest | undefined {
  return readRecord(join(directory, MANIFEST_FILE), runManifest, "start again with --fresh");
}

/** @throws {InputError} where the directory is none of a run; {StorageError} on damage */
export function readManifest(directory: string): RunManifest {
  const manifest = findManifest(directory);
  if (manifest !== undefined) return manifest;
  throw new InputError(`${directory} is no run directory: it has no ${MANIFEST_FILE}`, {
    hint: "name a directory that w4s optimize, collect, eval or learn has written",
  });
}
