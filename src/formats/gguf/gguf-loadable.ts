/** @file The last gate before native code: is this file a whole model, and does it fit this machine? */
import { totalmem } from "node:os";
import { basename, dirname, join } from "node:path";
import { checkShapes } from "./check-shapes.js";
import { checkFinite } from "./gguf-adapter-checks.js";
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { integerValue } from "./gguf-metadata.js";
import { readGgufHeader } from "./read-gguf-header.js";

export interface LoadableProblem {
  field: string;
  why: string;
}

/** Reasons why a valid file must not be loaded as a model; empty = it may. */
export function loadableProblems(header: GgufHeader, memoryBytes = totalmem()): LoadableProblem[] {
  const { architecture, dataBytes, kind, metadata, tensors } = header;
  const problems: LoadableProblem[] = [];
  const add = (isProblem: boolean, field: string, why: string) => {
    if (isProblem) problems.push({ field, why });
  };
  if (kind !== "model") {
    const what = kind === "adapter" ? "an adapter" : kind === "split-part" ? "a later part" : "no model";
    add(true, "general.type", `is ${what}, not a model`);
    return problems;
  }
  const isSplit = (integerValue(metadata, "split.count") ?? 0) > 1;
  const hasBlocks = tensors.some(({ name }) => name.startsWith("blk."));
  const blocks = `${architecture}.block_count`;
  add(!isSplit && tensors.length === 0, "tensor count", "is 0");
  add((integerValue(metadata, blocks) ?? 0) === 0, blocks, "is 0 or missing: there are no blocks");
  add(!isSplit && tensors.length > 0 && !hasBlocks, "tensors", "hold no blocks");
  add(!metadata.has("tokenizer.ggml.tokens"), "tokenizer.ggml.tokens", "is missing");
  const memory = `has ${dataBytes} bytes of weights, this machine has ${memoryBytes} bytes of memory`;
  add(dataBytes > memoryBytes, "file", memory);
  return problems;
}

/**
 * Reads a file and every part it is split into, and makes sure it is a whole model.
 * @returns the header of the first part, with the tensors of all (offsets count from their own part).
 * @throws {FormatError} `bad GGUF: <field>: <why>`
 */
export function readLoadableModel(path: string, memoryBytes?: number): GgufHeader {
  const header = readGgufHeader(path);
  const [problem] = loadableProblems(header, memoryBytes);
  if (problem) throw badHeader(header, problem.field, problem.why);
  return joinParts(header);
}

/**
 * Everything that can be found out about a file without native code: its header, the parts of a split model,
 * and the numbers of an adapter.
 * @throws {FormatError} `bad GGUF: <field>: <why>`
 */
export function inspectGguf(path: string): { header: GgufHeader; problems: LoadableProblem[] } {
  const header = readGgufHeader(path);
  if (header.kind === "adapter") checkFinite(header);
  return { header: header.kind === "model" ? joinParts(header) : header, problems: loadableProblems(header) };
}

/**
 * The header of a whole model from that of its first part; the header itself where the model is not split.
 * @param readPart reads the header of a further part. Default readGgufHeader().
 * @returns the first part's header with all parts and the tensors of all (offsets count from their own part).
 * @throws {FormatError} when a part is missing, another's, or lies about its number or its tensors
 */
export function joinParts(
  first: GgufHeader,
  readPart: (path: string) => GgufHeader = readGgufHeader,
): GgufHeader {
  const count = integerValue(first.metadata, "split.count") ?? 0;
  if (count <= 1) return first;
  const name = basename(first.file);
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(name);
  if (!match)
    throw badHeader(first, "split.count", `is ${count}, but the name is not like NAME-00001-of-0000N.gguf`);
  if (Number(match[3]) !== count || Number(match[2]) !== 1) {
    throw badHeader(first, "split.count", `is ${count}, the file name says ${match[2]} of ${match[3]}`);
  }
  const tensors = [...first.tensors];
  const parts = [first.file];
  for (let part = 1; part < count; part++) {
    const file = join(
      dirname(first.file),
      `${match[1]}-${String(part + 1).padStart(5, "0")}-of-${match[3]}.gguf`,
    );
    const header = readPart(file);
    const number = integerValue(header.metadata, "split.no");
    if (number !== part) throw badHeader(header, "split.no", `is ${number}, expected ${part}`);
    if (integerValue(header.metadata, "split.count") !== count)
      throw badHeader(header, "split.count", `is not ${count}`);
    tensors.push(...header.tensors);
    parts.push(file);
  }
  const stated = integerValue(first.metadata, "split.tensors.count");
  if (stated !== tensors.length) {
    throw badHeader(first, "split.tensors.count", `is ${stated}, the parts hold ${tensors.length}`);
  }
  if (new Set(tensors.map((tensor) => tensor.name)).size !== tensors.length) {
    throw badHeader(first, "split parts", "hold the same tensor twice");
  }
  checkShapes(first, tensors);
  return { ...first, tensors, parts };
}
