/** @file Reverse mode over whole graphs: shared values, slices, parts that are left out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NotDifferentiableError, ShapeError } from "../../../src/core/errors.js";
import { gradients } from "../../../src/graph/gradients.js";
import { type Graph, GraphBuilder, type Value } from "../../../src/graph/graph-builder.js";
import { ReferenceBackend } from "../../support/reference-backend.js";

const SEED = 20261124;

async function run(graph: Graph, feeds: Record<string, Float64Array>): Promise<Record<string, number[]>> {
  const program = await new ReferenceBackend().compile(graph);
  const results = await program.run(feeds);
  return Object.fromEntries(Object.entries(results).map(([name, data]) => [name, [...data]]));
}

/** Outputs `d0`, `d1`, … for the gradients of Σ outputs. */
function derive(g: GraphBuilder, outputs: readonly Value[], wrt: readonly Value[]): Graph {
  const seeds = outputs.map((value) => ({ value, upstream: g.expand(g.constant(1), value.shape) }));
  gradients(g, seeds, wrt).forEach((gradient, i) => {
    g.output(`d${i}`, gradient);
  });
  return g.build();
}

const ops = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe("gradients", () => {
  it("adds up over all uses of a value and all outputs", async () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2]);
    // Σ (x² + x·e^x) + Σ 3x: 2x + e^x (1 + x) + 3
    const graph = derive(g, [g.add(g.mul(x, x), g.mul(x, g.exp(x))), g.mul(x, 3)], [x]);
    const { d0 } = await run(graph, { x: Float64Array.of(0, 1) });
    expect(d0?.[0]).toBeCloseTo(4, 12);
    expect(d0?.[1]).toBeCloseTo(5 + 2 * Math.E, 12);
  });

  it("gives zeros where an input does not reach the outputs", async () => {
    const g = new GraphBuilder();
    const [x, other] = [g.input("x", [2]), g.input("other", [3])];
    const graph = derive(g, [g.exp(x)], [other, x]);
    expect(await run(graph, { x: Float64Array.of(0, 0), other: new Float64Array(3) })).toEqual({
      d0: [0, 0, 0],
      d1: [1, 1],
    });
  });

  it("takes the gradient of an output itself, of an intermediate value and of what lies before both", async () => {
    const g = new GraphBuilder();
    const x = g.input("x", [1]);
    const y = g.mul(x, 3);
    const z = g.mul(y, y);
    const graph = derive(g, [z], [z, y, x]);
    expect(await run(graph, { x: Float64Array.of(2) })).toEqual({ d0: [1], d1: [12], d2: [36] });
  });

  it("does no work for frozen inputs", () => {
    const g = new GraphBuilder();
    const [x, w, frozen] = [g.input("x", [5, 3]), g.input("w", [3, 3]), g.input("frozen", [3, 3])];
    const y = g.matmul(g.matmul(x, frozen), w);
    const graph = derive(g, [y], [w]);
    // x·frozen again, and its product with the upstream: nothing for x or frozen.
    expect(ops(graph).filter((op) => op === "matmul")).toHaveLength(2);
  });

  it("reuses results of the forward pass", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [5]);
    const y = g.exp(x);
    g.output("y", y);
    expect(ops(derive(g, [y], [x])).filter((op) => op === "exp")).toHaveLength(1);
  });

  it("joins the gradients of slices that cover a value without zeros or sums", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [6, 2]);
    const parts = [0, 2, 4].map((start) => g.exp(g.slice(x, 0, start, start + 2)));
    const graph = derive(g, parts, [x]);
    expect(ops(graph).filter((op) => op === "concat")).toHaveLength(1);
    expect(ops(graph)).not.toContain("add");
  });

  it(`sums slices like a mask would, seed ${SEED}`, async () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 6 }))
      .map(([start, length]) => [start, Math.min(6, start + length)] as const);
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 5 }), async (ranges) => {
        const g = new GraphBuilder();
        const x = g.input("x", [2, 6]);
        const used = ranges.map(([start, end], i) => g.mul(g.slice(x, 1, start, end), i + 1));
        const { d0 } = await run(derive(g, used, [x]), { x: new Float64Array(12) });
        const row = Array.from({ length: 6 }, (_, at) =>
          ranges.reduce((sum, [start, end], i) => sum + (start <= at && at < end ? i + 1 : 0), 0),
        );
        expect(d0).toEqual([...row, ...row]);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("adds slices of two axes and whole uses", async () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2, 2]);
    const graph = derive(g, [g.slice(x, 0, 0, 1), g.slice(x, 1, 1, 2), g.mul(x, 10)], [x]);
    expect((await run(graph, { x: new Float64Array(4) })).d0).toEqual([11, 12, 10, 11]);
  });

  it("survives chains deeper than the call stack", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [1]);
    let y: Value = x;
    for (let i = 0; i < 20_000; i++) y = g.neg(y);
    expect(ops(derive(g, [y], [x])).length).toBeGreaterThan(20_000);
  });

  it("refuses upstreams of another shape, data without gradient, and angles of rope", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2, 2]);
    const at = g.input("at", [2], "float16");
    const angles = g.input("angles", [2, 1]);
    expect(() => gradients(g, [{ value: x, upstream: angles }], [x])).toThrow(ShapeError);
    expect(() => gradients(g, [{ value: x, upstream: x }], [at])).toThrow(NotDifferentiableError);
    const turned = g.rope(x, angles, angles, { interleaved: false });
    expect(() => gradients(g, [{ value: turned, upstream: x }], [angles])).toThrow(/rope .* cos or sin/);
    const largest = g.exp(g.reduceMax(g.neg(x), 0, { keepDims: true }));
    expect(() => gradients(g, [{ value: largest, upstream: largest }], [x])).toThrow(
      /reduceMax is not differentiable/,
    );
  });
});
