/** @file How many tokens the lanes of a model may hold in memory. */
import { ConfigError } from "../../core/errors.js";
import type { GgufHeader } from "../../formats/gguf/gguf-contents.js";
import { integerValue } from "../../formats/gguf/gguf-metadata.js";
import type { LanePlan } from "./local-protocol.js";

/** Share of the free memory that states of lanes may take; weights, sandboxes and the weak model need the rest. */
const MEMORY_SHARE = 0.25;
const MAX_LANES = 64;
/** Bytes of a number in the f16 cache. */
const CACHE_BYTES = 2;

/**
 * Plan of lanes for a model's file.
 * @param lanes - replies written together, 1–64
 * @param availableBytes - free memory
 * @throws {ConfigError} on another number of lanes
 */
export function planLanes(header: GgufHeader, lanes: number, availableBytes: number): LanePlan {
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > MAX_LANES)
    throw new ConfigError(`lanes is ${lanes}, must be 1 to ${MAX_LANES}`);
  return { lanes, tokens: Math.floor((availableBytes * MEMORY_SHARE) / stateBytesPerToken(header)) };
}

/** Bytes of one token's keys and values in all blocks, cache in f16; of the widest block where they differ. */
export function stateBytesPerToken({ architecture, metadata }: GgufHeader): number {
  const size = (key: string) => integerValue(metadata, `${architecture}.${key}`);
  const widest = (key: string) => {
    const list = metadata.get(`${architecture}.${key}`);
    if (list?.type !== 9) return size(key);
    return Array.from<string | number | bigint, number>(list.value, Number).reduce(
      (most, one) => Math.max(most, one),
      0,
    );
  };
  const heads = widest("attention.head_count") ?? 1;
  const kvHeads = widest("attention.head_count_kv") ?? heads;
  const headWidth = (size("embedding_length") ?? 0) / heads;
  const keyWidth = size("attention.key_length") ?? headWidth;
  const valueWidth = size("attention.value_length") ?? headWidth;
  return Math.max(1, (size("block_count") ?? 1) * kvHeads * (keyWidth + valueWidth) * CACHE_BYTES);
}
