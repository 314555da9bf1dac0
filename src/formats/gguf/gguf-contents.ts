/** @file What a GGUF header says, once it is read and checked. */
import type { FormatError } from "../../core/errors.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import { badGguf } from "./gguf-reader.js";
import type { GgufTensor } from "./gguf-tensors.js";

export type GgufKind = "model" | "adapter" | "split-part" | "other";

/** Header of a GGUF file: what it says of itself, its metadata, and where its tensors lie. */
export interface GgufHeader {
  file: string;
  /** All files of a split model, once readLoadableModel() has joined them; else the file itself. */
  parts: string[];
  fileSize: number;
  version: number;
  /** Kind that the file states (`general.type`); a later part of a split model is `split-part`. */
  kind: GgufKind;
  architecture: string;
  metadata: GgufMetadata;
  tensors: GgufTensor[];
  alignment: number;
  /** First byte of the data section. */
  dataOffset: number;
  /** Bytes of tensor data, padding between tensors included. */
  dataBytes: number;
  /** Odd, but not refused: trailing bytes, a huge context length, templates that loop … */
  warnings: string[];
  /** Byte of each key and each `tensor NAME` info in the file; "" is the end of the header. For error messages. */
  places: ReadonlyMap<string, number>;
}

/** badGguf() with the byte of the key or tensor; what is missing is missed at the end of the header. */
export function badHeader(header: GgufHeader, field: string, why: string): FormatError {
  const { file, places } = header;
  return badGguf(file, field, why, places.get(field.replace(/\[\d+\]$/, "")) ?? places.get(""));
}
