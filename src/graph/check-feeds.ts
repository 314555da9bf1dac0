/** @file Feeds, weights and output arrays against the graph, before a backend sees them. */
import { ShapeError } from "../core/errors.js";
import type { NumericArray } from "./backend.js";
import { sizeOf } from "./shape.js";
import type { DType, Graph, Value } from "./value.js";

const ARRAY_OF: Readonly<Record<DType, { readonly name: string }>> = {
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
};

export interface FeedRules {
  /** Take Float64Array for float32 inputs: the reference backend in float64 does. */
  readonly takesFloat64: boolean;
}

/** @throws {ShapeError} for unknown names, wrong lengths and wrong array types. */
export function checkArrays(
  graph: Graph,
  arrays: Readonly<Record<string, NumericArray>>,
  kind: "feed" | "weight",
  rules: FeedRules,
): void {
  for (const [name, data] of Object.entries(arrays)) {
    const value = graph.inputs.get(name);
    if (value === undefined)
      throw new ShapeError("run", [], `${kind} "${name}" is no input of the graph`, {
        hint: `inputs are ${[...graph.inputs.keys()].join(", ")}`,
      });
    checkArray(`${kind} "${name}"`, value, data, rules);
  }
}

/** @throws {ShapeError} for an input that the graph reads and nobody fed. */
export function checkComplete(needed: readonly string[], feeds: Readonly<Record<string, unknown>>): void {
  const missing = needed.filter((name) => feeds[name] === undefined);
  if (missing.length > 0) throw new ShapeError("run", [], `missing feed ${missing.join(", ")}`);
}

/** @throws {ShapeError} for output arrays that do not fit. */
export function checkOutputs(graph: Graph, outputs: Readonly<Record<string, Float32Array>>): void {
  for (const [name, data] of Object.entries(outputs)) {
    const value = graph.outputs.get(name);
    if (value === undefined)
      throw new ShapeError("run", [], `"${name}" is no output of the graph`, {
        hint: `outputs are ${[...graph.outputs.keys()].join(", ")}`,
      });
    checkArray(`output array "${name}"`, value, data, { takesFloat64: false });
  }
}

/** Names of the inputs that nodes of the graph read. */
export function readInputs(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => (node.op === "input" ? [node.attributes.name] : []));
}

function checkArray(what: string, value: Value, data: NumericArray, { takesFloat64 }: FeedRules): void {
  const expected = ARRAY_OF[value.dtype].name;
  const isExpected =
    data.constructor.name === expected ||
    (takesFloat64 && value.dtype === "float32" && data.constructor.name === "Float64Array");
  if (!isExpected)
    throw new ShapeError("run", [value.shape], `${what} is ${data.constructor.name}, expected ${expected}`);
  if (data.length !== sizeOf(value.shape))
    throw new ShapeError(
      "run",
      [],
      `${what} has ${data.length} elements, expected ${sizeOf(value.shape)} for [${value.shape.join(", ")}]`,
    );
}
