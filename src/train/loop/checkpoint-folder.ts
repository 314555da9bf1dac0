/** @file The checkpoints of a run: the last two are kept, and the newest one that is unharmed is found. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, StorageError, W4sError } from "../../core/errors.js";
import { requireSpace } from "../../formats/require-space.js";
import { badSafetensors } from "../../formats/safetensors/safetensors-header.js";
import { type Checkpoint, checkpointBytes, readCheckpoint, writeCheckpoint } from "./checkpoint.js";

/** One may turn out damaged when it is needed. */
const KEPT = 2;
const NAME = /^checkpoint-(\d{8,})\.safetensors$/;
/** Name of what a killed process leaves of a checkpoint it was writing. */
const REST = /^checkpoint-\d{8,}\.safetensors\..+\.tmp$/;
/** More than the header of a checkpoint and the file system's own needs for one file. */
const ROOM_BESIDE_TENSORS = 1024 * 1024;

export interface NewestCheckpoint {
  /** Undefined where there is none that can be used. */
  newest: { path: string; checkpoint: Checkpoint } | undefined;
  /** Newer ones that were passed over, for a warning. */
  bad: { path: string; reason: string }[];
}

/**
 * Writes a checkpoint under its step, then removes all but the last two, and those of later steps: they were
 * passed over as damaged. One process at a time.
 * @returns the path of the new file
 * @throws {StorageError} on a full disk or a folder that cannot be written; earlier checkpoints stay
 * @throws {TrainingDivergedError} when a number is not finite; earlier checkpoints stay
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<string> {
  const { step } = checkpoint.optimizer;
  const path = join(folder, `checkpoint-${String(step).padStart(8, "0")}.safetensors`);
  const hint = "free some space, then run the same command again: it goes on from the last checkpoint";
  await requireSpace(folder, checkpointBytes(checkpoint) + ROOM_BESIDE_TENSORS, "a checkpoint", hint);
  await writeCheckpoint(path, checkpoint);
  const steps = list(folder);
  const old = steps.filter((other) => other.step <= step).slice(KEPT);
  const later = steps.filter((other) => other.step > step);
  const rests = readdirSync(folder).filter((name) => REST.test(name));
  for (const other of [...old, ...later]
    .map(({ path }) => path)
    .concat(rests.map((name) => join(folder, name)))) {
    try {
      rmSync(other, { force: true });
    } catch {
      // It only takes room, and the next checkpoint tries again.
    }
  }
  return path;
}

/**
 * The newest checkpoint of a folder that is whole; a folder that does not exist has none.
 * @throws {StorageError} when the folder cannot be read
 */
export function newestValidCheckpoint(folder: string): NewestCheckpoint {
  const bad: NewestCheckpoint["bad"] = [];
  for (const { step, path } of list(folder)) {
    try {
      const checkpoint = readCheckpoint(path);
      const written = checkpoint.optimizer.step;
      if (written !== step) throw badSafetensors(path, "step", `is ${written}, the name says ${step}`);
      return { newest: { path, checkpoint }, bad };
    } catch (error) {
      if (!W4sError.is(error)) throw error;
      bad.push({ path, reason: error.message });
    }
  }
  return { newest: undefined, bad };
}

/** Checkpoints of a folder, by falling step. */
function list(folder: string): { step: number; path: string }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new StorageError(`cannot read ${folder}: ${messageOf(error)}`, {
      hint: "check the folder's permissions, or choose another one",
      cause: error,
    });
  }
  return names
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits === undefined ? [] : [{ step: Number(digits), path: join(folder, name) }];
    })
    .sort((a, b) => b.step - a.step);
}
