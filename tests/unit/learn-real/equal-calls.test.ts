/** @file What a search cost, and where another one is cut to cost as much. */
import { expect, test } from "vitest";
import { searchCalls, upTo } from "../../../scripts/learn-real/equal-calls.mjs";

/** A candidate that asked so often about the items a, b, … */
const candidate = (hash: string, ...calls: number[]) => ({
  hash,
  evaluation: {
    results: calls.map((count, at) => ({
      sampleId: String.fromCharCode(97 + at),
      usage: { executor: { calls: count }, ...(count > 2 ? { weak: { calls: 1 } } : {}) },
    })),
  },
});

test("calls of all roles count, those of a workflow about an item once", () => {
  expect(searchCalls([candidate("x", 1, 2), candidate("y", 3, 1), candidate("x", 1, 2, 1)])).toBe(9);
  expect(searchCalls([])).toBe(0);
});

test("a search is cut before the candidate that would pass the number, and keeps its first one", () => {
  const own = [candidate("x", 2, 2), candidate("x", 2, 2), candidate("y", 2), candidate("z", 1)];
  const kept = (most: number) => upTo(own, most).length;
  expect([1, 4, 5, 6, 7, 100].map(kept)).toEqual([1, 2, 2, 3, 4, 4]);
});
