/** @file The tokenizer inside a model file: lists that fit each other, and special tokens inside them. */
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { stringsValue } from "./gguf-metadata.js";
import { printable } from "./gguf-reader.js";
import { LIMITS, ValueType } from "./gguf-types.js";

const TOKENIZERS: ReadonlySet<string> = new Set([
  "no_vocab",
  "none",
  "llama",
  "bert",
  "gpt2",
  "hybriddna",
  "whitespace",
  "t5",
  "rwkv",
  "test",
  "plamo2",
  "gemma4",
]);
const WITHOUT_VOCABULARY: ReadonlySet<string> = new Set(["no_vocab", "none"]);
const WITH_MERGES: ReadonlySet<string> = new Set(["gpt2", "gemma4"]);

/** @throws {FormatError} */
export function checkVocabulary(header: GgufHeader): void {
  const { metadata } = header;
  const fail: (field: string, why: string) => never = (field, why) => {
    throw badHeader(header, field, why);
  };
  for (const [key, entry] of metadata) {
    if (!key.startsWith("tokenizer.chat_template")) continue;
    if (entry.type === ValueType.ARRAY && key === "tokenizer.chat_templates") continue;
    if (entry.type !== ValueType.STRING) fail(key, "is not a string");
    const bytes = Buffer.byteLength(entry.value as string);
    if (bytes > LIMITS.chatTemplateBytes)
      fail(key, `has ${bytes} bytes, the limit is ${LIMITS.chatTemplateBytes}`);
  }
  const model = metadata.get("tokenizer.ggml.model");
  if (!model) {
    if (header.tensors.length > 0) fail("tokenizer.ggml.model", "is missing");
    return;
  }
  if (model.type !== ValueType.STRING) fail("tokenizer.ggml.model", "is not a string");
  const name = model.value as string;
  if (!TOKENIZERS.has(name)) fail("tokenizer.ggml.model", `${JSON.stringify(name)} is unknown`);
  if (WITHOUT_VOCABULARY.has(name)) return;

  const tokens = stringsValue(metadata, "tokenizer.ggml.tokens");
  if (!tokens) fail("tokenizer.ggml.tokens", "is missing or not an array of strings");
  if (tokens.length === 0) fail("tokenizer.ggml.tokens", "is empty");
  const seen = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    // llama.cpp replaces empty tokens by this name and ends the process on duplicates.
    const text = token === "" ? `[EMPTY_${id}]` : token;
    const first = seen.get(text);
    if (first !== undefined)
      fail("tokenizer.ggml.tokens", `"${printable(text, 40)}" is both ${first} and ${id}`);
    seen.set(text, id);
  }
  checkList(header, "tokenizer.ggml.token_type", [ValueType.INT32], tokens.length);
  checkList(header, "tokenizer.ggml.scores", [ValueType.FLOAT32, ValueType.INT32], tokens.length);
  checkMerges(header, WITH_MERGES.has(name));
  checkSpecialTokens(header, tokens.length);
  checkEmbedding(header, tokens.length);
}

function checkList(header: GgufHeader, key: string, elementTypes: readonly number[], length: number): void {
  const entry = header.metadata.get(key);
  if (!entry) return;
  if (entry.type !== ValueType.ARRAY || !elementTypes.includes(entry.elementType)) {
    throw badHeader(header, key, "has the wrong type");
  }
  if (entry.value.length !== length) {
    throw badHeader(header, key, `has ${entry.value.length} elements for ${length} tokens`);
  }
}

function checkMerges(header: GgufHeader, isRequired: boolean): void {
  const key = "tokenizer.ggml.merges";
  const entry = header.metadata.get(key);
  if (!entry && !isRequired) return;
  const merges = stringsValue(header.metadata, key);
  if (!merges) throw badHeader(header, key, "is missing or not an array of strings");
  const bad = merges.findIndex((merge) => merge.indexOf(" ", 1) < 0);
  if (bad >= 0) throw badHeader(header, `${key}[${bad}]`, "is not two tokens with a space between");
}

function checkSpecialTokens(header: GgufHeader, tokenCount: number): void {
  for (const [key, entry] of header.metadata) {
    if (!/^tokenizer\.ggml\.[a-z_]*token_id$/.test(key)) continue;
    if (entry.type !== ValueType.UINT32) throw badHeader(header, key, "is not a 32-bit unsigned integer");
    // Writers use the largest number for "none".
    if ((entry.value as number) >= tokenCount && entry.value !== 0xffffffff) {
      throw badHeader(header, key, `is ${entry.value}, the vocabulary has ${tokenCount} tokens`);
    }
  }
}

function checkEmbedding(header: GgufHeader, tokenCount: number): void {
  const embedding = header.tensors.find((tensor) => tensor.name === "token_embd.weight");
  const rows = embedding?.dimensions[1];
  if (embedding && rows !== tokenCount) {
    throw badHeader(header, "tensor token_embd.weight", `has ${rows} rows for ${tokenCount} tokens`);
  }
}
