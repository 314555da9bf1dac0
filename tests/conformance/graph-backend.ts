/** @file What every Backend must do; one suite for all implementations. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InternalError, ShapeError } from "../../src/core/errors.js";
import type { Backend, NumericArray } from "../../src/graph/backend.js";
import { type Graph, GraphBuilder, type OpName, type Value } from "../../src/graph/graph-builder.js";
import { OP_TABLE } from "../../src/graph/op-table.js";
import { ReferenceBackend } from "../support/reference-backend.js";
import { feedOf, OP_CASES, type OpCase } from "./graph-backend-cases.js";

const SEED = 20261123;
const RUNS = 20;

/** Half a unit in the last place of float32, relative. */
const ULP = 2 ** -24;

interface Bound {
  /** |difference| ≤ absolute + relative · |exact|. */
  readonly absolute: number;
  readonly relative: number;
}

/** Data that are only moved. */
const EXACT: Bound = { absolute: 0, relative: 0 };
/** One rounding. */
const ROUNDED: Bound = { absolute: 0, relative: 1.01 * ULP };
/** Functions computed by polynomials: a few units. */
const FUNCTION: Bound = { absolute: 4 * ULP, relative: 4 * ULP };
/** onnxruntime's sigmoid and tanh are polynomials with an absolute error of a few units of 1 … */
const SIGMOID: Bound = { absolute: 4e-7, relative: 4 * ULP };
/** … which silu and gelu multiply by x, up to 12 here. */
const GATED: Bound = { absolute: 12 * 4e-7, relative: 4 * ULP };
/** Sums of up to 96 products of up to 4 in any order: partial sums of 10 to 70, each rounded; 2e-5 was seen. */
const PRODUCT: Bound = { absolute: 8e-5, relative: 4 * ULP };

/** Against the reference in float64. */
const BOUNDS: Readonly<Record<OpName, Bound>> = {
  input: EXACT,
  constant: EXACT,
  add: ROUNDED,
  sub: ROUNDED,
  mul: ROUNDED,
  div: ROUNDED,
  neg: EXACT,
  exp: FUNCTION,
  sqrt: ROUNDED,
  tanh: SIGMOID,
  sigmoid: SIGMOID,
  silu: GATED,
  gelu: GATED,
  matmul: PRODUCT,
  reshape: EXACT,
  transpose: EXACT,
  // The case adds two slices: two roundings.
  slice: { absolute: 4 * ULP, relative: 2 * ULP },
  concat: EXACT,
  expand: EXACT,
  // Up to 17⁴ numbers of either sign (deviation 1.2), added one after the other by some kernels: the partial sums
  // of some 350 are rounded 83,521 times, like a random walk: 350 · 289 half units would be 6e-3, 1e-4 was seen.
  reduceSum: { absolute: 1e-3, relative: 4 * ULP },
  reduceMax: EXACT,
  // Rows of up to 70; e^x of differences of up to 200 has their rounding as relative error.
  softmax: { absolute: 2e-6, relative: 1e-5 },
  logSumExp: { absolute: 2e-6, relative: 4 * ULP },
  // The mean of up to 70 squares is rounded at every addition; half of that error reaches the result.
  rmsNorm: { absolute: 1e-7, relative: 12 * ULP },
  // Two products of up to 2, one addition.
  rope: { absolute: 8 * ULP, relative: 4 * ULP },
  // Means of values of up to 2 with weights that sum to 1; softmax's error rides along.
  attend: { absolute: 4e-6, relative: 1e-5 },
  // As PRODUCT, but a merged weight may be 13 times as large: up to 2 + 1.5 · 4 products of up to 4.
  mergedLinear: { absolute: 13 * PRODUCT.absolute, relative: 4 * ULP },
  cast: EXACT,
};

function compiledCase({ inputs, build }: OpCase): {
  graph: Graph;
  feeds(precision: "float32" | "float64"): Feeds;
} {
  const builder = new GraphBuilder();
  const values = inputs.map(({ name, shape, dtype }) => builder.input(name, shape, dtype));
  builder.output("y", build(builder, values));
  const feeds = (precision: "float32" | "float64") =>
    Object.fromEntries(inputs.map((input) => [input.name, feedOf(input, precision)]));
  return { graph: builder.build(), feeds };
}

type Feeds = Record<string, NumericArray>;

async function runOnce(backend: Backend, graph: Graph, feeds: Feeds): Promise<Float32Array | Float64Array> {
  const program = await backend.compile(graph);
  try {
    return (await program.run(feeds)).y as Float32Array;
  } finally {
    await program.dispose();
  }
}

/** How often the bound the largest error is; above 1 is a failure, and so is NaN. */
function excess(actual: ArrayLike<number>, exact: ArrayLike<number>, { absolute, relative }: Bound): number {
  expect(actual.length).toBe(exact.length);
  let worst = 0;
  for (let i = 0; i < exact.length; i++) {
    const difference = Math.abs((actual[i] as number) - (exact[i] as number));
    if (difference === 0) continue;
    const share = difference / (absolute + relative * Math.abs(exact[i] as number));
    worst = Math.max(worst, share);
  }
  return worst;
}

/** y = x·w [2, 3] × [3, 2], and s = Σ y. */
function productGraph(): Graph {
  const builder = new GraphBuilder();
  const x = builder.input("x", [2, 3]);
  const y = builder.matmul(x, builder.input("w", [3, 2]));
  builder.output("y", y);
  builder.output("s", builder.reduceSum(y, [0, 1]));
  return builder.build();
}

const X = Float32Array.of(1, 2, 3, 4, 5, 6);
const W = Float32Array.of(1, 0, 0, 1, 1, 1);
const XW = [4, 5, 10, 11];

export function graphBackendSuite(name: string, create: () => Backend): void {
  const backend = create();
  const oracle = new ReferenceBackend();

  describe(`${name}: every op against the reference in float64, seed ${SEED}`, () => {
    it.each(Object.keys(OP_TABLE) as OpName[])("%s", async (op) => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(OP_CASES[op]("small"), OP_CASES[op]("large")), async (opCase) => {
          const { graph, feeds } = compiledCase(opCase);
          const exact = await runOnce(oracle, graph, feeds("float64"));
          const actual = await runOnce(backend, graph, feeds("float32"));
          expect(excess(actual, exact, BOUNDS[op])).toBeLessThanOrEqual(1);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    });
  });

  describe(`${name} keeps the contract of a backend`, () => {
    it("writes into given arrays and returns them, and leaves feeds alone", async () => {
      const program = await backend.compile(productGraph());
      const y = new Float32Array(4).fill(-1);
      const x = X.slice();
      for (const factor of [1, 2]) {
        const w = W.map((element) => element * factor);
        const result = await program.run({ x, w }, { y });
        expect(result.y).toBe(y);
        expect([...y]).toEqual(XW.map((element) => element * factor));
        expect([...(result.s as Float32Array)]).toEqual([30 * factor]);
        expect(result.s).toBeInstanceOf(Float32Array);
      }
      expect(x).toEqual(X);
      await program.dispose();
    });

    it("gives every run its own arrays where none are given", async () => {
      const program = await backend.compile(productGraph());
      const first = (await program.run({ x: X, w: W })).y as Float32Array;
      await program.run({ x: X.map((element) => -element), w: W });
      expect([...first]).toEqual(XW);
      await program.dispose();
    });

    it("takes half weights as bits", async () => {
      const builder = new GraphBuilder();
      builder.output("y", builder.cast(builder.input("table", [3, 2], "float16")));
      const table = Uint16Array.of(0x3c00, 0x4000, 0x3800, 0xbc00, 0x0001, 0x7bff);
      const program = await backend.compile(builder.build());
      expect([...((await program.run({ table })).y as Float32Array)]).toEqual([
        1,
        2,
        0.5,
        -1,
        2 ** -24,
        65504,
      ]);
      await program.dispose();
    });

    it("refuses feeds that do not fit, naming them", async () => {
      const program = await backend.compile(productGraph());
      const refuse = async (feeds: Feeds, message: RegExp, outputs = {}) => {
        const run = program.run(feeds, outputs);
        await expect(run).rejects.toThrow(ShapeError);
        await expect(run).rejects.toThrow(message);
      };
      await refuse({ x: X }, /missing feed w/);
      await refuse({ x: X, w: W, z: W }, /"z" is no input/);
      await refuse({ x: X.subarray(1), w: W }, /"x" has 5 elements, expected 6 for \[2, 3\]/);
      await refuse({ x: X, w: Uint16Array.from(W) }, /"w" is Uint16Array, expected Float32Array/);
      await refuse({ x: X, w: W }, /"q" is no output/, { q: new Float32Array(4) });
      await refuse({ x: X, w: W }, /"y" has 3 elements, expected 4/, { y: new Float32Array(3) });
      await program.dispose();
    });

    it("takes feeds that nothing reads, and an input given out under two names", async () => {
      const builder = new GraphBuilder();
      const x = builder.input("x", [2]);
      builder.input("unread", [5]);
      builder.output("y", x);
      builder.output("same", x);
      builder.output("c", builder.constant([3, 4]));
      const program = await backend.compile(builder.build());
      const results = await program.run({ x: Float32Array.of(1, 2), unread: new Float32Array(5) });
      expect(Object.keys(results).sort()).toEqual(["c", "same", "y"]);
      expect([...(results.y as Float32Array)]).toEqual([1, 2]);
      expect([...(results.same as Float32Array)]).toEqual([1, 2]);
      expect([...(results.c as Float32Array)]).toEqual([3, 4]);
      await program.dispose();
    });

    it("refuses to run after dispose, which may be called twice", async () => {
      const program = await backend.compile(productGraph());
      await program.dispose();
      await program.dispose();
      await expect(program.run({ x: X, w: W })).rejects.toThrow(InternalError);
    });

    it("masks with a large negative number and with −∞ alike", async () => {
      const builder = new GraphBuilder();
      const x = builder.input("x", [2, 3]);
      const soft = (mask: Value) => builder.softmax(builder.add(x, mask));
      builder.output("large", soft(builder.constant([0, -1e30, 0])));
      builder.output("infinite", soft(builder.constant([0, Number.NEGATIVE_INFINITY, 0])));
      const program = await backend.compile(builder.build());
      const { large, infinite } = await program.run({ x: X });
      expect(large?.[1]).toBe(0);
      expect(infinite).toEqual(large);
      await program.dispose();
    });
  });
}
