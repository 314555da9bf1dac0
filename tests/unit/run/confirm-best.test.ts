/** @file The confirmation: the race goes on over items that nothing was chosen by; a design is named best where it is probably better than the baseline. */
import { describe, expect, it } from "vitest";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import { confirmBest } from "../../../src/run/confirm-best.js";
import { splitPool } from "../../../src/run/search-plan.js";
import type { Sample } from "../../../src/tasks/task.js";

const settings = { seed: 1, resamples: 100, screen: 4 };
const sample = (id: string): Sample => ({ id, question: "", answers: ["1"], meta: {} });
const pool = Array.from({ length: 24 }, (_, i) => sample(`s${i}`));
const kept = Array.from({ length: 24 }, (_, i) => sample(`c${i}`));

/** Right on this share of any run of items, the first of them first. */
const isRight = (share: number, at: number) => Math.floor((at + 1) * share) > Math.floor(at * share);

function measured(
  hash: string,
  samples: readonly Sample[],
  { share = 0, tokens = 10, lost = 0 }: { share?: number; tokens?: number; lost?: number },
) {
  const results = samples.map(({ id }, at) => ({
    sampleId: id,
    status: at < lost ? "error" : "ok",
    score: isRight(share, Number(id.slice(1))) ? 1 : 0,
    usage: { executor: { calls: 1, promptTokens: tokens, completionTokens: 0, dollars: 0 } },
  })) as unknown as JobResult[];
  return summarize(hash, results, 1, 100);
}
const scored = (hash: string, share: number, n: number, tokens = 10) => ({
  hash,
  source: hash,
  title: hash,
  evaluation: measured(hash, pool.slice(0, n), { share, tokens }),
});

/** @param shares - on the confirmation items, by workflow */
function bench(
  shares: Record<string, number>,
  { lost = {} as Record<string, number>, tokens = {} as Record<string, number>, items = kept } = {},
) {
  const asked: Record<string, string[]> = {};
  return {
    asked,
    ...{ validation: pool, confirmation: items, settings },
    measure: async (wanted: readonly { workflow: { hash: string }; samples: Sample[] }[]) =>
      wanted.map(({ workflow: { hash }, samples }) => {
        asked[hash] = [...(asked[hash] ?? []), ...samples.map(({ id }) => id)];
        return measured(hash, samples, {
          share: shares[hash] ?? 0,
          tokens: tokens[hash] ?? 10,
          lost: lost[hash] ?? 0,
        });
      }),
  } as unknown as Parameters<typeof confirmBest>[0] & { asked: Record<string, string[]> };
}
const direct = scored("direct", 0.5, 16);
const others = ["x", "y", "z"].map((name) => scored(name, 0.34, 8));

describe("confirmBest", () => {
  it("names a design that is probably better than the baseline, with its level over all its items", async () => {
    const made = bench({ direct: 0.5, good: 0.9, x: 0.3, y: 0.3, z: 0.3 });
    const found = await confirmBest(made, [direct], [scored("good", 0.9, 12), ...others]);
    expect(found?.best.hash).toBe("good");
    // The kept items first, in their order; each once, and no more of all than six workflows on all of them.
    expect(made.asked.good?.slice(0, 4)).toEqual(["c0", "c1", "c2", "c3"]);
    expect(new Set(made.asked.good).size).toBe(made.asked.good?.length);
    expect(Object.values(made.asked).flat().length).toBeLessThanOrEqual(6 * 24);
    expect(found?.estimate.n).toBe(12 + made.asked.good!.length);
    expect(found?.estimate.accuracy).toBeLessThan(0.92);
    expect(found?.estimate.accuracy).toBeGreaterThan(0.6);
    expect(found?.estimate.interval.low).toBeLessThan(found!.estimate.accuracy);
    expect(found?.confirmation).toMatchObject({ items: 24, against: "direct", isConfirmed: true });
    expect(found?.confirmation?.sentence).toContain("against direct, and is better with a probability of");
  });

  it("returns the baseline where no design is better on the kept items, however good it was before", async () => {
    for (const good of [0.4, 0]) {
      const found = await confirmBest(
        bench({ direct: 0.5, good }),
        [direct],
        [scored("good", 1, 24), ...others],
      );
      expect(found?.best.hash).toBe("direct");
      expect(found?.confirmation).toMatchObject({
        isConfirmed: false,
        sentence:
          "no design is probably better than direct by all its items, and by those kept for the confirmation, so the baseline is the result",
      });
    }
  });

  it("spends more on who may be the best, and nothing on who cannot be", async () => {
    const made = bench({ direct: 0.5, good: 0.8, close: 0.75 });
    await confirmBest(
      made,
      [direct],
      [scored("good", 0.8, 24), scored("close", 0.8, 24), scored("hopeless", 0, 24)],
    );
    expect(made.asked.close?.length).toBeGreaterThan(8);
    expect(made.asked.hopeless).toBeUndefined();
  });

  it("takes the cheaper of two that are not told apart, and the better one where they are", async () => {
    const pair = (cheap: number) =>
      confirmBest(
        bench({ direct: 0.3, dear: 0.9, cheap }, { tokens: { dear: 100, cheap: 20 } }),
        [direct],
        [scored("dear", 0.9, 24, 100), scored("cheap", cheap, 24, 20)],
      );
    expect((await pair(0.86))?.best.hash).toBe("cheap");
    expect((await pair(0.4))?.best.hash).toBe("dear");
  });

  it("passes over a design that lost too much, and stops where the baseline did", async () => {
    const designs = [scored("good", 0.9, 8), scored("next", 0.85, 8), ...others];
    const shares = { direct: 0.3, good: 0.9, next: 0.85 };
    const found = await confirmBest(bench(shares, { lost: { good: 4 } }), [direct], designs);
    expect(found?.best.hash).toBe("next");
    const lost = { ...direct, evaluation: measured("direct", pool.slice(0, 16), { share: 0.5, lost: 2 }) };
    await expect(confirmBest(bench(shares), [lost], designs)).rejects.toThrow("no workflow can be compared");
  });

  it("goes by the results of the search where there are no items for it", async () => {
    const made = bench({}, { items: [] });
    // Four of four are luck; nearly all of twenty-four are more.
    const designs = [scored("lucky", 1, 4), scored("good", 0.92, 24), ...others];
    const found = await confirmBest(made, [direct], designs);
    expect(found?.best.hash).toBe("good");
    expect(found?.confirmation).toBeUndefined();
    expect(made.asked).toEqual({});
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
