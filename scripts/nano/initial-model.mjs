/** @file The untrained nano model: its vocabulary, metadata and random weights as a GGUF file of the llama family. */

import { Random } from "../../dist/core/random.js";
import { symbolOfByte } from "../../dist/formats/byte-level-bpe.js";
import { encodeGguf, gguf } from "../../dist/formats/gguf/gguf-writer.js";
import { learnMerges, Tokenizer } from "./bpe.mjs";
import { makeCorpus } from "./corpus.mjs";

/** Sizes; about 2 M weights. */
export const SHAPE = {
  width: 192,
  blocks: 4,
  heads: 6,
  keyHeads: 2,
  feedForward: 512,
  contextLength: 2048,
};

export const SPECIAL = { end: 0, start: 1, stop: 2 };
const SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const TOKEN_TYPE = { normal: 1, control: 3 };

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Merges inside words and across them: with bytes and special tokens a vocabulary of at most 2,048. */
const VOCABULARY = { pairs: 4000, words: 1240, spans: 549, minCount: 6 };

/** Standard deviation of new weights. @source GPT-2: 0.02, matrices that write to the residual divided by √(2 · blocks) */
const WEIGHT_SCALE = 0.02;

/** Tokens and merges learnt from the first pairs of the corpus. */
function makeVocabulary(seed) {
  const texts = [];
  for (const { messages, reply } of makeCorpus({ seed, count: VOCABULARY.pairs })) {
    for (const { role, content } of messages) texts.push(`${role}\n${content}`);
    texts.push("assistant\n", reply);
  }
  const merges = learnMerges(texts, VOCABULARY);
  const bytes = Array.from({ length: 256 }, (_, byte) => symbolOfByte(byte));
  const tokens = [...SPECIAL_TOKENS, ...bytes, ...merges.map((pair) => pair.join(""))];
  return { tokens, merges };
}

/** Token ids of a conversation as the chat template renders it, up to where the assistant begins. */
export function promptTokens(tokenizer, messages) {
  const lines = tokenizer.encode("\n");
  return [
    ...messages.flatMap(({ role, content }) => [
      SPECIAL.start,
      ...tokenizer.encode(`${role}\n${content}`),
      SPECIAL.stop,
      ...lines,
    ]),
    SPECIAL.start,
    ...tokenizer.encode("assistant\n"),
  ];
}

/** @returns the file's bytes and the tokenizer that fits it */
export function makeInitialModel(seed, shape = SHAPE) {
  const { tokens, merges } = makeVocabulary(seed);
  const { width, blocks, heads, keyHeads, feedForward, contextLength } = shape;
  const metadata = new Map([
    ["general.architecture", gguf.string("llama")],
    ["general.type", gguf.string("model")],
    ["general.name", gguf.string("w4s nano")],
    ["general.license", gguf.string("apache-2.0")],
    ["general.size_label", gguf.string("2M")],
    ["llama.block_count", gguf.uint32(blocks)],
    ["llama.context_length", gguf.uint32(contextLength)],
    ["llama.embedding_length", gguf.uint32(width)],
    ["llama.feed_forward_length", gguf.uint32(feedForward)],
    ["llama.attention.head_count", gguf.uint32(heads)],
    ["llama.attention.head_count_kv", gguf.uint32(keyHeads)],
    ["llama.attention.layer_norm_rms_epsilon", gguf.float32(1e-5)],
    ["llama.rope.dimension_count", gguf.uint32(width / heads)],
    ["llama.rope.freq_base", gguf.float32(10_000)],
    ["llama.vocab_size", gguf.uint32(tokens.length)],
    ["tokenizer.ggml.model", gguf.string("gpt2")],
    ["tokenizer.ggml.pre", gguf.string("superbpe")],
    ["tokenizer.ggml.tokens", gguf.strings(tokens)],
    [
      "tokenizer.ggml.token_type",
      gguf.int32s(
        tokens.map((_, id) => (id < SPECIAL_TOKENS.length ? TOKEN_TYPE.control : TOKEN_TYPE.normal)),
      ),
    ],
    ["tokenizer.ggml.merges", gguf.strings(merges.map((pair) => pair.join(" ")))],
    ["tokenizer.ggml.bos_token_id", gguf.uint32(SPECIAL.end)],
    ["tokenizer.ggml.eos_token_id", gguf.uint32(SPECIAL.stop)],
    ["tokenizer.ggml.padding_token_id", gguf.uint32(SPECIAL.end)],
    ["tokenizer.ggml.add_bos_token", gguf.bool(false)],
    ["tokenizer.chat_template", gguf.string(CHAT_TEMPLATE)],
  ]);
  const bytes = encodeGguf(
    metadata,
    makeWeights(new Random(seed).derive("nano weights"), tokens.length, shape),
  );
  return { bytes, tokenizer: new Tokenizer(tokens, merges), tokens, merges };
}

function makeWeights(random, vocabulary, { width, blocks, heads, keyHeads, feedForward }) {
  const tensors = [];
  const keyWidth = (width / heads) * keyHeads;
  const residual = WEIGHT_SCALE / Math.sqrt(2 * blocks);
  const matrix = (name, input, output, scale = WEIGHT_SCALE) =>
    tensors.push({ name, dimensions: [input, output], data: normal(random, input * output, scale) });
  const norm = (name) => tensors.push({ name, dimensions: [width], data: new Float32Array(width).fill(1) });
  matrix("token_embd.weight", width, vocabulary);
  for (let block = 0; block < blocks; block++) {
    const name = (part) => `blk.${block}.${part}.weight`;
    norm(name("attn_norm"));
    matrix(name("attn_q"), width, width);
    matrix(name("attn_k"), width, keyWidth);
    matrix(name("attn_v"), width, keyWidth);
    matrix(name("attn_output"), width, width, residual);
    norm(name("ffn_norm"));
    matrix(name("ffn_gate"), width, feedForward);
    matrix(name("ffn_up"), width, feedForward);
    matrix(name("ffn_down"), feedForward, width, residual);
  }
  // No output.weight: the embedding is the head too.
  norm("output_norm.weight");
  return tensors;
}

/** Normal numbers by Box and Muller's method. */
function normal(random, count, scale) {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return radius * Math.cos(2 * Math.PI * random.next()) * scale;
  });
}
