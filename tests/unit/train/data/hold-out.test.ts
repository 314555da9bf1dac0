/** @file Whole groups are held out, and none where there is only one. */
import { expect, it } from "vitest";
import { actionExample } from "../../../../src/train/data/example.js";
import { holdOut } from "../../../../src/train/data/hold-out.js";

const example = (group: string) =>
  actionExample({ promptTokens: Int32Array.of(1), actionTokens: Int32Array.of(2), weight: 1, group });
const examples = ["a", "b", "a", "c", "b", "d"].map(example);

it("holds out whole groups, at least one, and leaves at least one", () => {
  for (const share of [0.01, 0.25, 0.5]) {
    const { kept, heldOut } = holdOut(examples, share, 3);
    expect(kept.length + heldOut.length).toBe(examples.length);
    const groups = new Set(heldOut.map(({ group }) => group));
    expect(groups.size).toBe(share === 0.5 ? 2 : 1);
    expect(kept.some(({ group }) => groups.has(group))).toBe(false);
  }
  expect(holdOut(examples, 0, 3)).toEqual({ kept: examples, heldOut: [] });
});

it("holds nothing out of a single group: what was paid for is trained on", () => {
  const alone = ["a", "a"].map(example);
  expect(holdOut(alone, 0.5, 3)).toEqual({ kept: alone, heldOut: [] });
});
