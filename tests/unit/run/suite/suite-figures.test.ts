import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evaluation, JobResult } from "../../../../src/evaluate/evaluation.js";
import { summarize } from "../../../../src/evaluate/evaluation.js";
import { groupFigures, groupsOf } from "../../../../src/run/suite/group-figures.js";
import { relianceIndex, type SuiteCell, suiteFigures } from "../../../../src/run/suite/suite-figures.js";

const SETTINGS = { seed: 1, resamples: 500 };
const PLAN = { reference: "a", comparisons: "reference" } as const;

interface Made {
  score?: number;
  weak?: number;
  strong?: number;
  extracted?: string;
  status?: JobResult["status"];
  texts?: [string, string][];
}

function result(sampleId: string, made: Made): JobResult {
  const usage = (calls: number, dollars: number | null) => ({
    calls,
    cachedCalls: 0,
    promptTokens: 10 * calls,
    completionTokens: 5 * calls,
    dollars,
    latencyMs: 100 * calls,
  });
  return {
    jobId: sampleId,
    sampleId,
    status: made.status ?? "ok",
    score: made.score ?? 0,
    isCorrect: made.score === 1,
    extracted: made.extracted ?? "",
    replies: 0,
    cutReplies: 0,
    emptyReplies: 0,
    transcript: (made.texts ?? []).map(([role, text]) => ({ role, text })),
    usage: {
      ...(made.weak ? { weak: usage(made.weak, 0) } : {}),
      ...(made.strong ? { executor: usage(made.strong, 0.001 * made.strong) } : {}),
    },
    wallMs: 1,
  };
}

const evaluation = (made: readonly Made[], suffix = ""): Evaluation =>
  summarize(
    "h",
    made.map((one, index) => result(`i${index}${suffix}`, one)),
    1,
  );
const scores = (list: readonly number[], more: Made = { strong: 1 }) =>
  evaluation(list.map((score) => ({ ...more, score })));
const cell = (row: string, task: string, own: Evaluation, more: Partial<SuiteCell> = {}): SuiteCell => ({
  row,
  task,
  evaluation: own,
  counterfactuals: [],
  ...more,
});

describe("relianceIndex", () => {
  it("is 0 where the weak model does as well or better, 1 where nothing is left", () => {
    expect(relianceIndex(0.8, 0.8)).toBe(0);
    expect(relianceIndex(0.5, 0.9)).toBe(0);
    expect(relianceIndex(0.8, 0)).toBe(1);
    expect(relianceIndex(0.8, 0.2)).toBeCloseTo(0.75);
    expect(relianceIndex(0, 0.2)).toBeNull();
  });

  it("lies within 0 to 1 and falls as the weak model gets better", () => {
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, share, share, (whole, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const [more, less] = [relianceIndex(whole, low), relianceIndex(whole, high)] as [number, number];
        expect(more).toBeGreaterThanOrEqual(less);
        expect(less).toBeGreaterThanOrEqual(0);
        expect(more).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });
});

describe("suiteFigures", () => {
  it("counts no lost item: neither in a score, nor as a cheap one, nor in the price of a gain", () => {
    const made = { score: 1, strong: 2 };
    const lost = { status: "error" as const };
    const cells = [
      cell(
        "a",
        "t",
        evaluation([
          { score: 0, strong: 1 },
          { score: 0, strong: 1 },
          { score: 1, strong: 1 },
        ]),
      ),
      cell("b", "t", evaluation([made, made, lost])),
    ];
    const { rows, comparisons } = suiteFigures(PLAN, cells, [], SETTINGS);
    expect(rows[1]).toMatchObject({ n: 2, errors: 1, accuracy: 1, tokens: 30 });
    expect(rows[1]?.sides.strong.calls).toBe(2);
    // On the two items that both have: one point more for each of them, for a tenth of a cent more.
    expect(comparisons[0]).toMatchObject({ n: 2, difference: 1 });
    expect(comparisons[0]?.dollarsPerPointGained).toBeCloseTo(0.01);
  });

  it("averages over tasks, not items, and says who worked", () => {
    const cells = [
      cell("a", "t1", scores([1, 1, 1, 1])),
      cell("a", "t2", scores([0])),
      cell(
        "b",
        "t1",
        evaluation([
          { score: 1, weak: 3, strong: 1 },
          { score: 0, weak: 3 },
        ]),
        {
          withoutStrong: scores([0.5, 0], { weak: 4 }),
        },
      ),
      cell("c", "t1", scores([0, 0], { weak: 2 })),
      cell("d", "t1", scores([0, 0], {})),
    ];
    const { rows } = suiteFigures(PLAN, cells, [], SETTINGS);
    expect(rows.map(({ row, mode, accuracy }) => [row, mode, accuracy])).toEqual([
      ["a", "strong only", 0.5],
      ["b", "cooperative", 0.5],
      ["c", "weak only", 0],
      ["d", "no model", 0],
    ]);
    const b = rows[1]!;
    expect(b.sides.strong).toMatchObject({
      calls: 0.5,
      shareOfCalls: 1 / 7,
      shareOfTokens: 1 / 7,
      shareOfDollars: 1,
    });
    expect(b.sides.weak).toMatchObject({ calls: 3, tokens: 45, dollars: 0, latencyMs: 300 });
    // 0.0005 dollars an item are 0.5 dollars of 1,000 items, for 50 points.
    expect(b.dollarsPerPoint).toBeCloseTo(0.01);
    expect(b.reliance).toMatchObject({ index: 0.5, accuracyWithout: 0.25 });
    expect(rows[0]?.reliance).toBeNull();
    expect(rows[2]).toMatchObject({ dollarsPerPoint: null, interval: { low: 0 } });
    expect(rows[2]?.interval.high).toBeGreaterThan(0.5);
  });

  it("compares on the items that both rows have, and corrects for all comparisons", () => {
    const lost = evaluation([
      { score: 1, strong: 1 },
      { score: 1, strong: 1, status: "error" },
      ...Array.from({ length: 10 }, () => ({ score: 1, strong: 1 })),
    ]);
    const cells = [
      cell("a", "t", scores(Array(12).fill(0))),
      cell("b", "t", lost),
      cell("c", "t", scores([1, 0, ...Array(10).fill(0)])),
      cell("c", "only-c", scores([1, 1])),
    ];
    const { comparisons } = suiteFigures(PLAN, cells, [], SETTINGS);
    expect(comparisons.map(({ row, reference, n, difference }) => [row, reference, n, difference])).toEqual([
      ["b", "a", 11, 1],
      ["c", "a", 12, 1 / 12],
    ]);
    expect(comparisons[0]?.pValue).toBeCloseTo(2 / 2 ** 11);
    expect(comparisons[0]?.adjusted).toBeCloseTo(4 / 2 ** 11);
    expect(comparisons[1]).toMatchObject({ pValue: 1, adjusted: 1 });
    const every = suiteFigures({ ...PLAN, comparisons: "all" }, cells, [], SETTINGS).comparisons;
    expect(every.map(({ row, reference }) => `${row}-${reference}`)).toEqual(["b-a", "c-a", "c-b"]);
  });

  it("counts stated arithmetic of weak and strong apart, and silent replies in no share", () => {
    const own = evaluation([
      {
        weak: 2,
        strong: 1,
        texts: [
          ["weak", "1 + 1 = 3, 2 + 2 = 4"],
          ["weak", "I say 5"],
          ["executor", "2 * 3 = 6"],
        ],
      },
    ]);
    const [row] = suiteFigures(PLAN, [cell("a", "t", own)], [], SETTINGS).rows;
    expect(row?.arithmetic).toEqual({
      weak: { replies: 2, stating: 1, sound: 0, equations: 2, holding: 1 },
      strong: { replies: 1, stating: 1, sound: 1, equations: 1, holding: 1 },
    });
  });

  it("pairs items with their counterfactuals and counts changed answers", () => {
    const made = (list: readonly string[]) =>
      list.map((extracted) => ({ extracted, score: extracted === "7" ? 1 : 0 }));
    const own = evaluation(made(["7", "7", "5", "4"]));
    const swapped = evaluation(made(["7", "6", "5"]), "~names");
    const { counterfactuals } = suiteFigures(
      PLAN,
      [cell("a", "t", own, { counterfactuals: [{ swap: "names", evaluation: swapped }] })],
      [],
      SETTINGS,
    );
    expect(counterfactuals).toEqual([
      expect.objectContaining({
        swap: "names",
        pairs: 3,
        changed: 1 / 3,
        accuracy: 2 / 3,
        swappedAccuracy: 1 / 3,
        pValue: 1,
      }),
    ]);
  });
});

describe("groups", () => {
  const sample = (id: string, meta: Record<string, unknown>) => ({ id, question: "?", answers: ["1"], meta });

  it("are bands of more numbers than a call has arguments", () => {
    const many = Array.from({ length: 200_000 }, (_, i) => sample(String(i), { size: i + 1 }));
    expect(new Set(groupsOf(many, "size").values()).size).toBe(3);
  });

  it("are values of a key, and bands of numbers with many values", () => {
    const names = groupsOf(
      [sample("a", { language: "de" }), sample("b", {}), sample("c", { language: ["x"] })],
      "language",
    );
    expect([...names]).toEqual([["a", "de"]]);
    const levels = groupsOf(
      [1, 2, 3, 3].map((level, i) => sample(String(i), { level })),
      "level",
    );
    expect([...levels.values()]).toEqual(["1", "2", "3", "3"]);
    const shares = groupsOf(
      [0, 0.3, 0.34, 0.5, 0.66, 0.67, 0.9, 1].map((d, i) => sample(String(i), { d })),
      "d",
    );
    expect([...shares.values()].map((value) => value.split(" ")[0])).toEqual([
      "low",
      "low",
      "middle",
      "middle",
      "middle",
      "high",
      "high",
      "high",
    ]);
  });

  it("have a largest gap between groups of at least five, with chance taken into account", () => {
    const groups = new Map<string, string>();
    const list = new Map<string, number>();
    const add = (group: string, values: readonly number[]) => {
      for (const [i, value] of values.entries()) {
        groups.set(`${group}${i}`, group);
        list.set(`${group}${i}`, value);
      }
    };
    add("de", [1, 1, 1, 1, 1, 1, 1, 1, 0, 1]);
    add("th", [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    add("en", [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    add("sw", [0, 0]);
    const { gap, groups: found } = groupFigures({ row: "a", key: "language" }, list, groups, 1, 1000);
    expect(found.map(({ value, n }) => [value, n])).toEqual([
      ["de", 10],
      ["en", 10],
      ["sw", 2],
      ["th", 10],
    ]);
    expect(gap).toMatchObject({ high: "de", low: "th" });
    expect(gap?.difference).toBeCloseTo(0.8);
    expect(gap?.interval.low).toBeGreaterThan(0.3);
    expect(gap?.pValue).toBeLessThan(0.01);
    const even = new Map([...list.keys()].map((id, i) => [id, i % 2]));
    const none = groupFigures({ row: "a", key: "language" }, even, groups, 1, 1000).gap;
    expect(none?.pValue).toBeGreaterThan(0.2);
  });
});
