/** @file Numbers as people read them. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failedShare, verdict } from "../../../../src/cli/commands/search-action.js";
import {
  formatBytes,
  formatCount,
  formatDollars,
  formatDuration,
  formatInterval,
  formatPercent,
} from "../../../../src/cli/print/format.js";
import type { ResultRow } from "../../../../src/records/result-row.js";

describe("formats", () => {
  it("rounds to what matters", () => {
    expect([formatPercent(0.12345), formatInterval({ low: 0, high: 1 })]).toEqual([
      "12.3%",
      "[0.0%, 100.0%]",
    ]);
    expect([null, 0, 0.00012, 0.05, 0.5, 12.345].map(formatDollars)).toEqual([
      "unknown",
      "$0",
      "$0.00012",
      "$0.050",
      "$0.500",
      "$12.35",
    ]);
    expect([0, 1023, 1024, 98_362_432, 2 ** 40].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "93.8 MiB",
      "1.0 TiB",
    ]);
    expect([0, 59_400, 60_000, 3_600_000, 5_430_000].map(formatDuration)).toEqual([
      "0 s",
      "59 s",
      "1 min",
      "1 h 0 min",
      "1 h 31 min",
    ]);
    expect([7, 1500, 134_515_008].map(formatCount)).toEqual(["7", "1.5 K", "134.5 M"]);
  });
});

const row = (name: string, accuracy: number, n: number, errors = 0) =>
  ({ name, accuracy, n, errors }) as ResultRow;

describe("verdict", () => {
  const config = { maxErrors: 0.1 };
  const told: string[] = [];
  beforeEach(() => {
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      told.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    told.length = 0;
  });

  it("is done without thresholds", () => {
    expect(verdict({ validation: [row("best", 0, 10)], test: [] }, config)).toBe(0);
    expect(failedShare([])).toBe(0);
  });

  it("is 5 when more samples were lost than allowed, and not when exactly as many", () => {
    expect(verdict({ validation: [row("best", 1, 9, 1)], test: [] }, config)).toBe(0);
    expect(verdict({ validation: [row("best", 1, 8, 2)], test: [] }, config)).toBe(5);
    expect(told.join("")).toMatch(/^20\.0% of the samples were lost .*--max-errors 0\.1/);
  });

  it("is 9 below the score asked for, judged on test where it was opened", () => {
    const results = {
      validation: [row("best", 0.9, 10)],
      test: [row("direct", 0.9, 10), row("best", 0.5, 10)],
    };
    expect(verdict(results, { ...config, minScore: 0.5 })).toBe(0);
    expect(verdict(results, { ...config, minScore: 0.6 })).toBe(9);
    expect(verdict({ ...results, test: [] }, { ...config, minScore: 0.6 })).toBe(0);
    expect(verdict({ validation: [], test: [] }, { ...config, minScore: 0.1 })).toBe(9);
  });

  it("is what ended the run early, whatever the figures", () => {
    const failure = new Error("x");
    expect(verdict({ validation: [row("best", 0, 0, 9)], test: [], stoppedBy: failure }, config)).toEqual({
      failure,
    });
  });
});
