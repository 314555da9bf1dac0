/** @file The exit code of a finished search. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bestVerdict as verdict } from "../../../src/cli/verdict.js";
import type { ResultRow } from "../../../src/records/result-row.js";

const row = (name: string, accuracy: number, n: number, errors = 0) =>
  ({ name, accuracy, n, errors, statusCounts: { ok: n, error: errors } }) as unknown as ResultRow;

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
    expect(verdict({ validation: [], test: [] }, config)).toBe(0);
  });

  it("is 5 when more samples were lost than allowed, and not when exactly as many", () => {
    expect(verdict({ validation: [row("best", 1, 9, 1)], test: [] }, config)).toBe(0);
    expect(verdict({ validation: [row("best", 1, 8, 2)], test: [] }, config)).toBe(5);
    expect(told.join("")).toMatch(/^20\.0% of the samples were lost, more than --max-errors 0\.1/);
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
