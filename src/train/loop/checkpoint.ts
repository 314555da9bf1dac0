/** @file All that a training run needs to go on, in one file that is whole and unharmed or refused. */
import { createHash } from "node:crypto";
import { TrainingDivergedError } from "../../core/errors.js";
import { SafetensorsFile } from "../../formats/safetensors/safetensors-file.js";
import { badSafetensors } from "../../formats/safetensors/safetensors-header.js";
import { writeSafetensors } from "../../formats/safetensors/write-safetensors.js";
import type { DataPosition } from "../data/data-position.js";
import type { AdamWState } from "./adamw.js";
import type { RunIdentity } from "./run-identity.js";

/** The state between two updates. */
export interface Checkpoint {
  /** Trained arrays by name, flat. */
  parameters: Map<string, Float32Array>;
  /** State of the optimizer; its `step` is the number of updates done. */
  optimizer: AdamWState;
  /** Place in the data from which the next update takes its own. */
  position: DataPosition;
  /** All chance of the run is derived from it together with step and position: this is the generators' whole state. */
  seed: number;
  identity: RunIdentity;
  /** Loss before every update so far. */
  losses: readonly number[];
  /** Loss on the examples held out, with the updates done before it was measured. */
  heldOutLosses: readonly HeldOutLoss[];
  /** The best of these measurements, with the parameters it was made of. Undefined before the first. */
  best?: (HeldOutLoss & { parameters: Map<string, Float32Array> }) | undefined;
}

interface HeldOutLoss {
  step: number;
  loss: number;
}

/** The part of a checkpoint that is not tensors, as stored. */
type StoredState = Omit<Checkpoint, "parameters" | "optimizer" | "best"> & {
  step: number;
  best?: HeldOutLoss | undefined;
};

const FORMAT = "w4s-checkpoint";
const VERSION = "1";
const PARTS = ["parameter", "m", "v", "best"] as const;

/** Bytes of a checkpoint's tensors; the rest is small. */
export function checkpointBytes({ parameters, best }: Pick<Checkpoint, "parameters" | "best">): number {
  const parts = best === undefined ? PARTS.length - 1 : PARTS.length;
  let bytes = 0;
  for (const { byteLength } of parameters.values()) bytes += parts * byteLength;
  return bytes;
}

/**
 * Writes a checkpoint as safetensors; the file appears when it is complete. Nothing of it may change meanwhile.
 * @throws {TrainingDivergedError} when a number is not finite; nothing is written then
 * @throws {StorageError} when the file cannot be written; what was there before stays
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { parameters, optimizer, best, ...rest } = checkpoint;
  const arrays = new Map<string, Float32Array>();
  [parameters, optimizer.m, optimizer.v, best?.parameters].forEach((part, i) => {
    for (const [name, values] of part ?? []) {
      checkFinite(checkpoint, name, values);
      arrays.set(`${PARTS[i]}.${name}`, values);
    }
  });
  const stored: StoredState = { step: optimizer.step, ...rest };
  if (best !== undefined) stored.best = { step: best.step, loss: best.loss };
  const state = JSON.stringify(stored);
  const tensors = new Map(
    [...arrays].map(([name, data]) => [name, { dtype: "F32" as const, shape: [data.length], data }]),
  );
  const metadata = new Map([
    ["format", FORMAT],
    ["version", VERSION],
    ["state", state],
    ["checksum", checksum(state, arrays)],
  ]);
  await writeSafetensors(path, { metadata, tensors });
}

/**
 * Reads a checkpoint and compares its checksum.
 * @throws {FormatError} on a file that is cut, changed, of another kind or of another version
 */
export function readCheckpoint(path: string): Checkpoint {
  const file = SafetensorsFile.open(path);
  try {
    if (file.metadata.get("format") !== FORMAT)
      throw badSafetensors(path, "format", "is not a training checkpoint");
    const version = file.metadata.get("version");
    if (version !== VERSION) throw badSafetensors(path, "version", `is ${version}, expected ${VERSION}`);
    const arrays = new Map<string, Float32Array>();
    for (const [name, { dtype }] of file.tensors) {
      if (dtype !== "F32") throw badSafetensors(path, `tensor ${name}`, `has type ${dtype}, expected F32`);
      arrays.set(name, file.readFloats(name));
    }
    const state = file.metadata.get("state") ?? "";
    if (file.metadata.get("checksum") !== checksum(state, arrays)) {
      throw badSafetensors(path, "checksum", "does not fit the content: the file was damaged");
    }
    const { step, best, ...rest } = JSON.parse(state) as StoredState;
    const optimizer = { step, m: partOf(arrays, "m"), v: partOf(arrays, "v") };
    return {
      ...rest,
      parameters: partOf(arrays, "parameter"),
      optimizer,
      best: best && { ...best, parameters: partOf(arrays, "best") },
    };
  } finally {
    file.close();
  }
}

/** SHA-256 over the state, and every tensor's name, length and bytes, in the order of names. */
function checksum(state: string, arrays: ReadonlyMap<string, Float32Array>): string {
  const hash = createHash("sha256").update(state);
  for (const name of [...arrays.keys()].sort()) {
    const data = arrays.get(name) as Float32Array;
    hash.update(`\n${JSON.stringify(name)} ${data.length}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

function partOf(
  arrays: ReadonlyMap<string, Float32Array>,
  part: (typeof PARTS)[number],
): Map<string, Float32Array> {
  const prefix = `${part}.`;
  const found = [...arrays].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, data]) => [name.slice(prefix.length), data]));
}

function checkFinite({ optimizer, losses }: Checkpoint, name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new TrainingDivergedError(optimizer.step, losses[losses.length - 1] ?? Number.NaN, {
      hint: `${name} holds ${values[i]}: lower the learning rate or the largest weight, then run again`,
    });
  }
}
