/** @file Which workflow a turn starts from. */
import { describe, expect, it } from "vitest";
import { chooseParent } from "../../../src/design/choose-parent.js";
import type { ShownWorkflow } from "../../../src/evaluate/evaluation.js";

const shown = (title: string, accuracy: number) =>
  ({ title, source: title, evaluation: { accuracy } }) as unknown as ShownWorkflow;
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
