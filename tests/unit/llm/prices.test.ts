/** @file Prices: the list of the package, lookups, sums. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { InputError } from "../../../src/core/errors.js";
import { costOf, loadPrices, priceFor } from "../../../src/llm/prices.js";

test("the list of the package is dated and sound", () => {
  const list = loadPrices();
  expect(Date.parse(list.date)).not.toBeNaN();
  expect(Object.keys(list.models).length).toBeGreaterThan(3);
});

test("names with a snapshot date or a provider are found; others are unknown", () => {
  const list = {
    date: "2026-01-01",
    note: "",
    models: { "m-mini": { inputPerMillion: 1, outputPerMillion: 2 } },
  };
  for (const name of ["m-mini", "m-mini-2026-03-04", "m-mini-20260304", "vendor/m-mini"]) {
    expect(priceFor(name, list)).toEqual({ inputPerMillion: 1, outputPerMillion: 2 });
  }
  for (const name of ["m", "m-mini-large", "toString", "__proto__", ""])
    expect(priceFor(name, list)).toBeNull();
});

test("dollars of a call", () => {
  const usage = { promptTokens: 2_000_000, completionTokens: 500_000 };
  expect(costOf(usage, { inputPerMillion: 1, outputPerMillion: 4 })).toBe(4);
  expect(costOf(usage, null)).toBeNull();
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
