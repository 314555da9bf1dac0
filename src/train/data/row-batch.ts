/** @file Tries padded to rows of one length: batches of the same size share programs, whatever their trees look like. */
import { InternalError } from "../../core/errors.js";
import {
  type AttentionPlan,
  DEFAULT_BLOCK_SIZE,
  MASKED,
  visibleRanges,
} from "../../transformer/attention-plan.js";
import { type Segment, type TokenLayout, treeLayout } from "../../transformer/token-layout.js";
import type { TokenTrie } from "./token-trie.js";

/** B rows of L tokens as one forest; what fills a row up is a root of its own that predicts nothing. */
export interface RowBatch extends TokenTrie {
  /** L. */
  rowLength: number;
}

/** Fills rows up. Nothing looks at it. */
const PADDING_TOKEN = 0;

/**
 * One trie per row, in their order.
 * @throws {InternalError} for a trie longer than a row
 */
export function rowBatch(tries: readonly TokenTrie[], rowLength: number): RowBatch {
  const tokens = new Int32Array(tries.length * rowLength).fill(PADDING_TOKEN);
  const segments: Segment[] = [];
  const targets: TokenTrie["targets"] = [];
  for (const [row, trie] of tries.entries()) {
    const base = row * rowLength;
    const used = trie.tokens.length;
    if (used > rowLength)
      throw new InternalError(`a trie of ${used} tokens does not fit a row of ${rowLength}`);
    const before = segments.length;
    for (const { start, end, parent } of trie.layout.segments)
      segments.push({ start: base + start, end: base + end, parent: parent < 0 ? -1 : before + parent });
    if (used < rowLength) segments.push({ start: base + used, end: base + rowLength, parent: -1 });
    tokens.set(trie.tokens, base);
    for (const { token, source, weight } of trie.targets)
      targets.push({ token: base + token, source: base + source, weight });
  }
  return { layout: treeLayout(segments), tokens, targets, rowLength };
}

/**
 * Attention of a layout whose trees each lie within one row. Blocks and the sizes of masks depend on nothing but the
 * number and the length of rows; the masks' numbers say who sees whom.
 * @param window keys visible to a query, itself included; undefined = no limit
 */
export function planRows(layout: TokenLayout, rowLength: number, window: number | undefined): AttentionPlan {
  const plan: AttentionPlan = {
    tokenCount: layout.tokenCount,
    segments: layout.segments,
    blocks: [],
    masks: [],
  };
  const segmentOf = new Int32Array(layout.tokenCount);
  for (const [index, { start, end }] of layout.segments.entries()) segmentOf.fill(index, start, end);
  for (let base = 0; base < layout.tokenCount; base += rowLength) {
    for (let from = 0; from < rowLength; from += DEFAULT_BLOCK_SIZE) {
      const until = Math.min(from + DEFAULT_BLOCK_SIZE, rowLength);
      const [start, end] = [base + from, base + until];
      const data = new Float32Array((until - from) * until).fill(MASKED);
      for (let query = start; query < end; query++) {
        const row = (query - start) * until - base;
        const oldest = (layout.positions[query] as number) - (window ?? Number.POSITIVE_INFINITY) + 1;
        for (const keys of visibleRanges(layout, segmentOf[query] as number, query + 1, oldest))
          data.fill(0, row + keys.start, row + keys.end);
      }
      plan.blocks.push({ start, end, keys: [{ start: base, end }], mask: plan.masks.length });
      plan.masks.push({ rows: until - from, columns: until, data });
    }
  }
  return plan;
}
