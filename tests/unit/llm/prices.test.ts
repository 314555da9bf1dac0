/** @file Prices: the list of the package, lookups, sums. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { InputError } from "../../../src/core/errors.js";
import { costOf, FREE, loadPrices, type Price, priceByBill, priceFor } from "../../../src/llm/prices.js";

test("the list of the package is dated and sound", () => {
  const list = loadPrices();
  expect(Date.parse(list.date)).not.toBeNaN();
  expect(list.sources?.length).toBeGreaterThan(0);
  for (const [model, price] of Object.entries(list.models)) {
    expect(price.outputPerMillion, model).toBeGreaterThanOrEqual(price.inputPerMillion);
    expect(price.cachedInputPerMillion ?? 0, model).toBeLessThan(price.inputPerMillion);
  }
  // Prices that providers' pages and a list of others' agreed on when they were written.
  expect(priceFor("gpt-4o-mini")).toEqual({
    inputPerMillion: 0.15,
    outputPerMillion: 0.6,
    cachedInputPerMillion: 0.075,
  });
  expect(priceFor("anthropic/claude-sonnet-4-5-20250929")).toMatchObject({
    inputPerMillion: 3,
    outputPerMillion: 15,
  });
  expect(priceFor("gpt-oss-120b")).toBeNull();
});

test("names with a snapshot date or a provider are found; others are unknown", () => {
  const list = {
    date: "2026-01-01",
    note: "",
    models: { "m-mini": { inputPerMillion: 1, outputPerMillion: 2 } },
  };
  for (const name of ["m-mini", "m-mini-2026-03-04", "m-mini-20260304", "m-mini-latest", "vendor/m-mini"]) {
    expect(priceFor(name, undefined, list)).toEqual({ inputPerMillion: 1, outputPerMillion: 2 });
  }
  for (const name of ["m", "m-mini-large", "toString", "__proto__", ""])
    expect(priceFor(name, undefined, list)).toBeNull();
});

test("a service tier has its own price, unknown where the list does not say", () => {
  expect(priceFor("gpt-5-mini", "flex")).toEqual({
    inputPerMillion: 0.125,
    outputPerMillion: 1,
    cachedInputPerMillion: 0.0125,
  });
  expect(priceFor("gpt-5-mini", "default")).toEqual(priceFor("gpt-5-mini"));
  for (const tier of ["scale", "toString", 7, null]) expect(priceFor("gpt-5-mini", tier)).toBeNull();
  expect(priceFor("grok-4", "flex")).toBeNull();
});

test("dollars of a call", () => {
  const usage = { promptTokens: 2_000_000, completionTokens: 500_000 };
  expect(costOf(usage, { inputPerMillion: 1, outputPerMillion: 4 })).toBe(4);
  expect(costOf(usage, null)).toBeNull();
  const price = { inputPerMillion: 1, outputPerMillion: 4, cachedInputPerMillion: 0.1 };
  expect(costOf({ ...usage, cachedTokens: 1_500_000 }, price)).toBeCloseTo(0.5 + 0.15 + 2, 12);
  expect(costOf({ ...usage, cachedTokens: 1_500_000 }, { ...price, cachedInputPerMillion: undefined })).toBe(
    4,
  );
  // More than the whole prompt is no count.
  expect(costOf({ ...usage, cachedTokens: 9_000_000 }, price)).toBeCloseTo(0.2 + 2, 12);
});

test("what the server says it charged comes before every price; nothing is only believed where no price is known", () => {
  const usage = { promptTokens: 1000, completionTokens: 100 };
  const price = { inputPerMillion: 1, outputPerMillion: 4 };
  for (const known of [price, FREE, null]) expect(costOf({ ...usage, dollars: 0.7 }, known)).toBe(0.7);
  expect(costOf({ ...usage, dollars: 0 }, null)).toBe(0);
  expect(costOf({ ...usage, dollars: 0 }, price)).toBe(0.0014);
});

test("a bill suggests a price that explains it", () => {
  const bill = { promptTokens: 12, completionTokens: 1, dollars: 34e-6 };
  const price = priceByBill(bill) as Price;
  expect(price.outputPerMillion).toBe(5 * price.inputPerMillion);
  expect(costOf({ ...bill, dollars: undefined }, price)).toBeCloseTo(34e-6, 12);
  expect(priceByBill({ ...bill, dollars: undefined })).toBeUndefined();
  expect(priceByBill({ promptTokens: 0, completionTokens: 0, dollars: 0 })).toEqual(FREE);
});

test("a list that does not fit is refused", () => {
  const directory = mkdtempSync(join(tmpdir(), "w4s-prices-"));
  const path = join(directory, "prices.json");
  for (const text of [
    "{",
    "[]",
    '{"date":"x","note":"","models":{}}',
    '{"date":"2026-01-01","note":"","models":{"m":{"inputPerMillion":-1,"outputPerMillion":0}}}',
  ]) {
    writeFileSync(path, text);
    expect(() => loadPrices(path)).toThrow(InputError);
  }
  rmSync(directory, { recursive: true });
});
