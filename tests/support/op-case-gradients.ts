/** @file A generated case of an op as a graph of its value and of its gradients, with what to feed. */
import { Random } from "../../src/core/random.js";
import type { Backend, NumericArray } from "../../src/graph/backend.js";
import { gradients } from "../../src/graph/gradients.js";
import { type Graph, GraphBuilder, type OpName } from "../../src/graph/graph-builder.js";
import { OP_TABLE } from "../../src/graph/op-table.js";
import { feedOf, type OpCase } from "../conformance/graph-backend-cases.js";

/** Value `y` and, for ops that have one, the gradient of every input that has one. */
export function graphWithGradients(
  op: OpName,
  { inputs, build }: OpCase,
): { graph: Graph; feeds: Record<string, NumericArray> } {
  const builder = new GraphBuilder();
  const values = inputs.map(({ name, shape, dtype }) => builder.input(name, shape, dtype));
  const y = build(builder, values);
  builder.output("y", y);
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, feedOf(input, "float32")]));
  if (OP_TABLE[op].vjp === null) return { graph: builder.build(), feeds };
  const random = new Random(7);
  const size = y.shape.reduce((product, length) => product * length, 1);
  feeds.upstream = Float32Array.from({ length: size }, () => random.next() * 2 - 1);
  const upstream = builder.input("upstream", y.shape);
  const wrt = values.filter((_, i) => inputs[i]?.hasGradient);
  gradients(builder, [{ value: y, upstream }], wrt).forEach((gradient, i) => {
    builder.output(`gradient ${i}`, gradient);
  });
  return { graph: builder.build(), feeds };
}

export async function runGraph(
  backend: Backend,
  graph: Graph,
  feeds: Readonly<Record<string, NumericArray>>,
): Promise<Record<string, ArrayLike<number>>> {
  const program = await backend.compile(graph);
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

/** The largest difference of any output, relative to its largest number where that exceeds 1; NaN stays NaN. */
export function largestDifference(
  actual: Readonly<Record<string, ArrayLike<number>>>,
  expected: Readonly<Record<string, ArrayLike<number>>>,
): number {
  let worst = 0;
  for (const [name, wanted] of Object.entries(expected)) {
    const found = actual[name] as ArrayLike<number>;
    const numbers = Array.from(wanted);
    if (found.length !== numbers.length) return Number.NaN;
    const scale = numbers.reduce((largest, number) => Math.max(largest, Math.abs(number)), 1);
    for (const [i, number] of numbers.entries())
      worst = Math.max(worst, Math.abs((found[i] as number) - number) / scale);
  }
  return worst;
}
