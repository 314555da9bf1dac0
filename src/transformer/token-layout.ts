/** @file Which token may look at which: a tree of segments; one plain sequence is a tree of one. */
import { ShapeError } from "../core/errors.js";

/** A run of consecutive tokens in which each follows the one before. */
export interface Segment {
  /** First token. */
  start: number;
  /** One past the last token. */
  end: number;
  /** Index of the segment this one continues; −1 for a root. A parent stands before its children. */
  parent: number;
}

/** T tokens laid out one segment after another. Token i sees itself, the tokens before it in its segment, and its ancestors. */
export interface TokenLayout {
  tokenCount: number;
  segments: readonly Segment[];
  /** Depth of every token [T]: the position its rotary embedding uses. */
  positions: Int32Array;
}

/** One sequence of `tokenCount` tokens, positions from 0. */
export function singleSequence(tokenCount: number): TokenLayout {
  return treeLayout([{ start: 0, end: tokenCount, parent: -1 }]);
}

/**
 * Checks the segments and counts every token's depth.
 * @throws {ShapeError} when segments leave a gap, are empty, or stand before their parent
 */
export function treeLayout(segments: readonly Segment[]): TokenLayout {
  let next = 0;
  segments.forEach(({ start, end, parent }, index) => {
    if (start !== next || end <= start)
      throw new ShapeError(
        `segment ${index}`,
        [],
        `is ${start}–${end}, expected a start of ${next} and an end above it`,
      );
    if (!Number.isInteger(parent) || parent < -1 || parent >= index)
      throw new ShapeError(
        `segment ${index}`,
        [],
        `has parent ${parent}, must name an earlier segment, or be −1`,
      );
    next = end;
  });
  const positions = new Int32Array(next);
  for (const { start, end, parent } of segments) {
    const above = segments[parent];
    const depth = above === undefined ? 0 : (positions[above.end - 1] as number) + 1;
    for (let i = start; i < end; i++) positions[i] = depth + i - start;
  }
  return { tokenCount: next, segments, positions };
}
