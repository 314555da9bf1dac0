/** @file Training data and a script for another trainer: rows with weights, and the loss that reads them. */
import { join } from "node:path";
import { refuseExisting, writeAtomic } from "../core/write-atomic.js";
import type { ObjectiveOptions } from "./examples/objectives.js";
import { exportDataset } from "./export-dataset.js";
import { MLX_SCRIPT, TRL_SCRIPT } from "./hand-over-scripts.js";

/** Trainers that a run can be handed over to: TRL (PyTorch) and mlx-lm (Apple silicon). */
export type TrainerName = "trl" | "mlx";

const SCRIPTS: Readonly<Record<TrainerName, string>> = { trl: TRL_SCRIPT, mlx: MLX_SCRIPT };

/**
 * Writes `rows.jsonl`, chat rows with their weights, and `train.py` into a folder. The script trains a LoRA adapter with
 * the loss of `w4s train`; `w4s import` takes what it leaves.
 * @param path a run directory, or its trajectories.jsonl
 * @throws {InputError} when it has no scored candidates
 * @throws {ConfigError} when a file exists and force is not given
 * @throws {StorageError}
 */
export async function exportForTrainer(
  path: string,
  folder: string,
  options: { trainer: TrainerName; weighting?: ObjectiveOptions | undefined; force?: boolean | undefined },
): Promise<{ rows: number; paths: string[] }> {
  const { trainer, weighting, force } = options;
  const [rowsPath, scriptPath] = [join(folder, "rows.jsonl"), join(folder, "train.py")];
  refuseExisting(scriptPath, force);
  const rows = await exportDataset(path, rowsPath, { format: "messages", weighting, force });
  await writeAtomic(scriptPath, SCRIPTS[trainer]);
  return { rows, paths: [rowsPath, scriptPath] };
}
