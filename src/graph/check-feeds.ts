/** @file Feeds and output arrays against the graph, before a backend sees them. */
import { ShapeError } from "../core/errors.js";
import type { NumericArray } from "./backend.js";
import { sizeOf } from "./shape.js";
import type { DType, Graph, Value } from "./value.js";

const ARRAY_OF: Readonly<Record<DType, { readonly name: string }>> = {
  float32: Float32Array,
  float16: Uint16Array,
};

/** @throws {ShapeError} for unknown names, wrong lengths and array types, and for an input that is read but not fed */
export function checkRun(
  graph: Graph,
  feeds: Readonly<Record<string, NumericArray>>,
  outputs: Readonly<Record<string, Float32Array>>,
): void {
  checkArrays("feed", feeds, "input", graph.inputs);
  checkArrays("output array", outputs, "output", graph.outputs);
  const missing = readInputs(graph).filter((name) => feeds[name] === undefined);
  if (missing.length > 0) throw new ShapeError("run", [], `missing feed ${missing.join(", ")}`);
}

/** Names of the inputs that nodes of the graph read. */
export function readInputs(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => (node.op === "input" ? [node.attributes.name] : []));
}

function checkArrays(
  what: string,
  arrays: Readonly<Record<string, NumericArray>>,
  side: string,
  values: ReadonlyMap<string, Value>,
): void {
  for (const [name, data] of Object.entries(arrays)) {
    const value = values.get(name);
    if (value === undefined)
      throw new ShapeError("run", [], `${what} "${name}" is no ${side} of the graph`, {
        hint: `${side}s are ${[...values.keys()].join(", ")}`,
      });
    checkArray(`${what} "${name}"`, value, data);
  }
}

function checkArray(what: string, { dtype, shape }: Value, data: NumericArray): void {
  const expected = ARRAY_OF[dtype].name;
  const found = data.constructor.name;
  if (found !== expected) throw new ShapeError("run", [shape], `${what} is ${found}, expected ${expected}`);
  const size = sizeOf(shape);
  if (data.length === size) return;
  const why = `has ${data.length} elements, expected ${size} for [${shape.join(", ")}]`;
  throw new ShapeError("run", [], `${what} ${why}`);
}
