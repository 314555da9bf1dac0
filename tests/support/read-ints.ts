/** @file Integers of a safetensors file, as tests compare them. */
import type { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";

/** A U8, I32 or I64 tensor as numbers. */
export function readInts(file: SafetensorsFile, name: string): Int32Array {
  const bytes = file.readBytes(name);
  const dtype = file.tensors.get(name)?.dtype;
  if (dtype === "U8") return Int32Array.from(bytes);
  return dtype === "I64"
    ? Int32Array.from(new BigInt64Array(bytes.buffer), Number)
    : new Int32Array(bytes.buffer);
}
