/** @file The random tensors of a tiny model file, as each family names and shapes them. */
import type { Random } from "../../core/random.js";
import type { TensorToWrite } from "./gguf-writer.js";

/** Architectures that a tiny file can have. */
export type TinyFamily =
  | "llama"
  | "qwen2"
  | "qwen3"
  | "gemma3"
  | "smollm3"
  | "granite"
  | "minicpm"
  | "phi3"
  | "lfm2";

/** Width of a head. */
export const HEAD_LENGTH = 16;
/** Taps of lfm2's convolutions. */
export const TAPS = 3;

/** Layers of lfm2 that mix tokens by a convolution, not by attention: every second one. */
export function isConvolution(block: number): boolean {
  return block % 2 === 1;
}

interface TinyShape {
  vocab: number;
  blocks: number;
  width: number;
  feedForward: number;
  family: TinyFamily;
  hasRandomNorms: boolean;
  isTied: boolean;
  hasRopeFactors: boolean;
}

/** All tensors in the order of the file. Activations keep their scale through the layers. */
export function tinyWeights(random: Random, shape: TinyShape): TensorToWrite[] {
  const { vocab, blocks, width, family, hasRandomNorms, isTied, hasRopeFactors } = shape;
  const tensors: TensorToWrite[] = [];
  const add = (name: string, dimensions: number[], data: Float32Array) =>
    tensors.push({ name, dimensions, data });
  // Logits spread enough that sampling is not uniform.
  const matrix = (name: string, input: number, output: number, scale = 1 / Math.sqrt(input)) =>
    add(name, [input, output], normal(random, input * output, scale));
  const vector = (name: string, length: number, center: number) =>
    add(
      name,
      [length],
      hasRandomNorms
        ? normal(random, length, 0.2).map((x) => x + center)
        : new Float32Array(length).fill(center),
    );
  const draw: Draw = { matrix, vector, norm: (name, length = width) => vector(name, length, 1) };
  draw.matrix("token_embd.weight", width, vocab, 1);
  if (hasRopeFactors && family === "phi3") {
    const count = (3 * HEAD_LENGTH) / 8;
    add("rope_factors_long.weight", [count], new Float32Array(count).fill(30));
    add("rope_factors_short.weight", [count], ropeFactors(count));
  } else if (hasRopeFactors) add("rope_freqs.weight", [HEAD_LENGTH / 2], ropeFactors(HEAD_LENGTH / 2));
  for (let block = 0; block < blocks; block++) {
    const name = (part: string) => `blk.${block}.${part}`;
    draw.norm(name("attn_norm.weight"));
    if (family === "lfm2" && isConvolution(block)) convolution(draw, name, shape);
    else attention(draw, name, shape);
    if (family === "gemma3") draw.norm(name("post_attention_norm.weight"));
    draw.norm(name("ffn_norm.weight"));
    feedForward(draw, name, shape);
    if (family === "gemma3") draw.norm(name("post_ffw_norm.weight"));
  }
  draw.norm(family === "lfm2" ? "token_embd_norm.weight" : "output_norm.weight");
  if (!isTied) draw.matrix("output.weight", width, vocab, 2 / Math.sqrt(width));
  return tensors;
}

interface Draw {
  matrix: (name: string, input: number, output: number, scale?: number) => void;
  vector: (name: string, length: number, center: number) => void;
  norm: (name: string, length?: number) => void;
}
type Name = (part: string) => string;

function attention({ matrix, vector, norm }: Draw, name: Name, { width, family }: TinyShape): void {
  if (family === "phi3") matrix(name("attn_qkv.weight"), width, 2 * width);
  else {
    matrix(name("attn_q.weight"), width, width);
    matrix(name("attn_k.weight"), width, width / 2);
    matrix(name("attn_v.weight"), width, width / 2);
  }
  if (family === "qwen2") {
    vector(name("attn_q.bias"), width, 0);
    vector(name("attn_k.bias"), width / 2, 0);
    vector(name("attn_v.bias"), width / 2, 0);
  }
  if (family === "qwen3" || family === "gemma3" || family === "lfm2") {
    norm(name("attn_q_norm.weight"), HEAD_LENGTH);
    norm(name("attn_k_norm.weight"), HEAD_LENGTH);
  }
  matrix(name("attn_output.weight"), width, width);
}

function convolution({ matrix }: Draw, name: Name, { width }: TinyShape): void {
  matrix(name("shortconv.conv.weight"), TAPS, width);
  matrix(name("shortconv.in_proj.weight"), width, 3 * width);
  matrix(name("shortconv.out_proj.weight"), width, width);
}

function feedForward({ matrix }: Draw, name: Name, { width, feedForward: size, family }: TinyShape): void {
  if (family === "phi3") matrix(name("ffn_up.weight"), width, 2 * size);
  else {
    matrix(name("ffn_gate.weight"), width, size);
    matrix(name("ffn_up.weight"), width, size);
  }
  matrix(name("ffn_down.weight"), size, width);
}

/** From 1 at the highest frequency to 8 at the lowest, as Llama 3's rule gives them. */
function ropeFactors(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.min(8, 2 ** Math.max(0, i - 2)));
}

function normal(random: Random, count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal() * scale);
}
