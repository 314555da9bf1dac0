/** @file AdamW, clipping and the cosine schedule against PyTorch's and transformers' float64 values. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AdamW } from "../../src/train/loop/adamw.js";
import { clipByGlobalNorm } from "../../src/train/loop/clip-by-global-norm.js";
import { makeSchedule } from "../../src/train/loop/schedule.js";

/** Storing a number as float32 costs half of this, relative; five updates and a clipped gradient add up. */
const FLOAT32_EPSILON = 2 ** -23;
const RELATIVE_BOUND = 4 * FLOAT32_EPSILON;
/** A parameter is at most 1.4 here and is stored five times. */
const PARAMETER_BOUND = 5 * FLOAT32_EPSILON;
/** One division, one cosine. */
const FLOAT64_BOUND = 1e-15;

interface AdamWCase {
  options: { lr: number; betas: [number, number]; eps: number; weight_decay: number; clip: number | null };
  start: number[];
  gradients: number[][];
  steps: { gradNorm: number; gradUsed: number[]; parameter: number[]; m: number[]; v: number[] }[];
}

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`ops/${file}.json`, import.meta.url), "utf8")) as T;
}

function isAdamWCase(value: unknown): value is AdamWCase {
  return typeof value === "object" && value !== null && "steps" in value;
}

/** The largest distance; relative ones are to the larger of the expected number and `floor`. */
function worst(found: ArrayLike<number> | undefined, expected: readonly number[], floor?: number): number {
  expect(found?.length).toBe(expected.length);
  return Math.max(
    ...expected.map((value, i) => {
      const scale = floor === undefined ? 1 : Math.max(Math.abs(value), floor);
      return Math.abs((found?.[i] as number) - value) / scale;
    }),
  );
}

describe("AdamW, golden", () => {
  const cases = Object.entries(load<Record<string, unknown>>("adamw")).filter(
    (entry): entry is [string, AdamWCase] => isAdamWCase(entry[1]),
  );

  it("has a case with decay, one without and one with clipping", () => {
    expect(cases.map(([, { options }]) => [options.weight_decay > 0, options.clip !== null])).toEqual(
      expect.arrayContaining([
        [true, false],
        [false, false],
        [true, true],
      ]),
    );
  });

  it.each(cases)(
    "%s: parameter, m and v after each of five updates",
    (_, { options, start, gradients, steps }) => {
      expect(options).toMatchObject({ betas: [0.9, 0.999], eps: 1e-8 });
      const optimizer = new AdamW({ learningRate: options.lr, weightDecay: options.weight_decay });
      // Two tensors, as in a model: the golden vector's halves.
      const half = (values: ArrayLike<number>) =>
        new Map([
          ["a", Float32Array.from(values).subarray(0, 3)],
          ["b", Float32Array.from(values).subarray(3)],
        ]);
      const joined = (halves: ReadonlyMap<string, Float32Array>) =>
        [...halves.values()].flatMap((part) => [...part]);
      const parameters = half(start);
      const state = AdamW.init(parameters);
      steps.forEach((step, k) => {
        const gradient = half(gradients[k] as number[]);
        const norm = clipByGlobalNorm(gradient, options.clip ?? Number.POSITIVE_INFINITY);
        expect(worst([norm], [step.gradNorm], 0)).toBeLessThan(RELATIVE_BOUND);
        expect(worst(joined(gradient), step.gradUsed, 1e-9)).toBeLessThan(RELATIVE_BOUND);
        optimizer.update(state, parameters, gradient);
        expect(state.step).toBe(k + 1);
        expect(worst(joined(parameters), step.parameter)).toBeLessThan(PARAMETER_BOUND);
        // Sums of gradients of different sign lose digits: the bound is on the scale of a gradient, 0.1.
        expect(worst(joined(state.m), step.m, 0.1)).toBeLessThan(RELATIVE_BOUND);
        expect(worst(joined(state.v), step.v, 1e-12)).toBeLessThan(RELATIVE_BOUND);
      });
    },
  );
});

describe("clipByGlobalNorm, golden", () => {
  const { maxNorm, cases } = load<{
    maxNorm: number;
    cases: { gradients: number[][]; norm: number; clipped: number[][] }[];
  }>("clip");

  it.each(cases.map((one) => [one.norm, one] as const))("norm %d", (_, { gradients, norm, clipped }) => {
    const tensors = new Map(gradients.map((values, i) => [`${i}`, Float32Array.from(values)]));
    expect(worst([clipByGlobalNorm(tensors, maxNorm)], [norm], 0)).toBeLessThan(RELATIVE_BOUND);
    expect(
      worst(
        [...tensors.values()].flatMap((values) => [...values]),
        clipped.flat(),
        1e-9,
      ),
    ).toBeLessThan(RELATIVE_BOUND);
  });
});

describe("cosine schedule, golden", () => {
  const cases = Object.values(
    load<Record<string, { warmup: number; total: number; factors: number[] } | string>>("cosine-schedule"),
  ).filter((one) => typeof one !== "string");

  it.each(cases)("warm-up $warmup of $total", ({ warmup, total, factors }) => {
    const schedule = makeSchedule("cosine", total, warmup);
    expect(
      worst(
        factors.map((_, k) => schedule(k)),
        factors,
      ),
    ).toBeLessThan(FLOAT64_BOUND);
  });
});
