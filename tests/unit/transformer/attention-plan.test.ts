import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planAttention, plannedScores } from "../../../src/transformer/attention-plan.js";
import {
  type Segment,
  singleSequence,
  type TokenLayout,
  treeLayout,
} from "../../../src/transformer/token-layout.js";

/** Which keys each query may see, from the definition: ancestors and itself, inside the window. */
function visibleByDefinition(layout: TokenLayout, window: number | undefined): string[] {
  const parentOf = new Int32Array(layout.tokenCount).fill(-1);
  for (const { start, end, parent } of layout.segments) {
    for (let i = start; i < end; i++)
      parentOf[i] = i > start ? i - 1 : (layout.segments[parent]?.end ?? 0) - 1;
  }
  return Array.from({ length: layout.tokenCount }, (_, query) => {
    const seen: number[] = [];
    for (let key = query; key >= 0; key = parentOf[key] as number) {
      if (window === undefined || seen.length < window) seen.push(key);
    }
    return seen.sort((a, b) => a - b).join();
  });
}

function visibleByPlan(layout: TokenLayout, window: number | undefined, blockSize: number): string[] {
  const plan = planAttention(layout, window, blockSize);
  const rows: string[] = [];
  for (const block of plan.blocks) {
    const keys = block.keys.flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, i) => start + i),
    );
    for (let query = block.start; query < block.end; query++) {
      const mask = block.mask === undefined ? undefined : plan.masks[block.mask];
      if (mask) expect([mask.rows, mask.columns]).toEqual([block.end - block.start, keys.length]);
      rows[query] = keys
        .filter(
          (_, column) => mask === undefined || mask.data[(query - block.start) * mask.columns + column] === 0,
        )
        .join();
    }
  }
  return rows;
}

const segments = fc
  .array(fc.record({ length: fc.integer({ min: 1, max: 12 }), parent: fc.nat() }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => {
    let start = 0;
    return parts.map(({ length, parent }, index): Segment => {
      const segment = { start, end: start + length, parent: (parent % (index + 1)) - 1 };
      start += length;
      return segment;
    });
  });

describe("planAttention", () => {
  it("shows every query its ancestors inside the window and nothing else", () => {
    fc.assert(
      fc.property(
        segments,
        fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
        fc.integer({ min: 1, max: 9 }),
        (parts, window, blockSize) => {
          const layout = treeLayout(parts);
          expect(visibleByPlan(layout, window, blockSize)).toEqual(visibleByDefinition(layout, window));
        },
      ),
      { seed: 41, numRuns: 300 },
    );
  });

  it("computes little more than the visible half of one sequence", () => {
    const plan = planAttention(singleSequence(1024), undefined, 128);
    expect(plan.blocks).toHaveLength(8);
    expect(plannedScores(plan) / 1024 ** 2).toBe(0.5625);
    expect(plan.masks.map(({ rows, columns }) => [rows, columns])).toContainEqual([128, 1024]);
  });

  it("grows with the window, not with the square, for local layers", () => {
    const plan = planAttention(singleSequence(1024), 64, 64);
    expect(plannedScores(plan)).toBeLessThan(1024 * 2 * 64);
    expect(plan.masks).toHaveLength(2);
  });
});

describe("treeLayout", () => {
  it("counts positions by depth", () => {
    const layout = treeLayout([
      { start: 0, end: 3, parent: -1 },
      { start: 3, end: 5, parent: 0 },
      { start: 5, end: 6, parent: 0 },
      { start: 6, end: 7, parent: 1 },
    ]);
    expect([...layout.positions]).toEqual([0, 1, 2, 3, 4, 3, 5]);
  });

  it("refuses gaps and parents that come later", () => {
    expect(() => treeLayout([{ start: 1, end: 2, parent: -1 }])).toThrow(
      "segment 0: is 1–2, expected a start of 0",
    );
    expect(() => treeLayout([{ start: 0, end: 2, parent: 0 }])).toThrow(
      "segment 0: has parent 0, must name an earlier segment",
    );
  });
});
