/** @file Types in which numbers are written anew: after training, after a merge, as an adapter. */
import { InputError } from "../../core/errors.js";
import type { GgufHeader } from "./gguf-contents.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import { gguf } from "./gguf-writer.js";

export type WeightType = "F32" | "F16" | "Q8_0";

/** `general.file_type` for a file whose largest part has this type. */
const FILE_TYPES: Readonly<Record<WeightType, number>> = { F32: 0, F16: 1, Q8_0: 7 };
const Q8_0_BLOCK = 32;
/** Sizes above these turn into infinity (float32: infinity itself); Q8_0: 127 times the largest float16 scale. */
const LARGEST: Readonly<Record<WeightType, number>> = {
  F32: Number.MAX_VALUE,
  F16: 65_504,
  Q8_0: 127 * 65_504,
};

/** The type of rows of this length: F16 instead of Q8_0 where they are no whole blocks. */
export function typeOfRows(type: WeightType, rowLength: number): WeightType {
  return type === "Q8_0" && rowLength % Q8_0_BLOCK !== 0 ? "F16" : type;
}

/** Metadata of a model for one whole file with weights of this type, however the model itself is split. */
export function metadataFor(header: GgufHeader, type: WeightType): GgufMetadata {
  const metadata = new Map(header.metadata);
  for (const key of ["split.no", "split.count", "split.tensors.count"]) metadata.delete(key);
  return metadata.set("general.file_type", gguf.uint32(FILE_TYPES[type]));
}

/**
 * The numbers themselves.
 * @param what - they are, for the message
 * @param hint - what to do about NaN and infinity
 * @throws {InputError} on a number that the type cannot hold
 */
export function checkNumbers(
  what: string,
  values: Float32Array,
  type: WeightType,
  hint = "write F32 instead",
): Float32Array {
  const bad = values.find((value) => !(Math.abs(value) <= LARGEST[type]));
  if (bad === undefined) return values;
  throw new InputError(`${what} has the value ${bad}, which ${type} cannot hold`, {
    hint: Number.isFinite(bad) ? "write F32 instead" : hint,
  });
}
