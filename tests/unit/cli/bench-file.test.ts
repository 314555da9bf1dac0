/** @file Comparing two results of `w4s bench`: direction, noise, rows that only one side has. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type BenchFile, type BenchRow, compareBenches, readBenchFile } from "../../../src/cli/bench-file.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const file = (...rows: BenchRow[]): BenchFile => ({ machine: { cpu: "x" }, tables: { t: rows } });
const row = (value: number, more: Partial<BenchRow> = {}): BenchRow => ({
  name: "r",
  unit: "ms",
  value,
  ...more,
});
const verdict = (before: BenchRow, after: BenchRow) =>
  compareBenches(file(before), file(after)).map((change) => change.verdict);

describe("compareBenches", () => {
  it("finds a file equal to itself", () => {
    const all = file(row(3, { sd: 0.2, n: 5 }), row(0, { name: "zero" }), row(7, { name: "one shot" }));
    const changes = compareBenches(all, all);
    expect(changes.map(({ ratio }) => ratio)).toEqual([1, null, 1]);
    expect(changes.every((change) => change.verdict === "same")).toBe(true);
  });

  it.each([
    ["less time", "ms", undefined, 100, 50, "better"],
    ["more time", "ms", undefined, 50, 100, "worse"],
    ["more memory", "MB", undefined, 50, 100, "worse"],
    ["more tokens a second", "tokens/s", undefined, 50, 100, "better"],
    ["fewer samples a second", "samples/s", undefined, 100, 50, "worse"],
    ["a higher ratio with a lower limit", "×", "≥ 1", 1, 2, "better"],
    ["a higher ratio with an upper limit", "×", "≤ 1.15", 1, 2, "worse"],
    ["from nothing to something", "", undefined, 0, 1, "worse"],
  ])("%s", (_, unit, limit, before, after, expected) => {
    const more = { unit, ...(limit === undefined ? {} : { limit }) };
    expect(verdict(row(before, more), row(after, more))).toEqual([expected]);
  });

  it("calls a difference within two standard errors of the ratio the same", () => {
    // Relative errors 1.25 × 10 / √4 / value: 0.0625 and 0.0525, so 119 may be 2 × 0.097 away from 100.
    const scattered = { sd: 10, n: 4 };
    expect(verdict(row(100, scattered), row(119, scattered))).toEqual(["same"]);
    expect(verdict(row(100, scattered), row(121, scattered))).toEqual(["worse"]);
    const [change] = compareBenches(file(row(100, scattered)), file(row(125, scattered)));
    expect(change?.noise).toBeCloseTo(1.25 * Math.hypot(0.0625, 0.05), 10);
  });

  it("leaves out what only one side has, and keeps rows of one name and other units apart", () => {
    const before = file(row(1), row(5, { unit: "GFLOP/s" }), row(9, { name: "old" }));
    const after = file(row(5, { unit: "GFLOP/s" }), row(1), row(9, { name: "new" }));
    expect(compareBenches(before, after).map(({ name, unit }) => [name, unit])).toEqual([
      ["r", "GFLOP/s"],
      ["r", "ms"],
    ]);
    expect(compareBenches({ ...before, tables: {} }, after)).toEqual([]);
  });
});

describe("readBenchFile", () => {
  it.each([
    ["not JSON", "{", /not JSON/],
    ["no tables", '{"machine": {}}', /tables/],
    [
      "a row without value",
      '{"machine": {}, "tables": {"t": [{"name": "r", "unit": "ms"}]}}',
      /tables\.t\.0\.value/,
    ],
  ])("refuses %s by name", async (_, text, message) => {
    const path = join(folder(), "old.json");
    writeFileSync(path, text);
    await expect(readBenchFile(path)).rejects.toThrow(message);
  });

  it("refuses a file that is not there", async () => {
    await expect(readBenchFile(join(folder(), "none.json"))).rejects.toMatchObject({ code: "config" });
  });
});
