/** @file Feeds, weights and output arrays against the graph, before a backend sees them. */
import { ShapeError } from "../core/errors.js";
import type { NumericArray } from "./backend.js";
import { sizeOf } from "./shape.js";
import type { DType, Graph, Value } from "./value.js";

const ARRAY_OF: Readonly<Record<DType, { readonly name: string }>> = {
  float32: Float32Array,
  float16: Uint16Array,
};

/** @throws {ShapeError} for unknown names, wrong lengths and wrong array types. */
export function checkArrays(
  graph: Graph,
  arrays: Readonly<Record<string, NumericArray>>,
  kind: "feed" | "weight" | "output",
): void {
  const side = kind === "output" ? "output" : "input";
  const values = kind === "output" ? graph.outputs : graph.inputs;
  for (const [name, data] of Object.entries(arrays)) {
    const value = values.get(name);
    if (value === undefined)
      throw new ShapeError("run", [], `${kind} "${name}" is no ${side} of the graph`, {
        hint: `${side}s are ${[...values.keys()].join(", ")}`,
      });
    checkArray(`${kind} "${name}"`, value, data);
  }
}

/** @throws {ShapeError} for an input that the graph reads and nobody fed. */
export function checkComplete(needed: readonly string[], feeds: Readonly<Record<string, unknown>>): void {
  const missing = needed.filter((name) => feeds[name] === undefined);
  if (missing.length > 0) throw new ShapeError("run", [], `missing feed ${missing.join(", ")}`);
}

/** Names of the inputs that nodes of the graph read. */
export function readInputs(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => (node.op === "input" ? [node.attributes.name] : []));
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
