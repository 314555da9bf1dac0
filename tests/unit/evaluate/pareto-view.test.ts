/** @file The front of accuracy against cost, beside its definition. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paretoView } from "../../../src/evaluate/pareto-view.js";

const workflow = (hash: string, accuracy: number, tokens: number, dollars: number | null = null) => ({
  ...{ hash, title: `workflow ${hash}`, accuracy, tokens, dollars },
});
const front = (list: Parameters<typeof paretoView>[0]) =>
  paretoView(list)
    .points.filter(({ isOnFront }) => isOnFront)
    .map(({ hash }) => hash);

describe("paretoView", () => {
  it("keeps what nothing beats in one without losing in the other", () => {
    const list = [
      workflow("a", 0.5, 100),
      workflow("b", 0.7, 300),
      workflow("c", 0.6, 300),
      workflow("d", 0.5, 200),
    ];
    expect(front(list)).toEqual(["a", "b"]);
    expect(front([...list, workflow("e", 0.7, 300)])).toEqual(["a", "b", "e"]);
    expect(front([...list, workflow("e", 0.1, 5)])).toEqual(["e", "a", "b"]);
    expect(front([])).toEqual([]);
  });

  it("goes by dollars where all are known and something was paid, else by tokens", () => {
    const paid = [workflow("a", 0.5, 100, 0.3), workflow("b", 0.6, 300, 0.1)];
    expect(paretoView(paid).unit).toBe("dollars");
    expect(front(paid)).toEqual(["b"]);
    expect(paretoView([...paid, workflow("c", 0.1, 900)]).unit).toBe("tokens");
    expect(paretoView([workflow("a", 0.5, 100, 0)]).unit).toBe("tokens");
  });

  it("counts a workflow once, and does not depend on the order", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const some = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), unit, fc.integer({ min: 0, max: 9 })),
    );
    fc.assert(
      fc.property(some, (rows) => {
        const list = [
          ...new Map(
            rows.map(([hash, accuracy, tokens]) => [hash, workflow(hash, accuracy, tokens)]),
          ).values(),
        ];
        const expected = list
          .filter(
            (one) =>
              !list.some(
                (other) =>
                  other.accuracy >= one.accuracy &&
                  other.tokens <= one.tokens &&
                  (other.accuracy > one.accuracy || other.tokens < one.tokens),
              ),
          )
          .map(({ hash }) => hash);
        expect(front(list).sort()).toEqual(expected.sort());
        expect(front([...list].reverse()).sort()).toEqual(expected.sort());
        expect(paretoView([...list, ...list]).points).toHaveLength(list.length);
      }),
    );
  });
});
