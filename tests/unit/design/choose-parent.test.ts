/** @file Which workflow a turn starts from. */
import { describe, expect, it } from "vitest";
import { chooseParent } from "../../../src/design/choose-parent.js";
import { type JobResult, type ShownWorkflow, summarize } from "../../../src/evaluate/evaluation.js";

/** Right on the first of ten samples; those from `known` on are lost. */
function shown(title: string, accuracy: number, known = 10): ShownWorkflow {
  const results = Array.from({ length: 10 }, (_, i) => ({
    sampleId: String(i),
    status: i < known ? "ok" : "error",
    score: i < accuracy * 10 ? 1 : 0,
    usage: {},
  })) as JobResult[];
  return { title, source: title, evaluation: summarize(title, results, 1) };
}
const seeds = [shown("direct", 0.4), shown("steps", 0.6)];
const kept = [shown("first", 0.9), shown("second", 0.5)];

describe("chooseParent", () => {
  it("takes the best seed at the first turn, whatever the rule", () => {
    for (const choice of ["last", "best", "evolutionary"] as const)
      expect(chooseParent(choice, seeds, [], 1).title).toBe("steps");
  });

  it("takes the last one kept, or the best so far", () => {
    expect(chooseParent("last", seeds, kept, 1).title).toBe("second");
    expect(chooseParent("best", seeds, kept, 1).title).toBe("first");
  });

  it("compares on common samples, and passes over what lost more than a tenth", () => {
    // 8 of the 9 samples that are left, against 8 of all 10: on the common ones both have 8 of 9.
    expect(chooseParent("best", [shown("whole", 0.8), shown("lucky", 0.8, 9)], [], 1).title).toBe("whole");
    expect(chooseParent("best", [shown("direct", 0.4), shown("lost", 0.7, 8)], [], 1).title).toBe("direct");
    expect(() => chooseParent("best", [shown("lost", 1, 8)], [], 1)).toThrow("at least one");
  });

  it("draws whatever is best on some item, by the number of such items", () => {
    // Right on items 0–3, and alone on 8 and 9; the third is best nowhere.
    const odd = shown("odd", 0.2);
    for (const one of odd.evaluation.results) one.score = Number(one.sampleId) > 7 ? 1 : 0;
    const archive = [shown("direct", 0.4), odd, shown("nothing", 0)];
    const drawn = Array.from({ length: 300 }, (_, seed) =>
      chooseParent("pareto", archive, [archive[1]!], seed, { archive }),
    );
    const times = (title: string) => drawn.filter((one) => one.title === title).length;
    expect(times("direct") + times("odd")).toBe(300);
    // Four items against two.
    expect(times("direct")).toBeGreaterThan(160);
    expect(times("odd")).toBeGreaterThan(60);
    expect(chooseParent("pareto", [shown("nothing", 0)], [shown("none", 0)], 1).title).toBe("nothing");
  });

  it("goes by another merit where workflows met different items", () => {
    const levelOf = ({ title }: { title: string }) => (title === "second" ? 0.9 : 0.3);
    expect(chooseParent("best", seeds, kept, 1, { levelOf }).title).toBe("second");
  });

  it("draws the better ones more often, the same one for a seed", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      const { title } = chooseParent("evolutionary", seeds, kept, seed);
      expect(chooseParent("evolutionary", seeds, kept, seed).title).toBe(title);
      counts.set(title, (counts.get(title) ?? 0) + 1);
    }
    const order = [...counts].sort(([, a], [, b]) => b - a).map(([title]) => title);
    expect(order).toEqual(["first", "steps", "second", "direct"]);
  });
});
