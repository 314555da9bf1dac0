/** @file AdamW, clipping and schedules beyond the golden numbers: options and resuming. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InternalError } from "../../../../src/core/errors.js";
import { AdamW } from "../../../../src/train/loop/adamw.js";
import { clipByGlobalNorm } from "../../../../src/train/loop/clip-by-global-norm.js";
import { makeSchedule } from "../../../../src/train/loop/schedule.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_127);
const OPTIONS = { learningRate: 1e-3, weightDecay: 0.01 };
const tensors = (...values: number[][]) =>
  new Map(values.map((list, i) => [`p${i}`, Float32Array.from(list)] as const));

describe("AdamW", () => {
  it("moves by the learning rate at first, against the gradient's sign, after decay", () => {
    const parameters = tensors([2, -2, 2]);
    const optimizer = new AdamW(OPTIONS);
    optimizer.update(AdamW.init(parameters), parameters, tensors([5, 0.01, 0]));
    const decayed = 2 * (1 - 1e-3 * 0.01);
    const moved = [decayed - 1e-3, -decayed - 1e-3, decayed];
    // eps = 1e-8 beside a gradient of 0.01 is a millionth of the step of 1e-3; the rest is float32 near 2.
    parameters.get("p0")?.forEach((value, i) => {
      expect(Math.abs(value - (moved[i] as number))).toBeLessThan(2e-7);
    });
  });

  it("goes on from a copy of its state as if nothing had happened", () => {
    const numbers = fc.array(fc.float({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 });
    const steps = fc.array(numbers, { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(numbers, steps, fc.nat(), (start, gradients, at) => {
        const optimizer = new AdamW({ ...OPTIONS, learningRate: 0.1 });
        const straight = tensors(start);
        const state = AdamW.init(straight);
        gradients.forEach((gradient, k) => {
          optimizer.update(state, straight, tensors(gradient), 1 / (k + 1));
        });
        const stop = at % gradients.length;
        let resumed = tensors(start);
        let copy = AdamW.init(resumed);
        gradients.forEach((gradient, k) => {
          if (k === stop) [resumed, copy] = structuredClone([resumed, copy]);
          optimizer.update(copy, resumed, tensors(gradient), 1 / (k + 1));
        });
        expect(resumed).toEqual(straight);
        expect(copy).toEqual(state);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  it("leaves parameters alone at factor 0, but remembers the gradient", () => {
    const parameters = tensors([1, 2]);
    const optimizer = new AdamW(OPTIONS);
    const state = AdamW.init(parameters);
    optimizer.update(state, parameters, tensors([1, 1]), 0);
    expect(parameters).toEqual(tensors([1, 2]));
    expect(state.m.get("p0")?.[0]).toBeCloseTo(0.1, 7);
  });

  it("writes into the arrays it was given", () => {
    const parameters = tensors([1], [2]);
    const optimizer = new AdamW(OPTIONS);
    const state = AdamW.init(parameters);
    const before = [...parameters.values(), ...state.m.values(), ...state.v.values()];
    optimizer.update(state, parameters, tensors([1], [1]));
    const after = [...parameters.values(), ...state.m.values(), ...state.v.values()];
    expect(after.every((array, i) => array === before[i])).toBe(true);
  });

  it("changes nothing when a gradient is missing or has another length", () => {
    const parameters = tensors([1, 2], [3]);
    const optimizer = new AdamW(OPTIONS);
    const state = AdamW.init(parameters);
    for (const gradients of [tensors([1, 1]), tensors([1, 1], [1, 1])]) {
      expect(() => optimizer.update(state, parameters, gradients)).toThrow(InternalError);
    }
    expect(parameters).toEqual(tensors([1, 2], [3]));
    expect(state).toEqual(AdamW.init(parameters));
  });
});

describe("clipByGlobalNorm", () => {
  it("only measures below the limit and with an infinite one", () => {
    const gradients = tensors([3], [4, 0]);
    expect(clipByGlobalNorm(gradients, 6)).toBe(5);
    expect(clipByGlobalNorm(gradients, Number.POSITIVE_INFINITY)).toBe(5);
    expect(gradients).toEqual(tensors([3], [4, 0]));
    expect(clipByGlobalNorm(tensors(), 1)).toBe(0);
  });

  it("tells of gradients that are not finite and leaves them", () => {
    expect(clipByGlobalNorm(tensors([1, Number.NaN]), 1)).toBeNaN();
    const gradients = tensors([1, Number.POSITIVE_INFINITY]);
    expect(clipByGlobalNorm(gradients, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(gradients).toEqual(tensors([1, Number.POSITIVE_INFINITY]));
  });

  it("does not overflow where float32 squares would", () => {
    expect(clipByGlobalNorm(tensors([3e30, 4e30]), 1) / 5e30).toBeCloseTo(1, 6);
  });
});

describe("schedules", () => {
  it("fall in a line, or stay, after the warm-up", () => {
    const factors = (schedule: (update: number) => number) => [0, 1, 2, 3, 4, 5, 6, 7].map(schedule);
    expect(factors(makeSchedule("linear", 6, 2))).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0]);
    expect(factors(makeSchedule("constant", 6, 2))).toEqual([0, 0.5, 1, 1, 1, 1, 1, 1]);
    expect(factors(makeSchedule("linear", 4))).toEqual([1, 0.75, 0.5, 0.25, 0, 0, 0, 0]);
  });

  it("warm up to the end where all updates are warm-up", () => {
    expect([0, 1, 2].map(makeSchedule("cosine", 2, 2))).toEqual([0, 0.5, 1]);
  });
});

describe("weight decay", () => {
  it("touches only the parameters that it is meant for", () => {
    const optimizer = new AdamW({ learningRate: 0.5, weightDecay: 0.1, decays: (name) => name === "matrix" });
    const make = (value: number) => new Map(["matrix", "norm"].map((name) => [name, Float32Array.of(value)]));
    const parameters = make(2);
    // Without a gradient nothing but decay moves: 2 · (1 − 0.5 · 0.1).
    optimizer.update(AdamW.init(parameters), parameters, make(0));
    expect(parameters.get("matrix")?.[0]).toBeCloseTo(1.9, 6);
    expect(parameters.get("norm")?.[0]).toBe(2);
  });
});
