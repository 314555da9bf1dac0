/** @file Workflows compared on common samples: no pattern of lost samples or delays helps anybody. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LostSamplesError } from "../../../src/core/errors.js";
import { bestOf, comparable, comparePaired, onCommonItems } from "../../../src/evaluate/common-items.js";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";

interface Cell {
  /** Twice the score: 0, 1 or 2. */
  halves: number;
  tokens: number;
  isLost: boolean;
  wallMs: number;
}

function result(sampleId: string, { halves, tokens, isLost, wallMs }: Cell): JobResult {
  const usage = { calls: 1, cachedCalls: 0, promptTokens: tokens, completionTokens: 0, dollars: 0 };
  return {
    jobId: sampleId,
    sampleId,
    status: isLost ? "error" : "ok",
    score: isLost ? 0 : halves / 2,
    isCorrect: halves === 2,
    extracted: "",
    replies: 1,
    cutReplies: 0,
    emptyReplies: 0,
    usage: { executor: { ...usage, latencyMs: wallMs } },
    wallMs,
  };
}

function workflow(hash: string, row: readonly Cell[], order = row.map((_, i) => i)) {
  const results = order.map((i) => result(`item-${i}`, row[i]!));
  return { hash, evaluation: summarize(hash, results, 1, 10) };
}

const cell = (isLost: fc.Arbitrary<boolean>) =>
  fc.record({
    halves: fc.nat(2),
    tokens: fc.integer({ min: 1, max: 3 }),
    isLost,
    wallMs: fc.nat(100_000),
  });

/** Rows of cells by candidate; about one cell in fourteen is lost. */
const tables = fc
  .record({ items: fc.integer({ min: 10, max: 30 }), candidates: fc.integer({ min: 1, max: 6 }) })
  .chain(({ items, candidates }) =>
    fc.array(fc.array(cell(fc.nat(13).map((drawn) => drawn === 0)), { minLength: items, maxLength: items }), {
      minLength: candidates,
      maxLength: candidates,
    }),
  )
  // Where fewer than half of the samples are common the rule leaves some out: see below.
  .filter((rows) => commonOf(rows).length >= rows[0]!.length / 2);

const hashOf = (index: number) => `hash-${index}`;

function commonOf(rows: readonly (readonly Cell[])[]): number[] {
  const eligible = eligibleOf(rows);
  return rows[0]!.map((_, i) => i).filter((i) => eligible.every(({ row }) => !row[i]!.isLost));
}

function eligibleOf(rows: readonly (readonly Cell[])[]) {
  return rows
    .map((row, index) => ({ row, index }))
    .filter(({ row }) => row.filter(({ isLost }) => isLost).length * 10 <= row.length);
}

/** The rule in whole numbers. */
function winner(rows: readonly (readonly Cell[])[]): string | undefined {
  const common = commonOf(rows);
  const sum = (row: readonly Cell[], key: "halves" | "tokens") =>
    common.reduce((total, i) => total + row[i]![key], 0);
  const [first] = eligibleOf(rows).sort(
    (a, b) =>
      sum(b.row, "halves") - sum(a.row, "halves") ||
      sum(a.row, "tokens") - sum(b.row, "tokens") ||
      (hashOf(a.index) < hashOf(b.index) ? -1 : 1),
  );
  return first && hashOf(first.index);
}

describe("bestOf", () => {
  it("is the best on the samples that all eligible ones have, for any pattern of lost samples", () => {
    fc.assert(
      fc.property(tables, (rows) => {
        expect(bestOf(rows.map((row, i) => workflow(hashOf(i), row)))?.hash).toBe(winner(rows));
      }),
      { numRuns: 500 },
    );
  });

  it("does not change where samples and workflows come in another order, later, or lose what is lost anyway", () => {
    const shuffled = tables.chain((rows) => {
      const indices = rows[0]!.map((_, i) => i);
      return fc.record({
        rows: fc.constant(rows),
        orders: fc.tuple(...rows.map(() => fc.shuffledSubarray(indices, { minLength: indices.length }))),
        candidates: fc.shuffledSubarray(
          rows.map((_, i) => i),
          { minLength: rows.length },
        ),
        delays: fc.array(fc.nat(1_000_000), { minLength: indices.length, maxLength: indices.length }),
        // What would have come of a lost sample, had it not been lost.
        fates: fc.array(fc.nat(2), { minLength: indices.length, maxLength: indices.length }),
      });
    });
    fc.assert(
      fc.property(shuffled, ({ rows, orders, candidates, delays, fates }) => {
        const later = rows.map((row) =>
          row.map((one, i) => ({
            ...one,
            wallMs: one.wallMs + delays[i]!,
            halves: one.isLost ? fates[i]! : one.halves,
            tokens: one.isLost ? 1000 * fates[i]! : one.tokens,
          })),
        );
        const list = candidates.map((i) => workflow(hashOf(i), later[i]!, orders[i]));
        expect(bestOf(list)?.hash).toBe(winner(rows));
        // A sample that one eligible workflow has lost is compared in none: the others may lose it too.
        const eligible = eligibleOf(rows);
        const more = later.map((row) =>
          row.map((one, i) => ({
            ...one,
            isLost: one.isLost || eligible.some(({ row: other }) => other[i]!.isLost),
          })),
        );
        if (eligibleOf(more).length === eligible.length)
          expect(bestOf(candidates.map((i) => workflow(hashOf(i), more[i]!)))?.hash).toBe(winner(rows));
      }),
      { numRuns: 500 },
    );
  });

  it("no share of lost samples above a tenth wins, however right the rest is", () => {
    const row = (right: number, lost: number) =>
      Array.from({ length: 32 }, (_, i) => ({
        halves: i < right ? 2 : 0,
        tokens: 1,
        isLost: i >= 32 - lost,
        wallMs: 1,
      }));
    const good = workflow("good", row(28, 0));
    expect(bestOf([workflow("lucky", row(1, 31)), good])?.hash).toBe("good");
    expect(bestOf([workflow("lucky", row(28, 4)), good])?.hash).toBe("good");
    expect(bestOf([workflow("lucky", row(28, 31))])).toBeUndefined();
    // 3 of 32 are below a tenth: 28 of 29 against 28 of 29, and not against 28 of 32.
    expect(onCommonItems([good, workflow("few", row(28, 3))]).figures.get(good)).toMatchObject({
      n: 29,
      accuracy: 28 / 29,
      tokens: 29,
    });
  });

  it("leaves out those that lost most where too few samples would be common", () => {
    const lose = (hash: string, lost: readonly number[]) =>
      workflow(
        hash,
        Array.from({ length: 20 }, (_, i) => ({
          halves: 2,
          tokens: 1,
          isLost: lost.includes(i),
          wallMs: 1,
        })),
      );
    const list = Array.from({ length: 10 }, (_, i) => lose(`h${i}`, [2 * i, 2 * i + 1]));
    const { figures } = onCommonItems([...list, lose("whole", [])]);
    expect(figures.size).toBe(6);
    expect([...figures.values()].map(({ n }) => n)).toEqual([10, 10, 10, 10, 10, 10]);
  });
});

describe("shift", () => {
  const row = (scores: readonly number[], lost: readonly number[] = []) =>
    scores.map((score, i) => ({ halves: 2 * score, tokens: 1, isLost: lost.includes(i), wallMs: 1 }));

  it("is 0 where nothing was lost", () => {
    const reference = workflow("a", row([1, 0, 1, 0, 1, 0, 1, 1, 1, 0]));
    expect(onCommonItems([reference]).shift(reference.evaluation)).toBe(0);
  });

  it("takes from those that lost a hard sample what the reference gains without it", () => {
    const scores = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    const reference = workflow("a", row(scores));
    const lucky = workflow("b", row(scores, [0]));
    const common = onCommonItems([reference, lucky]);
    expect(common.figures.get(lucky)?.accuracy).toBe(1);
    expect(common.shift(reference.evaluation)).toBeCloseTo(-0.1);
  });
});

describe("comparable", () => {
  it("names the least share lost where nothing can be compared", () => {
    const lost = (share: number) =>
      workflow(
        `${share}`,
        Array.from({ length: 10 }, (_, i) => ({ halves: 2, tokens: 1, isLost: i < share * 10, wallMs: 1 })),
      );
    expect(comparable([lost(0.1), lost(0.5)])).toHaveLength(1);
    expect(() => comparable([lost(0.5), lost(0.2)])).toThrow(LostSamplesError);
    expect(() => comparable([lost(0.5), lost(0.2)])).toThrow("at least 20.0%");
  });
});

describe("repetitions of samples", () => {
  const scores = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0];
  const cells = scores.map((score) => ({ halves: 2 * score, tokens: 1, isLost: false, wallMs: 1 }));
  const results = (times: number, lost: readonly number[] = []) =>
    Array.from({ length: times }, (_, epoch) =>
      cells.map((one, i) => result(`item-${i}`, { ...one, isLost: lost.includes(10 * epoch + i) })),
    ).flat();

  it("ten of the same replies say no more than one: same n, same interval, same test", () => {
    const [once, often] = [1, 10].map((times) => summarize("h", results(times), 7)) as [
      ReturnType<typeof summarize>,
      ReturnType<typeof summarize>,
    ];
    expect(often).toMatchObject({ n: 10, accuracy: 0.6, interval: once.interval });
    const none = (times: number) =>
      summarize(
        "none",
        results(times).map((one) => ({ ...one, score: 0 })),
        7,
      );
    expect(comparePaired(often, none(10), 3)).toEqual(comparePaired(once, none(1), 3));
    expect(comparePaired(once, none(1), 3)).toMatchObject({ difference: 0.6, n: 10, pValue: 2 / 64 });
  });

  it("a lost repetition is left out of both sides of a difference", () => {
    const a = summarize("a", results(2, [0]), 1);
    const b = summarize(
      "b",
      results(2).map((one, i) => ({ ...one, score: i === 0 ? 0 : one.score })),
      1,
    );
    expect(a).toMatchObject({ n: 10, errors: 1 });
    expect(comparePaired(a, b, 1)).toMatchObject({ difference: 0, n: 10 });
    expect(
      comparePaired(
        summarize(
          "c",
          results(
            1,
            scores.map((_, i) => i),
          ),
          1,
        ),
        b,
        1,
      ),
    ).toBeUndefined();
  });
});
