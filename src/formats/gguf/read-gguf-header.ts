/** @file Strict reader of GGUF headers: what passes here may be handed to native code, nothing else may. */

import { RangedFile } from "../ranged-file.js";
import { checkModelKeys } from "./check-model-keys.js";
import { checkShapes } from "./check-shapes.js";
import { checkVocabulary } from "./check-vocabulary.js";
import { checkAdapterHeader } from "./gguf-adapter-checks.js";
import type { GgufHeader, GgufKind } from "./gguf-contents.js";
import { type GgufMetadata, integerValue, readMetadata, stringValue } from "./gguf-metadata.js";
import { badGguf, GgufCursor } from "./gguf-reader.js";
import { checkLayout, readTensorInfos } from "./gguf-tensors.js";
import { ARCHITECTURES, DEFAULT_ALIGNMENT, GGUF_MAGIC, LIMITS, ValueType } from "./gguf-types.js";
import { headerWarnings } from "./header-warnings.js";

/**
 * Reads and checks the header of a GGUF file. Only the header is read, never tensor data, and no length in
 * the file is believed before it was compared with the file's size. A file that is valid but holds no whole
 * model is returned too; see `loadableProblems()`.
 * @throws {FormatError} `bad GGUF: <field>: <why>`
 */
export function readGgufHeader(path: string): GgufHeader {
  const file = RangedFile.open(path, badGguf);
  try {
    return readHeaderOf(file);
  } finally {
    file.close();
  }
}

/** readGgufHeader() for a file that stays open. @throws {FormatError} */
export function readHeaderOf(file: RangedFile): GgufHeader {
  const cursor = new GgufCursor(file);
  const places = new Map<string, number>();
  const { version, tensorCount, keyCount } = readPreamble(cursor);
  const metadata = readMetadata(cursor, keyCount, places);
  const alignment = readAlignment(cursor, metadata);
  const tensors = readTensorInfos(cursor, tensorCount, places);
  const step = BigInt(alignment);
  const headerEnd = cursor.position;
  places.set("", Number(headerEnd));
  const dataStart = tensors.length > 0 ? ((headerEnd + step - 1n) / step) * step : headerEnd;
  if (tensors.length > 0 && dataStart > cursor.size)
    cursor.fail("tensor data", "lies beyond the end of the file");
  const dataBytes = checkLayout(cursor, tensors, dataStart, alignment);
  const { kind, architecture } = readKind(cursor, metadata);
  const header: GgufHeader = {
    file: file.path,
    parts: [file.path],
    fileSize: Number(cursor.size),
    version,
    kind,
    architecture,
    metadata,
    tensors,
    alignment,
    dataOffset: Number(dataStart),
    dataBytes: Number(dataBytes),
    warnings: [],
    places,
  };
  if (kind === "model") {
    checkModelKeys(header);
    checkVocabulary(header);
    checkShapes(header);
  } else if (kind === "adapter") {
    checkAdapterHeader(header);
  }
  header.warnings = headerWarnings(header);
  return header;
}

function readPreamble(cursor: GgufCursor): { version: number; tensorCount: bigint; keyCount: bigint } {
  if (cursor.size === 0n) cursor.fail("file", "is empty");
  const start = cursor.bytes(Number(cursor.size < 64n ? cursor.size : 64n), "magic");
  const text = start.toString("latin1");
  if (start.length < 4 || start.readUInt32LE(0) !== GGUF_MAGIC) {
    let found = `found ${JSON.stringify(text.slice(0, 4))}, expected "GGUF"`;
    if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) found = "is a web page, not a model (a failed download?)";
    if (text.startsWith("version https://git-lfs"))
      found = "is a Git LFS pointer; fetch the file it points to";
    cursor.fail("magic", found);
  }
  if (start.length < 24) cursor.fail("header", `the file has ${start.length} bytes, a header needs 24`);
  const version = start.readUInt32LE(4);
  if (version !== 2 && version !== 3) {
    const isSwapped = (version & 0xffff) === 0;
    if (isSwapped)
      cursor.fail(
        "version",
        "is big-endian, which is not supported",
        "convert it: gguf_convert_endian FILE little",
      );
    cursor.fail(
      "version",
      `is ${version}, supported are 2 and 3`,
      version > 3
        ? "the file is newer than this version of w4s: take a newer one, or another file"
        : "convert the model anew with llama.cpp's converter, or choose another file",
    );
  }
  const tensorCount = start.readBigUInt64LE(8);
  const keyCount = start.readBigUInt64LE(16);
  cursor.rewind(24);
  // A key takes at least 8 + 1 + 4 + 1 bytes, a tensor info 8 + 1 + 4 + 8 + 4 + 8.
  checkCount(cursor, "tensor count", tensorCount, 33n, LIMITS.tensorCount);
  checkCount(cursor, "key count", keyCount, 14n, LIMITS.keyCount);
  return { version, tensorCount, keyCount };
}

function checkCount(
  cursor: GgufCursor,
  field: string,
  count: bigint,
  itemBytes: bigint,
  limit: number,
): void {
  if (count * itemBytes > cursor.left)
    cursor.fail(field, `is ${count}, more than a file of ${cursor.size} bytes holds`);
  if (count > BigInt(limit)) cursor.fail(field, `is ${count}, the limit is ${limit}`);
}

function readAlignment(cursor: GgufCursor, metadata: GgufMetadata): number {
  const entry = metadata.get("general.alignment");
  if (!entry) return DEFAULT_ALIGNMENT;
  if (entry.type !== ValueType.UINT32) cursor.fail("general.alignment", "is not a 32-bit unsigned integer");
  const alignment = entry.value as number;
  const isPowerOfTwo = alignment > 0 && (alignment & (alignment - 1)) === 0;
  if (!isPowerOfTwo || alignment < 8 || alignment > LIMITS.alignment) {
    cursor.fail("general.alignment", `is ${alignment}, must be a power of two from 8 to ${LIMITS.alignment}`);
  }
  return alignment;
}

function readKind(cursor: GgufCursor, metadata: GgufMetadata): { kind: GgufKind; architecture: string } {
  const isLaterPart =
    (integerValue(metadata, "split.no") ?? 0) > 0 && (integerValue(metadata, "split.count") ?? 0) > 1;
  if (isLaterPart)
    return { kind: "split-part", architecture: stringValue(metadata, "general.architecture") ?? "" };
  const entry = metadata.get("general.architecture");
  if (!entry) cursor.fail("general.architecture", "is missing");
  if (entry.type !== ValueType.STRING) cursor.fail("general.architecture", "is not a string");
  const architecture = entry.value as string;
  const type = metadata.get("general.type");
  if (type && type.type !== ValueType.STRING) cursor.fail("general.type", "is not a string");
  const typeName = (type?.value as string | undefined) ?? "model";
  const isKnown = ARCHITECTURES.has(architecture);
  const isOther = typeName !== "model" && typeName !== "adapter";
  if (!isKnown && !isOther)
    cursor.fail(
      "general.architecture",
      `${JSON.stringify(architecture)} is unknown`,
      "its llama.cpp may be newer than the one in this version of w4s: choose a model of another family (w4s models list)",
    );
  if (isOther || architecture === "clip") return { kind: "other", architecture };
  return { kind: typeName as GgufKind, architecture };
}
