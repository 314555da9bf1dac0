/** @file Files of real models' sizes that hold nothing but a header: their data are a hole that takes no room on the disk. */
import { truncateSync, writeFileSync } from "node:fs";
import { encodeHeader, placeTensors, type TensorHead } from "../../src/formats/gguf/gguf-header-writer.js";
import type { GgufMetadata } from "../../src/formats/gguf/gguf-metadata.js";
import { gguf } from "../../src/formats/gguf/gguf-writer.js";

/** Sizes as the published GGUF files state them. */
export interface HeaderSize {
  name: string;
  family: "llama" | "qwen2" | "qwen3" | "gemma3";
  vocab: number;
  layers: number;
  width: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  feedForward: number;
  isTied: boolean;
}

const row = (
  name: string,
  family: HeaderSize["family"],
  [vocab, layers, width, heads, kvHeads, headSize, feedForward]: readonly number[],
  isTied = true,
) => ({ name, family, vocab, layers, width, heads, kvHeads, headSize, feedForward, isTied }) as HeaderSize;

/** 0.1 to 4 B. */
export const HEADER_SIZES: readonly HeaderSize[] = [
  row("SmolLM2-135M", "llama", [49_152, 30, 576, 9, 3, 64, 1536]),
  row("Gemma3-270M", "gemma3", [262_144, 18, 640, 4, 1, 256, 2048]),
  row("SmolLM2-360M", "llama", [49_152, 32, 960, 15, 5, 64, 2560]),
  row("Qwen2.5-0.5B", "qwen2", [151_936, 24, 896, 14, 2, 64, 4864]),
  row("Qwen3-0.6B", "qwen3", [151_936, 28, 1024, 16, 8, 128, 3072]),
  row("Gemma3-1B", "gemma3", [262_144, 26, 1152, 4, 1, 256, 6912]),
  row("Llama-3.2-1B", "llama", [128_256, 16, 2048, 32, 8, 64, 8192]),
  row("Qwen2.5-1.5B", "qwen2", [151_936, 28, 1536, 12, 2, 128, 8960]),
  row("Qwen2.5-3B", "qwen2", [151_936, 36, 2048, 16, 2, 128, 11_008]),
  row("Qwen3-4B", "qwen3", [151_936, 36, 2560, 32, 8, 128, 9728]),
];

/** Writes the header of a Q8_0 file of this size, and the hole behind it. @returns the path */
export function writeHeaderGguf(path: string, size: HeaderSize): string {
  const { family, width, heads, kvHeads, headSize, feedForward } = size;
  const key = (name: string) => `${family}.${name}`;
  const isGemma = family === "gemma3";
  const metadata: GgufMetadata = new Map([
    ["general.architecture", gguf.string(family)],
    ["general.type", gguf.string("model")],
    ["general.name", gguf.string(size.name)],
    // Tokens would be most of the header.
    ["tokenizer.ggml.model", gguf.string("none")],
    [key("vocab_size"), gguf.uint32(size.vocab)],
    [key("block_count"), gguf.uint32(size.layers)],
    [key("context_length"), gguf.uint32(32_768)],
    [key("embedding_length"), gguf.uint32(width)],
    [key("feed_forward_length"), gguf.uint32(feedForward)],
    [key("attention.head_count"), gguf.uint32(heads)],
    [key("attention.head_count_kv"), gguf.uint32(kvHeads)],
    [key("attention.key_length"), gguf.uint32(headSize)],
    [key("attention.value_length"), gguf.uint32(headSize)],
    [key("attention.layer_norm_rms_epsilon"), gguf.float32(1e-6)],
    [key("rope.freq_base"), gguf.float32(1_000_000)],
    ...(isGemma ? ([[key("attention.sliding_window"), gguf.uint32(512)]] as const) : []),
  ]);
  const tensors: TensorHead[] = [];
  const matrix = (name: string, input: number, output: number) =>
    tensors.push({ name, dimensions: [input, output], typeName: "Q8_0" });
  const vector = (name: string, length: number) =>
    tensors.push({ name, dimensions: [length], typeName: "F32" });
  matrix("token_embd.weight", width, size.vocab);
  for (let layer = 0; layer < size.layers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}.weight`;
    for (const norm of [
      "attn_norm",
      "ffn_norm",
      ...(isGemma ? ["post_attention_norm", "post_ffw_norm"] : []),
    ])
      vector(name(norm), width);
    if (isGemma || family === "qwen3")
      for (const norm of ["attn_q_norm", "attn_k_norm"]) vector(name(norm), headSize);
    matrix(name("attn_q"), width, heads * headSize);
    matrix(name("attn_k"), width, kvHeads * headSize);
    matrix(name("attn_v"), width, kvHeads * headSize);
    matrix(name("attn_output"), heads * headSize, width);
    if (family === "qwen2") {
      vector(`blk.${layer}.attn_q.bias`, heads * headSize);
      vector(`blk.${layer}.attn_k.bias`, kvHeads * headSize);
      vector(`blk.${layer}.attn_v.bias`, kvHeads * headSize);
    }
    matrix(name("ffn_gate"), width, feedForward);
    matrix(name("ffn_up"), width, feedForward);
    matrix(name("ffn_down"), feedForward, width);
  }
  vector("output_norm.weight", width);
  if (!size.isTied) matrix("output.weight", width, size.vocab);
  const placed = placeTensors(tensors, 32);
  const header = encodeHeader(metadata, placed, 32);
  writeFileSync(path, header);
  const last = placed.at(-1);
  truncateSync(path, header.length + (last === undefined ? 0 : last.offset + last.sizeBytes));
  return path;
}
