/** @file Weights of every objective: the published numbers, invariances, refusals, and what is told of them. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  OBJECTIVE_NAMES,
  OBJECTIVES,
  WEIGHTING_NAMES,
  WEIGHTINGS,
} from "../../../../src/config/objectives.js";
import { SETTINGS } from "../../../../src/config/settings.js";
import { ConfigError, InputError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import {
  type ObjectiveOptions,
  type RewardedExample,
  refuseUnleashed,
  weighExamples,
} from "../../../../src/learn/examples/objectives.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_128);

/** Weights of rewards that nothing more is known of, all drawn from one state. */
function weigh(rewards: readonly number[], options: ObjectiveOptions): number[] {
  const examples = rewards.map((reward) => ({ reward, state: "one" }));
  return weighExamples(examples, options, new Random(3));
}

describe("exponential", () => {
  it("gives the reference's weights for its four rewards", () => {
    const weights = weigh([1, 0.5, 0, -0.1], { kind: "exponential" });
    expect(weights.map((weight) => Number(weight.toFixed(6)))).toEqual([12.182494, 3.490343, 1, 0.778801]);
    expect(weigh([1, 0], { kind: "exponential", temperature: 0.5, cap: 5 })).toEqual([5, 1]);
  });

  it("is capped at what the reference gives reward 1", () => {
    const most = Math.exp(2.5);
    expect(weigh([0, 0.5, 1], { kind: "exponential", temperature: 0.06 })).toEqual([1, most, most]);
    expect(weigh([1], { kind: "exponential", temperature: 1e-3 })).toEqual([most]);
    expect(weigh([-1e3], { kind: "exponential", temperature: 1e-3 })).toEqual([0]);
  });
});

describe("advantage", () => {
  it("of plain rewards is centred on their mean and capped at 12", () => {
    const options: ObjectiveOptions = { kind: "advantage", temperature: 0.06 };
    expect(weigh([0.5, 0.5, 0.5], options)).toEqual([1, 1, 1]);
    const [low, middle, high] = weigh([0.44, 0.5, 0.56], options) as [number, number, number];
    expect(low).toBeCloseTo(Math.exp(-1), 12);
    expect(middle).toBeCloseTo(1, 12);
    expect(high).toBeCloseTo(Math.E, 12);
    expect(weigh([0, 1], options)).toEqual([Math.exp(-0.5 / 0.06), 12]);
    expect(weigh([0, 1], { ...options, cap: 3 })[1]).toBe(3);
  });

  it("of shrunk rewards is the estimate over the baseline of its state", () => {
    const examples = [
      { reward: 0.9, shrunk: { estimate: 0.62, baseline: 0.6 }, state: "one" },
      { reward: 0.1, shrunk: { estimate: 0.3, baseline: 0.5 }, state: "two" },
    ];
    const [first, second] = weighExamples(examples, { kind: "advantage" }, new Random(0));
    expect(first).toBeCloseTo(Math.exp(0.02 / 0.04), 9);
    expect(second).toBeCloseTo(Math.exp(-0.2 / 0.04), 9);
  });
});

describe("group", () => {
  const from = (state: string, ...rewards: number[]): RewardedExample[] =>
    rewards.map((reward) => ({ reward, state }));

  it("is normalised within a state, of both signs, and 0 where a state tells nothing", () => {
    const examples = [...from("one", 0, 1), ...from("two", 0.2, 0.2, 0.2), ...from("three", 0.7)];
    expect(weighExamples(examples, { kind: "group" }, new Random(0))).toEqual([-1, 1, 0, 0, 0, 0]);
    const [low, middle, high] = weigh([0.1, 0.2, 0.6], { kind: "group" }) as [number, number, number];
    expect(low + middle + high).toBeCloseTo(0, 12);
    expect(low ** 2 + middle ** 2 + high ** 2).toBeCloseTo(3, 12);
    expect(weigh([0, 1], { kind: "group", cap: 0.5 })).toEqual([-0.5, 0.5]);
  });

  it("leaves little where rewards differ by luck", () => {
    const lucky = from("one", 0.25, 0.75).map((example) => ({
      ...example,
      shrunk: { estimate: 0.5 + (example.reward - 0.5) / 10, baseline: 0.5 },
    }));
    const weights = weighExamples(lucky, { kind: "group" }, new Random(0));
    expect(weights[0]).toBeCloseTo(-0.1, 9);
    expect(weights[1]).toBeCloseTo(0.1, 9);
  });

  it("is refused without a leash", () => {
    expect(() => refuseUnleashed({ kind: "group" }, 0)).toThrow(ConfigError);
    expect(() => refuseUnleashed({ kind: "group" }, 0)).toThrow(/pushes replies away/);
    refuseUnleashed({ kind: "group" }, 0.1);
    refuseUnleashed({ kind: "group", objective: "group" }, 0);
    for (const kind of WEIGHTING_NAMES.filter((one) => one !== "group")) refuseUnleashed({ kind }, 0);
  });
});

describe("objectives that compare replies", () => {
  const from = (estimate: number, baseline: number): RewardedExample => ({
    reward: 0,
    shrunk: { estimate, baseline },
    state: "one",
  });

  it("preference and kto are told what is over the baseline, whatever the weighting", () => {
    const examples = [from(0.7, 0.5), from(0.5, 0.5), from(0.45, 0.5), from(0.4, 0.5)];
    const told = (objective: ObjectiveOptions["objective"]) =>
      weighExamples(examples, { objective, kind: "uniform" }, new Random(0));
    expect(told("preference").map((weight) => Number(weight.toFixed(9)))).toEqual([0.2, 0, -0.05, -0.1]);
    // Either side carries half: one good reply as much as two bad ones.
    expect(told("kto")).toEqual([1.5, 0, -0.75, -0.75]);
    expect(weighExamples(examples, { objective: "kto", kind: "uniform", cap: 1 }, new Random(0))[0]).toBe(1);
    expect(told("weighted")).toEqual([1, 1, 1, 1]);
    expect(told("group")).toEqual(weighExamples(examples, { kind: "group" }, new Random(0)));
  });
});

describe("success", () => {
  it.each(["success", "binary"] as const)("%s takes rewards strictly above the threshold", (kind) => {
    expect(weigh([-0.1, 0, 0.4, 1], { kind })).toEqual([0, 0, 1, 1]);
    expect(weigh([-0.1, 0, 0.4, 1], { kind, threshold: 0.4 })).toEqual([0, 0, 0, 1]);
  });
});

describe("every objective", () => {
  const kinds = WEIGHTING_NAMES.map((kind): ObjectiveOptions => ({ kind }));

  it("but shuffled orders weights as rewards, whatever their order in the list", () => {
    const rewards = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 });
    const ordered = fc.constantFrom(...kinds.filter(({ kind }) => kind !== "shuffled"));
    fc.assert(
      fc.property(rewards, ordered, (list, options) => {
        const weights = weigh(list, options);
        const rising = list.map((reward, i) => [reward, weights[i] as number]).sort(([a], [b]) => a! - b!);
        for (let i = 1; i < rising.length; i++)
          expect(rising[i]?.[1]).toBeGreaterThanOrEqual(rising[i - 1]![1]!);
        expect(weigh([...list].reverse(), options)).toEqual([...weights].reverse());
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it.each<ObjectiveOptions>([
    { kind: "exponential", temperature: 0 },
    { kind: "exponential", temperature: Number.NaN },
    { kind: "advantage", temperature: Number.POSITIVE_INFINITY },
    { kind: "advantage", cap: 0 },
    { kind: "group", cap: -1 },
    { kind: "exponential", cap: Number.NaN },
    { kind: "exponential", cap: Number.POSITIVE_INFINITY },
    { kind: "binary", threshold: Number.NaN },
  ])("refuses %j", (options) => {
    expect(() => weigh([1], options)).toThrow(ConfigError);
  });

  it.each(kinds)("names a reward that is no number: %j", (options) => {
    const noNumber = () => weigh([0, Number.NaN], options);
    expect(noNumber).toThrow(InputError);
    expect(noNumber).toThrow(/reward 1 is NaN/);
  });

  it("stands in the documentation and in the help as the table has it", () => {
    const docs = readFileSync(new URL("../../../../docs/learning.md", import.meta.url), "utf8");
    const { choices, meaning } = SETTINGS.get("learn.weighting")!;
    expect(choices).toEqual(WEIGHTING_NAMES);
    const rowOf = (text: string, name: string) =>
      text.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? "";
    for (const [name, { equation, source }] of Object.entries(WEIGHTINGS)) {
      const row = rowOf(docs, name);
      expect(row, name).toContain(equation);
      expect(row, name).toContain(source);
      expect(meaning).toContain(`${name} = ${equation}`);
    }
    const objective = SETTINGS.get("learn.objective")!;
    const section = docs.split("## Objectives")[1]!;
    expect(objective.choices).toEqual(OBJECTIVE_NAMES);
    for (const [name, { equation, source }] of Object.entries(OBJECTIVES)) {
      expect(rowOf(section, name), name).toContain(equation);
      expect(rowOf(section, name), name).toContain(source);
      expect(objective.meaning).toContain(`${name} = ${equation}`);
    }
  });
});
