/** @file How attention over a token layout is cut into blocks that skip what the mask forbids. */
import type { Segment, TokenLayout } from "./token-layout.js";

/** Keys from `start` to `end` (one past the last). */
export interface KeyRange {
  start: number;
  end: number;
}

/** Queries `start` … `end` − 1 against the keys of `keys`, in that order. */
export interface AttentionBlock {
  start: number;
  end: number;
  keys: KeyRange[];
  /** Index into `masks`; undefined where every query of the block sees every key. */
  mask: number | undefined;
}

/** Added to scores: 0 = visible, MASKED = hidden. */
export interface AttentionMask {
  /** Queries of the block. */
  rows: number;
  /** Keys of the block, all ranges together. */
  columns: number;
  /** [rows, columns] */
  data: Float32Array;
}

export interface AttentionPlan {
  tokenCount: number;
  /** Who continues whom: what convolutions ask. */
  segments: readonly Segment[];
  blocks: AttentionBlock[];
  /** Equal masks are stored once. */
  masks: AttentionMask[];
}

/** Far below any score, yet finite: a row of nothing else would give numbers, not NaN. */
export const MASKED = -1e30;

/** Queries per block. Small blocks skip more of the forbidden half, large ones make larger products; see bench/forward. */
export const DEFAULT_BLOCK_SIZE = 128;

/**
 * Blocks of queries against their ancestors only: work and memory grow with what is visible, never with T² at once.
 * @param window keys visible to a query, itself included; undefined = no limit
 */
export function planAttention(
  layout: TokenLayout,
  window: number | undefined,
  blockSize: number = DEFAULT_BLOCK_SIZE,
): AttentionPlan {
  const blocks: AttentionBlock[] = [];
  const masks: AttentionMask[] = [];
  const known = new Map<string, number>();
  layout.segments.forEach((segment, index) => {
    for (let start = segment.start; start < segment.end; start += blockSize) {
      const end = Math.min(start + blockSize, segment.end);
      const oldest = (layout.positions[start] as number) - (window ?? Number.POSITIVE_INFINITY) + 1;
      const keys = visibleRanges(layout, index, end, oldest);
      const mask = maskOf(layout, { start, end }, keys, window);
      if (mask === undefined) {
        blocks.push({ start, end, keys, mask: undefined });
        continue;
      }
      const { pattern, ...own } = mask;
      const key = `${mask.rows}:${pattern}`;
      const at = known.get(key) ?? masks.length;
      if (at === masks.length) masks.push(own);
      known.set(key, at);
      blocks.push({ start, end, keys, mask: at });
    }
  });
  return { tokenCount: layout.tokenCount, segments: layout.segments, blocks, masks };
}

/** Ranges of the segment's ancestors and of itself up to `end`, without keys at positions before `oldest`. */
export function visibleRanges(layout: TokenLayout, segment: number, end: number, oldest: number): KeyRange[] {
  const ranges: KeyRange[] = [];
  for (let at = segment, until = end; at >= 0; ) {
    const { start, parent } = layout.segments[at] as Segment;
    const first = layout.positions[start] as number;
    const from = Math.max(start, start + oldest - first);
    if (from < until) {
      const [last] = ranges;
      if (last?.start === until) last.start = from;
      else ranges.unshift({ start: from, end: until });
    }
    // Everything above is older still.
    if (from > start) break;
    at = parent;
    until = layout.segments[parent]?.end ?? 0;
  }
  return ranges;
}

function maskOf(
  layout: TokenLayout,
  block: { start: number; end: number },
  keys: readonly KeyRange[],
  window: number | undefined,
): (AttentionMask & { pattern: string }) | undefined {
  const rows = block.end - block.start;
  const columns = keys.reduce((sum, { start, end }) => sum + end - start, 0);
  // Per row only the first and the last visible column matter: ancestors come in order of depth.
  const bounds: number[] = [];
  for (let row = 0; row < rows; row++) {
    const position = layout.positions[block.start + row] as number;
    const oldest = window === undefined ? 0 : position - window + 1;
    let first = 0;
    let column = 0;
    for (const { start, end } of keys) {
      const depth = layout.positions[start] as number;
      first += Math.min(Math.max(oldest - depth, 0), end - start);
      column += end - start;
    }
    // The block's own last token is the last column.
    bounds.push(first, column - (rows - 1 - row));
  }
  if (rows === 1 && bounds[0] === 0) return undefined;
  const data = new Float32Array(rows * columns).fill(MASKED);
  for (let row = 0; row < rows; row++)
    data.fill(
      0,
      row * columns + (bounds[2 * row] as number),
      row * columns + (bounds[2 * row + 1] as number),
    );
  return { rows, columns, data, pattern: `${columns}:${bounds.join()}` };
}

/** Products of queries and keys that the plan computes, summed over blocks: what attention costs per head. */
export function plannedScores(plan: AttentionPlan): number {
  return plan.blocks.reduce(
    (sum, block) =>
      sum + (block.end - block.start) * block.keys.reduce((keys, { start, end }) => keys + end - start, 0),
    0,
  );
}
