/** @file A tiny model cut into two files as llama.cpp's gguf-split does it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GgufMetadata, type GgufValue, integerValue } from "../../src/formats/gguf/gguf-metadata.js";
import { ValueType } from "../../src/formats/gguf/gguf-types.js";
import { encodeGguf } from "../../src/formats/gguf/gguf-writer.js";
import { type TinyGgufOptions, tinyGgufBytes } from "../../src/formats/gguf/make-tiny-gguf.js";
import { readGgufHeader } from "../../src/formats/gguf/read-gguf-header.js";

/** Writes `model-0000{1,2}-of-00002.gguf` into `folder`; every other tensor goes to the second. */
export function splitTinyGguf(
  folder: string,
  options: TinyGgufOptions,
): { parts: [string, string]; whole: Buffer } {
  const whole = tinyGgufBytes(options);
  const wholePath = join(folder, "whole.gguf");
  writeFileSync(wholePath, whole);
  const header = readGgufHeader(wholePath);
  if (integerValue(header.metadata, "split.count") !== undefined) throw new Error("is split already");
  const parts = [0, 1].map((part) => {
    const keys: [string, GgufValue][] = [
      ["split.no", { type: ValueType.UINT16, value: part }],
      ["split.count", { type: ValueType.UINT16, value: 2 }],
      ["split.tensors.count", { type: ValueType.INT32, value: header.tensors.length }],
    ];
    // Only the first part carries the model's own keys.
    const metadata: GgufMetadata = new Map(part === 0 ? [...header.metadata, ...keys] : keys);
    const tensors = header.tensors
      .filter((_, index) => index % 2 === part)
      .map(({ name, dimensions, type, offset, sizeBytes }) => {
        const from = header.dataOffset + offset;
        return { name, dimensions, typeName: type.name, data: whole.subarray(from, from + sizeBytes) };
      });
    const path = join(folder, `model-0000${part + 1}-of-00002.gguf`);
    writeFileSync(path, encodeGguf(metadata, tensors));
    return path;
  });
  return { parts: parts as [string, string], whole };
}
