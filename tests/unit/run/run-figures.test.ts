import { describe, expect, it } from "vitest";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import type { CandidateRecord, TurnRecord } from "../../../src/records/trajectory.js";
import { breakEvens } from "../../../src/run/choose-winner.js";
import { breakEven, candidateStats, resultRow } from "../../../src/run/run-figures.js";
import { runWarnings } from "../../../src/run/run-warnings.js";

function against(difference: number, low: number, high: number) {
  return { against: "vote", difference, low, high, n: 30 };
}

const NOTHING = {
  baselines: [],
  evaluations: [],
  comparison: undefined,
  candidates: { count: 20 },
  isSimulated: false,
};

describe("runWarnings", () => {
  it("says nothing where there is nothing to say", () => {
    expect(runWarnings({ ...NOTHING, comparison: against(0.4, 0.2, 0.6) })).toEqual([]);
  });

  it("names a simulated executor first", () => {
    expect(runWarnings({ ...NOTHING, isSimulated: true })[0]).toContain("simulated");
  });

  it("warns when test does not tell the best from the baseline that was best on validation", () => {
    const [text] = runWarnings({ ...NOTHING, comparison: against(0.1, -0.05, 0.25) });
    expect(text).toBe(
      "on test 30 items do not tell the best workflow and vote apart: +10.0%, [-5.0%, 25.0%]",
    );
  });

  it("warns about saturation, empty replies, lost samples and too small a search", () => {
    const lost: JobResult = {
      ...{ jobId: "j", sampleId: "s", status: "error", score: 0, isCorrect: false, extracted: "" },
      ...{ replies: 0, cutReplies: 0, emptyReplies: 0, usage: {}, wallMs: 0 },
      message: "no text; raise maxTokens",
      shortPrompts: 1,
    };
    const evaluation = {
      workflowHash: "h",
      n: 10,
      accuracy: 0.99,
      interval: { low: 0.9, high: 1 },
      scores: [],
      results: ["timeout", "length", "length"].map((fault) => ({ ...lost, fault })),
      statusCounts: {},
      errors: 3,
      emptyReplies: 3,
      replies: 20,
      cutReplies: 7,
      calls: 20,
      tokens: 0,
      dollars: 0,
    };
    const baseline = { hash: "h", source: "", title: "direct", evaluation };
    const text = runWarnings({
      ...NOTHING,
      baselines: [baseline],
      evaluations: [evaluation],
      candidates: { count: 3, lost: 2 },
    }).join("\n");
    expect(text).toMatch(/saturated: direct reaches 0\.99/);
    expect(text).toMatch(/3 of 23 replies were empty/);
    expect(text).toMatch(/7 of 20 replies were cut/);
    expect(text).toMatch(/1 samples were lost \(executor: timeout\)/);
    expect(text).toMatch(/2 samples were lost \(executor: length\).*The first: no text; raise maxTokens/);
    expect(text).toMatch(/3 prompts: .*num_ctx or OLLAMA_CONTEXT_LENGTH/);
    expect(text).toMatch(/only 3 candidates/);
    expect(text).toMatch(/2 candidates were left out/);
  });
});

describe("candidateStats", () => {
  it("counts validity, distinct sources and techniques over all candidates", () => {
    const candidate = (changes: Partial<CandidateRecord>): CandidateRecord => ({
      index: 0,
      repairOf: null,
      forced: [],
      techniques: [],
      workflowHash: "x",
      source: "x",
      outcome: "scored",
      status: "ok",
      accuracy: 0.5,
      screenAccuracy: null,
      interval: null,
      n: 10,
      calls: 10,
      tokens: 10,
      dollars: 0,
      reward: 0,
      ...changes,
    });
    const turn: TurnRecord = {
      kind: "turn",
      episode: 0,
      turn: 0,
      history: { best: 0, previous: 0, sampleCount: 10 },
      parentHash: null,
      candidates: [
        candidate({ techniques: ["steps"], reward: 1 }),
        candidate({ index: 1 }),
        candidate({ index: 2, workflowHash: "y", techniques: ["steps", "vote"] }),
        candidate({ index: 3, workflowHash: null, source: null, outcome: "invalid", reward: -0.1 }),
      ],
      kept: 0,
    };
    const stats = candidateStats([turn]);
    expect(stats).toMatchObject({ count: 4, validShare: 0.75, techniques: { steps: 0.5, vote: 0.25 } });
    expect(stats.distinctShare).toBeCloseTo(2 / 3);
    expect(stats.meanReward).toBeCloseTo(0.225);
  });
});

describe("resultRow", () => {
  it("calls a row simulated only where the simulated executor answered", () => {
    const usage = {
      calls: 1,
      cachedCalls: 0,
      promptTokens: 5,
      completionTokens: 5,
      dollars: 0,
      latencyMs: 1,
    };
    const result = (role: string): JobResult => ({
      jobId: role,
      sampleId: role,
      status: "ok",
      score: 1,
      isCorrect: true,
      extracted: "1",
      replies: 1,
      cutReplies: 0,
      emptyReplies: 0,
      usage: { [role]: usage },
      wallMs: 1,
    });
    const name = { name: "n", title: "n", split: "test", executor: "e" } as const;
    const rowOf = (role: string, isSimulated: boolean) =>
      resultRow(name, { isSimulated }, summarize("h", [result(role)], 1)).isSimulated;
    expect(rowOf("executor", true)).toBe(true);
    expect(rowOf("weak", true)).toBe(false);
    expect(rowOf("executor", false)).toBe(false);
  });
});

describe("breakEven", () => {
  it("is the number of samples that save what the search cost, or never", () => {
    expect(breakEven(10, 0.5, 0.25)).toBe(40);
    expect(breakEven(10, 0.01, 0.01)).toBeNull();
    expect(breakEven(10, 0.01, 0.02)).toBeNull();
  });
});

describe("breakEvens", () => {
  const spent = { calls: 100, tokens: 50_000, dollars: 1 } as never;
  const scored = (title: string, accuracies: readonly number[], tokensEach: number) => {
    const results = accuracies.map((score, at) => ({
      ...{ jobId: `${title}${at}`, sampleId: `s${at}`, status: "ok" as const, score, isCorrect: score === 1 },
      ...{ answer: "x", replies: 1, cutReplies: 0, emptyReplies: 0, wallMs: 1, queueMs: 0 },
      usage: {
        executor: { calls: 1, promptTokens: tokensEach, completionTokens: 0, dollars: tokensEach / 1e4 },
      },
    }));
    return { title, hash: title, source: title, evaluation: summarize(title, results as never, 1) };
  };
  const progress = (...baselines: ReturnType<typeof scored>[]) => ({ baselines, found: [], test: [] });
  const plain = scored("plain", [1, 1, 1, 0], 40);
  const votes = scored("votes", [1, 1, 1, 1], 200);

  it("are told where the best is at least as accurate as every baseline and costs less", () => {
    const best = scored("best", [1, 1, 1, 1], 100);
    expect(breakEvens(best, progress(plain, votes), spent)).toEqual({ plain: null, votes: 100 });
  });

  it("are none where a baseline is more accurate, or nothing is right", () => {
    const worse = scored("best", [1, 0, 0, 0], 10);
    expect(breakEvens(worse, progress(plain, votes), spent)).toEqual({ plain: null, votes: null });
    const nothing = scored("zero", [0, 0, 0, 0], 10);
    const none = scored("dear", [0, 0, 0, 0], 900);
    expect(breakEvens(nothing, progress(none), spent)).toEqual({ dear: null });
  });
});
