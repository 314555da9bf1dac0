/** @file Figures as people read them. */
import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatChange,
  formatCount,
  formatDifference,
  formatDollars,
  formatDuration,
  formatInterval,
  formatPairedInterval,
  formatPercent,
  formatPercentChange,
} from "../../../src/core/figure-format.js";

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
    expect([0, 59_400, 89_000, 90_000, 3_600_000, 5_430_000].map(formatDuration)).toEqual([
      "0 s",
      "59 s",
      "89 s",
      "2 min",
      "1 h 0 min",
      "1 h 31 min",
    ]);
    expect([-0.004, 0, 0.004].map(formatPercentChange)).toEqual(["-0.4%", "0.0%", "+0.4%"]);
    expect([-0.004, 0].map(formatChange)).toEqual(["−0.004", "+0.000"]);
    expect(formatDollars(-3)).toBe("$-3.00");
    expect([7, 1500, 134_515_008].map(formatCount)).toEqual(["7", "1.5 K", "134.5 M"]);
  });
});

describe("differences of pairs", () => {
  const difference = { mean: 0.2, interval: { low: 0.15, high: 0.25 } };
  it("have an interval from eight pairs on, and each pair's figure below", () => {
    expect(formatDifference(difference, 8)).toBe("+0.200 [+0.150, +0.250]");
    expect(formatDifference(difference, 2, [0.15, 0.25])).toBe("+0.200 (+0.150, +0.250)");
    expect(formatDifference(difference, 2)).toBe("+0.200");
    expect(formatPairedInterval(difference.interval, 7)).toBe("too few pairs");
    expect(formatPairedInterval(difference.interval, 8)).toBe("[15.0%, 25.0%]");
  });
});
