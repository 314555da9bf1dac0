/** @file Result tables on the screen: n, lost samples, failures by class and what they said. */
import { describe, expect, it } from "vitest";
import { resultTable } from "../../../../src/cli/print/tables.js";
import type { JobResult } from "../../../../src/evaluate/evaluation.js";
import { summarize } from "../../../../src/evaluate/evaluation.js";
import type { ResultRow } from "../../../../src/records/result-row.js";
import { resultRow } from "../../../../src/run/run-figures.js";

function row(title: string, results: readonly Partial<JobResult>[]): ResultRow {
  const full = results.map((one, i) => ({
    sampleId: String(i),
    status: "ok",
    score: 1,
    usage: { executor: { calls: 2, promptTokens: 10, completionTokens: 0, dollars: 0 } },
    ...one,
  })) as JobResult[];
  return resultRow(
    { name: title, title, split: "validation", executor: "mock" },
    { isSimulated: false },
    summarize(title, full, 1, 10),
  );
}

describe("resultTable", () => {
  it("has n and lost samples beside every score", () => {
    const text = resultTable([row("direct", [{}, {}])]);
    expect(text).toMatch(/│ n +│ lost │/);
    expect(text).toMatch(/│ 100\.0% +│ [^│]+│ 2 +│ 0 +│/);
    expect(text).not.toContain("failed");
  });

  it("counts failures by class, and tells the first message of each", () => {
    const failed = row("votes", [
      {},
      { status: "threw", score: 0, message: "boom\nat line 3" },
      { status: "threw", score: 0, message: "another" },
      { status: "timed-out", score: 0, message: "took 300 s" },
      { status: "error", fault: "length", message: "cut at 2048 tokens", usage: {} },
      { status: "error", fault: "length", message: "cut again", usage: {} },
      { status: "error", fault: "timeout", message: "no answer", usage: {} },
    ]);
    const text = resultTable([row("direct", [{}]), failed]);
    expect(text).toContain("2 threw, 1 timed out; lost 3 (2 length, 1 timeout)");
    expect(text.split("\n").slice(-4)).toEqual([
      "votes on validation, threw: boom\\x0aat line 3",
      "votes on validation, timed out: took 300 s",
      "votes on validation, lost (length): cut at 2048 tokens",
      "votes on validation, lost (timeout): no answer",
    ]);
    // Lost runs made no calls: they make nothing look cheap.
    expect(failed).toMatchObject({ n: 4, errors: 3, callsPerSample: 2, accuracy: 0.25 });
  });

  it("says which share programs answered, where one did", () => {
    const text = resultTable([row("direct", [{}, {}]), row("program", [{ byCode: true }, {}])]);
    expect(text).toMatch(/│ by code │/);
    expect(text).toMatch(/program.+│ 50\.0% +│/);
    expect(text).toMatch(/direct.+│ – +│/);
    expect(resultTable([row("direct", [{}])])).not.toContain("by code");
  });

  it("reads rows of earlier versions, which have counts alone", () => {
    const old = { ...row("old", [{}]), failures: undefined, statusCounts: { ok: 1, threw: 2, error: 3 } };
    expect(resultTable([old])).toContain("2 threw; lost 3");
  });

  it("names the executor of a failure where there are several", () => {
    const text = resultTable([row("w", [{ status: "threw", message: "no" }])], { hasExecutor: true });
    expect(text).toContain("w on validation with mock, threw: no");
  });
});
