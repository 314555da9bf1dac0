/** @file Tensors a model of a known family must have, with their shapes computed from the metadata. */
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { integerValue } from "./gguf-metadata.js";
import type { GgufTensor } from "./gguf-tensors.js";
import { ValueType } from "./gguf-types.js";

/** Families whose every tensor is known here; others get the checks that hold for all. */
const DENSE_FAMILIES: ReadonlySet<string> = new Set([
  "llama",
  "qwen2",
  "qwen3",
  "gemma3",
  "smollm3",
  "granite",
  "minicpm",
  "phi3",
  "lfm2",
]);
const WITH_HEAD_NORMS: ReadonlySet<string> = new Set(["qwen3", "gemma3", "lfm2"]);

interface ExpectedTensor {
  /** Fastest dimension first, as in the file. */
  dimensions: number[];
  isOptional?: boolean | undefined;
}

/**
 * Checks presence and shape of every tensor. A file without tensors or blocks passes: it is valid, and
 * `loadableProblems()` keeps it from native code. The first part of a split model is checked as a whole later.
 * @throws {FormatError}
 */
export function checkShapes(header: GgufHeader, tensors: readonly GgufTensor[] = header.tensors): void {
  const isSplit = (integerValue(header.metadata, "split.count") ?? 0) > 1;
  if (tensors.length === 0 || (isSplit && tensors === header.tensors)) return;
  const blocks = integerValue(header.metadata, `${header.architecture}.block_count`) ?? 0;
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  checkBlockNumbers(header, tensors, blocks);
  if (blocks === 0 || !DENSE_FAMILIES.has(header.architecture)) return;
  for (const [name, expected] of expectedTensors(header, blocks, byName)) {
    const tensor = byName.get(name);
    if (!tensor) {
      if (expected.isOptional) continue;
      throw badHeader(header, `tensor ${name}`, "is missing");
    }
    const found = trimmed(tensor.dimensions);
    if (found.join() !== trimmed(expected.dimensions).join()) {
      const wanted = expected.dimensions.join(" × ");
      throw badHeader(header, `tensor ${name}`, `has shape ${found.join(" × ")}, expected ${wanted}`);
    }
  }
}

/** Trailing dimensions of 1 say nothing. */
function trimmed(dimensions: readonly number[]): number[] {
  const out = [...dimensions];
  while (out.length > 1 && out.at(-1) === 1) out.pop();
  return out;
}

function checkBlockNumbers(header: GgufHeader, tensors: readonly GgufTensor[], blocks: number): void {
  const present = new Set<number>();
  for (const tensor of tensors) {
    const match = /^blk\.(\d+)\./.exec(tensor.name);
    if (!match) continue;
    const block = Number(match[1]);
    if (block >= blocks) {
      throw badHeader(header, `tensor ${tensor.name}`, `is in block ${block}, the model has ${blocks}`);
    }
    present.add(block);
  }
  const isText = integerValue(header.metadata, `${header.architecture}.embedding_length`) !== undefined;
  for (let block = 0; block < blocks && isText && present.size > 0; block++) {
    if (!present.has(block))
      throw badHeader(header, `tensor blk.${block}.*`, `block ${block} of ${blocks} is missing`);
  }
}

function expectedTensors(
  header: GgufHeader,
  blocks: number,
  byName: ReadonlyMap<string, GgufTensor>,
): Map<string, ExpectedTensor> {
  const family = header.architecture;
  const size = (key: string) => integerValue(header.metadata, `${family}.${key}`);
  const width = size("embedding_length") as number;
  const tokens = header.metadata.get("tokenizer.ggml.tokens");
  const vocabulary = (tokens?.type === ValueType.ARRAY ? tokens.value.length : size("vocab_size")) ?? 0;
  const expected = new Map<string, ExpectedTensor>([
    ["token_embd.weight", { dimensions: [width, vocabulary] }],
    [family === "lfm2" ? "token_embd_norm.weight" : "output_norm.weight", { dimensions: [width] }],
    ["output.weight", { dimensions: [width, vocabulary], isOptional: true }],
  ]);
  for (let block = 0; block < blocks; block++) {
    const heads = perBlock(header, "attention.head_count", block);
    if (heads === undefined || heads === 0) continue;
    const kvHeads = perBlock(header, "attention.head_count_kv", block) ?? heads;
    const keyLength = size("attention.key_length") ?? width / heads;
    const valueLength = size("attention.value_length") ?? width / heads;
    const add = (name: string, dimensions: number[], isOptional = false) =>
      expected.set(`blk.${block}.${name}`, { dimensions, isOptional });
    const forward = perBlock(header, "feed_forward_length", block);
    const addForward = () => {
      if (forward === undefined) throw badHeader(header, `${family}.feed_forward_length`, "is missing");
      const isGateFused = family === "phi3";
      if (!isGateFused) add("ffn_gate.weight", [width, forward]);
      add("ffn_up.weight", [width, isGateFused ? 2 * forward : forward]);
      add("ffn_down.weight", [forward, width]);
    };
    add("attn_norm.weight", [width]);
    add("ffn_norm.weight", [width]);
    if (family === "lfm2" && kvHeads === 0) {
      add("shortconv.conv.weight", [size("shortconv.l_cache") ?? 0, width]);
      add("shortconv.in_proj.weight", [width, 3 * width]);
      add("shortconv.out_proj.weight", [width, width]);
      addForward();
      continue;
    }
    const isFused = byName.has(`blk.${block}.attn_qkv.weight`);
    add("attn_q.weight", [width, keyLength * heads], isFused);
    add("attn_k.weight", [width, keyLength * kvHeads], isFused);
    add("attn_v.weight", [width, valueLength * kvHeads], isFused);
    if (isFused) add("attn_qkv.weight", [width, keyLength * (heads + kvHeads) + valueLength * kvHeads]);
    add("attn_output.weight", [valueLength * heads, width]);
    add("attn_q.bias", [keyLength * heads], true);
    add("attn_k.bias", [keyLength * kvHeads], true);
    add("attn_v.bias", [valueLength * kvHeads], true);
    add("attn_output.bias", [width], true);
    if (WITH_HEAD_NORMS.has(family)) {
      add("attn_q_norm.weight", [keyLength]);
      add("attn_k_norm.weight", [keyLength]);
    }
    if (family === "gemma3") {
      add("post_attention_norm.weight", [width]);
      add("post_ffw_norm.weight", [width]);
    }
    if ((size("expert_count") ?? 0) === 0) addForward();
  }
  return expected;
}

function perBlock(header: GgufHeader, key: string, block: number): number | undefined {
  const entry = header.metadata.get(`${header.architecture}.${key}`);
  if (entry?.type === ValueType.ARRAY) return Number(entry.value[block]);
  return entry === undefined ? undefined : Number(entry.value);
}
