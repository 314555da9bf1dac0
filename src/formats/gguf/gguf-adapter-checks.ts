/** @file LoRA adapters in GGUF: whole pairs, finite numbers, and shapes that fit the base model. */
import { closeSync, openSync, readSync } from "node:fs";
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { badGguf } from "./gguf-reader.js";
import type { GgufTensor } from "./gguf-tensors.js";
import { ValueType } from "./gguf-types.js";

const SCAN_BYTES = 1024 * 1024;
const A = ".lora_a";
const B = ".lora_b";

/** The part that needs no base model; part of readGgufHeader(). @throws {FormatError} */
export function checkAdapterHeader(header: GgufHeader): void {
  const { metadata } = header;
  const type = metadata.get("adapter.type");
  if (type?.type !== ValueType.STRING || type.value !== "lora")
    throw badHeader(header, "adapter.type", 'is not "lora"');
  const alpha = metadata.get("adapter.lora.alpha");
  if (alpha?.type !== ValueType.FLOAT32)
    throw badHeader(header, "adapter.lora.alpha", "is missing or no 32-bit float");
  // llama.cpp takes alpha 0 for "unscaled": a silent change of the adapter's meaning.
  if (!Number.isFinite(alpha.value) || alpha.value === 0) {
    throw badHeader(header, "adapter.lora.alpha", `is ${alpha.value}, must be a finite number other than 0`);
  }
  const invocation = metadata.get("adapter.alora.invocation_tokens");
  if (invocation && !(invocation.type === ValueType.ARRAY && invocation.elementType === ValueType.UINT32)) {
    throw badHeader(header, "adapter.alora.invocation_tokens", "is not an array of 32-bit unsigned integers");
  }
  if (header.tensors.length === 0) throw badHeader(header, "tensor count", "is 0: an adapter needs tensors");
  const bad = (name: string, why: string) => badHeader(header, `tensor ${name}`, why);
  for (const { name, a, b } of adapterPairs(header)) {
    for (const { name: half, type, dimensions } of [a, b]) {
      if (type.name !== "F32" && type.name !== "F16")
        throw bad(half, `has type ${type.name}, adapters are F32 or F16`);
      if (dimensions.slice(2).some((length) => length !== 1))
        throw bad(half, "is three-dimensional: expert layers are not supported");
    }
    const [rankA, rankB] = [a.dimensions[1] ?? 1, b.dimensions[0]];
    if (rankA !== rankB && !isEmbedding(name)) throw bad(name, `has rank ${rankA} in A and ${rankB} in B`);
  }
}

function isEmbedding(name: string): boolean {
  return name.endsWith("token_embd.weight");
}

/** Tensors of an adapter, two by two. @throws {FormatError} on half pairs and foreign names. */
export function adapterPairs(header: GgufHeader): { name: string; a: GgufTensor; b: GgufTensor }[] {
  const halves = new Map<string, { a?: GgufTensor | undefined; b?: GgufTensor | undefined }>();
  for (const tensor of header.tensors) {
    const suffix = [A, B].find((end) => tensor.name.endsWith(end));
    if (!suffix) throw badHeader(header, `tensor ${tensor.name}`, `ends in neither ${A} nor ${B}`);
    const name = tensor.name.slice(0, -suffix.length);
    const half = halves.get(name) ?? {};
    half[suffix === A ? "a" : "b"] = tensor;
    halves.set(name, half);
  }
  return [...halves].map(([name, { a, b }]) => {
    if (!a || !b) throw badHeader(header, `tensor ${name}${a ? B : A}`, "is missing: half of a pair");
    return { name, a, b };
  });
}

/**
 * Checks an adapter against the model it will be put on, and every weight for NaN and infinity.
 * @throws {FormatError}
 */
export function checkAdapterFits(adapter: GgufHeader, base: GgufHeader): void {
  if (adapter.kind !== "adapter") throw badHeader(adapter, "general.type", "is not an adapter");
  if (base.kind !== "model") throw badHeader(base, "general.type", "is not a model");
  if (adapter.architecture !== base.architecture) {
    const why = `is ${adapter.architecture}, the model is ${base.architecture}`;
    throw badHeader(adapter, "general.architecture", why);
  }
  const baseTensors = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, a, b } of adapterPairs(adapter)) {
    const target = baseTensors.get(name);
    if (!target) throw badHeader(adapter, `tensor ${name}`, "is not in the model");
    if (target.dimensions.length > 2)
      throw badHeader(adapter, `tensor ${name}`, "is an expert layer: not supported");
    const [input, output] = [target.dimensions[0], target.dimensions[1] ?? 1];
    const isRight = isEmbedding(name)
      ? input === b.dimensions[1] && output === a.dimensions[1]
      : input === a.dimensions[0] && output === (b.dimensions[1] ?? 1);
    if (!isRight) {
      const found = `A ${a.dimensions.join(" × ")}, B ${b.dimensions.join(" × ")}`;
      throw badHeader(adapter, `tensor ${name}`, `${found} do not fit a weight of ${input} × ${output}`);
    }
  }
  checkFinite(adapter);
}

/** Whether an adapter changes nothing: in every pair one half holds zeros only, as B does before training. */
export function isZeroAdapter(header: GgufHeader): boolean {
  const isZero = (tensor: GgufTensor) => {
    const isHalf = tensor.type.name === "F16";
    for (const { bytes } of chunksOf(header, [tensor])) if (hasNonZero(bytes, isHalf)) return false;
    return true;
  };
  return adapterPairs(header).every(({ a, b }) => isZero(b) || isZero(a));
}

/** Reads the weights of a (small) F32/F16 file once. @throws {FormatError} on NaN or infinity. */
export function checkFinite(header: GgufHeader): void {
  for (const { tensor, bytes, at } of chunksOf(header, header.tensors)) {
    if (hasNonFinite(bytes, tensor.type.name === "F16"))
      throw badGguf(header.file, `tensor ${tensor.name}`, "contains NaN or infinity", at);
  }
}

/** The bytes of tensors, a piece at a time in one buffer. @throws {FormatError} where the file ends too soon */
function* chunksOf(
  header: GgufHeader,
  tensors: readonly GgufTensor[],
): Generator<{ tensor: GgufTensor; bytes: Buffer; at: number }> {
  const descriptor = openSync(header.file, "r");
  const buffer = Buffer.alloc(SCAN_BYTES);
  try {
    for (const tensor of tensors) {
      for (let done = 0; done < tensor.sizeBytes; ) {
        const at = header.dataOffset + tensor.offset + done;
        const count = readSync(descriptor, buffer, 0, Math.min(SCAN_BYTES, tensor.sizeBytes - done), at);
        if (count === 0) throw badGguf(header.file, `tensor ${tensor.name}`, "was cut while it was read", at);
        yield { tensor, bytes: buffer.subarray(0, count), at };
        done += count;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/** −0 is zero too: the highest bit of a number does not count. */
function hasNonZero(bytes: Buffer, isHalf: boolean): boolean {
  const step = isHalf ? 2 : 4;
  return bytes.some((byte, at) => ((at + 1) % step === 0 ? byte & 0x7f : byte) !== 0);
}

/** A number is not finite when all bits of its exponent are set. */
function hasNonFinite(bytes: Buffer, isHalf: boolean): boolean {
  const step = isHalf ? 2 : 4;
  const mask = isHalf ? 0x7c : 0x7f80;
  for (let at = 0; at + step <= bytes.length; at += step) {
    const high = isHalf ? bytes[at + 1]! : bytes.readUInt16LE(at + 2);
    if ((high & mask) === mask) return true;
  }
  return false;
}
