/** @file Standings against accuracies that are known, because they were drawn. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { mean } from "../../../src/core/statistics.js";
import { standings } from "../../../src/design/standings.js";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";

function workflow(hash: string, scores: readonly (readonly [item: number, score: number])[], lost = 0) {
  const results = scores.map(([item, score], at) => ({
    sampleId: `i${item}`,
    status: at < lost ? "error" : "ok",
    score,
    usage: {},
  })) as unknown as JobResult[];
  return { hash, evaluation: summarize(hash, results, 1, 2) };
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("standings", () => {
  it("takes off how hard the items were that a workflow met", () => {
    // Items below 12 are solved by all that met them, those above by nearly nobody.
    const hard = (item: number) => (item < 12 ? 1 : Number(item % 6 === 0));
    const known = range(0, 6).map((i) =>
      workflow(
        `known${i}`,
        range(0, 24).map((item) => [item, hard(item)]),
      ),
    );
    const easyOnes = workflow(
      "easy",
      range(0, 8).map((item) => [item, Number(item !== 3)]),
    );
    const hardOnes = workflow(
      "hard",
      range(14, 22).map((item) => [item, Number(item % 2 === 0)]),
    );
    expect(easyOnes.evaluation.accuracy).toBeGreaterThan(hardOnes.evaluation.accuracy);
    const found = standings([...known, easyOnes, hardOnes]);
    expect(found.get(hardOnes)!.level).toBeGreaterThan(found.get(easyOnes)!.level);
  });

  it("shrinks the more the fewer items there are, and leaves out who lost too many", () => {
    const few = workflow(
      "few",
      range(0, 4).map((item) => [item, 1]),
    );
    const many = workflow(
      "many",
      range(0, 40).map((item) => [item, 1]),
    );
    const rest = range(0, 6).map((i) =>
      workflow(
        `rest${i}`,
        range(0, 20).map((item) => [item, (item + i) % 2]),
      ),
    );
    const lost = workflow(
      "lost",
      range(0, 10).map((item) => [item, 1]),
      2,
    );
    const found = standings([few, many, ...rest, lost]);
    expect(found.get(many)!.level).toBeGreaterThan(found.get(few)!.level);
    expect(found.get(few)!.deviation).toBeGreaterThan(found.get(many)!.deviation);
    expect(found.get(few)!.level).toBeLessThan(1);
    expect(found.has(lost)).toBe(false);
    expect(standings([])).toEqual(new Map());
  });

  it("comes nearer to the truth than plain means, and knows how near", () => {
    const random = new Random(5);
    const errors = { plain: [] as number[], level: [] as number[], deviation: [] as number[] };
    for (let trial = 0; trial < 40; trial++) {
      const ease = range(0, 60).map(() => 0.3 * random.normal());
      const levels = range(0, 20).map(() => 0.5 + 0.06 * random.normal());
      const chance = (level: number, item: number) => Math.min(1, Math.max(0, level + ease[item]!));
      const truths = levels.map((level) => mean(range(0, 60).map((item) => chance(level, item))));
      const list = levels.map((level, i) =>
        workflow(
          `w${i}`,
          range(i % 5 ? (i % 5) * 4 : 0, (i % 5) * 4 + (i % 3 ? 8 : 40)).map((item) => [
            item,
            Number(random.chance(chance(level, item))),
          ]),
        ),
      );
      const found = standings(list);
      for (const [i, one] of list.entries()) {
        const { level, deviation } = found.get(one)!;
        errors.plain.push((one.evaluation.accuracy - truths[i]!) ** 2);
        errors.level.push((level - truths[i]!) ** 2);
        errors.deviation.push(deviation ** 2);
      }
    }
    expect(mean(errors.level)).toBeLessThan(0.4 * mean(errors.plain));
    expect(mean(errors.deviation) / mean(errors.level)).toBeGreaterThan(0.5);
    expect(mean(errors.deviation) / mean(errors.level)).toBeLessThan(1.6);
  });
});
