/** @file Every differentiable op of the table against finite differences in float64. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NotDifferentiableError } from "../src/core/errors.js";
import { Random } from "../src/core/random.js";
import { gradients } from "../src/graph/gradients.js";
import { GraphBuilder, type OpName, type Value } from "../src/graph/graph-builder.js";
import { OP_TABLE } from "../src/graph/op-table.js";
import { feedOf, OP_CASES, type OpCase } from "./conformance/graph-backend-cases.js";
import { ReferenceBackend } from "./support/reference-backend.js";

const SEED = 20261122;
const RUNS = 25;

/** The four-point difference is off by h⁴/30 times the fifth derivative, and by rounding over h. */
const STEP = 2e-4;
/** h⁴/30 = 5e-17 times derivatives of up to 10⁶ (rmsNorm near 0); rounding of sums of some 100 terms over h: 1e-10. */
const TOLERANCE = 2e-9;
/** Weights of the difference at x + h·k. */
const STENCIL = [
  [-2, 1 / 12],
  [-1, -8 / 12],
  [1, 8 / 12],
  [2, -1 / 12],
] as const;

const ops = Object.keys(OP_TABLE) as OpName[];
const differentiable = ops.filter((op) => OP_TABLE[op].vjp !== null);
/** Ops without a derivative, listed so that losing one is noticed. */
const FLAT: readonly OpName[] = ["cast", "constant", "input", "reduceMax"];

interface Compiled {
  readonly builder: GraphBuilder;
  readonly outputSize: number;
  readonly names: readonly string[];
}

/** Outputs `y`, and `d:NAME` for each input that has a gradient. */
function buildCase({ inputs, build }: OpCase, derive: typeof gradients): Compiled {
  const builder = new GraphBuilder();
  const values = inputs.map(({ name, shape, dtype }) => builder.input(name, shape, dtype));
  const y = build(builder, values);
  const upstream = builder.input("upstream", y.shape);
  const wrt = values.filter((_, i) => inputs[i]?.hasGradient);
  const names = inputs.filter(({ hasGradient }) => hasGradient).map(({ name }) => name);
  builder.output("y", y);
  derive(builder, [{ value: y, upstream }], wrt).forEach((gradient, i) => {
    builder.output(`d:${names[i]}`, gradient);
  });
  return { builder, outputSize: y.shape.reduce((a, b) => a * b, 1), names };
}

/** The largest difference, relative to the gradient's own size where that exceeds 1; NaN stays NaN. */
async function worstError(opCase: OpCase, seed: number, derive = gradients): Promise<number> {
  const { builder, outputSize, names } = buildCase(opCase, derive);
  const program = await new ReferenceBackend().compile(builder.build());
  const random = new Random(seed);
  const upstream = Float64Array.from({ length: outputSize }, () => random.next() * 2 - 1);
  const feeds = Object.fromEntries(opCase.inputs.map((input) => [input.name, feedOf(input, "float64")]));
  const all = { ...feeds, upstream };
  const loss = async (): Promise<number> => {
    const { y } = await program.run(all);
    return (y as Float64Array).reduce((sum, element, i) => sum + element * (upstream[i] as number), 0);
  };
  const exact = await program.run(all);
  let worst = 0;
  for (const name of names) {
    const data = feeds[name] as Float64Array;
    const gradient = exact[`d:${name}`] as Float64Array;
    expect(gradient.length).toBe(data.length);
    for (let i = 0; i < data.length; i++) {
      const x = data[i] as number;
      let estimate = 0;
      for (const [steps, weight] of STENCIL) {
        data[i] = x + steps * STEP;
        estimate += (weight * (await loss())) / STEP;
      }
      data[i] = x;
      const error = Math.abs(estimate - (gradient[i] as number)) / Math.max(1, Math.abs(estimate));
      worst = Math.max(worst, error);
    }
  }
  return worst;
}

describe(`gradients against finite differences, seed ${SEED}`, () => {
  it("has no op without a derivative but the known ones", () => {
    expect(ops.filter((op) => OP_TABLE[op].vjp === null).sort()).toEqual([...FLAT].sort());
  });

  it.each(differentiable)("%s", async (op) => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(OP_CASES[op]("small"), fc.integer({ min: 0, max: 1e9 }), async (opCase, seed) => {
        checked += opCase.inputs.filter(({ hasGradient }) => hasGradient).length;
        const worst = await worstError(opCase, seed);
        expect(worst).toBeLessThan(TOLERANCE);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(checked).toBeGreaterThanOrEqual(RUNS);
  });

  it("notices a derivative that is off by one part in ten million", async () => {
    const opCase: OpCase = {
      inputs: [{ name: "x", shape: [2], dtype: "float32", data: [0.5, -1], hasGradient: true }],
      build: (builder, [x]) => builder.exp(x as Value),
    };
    expect(await worstError(opCase, 1)).toBeLessThan(TOLERANCE);
    const wrong: typeof gradients = (builder, outputs, wrt) =>
      gradients(builder, outputs, wrt).map((gradient) => builder.mul(gradient, 1 + 1e-7));
    expect(await worstError(opCase, 1, wrong)).toBeGreaterThan(TOLERANCE);
  });

  it.each(["reduceMax", "cast"] as const)("refuses a path through %s", (op) => {
    const builder = new GraphBuilder();
    const x = builder.input("x", [3], op === "cast" ? "float16" : "float32");
    const y = op === "cast" ? builder.cast(x) : builder.reduceMax(x, 0, { keepDims: true });
    const run = () => gradients(builder, [{ value: y, upstream: y }], [x]);
    expect(run).toThrow(NotDifferentiableError);
    expect(run).toThrow(op === "cast" ? /float16/ : /reduceMax is not differentiable/);
  });
});
