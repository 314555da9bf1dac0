/** @file 10,000 damaged files through the tensor readers: an answer or a FormatError with file and byte, fast. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError, UnsupportedModelError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import { loadableProblems } from "../../../../src/formats/gguf/gguf-loadable.js";
import { TENSOR_TYPES } from "../../../../src/formats/gguf/gguf-types.js";
import { encodeGguf, gguf } from "../../../../src/formats/gguf/gguf-writer.js";
import { tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { SafetensorsFile } from "../../../../src/formats/safetensors/safetensors-file.js";
import {
  type SafetensorsContent,
  writeSafetensors,
} from "../../../../src/formats/safetensors/write-safetensors.js";
import { type MutationKind, mutateBytes } from "../../../support/mutate-bytes.js";
import { splitTinyGguf } from "../../../support/split-gguf.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_FUZZ_SEED ?? 20_261_123);
/** The requirement itself, of computing: no file may hold a command up for longer. Real times are a few milliseconds. */
const MAX_MS = 1000;
const BINARY: readonly MutationKind[] = ["flip", "flip", "cut", "insert", "delete", "field", "field", "swap"];

const folder = useTemporaryFolder()();

/** Reads every tensor that a reader of numbers can ask for; a type without decoder is an answer too. */
function readGguf(path: string): number {
  const file = GgufFile.open(path);
  let tensors = 0;
  try {
    loadableProblems(file.header);
    for (const { name, sizeBytes, elementCount } of file.tensors.values()) {
      if (file.readBytes(name).length !== sizeBytes) throw new Error(`${name}: bytes are missing`);
      try {
        if (file.readFloats(name).length !== elementCount) throw new Error(`${name}: numbers are missing`);
      } catch (error) {
        if (!(error instanceof UnsupportedModelError)) throw error;
      }
      tensors++;
    }
  } finally {
    file.close();
  }
  return tensors;
}

function readSafetensors(path: string): number {
  const file = SafetensorsFile.open(path);
  try {
    for (const name of file.tensors.keys()) {
      file.readBytes(name);
      try {
        file.readFloats(name);
      } catch (error) {
        if (!(error instanceof UnsupportedModelError)) throw error;
      }
    }
  } finally {
    file.close();
  }
  return file.tensors.size;
}

interface Case {
  name: string;
  mutants: number;
  whole: Buffer;
  structureEnd: number;
  kinds: readonly MutationKind[];
  /** What is opened; the mutant is written to `mutantPath`. */
  path: string;
  mutantPath: string;
  read: (path: string) => number;
}

function ggufCase(name: string, mutants: number, whole: Buffer, path = join(folder, `${name}.gguf`)): Case {
  writeFileSync(path, whole);
  const file = GgufFile.open(path);
  const structureEnd = file.header.dataOffset;
  file.close();
  return { name, mutants, whole, structureEnd, kinds: BINARY, path, mutantPath: path, read: readGguf };
}

/** One block of every tensor type that a file may carry. */
function allTypes(): Buffer {
  const tensors = [...TENSOR_TYPES.values()].map(({ name, blockSize, blockBytes }) => ({
    name: `t.${name}`,
    dimensions: [blockSize],
    typeName: name,
    data: new Uint8Array(blockBytes).fill(0x3a),
  }));
  const keys = { "general.architecture": gguf.string("llama"), "general.type": gguf.string("imatrix") };
  return encodeGguf(new Map(Object.entries(keys)), tensors);
}

function adapter(): Buffer {
  const keys = {
    "general.architecture": gguf.string("llama"),
    "general.type": gguf.string("adapter"),
    "adapter.type": gguf.string("lora"),
    "adapter.lora.alpha": gguf.float32(8),
  };
  const tensors = ["attn_q", "attn_v", "ffn_down"].flatMap((part) => {
    const name = `blk.0.${part}.weight`;
    return [
      { name: `${name}.lora_a`, dimensions: [32, 2], data: new Float32Array(64).fill(0.5) },
      { name: `${name}.lora_b`, dimensions: [2, 32], typeName: "F16", data: new Float32Array(64).fill(-1) },
    ];
  });
  return encodeGguf(new Map(Object.entries(keys)), tensors);
}

function splitCase(mutants: number): Case {
  const { parts } = splitTinyGguf(folder, { vocab: 260, blocks: 1, width: 32 });
  const whole = readFileSync(parts[1]);
  // The second part has few keys: its header is mostly tensor infos.
  const structureEnd = 1024;
  const [path, mutantPath] = parts;
  return {
    name: "second part",
    mutants,
    whole,
    structureEnd,
    kinds: BINARY,
    path,
    mutantPath,
    read: readGguf,
  };
}

async function safetensorsCase(mutants: number): Promise<Case> {
  const path = join(folder, "mutant.safetensors");
  const tensors: SafetensorsContent["tensors"] = new Map([
    ["model.a.weight", { dtype: "F32", shape: [4, 3], data: new Float32Array(12).fill(1) }],
    ["model.b.weight", { dtype: "F16", shape: [2, 2, 2], data: new Float32Array(8).fill(2) }],
    ["model.c.weight", { dtype: "BF16", shape: [5], data: new Float32Array(5).fill(3) }],
    ["ids", { dtype: "I64", shape: [6], data: Int32Array.of(1, 2, 3, 4, 5, 6) }],
    ["positions", { dtype: "I32", shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6) }],
    ["mask", { dtype: "U8", shape: [], data: Int32Array.of(1) }],
    ["nothing", { dtype: "F32", shape: [0, 7], data: new Float32Array(0) }],
  ]);
  await writeSafetensors(path, { metadata: new Map([["format", "pt"]]), tensors });
  const whole = readFileSync(path);
  const structureEnd = 8 + Number(whole.readBigUInt64LE(0));
  const kinds = [...BINARY, "digit", "digit", "digit"] as const;
  const name = "safetensors";
  return { name, mutants, whole, structureEnd, kinds, path, mutantPath: path, read: readSafetensors };
}

function expectNoHarm(subject: Case, random: Random): void {
  const { name, mutants, whole, structureEnd, kinds, path, mutantPath, read } = subject;
  const tensors = read(path);
  expect(tensors).toBeGreaterThan(5);
  // Never emptied: some file systems write a file to the disk that is emptied and filled again.
  const descriptor = openSync(mutantPath, "r+");
  let refused = 0;
  let complete = 0;
  let slowestMs = 0;
  for (let index = 0; index < mutants; index++) {
    const mutant = mutateBytes(whole, random, { kinds, structureEnd });
    writeSync(descriptor, mutant, 0, mutant.length, 0);
    ftruncateSync(descriptor, mutant.length);
    const started = process.cpuUsage();
    try {
      if (read(path) === tensors) complete++;
    } catch (error) {
      refused++;
      const isRight =
        error instanceof FormatError &&
        (error.file === path || error.file === mutantPath) &&
        Number.isSafeInteger(error.byteOffset) &&
        // Field, then what was found or expected there.
        /^bad (GGUF|safetensors): .+: .{6,}/s.test(error.message);
      if (!isRight) throw new Error(`${name}, seed ${SEED}, mutant ${index}: ${error}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, process.cpuUsage(started).user / 1000);
  }
  closeSync(descriptor);
  expect(slowestMs).toBeLessThan(MAX_MS);
  // Damage to names and numbers is often harmless; most of the rest must be seen.
  expect(refused).toBeGreaterThan(mutants / 3);
  expect(complete).toBeGreaterThan(mutants / 100);
}

test(`10,000 mutants of five files, seed ${SEED}`, async () => {
  const cases = [
    ggufCase("model", 2500, tinyGgufBytes({ vocab: 260, blocks: 1, width: 32 })),
    splitCase(1000),
    ggufCase("all types", 2000, allTypes()),
    ggufCase("adapter", 1500, adapter()),
    await safetensorsCase(3000),
  ];
  expect(cases.reduce((sum, { mutants }) => sum + mutants, 0)).toBe(10_000);
  for (const subject of cases) expectNoHarm(subject, new Random(SEED).derive(subject.name));
});
