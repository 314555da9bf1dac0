/** @file Both ends of a list, however long. */
import { describe, expect, it } from "vitest";
import { rangeOf } from "../../../src/core/range-of.js";

describe("rangeOf", () => {
  it("finds both ends of a list that is too long for arguments of a call", () => {
    const values = Array.from({ length: 300_000 }, (_, i) => (i + 12_345) % 300_000);
    expect(() => Math.max(...values)).toThrow(RangeError);
    expect(rangeOf(values)).toEqual({ lowest: 0, highest: 299_999 });
  });

  it("is empty where there is nothing", () => {
    expect(rangeOf([])).toEqual({ lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY });
  });
});
