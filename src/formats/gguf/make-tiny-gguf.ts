/** @file A tiny random model file for tests: loads in llama.cpp, tokenises all bytes, writes under a grammar. */

import { writeFileSync } from "node:fs";
import { Random } from "../../core/random.js";
import { learnMerges, symbolOfByte } from "../byte-level-bpe.js";
import type { GgufMetadata, GgufValue } from "./gguf-metadata.js";
import { encodeGguf, gguf } from "./gguf-writer.js";
import { HEAD_LENGTH, isConvolution, TAPS, type TinyFamily, tinyWeights } from "./tiny-weights.js";

export type { TinyFamily } from "./tiny-weights.js";

export interface TinyGgufOptions {
  /** Seed of the random weights. Default 0. */
  seed?: number | undefined;
  /** Tokens in the vocabulary, specials included; at least 260. Default 512. */
  vocab?: number | undefined;
  /** Text whose most frequent letters in a row become tokens: the more the model's texts are like it, the fewer tokens they take. Default: some lines of code and English. */
  text?: string | undefined;
  /** Default 2. */
  blocks?: number | undefined;
  /** Width of the model, a multiple of 32. Default 64. */
  width?: number | undefined;
  /** Default 4096. */
  contextLength?: number | undefined;
  /** Architecture, with the tensors and keys it needs. Default "llama". */
  family?: TinyFamily | undefined;
  /** Norm weights and biases drawn around 1 and 0 instead of all ones and zeros: what comparisons need. Default false. */
  hasRandomNorms?: boolean | undefined;
  /** No `output.weight`: the embedding is the head. Default false. */
  isTied?: boolean | undefined;
  /** With factors of the rotary frequencies: Llama 3's `rope_freqs.weight`, or the two sets of phi3. Default false. */
  hasRopeFactors?: boolean | undefined;
  /** Jinja source; default ChatML. */
  chatTemplate?: string | undefined;
  /** Changes the finished metadata, for tests of odd files. */
  editMetadata?: ((metadata: GgufMetadata) => void) | undefined;
}

/** Sliding window of gemma3's local layers, in tokens; short, so that small tests feel it. */
const WINDOW = 24;
/** Length up to which phi3 uses its short factors. */
const ORIGINAL_CONTEXT = 2048;
const SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;
const TOKEN_TYPE = { normal: 1, control: 3 } as const;

export const TINY_CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Text that the tokenizer's merges are learnt from: code and English, so that common words are tokens. */
const CORPUS = `export default async function workflow(agent, task) {
  const [answer] = await agent.text("Solve the problem step by step. " + task.question, { n: 1, temperature: 0.7 });
  const answers = await agent.text(task.question, { n: 5 }); return number(vote(answers)); }
The workflow asks the model to think about the question and then to check the answer with a second call.
system user assistant You are a helpful assistant that writes short programs. Return only the final number.`;

/**
 * The bytes of a random model (of the llama family unless asked) with a byte-level BPE vocabulary and a ChatML template.
 * The same options give the same bytes. The default is about 0.5 MB.
 */
export function tinyGgufBytes(options: TinyGgufOptions = {}): Buffer {
  const { seed = 0, vocab = 512, blocks = 2, width = 64, contextLength = 4096 } = options;
  if (vocab < 256 + SPECIAL_TOKENS.length + 1)
    throw new RangeError(`vocab is ${vocab}, must be at least 260`);
  if (width % (2 * HEAD_LENGTH) !== 0) throw new RangeError(`width is ${width}, must be a multiple of 32`);
  const { tokens, merges, types } = vocabulary(vocab, options.text ?? CORPUS);
  const { family = "llama", hasRandomNorms = false, isTied = false, hasRopeFactors = false } = options;
  const heads = width / HEAD_LENGTH;
  const feedForward = width * 2;
  const key = (name: string) => `${family}.${name}`;
  const metadata: GgufMetadata = new Map([
    ["general.architecture", gguf.string(family)],
    ["general.type", gguf.string("model")],
    ["general.name", gguf.string(`tiny random ${seed}`)],
    ["general.size_label", gguf.string("tiny")],
    [key("block_count"), gguf.uint32(blocks)],
    [key("context_length"), gguf.uint32(contextLength)],
    [key("embedding_length"), gguf.uint32(width)],
    [key("feed_forward_length"), gguf.uint32(feedForward)],
    [key("attention.head_count"), gguf.uint32(heads)],
    [key("attention.head_count_kv"), gguf.uint32(heads / 2)],
    [key("attention.layer_norm_rms_epsilon"), gguf.float32(1e-5)],
    [key("rope.dimension_count"), gguf.uint32(HEAD_LENGTH)],
    [key("rope.freq_base"), gguf.float32(10_000)],
    [key("vocab_size"), gguf.uint32(vocab)],
    ...(OWN_KEYS[family]?.(blocks, heads) ?? []),
    ["tokenizer.ggml.model", gguf.string("gpt2")],
    ["tokenizer.ggml.pre", gguf.string("qwen2")],
    ["tokenizer.ggml.tokens", gguf.strings(tokens)],
    ["tokenizer.ggml.token_type", gguf.int32s(types)],
    ["tokenizer.ggml.merges", gguf.strings(merges)],
    ["tokenizer.ggml.bos_token_id", gguf.uint32(0)],
    ["tokenizer.ggml.eos_token_id", gguf.uint32(2)],
    ["tokenizer.ggml.padding_token_id", gguf.uint32(0)],
    ["tokenizer.ggml.add_bos_token", gguf.bool(false)],
    ["tokenizer.chat_template", gguf.string(options.chatTemplate ?? TINY_CHAT_TEMPLATE)],
  ]);
  if (hasRopeFactors && family === "phi3")
    metadata.set("phi3.rope.scaling.attn_factor", gguf.float32(1.1875));
  options.editMetadata?.(metadata);
  const shape = { vocab, blocks, width, feedForward, family, hasRandomNorms, isTied, hasRopeFactors };
  return encodeGguf(metadata, tinyWeights(new Random(seed), shape));
}

/** Writes a tiny random model to `path`, by default half a megabyte of the llama family, and returns the path. The same options give the same bytes. */
export function makeTinyGguf(path: string, options: TinyGgufOptions = {}): string {
  writeFileSync(path, tinyGgufBytes(options));
  return path;
}

function vocabulary(size: number, text: string): { tokens: string[]; merges: string[]; types: number[] } {
  const bytes = Array.from({ length: 256 }, (_, byte) => symbolOfByte(byte));
  const learnt = learnMerges(text, size - 256 - SPECIAL_TOKENS.length);
  const tokens = [...SPECIAL_TOKENS, ...bytes, ...learnt.map(([left, right]) => left + right)];
  // A small corpus runs out of pairs; unused entries keep the size exact.
  while (tokens.length < size) tokens.push(`<|unused_${tokens.length}|>`);
  const isControl = (token: string, id: number) =>
    id < SPECIAL_TOKENS.length || token.startsWith("<|unused_");
  return {
    tokens,
    merges: learnt.map(([left, right]) => `${left} ${right}`),
    types: tokens.map((token, id) => (isControl(token, id) ? TOKEN_TYPE.control : TOKEN_TYPE.normal)),
  };
}

/** Keys of one family alone. */
const OWN_KEYS: Partial<Record<TinyFamily, (blocks: number, heads: number) => [string, GgufValue][]>> = {
  // Every second layer is global.
  gemma3: () => [
    ["gemma3.attention.key_length", gguf.uint32(HEAD_LENGTH)],
    ["gemma3.attention.value_length", gguf.uint32(HEAD_LENGTH)],
    ["gemma3.attention.sliding_window", gguf.uint32(WINDOW)],
    ["gemma3.attention.sliding_window_pattern", gguf.uint32(2)],
    ["gemma3.rope.freq_base_swa", gguf.float32(1000)],
  ],
  granite: () => [
    ["granite.attention.scale", gguf.float32(0.375)],
    ["granite.embedding_scale", gguf.float32(1.5)],
    ["granite.residual_scale", gguf.float32(0.4375)],
    ["granite.logit_scale", gguf.float32(1.25)],
  ],
  minicpm: () => [
    ["minicpm.embedding_scale", gguf.float32(2)],
    ["minicpm.residual_scale", gguf.float32(0.625)],
    ["minicpm.logit_scale", gguf.float32(1.25)],
  ],
  // A quarter of each head is not rotated.
  phi3: () => [
    ["phi3.rope.dimension_count", gguf.uint32((3 * HEAD_LENGTH) / 4)],
    ["phi3.rope.scaling.original_context_length", gguf.uint32(ORIGINAL_CONTEXT)],
  ],
  lfm2: (blocks, heads) => [
    ["lfm2.shortconv.l_cache", gguf.uint32(TAPS)],
    [
      "lfm2.attention.head_count_kv",
      gguf.int32s(Array.from({ length: blocks }, (_, block) => (isConvolution(block) ? 0 : heads / 2))),
    ],
  ],
};
