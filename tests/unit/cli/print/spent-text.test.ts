/** @file The line of what was spent, as commands end with it. */
import { expect, test } from "vitest";
import { spentText, spentTogether } from "../../../../src/cli/print/spent-text.js";

test("names each sum with its limit, and an unknown price as unknown", () => {
  const spent = { calls: 12, tokens: 3400, dollars: 0.012 };
  expect(spentText(spent)).toBe("12 calls, 3.4 K tokens, $0.012");
  expect(spentText(spent, { dollars: 0.05 })).toBe("12 calls, 3.4 K tokens, $0.012 of $0.050");
  expect(spentText({ ...spent, dollars: null }, { calls: 20, tokens: 1e6, dollars: undefined })).toBe(
    "12 of 20 calls, 3.4 K of 1.0 M tokens, price unknown (--price-input, --price-output)",
  );
});

test("sums are unknown where a part is", () => {
  const spent = { calls: 1, tokens: 10, dollars: 0.5 };
  expect(spentTogether([spent, spent])).toEqual({ calls: 2, tokens: 20, dollars: 1 });
  expect(spentTogether([spent, { ...spent, dollars: null }]).dollars).toBeNull();
});
