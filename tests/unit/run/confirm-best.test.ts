/** @file The confirmation: the design that is named best beats the baseline on items that nothing was chosen by, or the baseline is. */
import { describe, expect, it } from "vitest";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import { confirmBest } from "../../../src/run/confirm-best.js";
import { splitPool } from "../../../src/run/search-plan.js";

const settings = { seed: 1, resamples: 100 };
const items = Array.from({ length: 12 }, (_, i) => ({ id: `c${i}`, question: "", answers: ["1"], meta: {} }));

/** Right on so many of the items, the first ones. */
function measured(hash: string, right: number, n: number, { tokens = 10, prefix = "s", lost = 0 } = {}) {
  const results = Array.from({ length: n }, (_, i) => ({
    sampleId: `${prefix}${i}`,
    status: i < n - lost ? "ok" : "error",
    score: i < right ? 1 : 0,
    usage: { executor: { calls: 1, promptTokens: tokens, completionTokens: 0, dollars: 0 } },
  })) as unknown as JobResult[];
  return summarize(hash, results, 1, 100);
}
const scored = (hash: string, right: number, n: number, tokens = 10) => ({
  hash,
  source: hash,
  title: hash,
  evaluation: measured(hash, right, n, { tokens }),
});

/** @param right - on the confirmation items, by workflow */
function bench(right: Record<string, number>, { lost = {} as Record<string, number>, count = 12 } = {}) {
  const asked: string[] = [];
  return {
    asked,
    ...{ confirmation: items.slice(0, count), settings },
    evaluate: async (workflows: readonly { hash: string }[]) =>
      workflows.map(({ hash }) => {
        asked.push(hash);
        return measured(hash, right[hash] ?? 0, count, { prefix: "c", lost: lost[hash] ?? 0 });
      }),
  } as unknown as Parameters<typeof confirmBest>[0] & { asked: string[] };
}
const direct = scored("direct", 16, 32);
const others = ["x", "y", "z"].map((name) => scored(name, 4, 12));

describe("confirmBest", () => {
  it("names a design that beats the baseline there, with its shrunk mean over all its items", async () => {
    const made = bench({ direct: 6, good: 10, x: 4, y: 4 });
    const found = await confirmBest(made, [direct], [scored("good", 20, 24), ...others]);
    expect(made.asked).toEqual(["direct", "good", "x", "y"]);
    expect(found?.best.hash).toBe("good");
    expect(found?.estimate.n).toBe(36);
    // Below the mean of its 36 items, which luck has a part in.
    expect(found?.estimate.accuracy).toBeLessThan(30 / 36);
    expect(found?.estimate.accuracy).toBeGreaterThan(0.5);
    expect(found?.estimate.interval.low).toBeLessThan(found!.estimate.accuracy);
    expect(found?.confirmation).toMatchObject({ items: 12, against: "direct", isConfirmed: true });
    expect(found?.confirmation?.sentence).toContain("good is ahead of direct by +33.3%");
  });

  it("returns the baseline where no design beats it there, and says so", async () => {
    for (const good of [6, 3]) {
      const found = await confirmBest(
        bench({ direct: 6, good }),
        [direct],
        [scored("good", 24, 24), ...others],
      );
      expect(found?.best.hash).toBe("direct");
      expect(found?.estimate).toMatchObject({ n: 44, accuracy: 0.5 });
      expect(found?.confirmation).toMatchObject({
        isConfirmed: false,
        sentence:
          "no design beat direct on the 12 validation items kept for the confirmation, so the baseline is the result",
      });
    }
  });

  it("takes the cheaper of two that are not told apart, and the better one where they are", async () => {
    const pair = (dear: number) =>
      confirmBest(
        bench({ direct: 4, dear, cheap: 8 }),
        [direct],
        [scored("dear", 22, 24, 100), scored("cheap", 18, 24, 20)],
      );
    expect((await pair(9))?.best.hash).toBe("cheap");
    const far = await confirmBest(
      bench({ direct: 1, dear: 12, cheap: 2 }),
      [direct],
      [scored("dear", 24, 24, 100), scored("cheap", 14, 24, 20)],
    );
    expect(far?.best.hash).toBe("dear");
  });

  it("passes over a finalist that lost too much, and stops where the baseline did", async () => {
    const designs = [scored("good", 22, 24), scored("next", 20, 24), ...others];
    const right = { direct: 4, good: 10, next: 9 };
    const found = await confirmBest(bench(right, { lost: { good: 2 } }), [direct], designs);
    expect(found?.best.hash).toBe("next");
    await expect(confirmBest(bench(right, { lost: { direct: 2 } }), [direct], designs)).rejects.toThrow(
      "no workflow can be compared",
    );
  });

  it("goes by shrunk means where there are no items for it", async () => {
    const made = bench({}, { count: 0 });
    // Four of four are luck; twenty of twenty-four are more.
    const found = await confirmBest(
      made,
      [direct],
      [scored("lucky", 4, 4), scored("good", 22, 24), ...others],
    );
    expect(found?.best.hash).toBe("good");
    expect(found?.confirmation).toBeUndefined();
    expect((await confirmBest(made, [direct], others))?.best.hash).toBe("direct");
    expect((await confirmBest(made, [direct], []))?.best.hash).toBe("direct");
  });
});

it("keeps a share of the pool, or none where it would be too few", () => {
  const pool = Array.from({ length: 30 }, (_, i) => i);
  expect(splitPool(pool, { confirm: 1 / 3 })).toEqual([pool.slice(0, 20), pool.slice(20)]);
  expect(splitPool(pool.slice(0, 23), { confirm: 1 / 3 })).toEqual([pool.slice(0, 23), []]);
  expect(splitPool(pool, { confirm: 0 })).toEqual([pool, []]);
});
