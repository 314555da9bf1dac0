/** @file The sizes a model states about itself: present, of the right type, and possible. */
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { LIMITS, ValueType } from "./gguf-types.js";

/** Architectures whose blocks have no attention heads: the key is missing, or 0. */
const HEADLESS: ReadonlySet<string> = new Set([
  "mamba",
  "mamba2",
  "rwkv6",
  "rwkv6qwen2",
  "rwkv7",
  "arwkv7",
  "wavtokenizer-dec",
]);
const ROPE_SCALING_TYPES: ReadonlySet<string> = new Set(["none", "linear", "yarn", "longrope"]);
/** llama.cpp ends the process above these. */
const MAX_BLOCKS = 512;
const MAX_EXPERTS = 1024;
const MAX_CONTEXT = 2 ** 31 - 1;

/**
 * Checks the keys of the architecture. A file without tensors (a bare vocabulary) may leave sizes out, but
 * those it has must be right; `block_count` 0 is a valid file that is never loaded.
 * @throws {FormatError}
 */
export function checkModelKeys(header: GgufHeader): void {
  const { architecture: name } = header;
  const isRequired = header.tensors.length > 0;
  const check = new KeyCheck(header, isRequired);
  const blocks = check.size(`${name}.block_count`, { low: 0, high: MAX_BLOCKS });
  check.size(`${name}.context_length`, { high: MAX_CONTEXT });
  const width = check.size(`${name}.embedding_length`, { high: LIMITS.embeddingLength });
  check.sizes(`${name}.feed_forward_length`, blocks, { high: 2 ** 24, low: 0, isOptional: true });
  const headsKey = `${name}.attention.head_count`;
  const isHeadless = HEADLESS.has(name);
  const heads = check.sizes(headsKey, blocks, {
    low: isHeadless ? 0 : 1,
    high: LIMITS.headCount,
    isOptional: isHeadless,
  });
  const kvHeads = check.sizes(`${name}.attention.head_count_kv`, blocks, {
    low: 0,
    high: LIMITS.headCount,
    isOptional: true,
  });
  if (heads && kvHeads !== undefined && kvHeads > 0 && (kvHeads > heads || heads % kvHeads !== 0)) {
    check.fail(`${name}.attention.head_count_kv`, `is ${kvHeads}, which does not divide head_count ${heads}`);
  }
  for (const part of ["key_length", "value_length"]) {
    check.size(`${name}.attention.${part}`, { high: 65_536, isOptional: true });
  }
  const hasKeyLength = header.metadata.has(`${name}.attention.key_length`);
  if (width !== undefined && heads && !hasKeyLength && width % heads !== 0) {
    check.fail(headsKey, `is ${heads}, which does not divide embedding_length ${width}`);
  }
  check.size(`${name}.rope.dimension_count`, { low: 0, high: 65_536, isOptional: true });
  check.size(`${name}.vocab_size`, { high: LIMITS.arrayElements, isOptional: true });
  for (const key of [
    `${name}.attention.layer_norm_rms_epsilon`,
    `${name}.attention.layer_norm_epsilon`,
    `${name}.rope.freq_base`,
  ]) {
    check.positiveFloat(key);
  }
  checkRopeScaling(check, name);
  checkExperts(check, name);
}

function checkRopeScaling(check: KeyCheck, name: string): void {
  const key = `${name}.rope.scaling.type`;
  const entry = check.header.metadata.get(key);
  if (!entry) return;
  if (entry.type !== ValueType.STRING) check.fail(key, "is not a string");
  if (!ROPE_SCALING_TYPES.has(entry.value as string))
    check.fail(key, `${JSON.stringify(entry.value)} is unknown`);
}

function checkExperts(check: KeyCheck, name: string): void {
  const experts = check.size(`${name}.expert_count`, { low: 0, high: MAX_EXPERTS, isOptional: true }) ?? 0;
  const usedEntry = check.header.metadata.get(`${name}.expert_used_count`);
  if (usedEntry?.type === ValueType.ARRAY) return;
  const used = check.size(`${name}.expert_used_count`, { low: 0, high: MAX_EXPERTS, isOptional: true }) ?? 0;
  if (used > experts || (experts > 0 && used === 0)) {
    check.fail(`${name}.expert_used_count`, `is ${used} with expert_count ${experts}`);
  }
}

interface SizeRange {
  /** Default 1. */
  low?: number | undefined;
  high: number;
  isOptional?: boolean | undefined;
}

class KeyCheck {
  readonly header: GgufHeader;
  readonly #isRequired: boolean;

  constructor(header: GgufHeader, isRequired: boolean) {
    this.header = header;
    this.#isRequired = isRequired;
  }

  fail(field: string, why: string): never {
    throw badHeader(this.header, field, why);
  }

  /** A 32-bit unsigned integer: llama.cpp refuses every other type. */
  size(key: string, range: SizeRange): number | undefined {
    const entry = this.header.metadata.get(key);
    if (!entry) {
      if (this.#isRequired && !range.isOptional) this.fail(key, "is missing");
      return undefined;
    }
    if (entry.type !== ValueType.UINT32) this.fail(key, "is not a 32-bit unsigned integer");
    const value = entry.value as number;
    const low = range.low ?? 1;
    if (value < low || value > range.high) this.fail(key, `is ${value}, must be ${low} to ${range.high}`);
    return value;
  }

  /** One size for all blocks, or one per block; returns the first. */
  sizes(key: string, blocks: number | undefined, range: SizeRange): number | undefined {
    const entry = this.header.metadata.get(key);
    if (entry?.type !== ValueType.ARRAY) return this.size(key, range);
    if (entry.elementType !== ValueType.UINT32 && entry.elementType !== ValueType.INT32) {
      this.fail(key, "is not an array of 32-bit integers");
    }
    const values = entry.value as Uint32Array | Int32Array;
    if (blocks !== undefined && values.length !== blocks) {
      this.fail(key, `has ${values.length} elements for ${blocks} blocks`);
    }
    // A block without attention or feed-forward carries 0.
    const bad = values.findIndex((value) => value < 0 || value > range.high);
    if (bad >= 0) this.fail(key, `element ${bad} is ${values[bad]}, must be 0 to ${range.high}`);
    return undefined;
  }

  positiveFloat(key: string): void {
    const entry = this.header.metadata.get(key);
    if (!entry) return;
    if (entry.type !== ValueType.FLOAT32) this.fail(key, "is not a 32-bit float");
    const value = entry.value as number;
    if (!(Number.isFinite(value) && value > 0)) this.fail(key, `is ${value}, must be a positive number`);
  }
}
