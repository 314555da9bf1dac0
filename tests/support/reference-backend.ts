/** @file The oracle: slow, readable loops over every node, in float64 or float32. */
import { InternalError } from "../../src/core/errors.js";
import { decodeFloat16 } from "../../src/formats/quant/half-float.js";
import type { Backend, NumericArray, Program } from "../../src/graph/backend.js";
import { checkRun } from "../../src/graph/check-feeds.js";
import type { Tensor } from "../../src/graph/op-spec.js";
import { specOf } from "../../src/graph/op-table.js";
import { sizeOf } from "../../src/graph/shape.js";
import type { Graph, NodeOf, OpName, Value } from "../../src/graph/value.js";

export interface ReferenceOptions {
  /** Type that results are rounded to after every op; sums inside an op run in float64. Default "float64". */
  readonly precision?: "float32" | "float64" | undefined;
}

export class ReferenceBackend implements Backend {
  readonly name: string;
  readonly #precision: "float32" | "float64";

  constructor({ precision = "float64" }: ReferenceOptions = {}) {
    this.#precision = precision;
    this.name = `reference-${precision}`;
  }

  async compile(graph: Graph): Promise<Program> {
    return new ReferenceProgram(graph, this.#precision);
  }
}

class ReferenceProgram implements Program {
  #isDisposed = false;
  readonly #graph: Graph;
  readonly #precision: "float32" | "float64";

  constructor(graph: Graph, precision: "float32" | "float64") {
    this.#graph = graph;
    this.#precision = precision;
  }

  async run(
    feeds: Readonly<Record<string, NumericArray>>,
    outputs: Readonly<Record<string, Float32Array>> = {},
  ): Promise<Record<string, Float32Array | Float64Array>> {
    if (this.#isDisposed) throw new InternalError("the program was disposed");
    checkRun(this.#graph, this.#precision === "float64" ? narrowed(feeds) : feeds, outputs);

    const tensors = new Map<Value, Tensor>();
    for (const node of this.#graph.nodes)
      tensors.set(node.output, this.#compute(node as NodeOf<OpName>, feeds, tensors));

    const results: Record<string, Float32Array | Float64Array> = {};
    for (const [name, value] of this.#graph.outputs) {
      const { data } = tensors.get(value) as Tensor;
      const given = outputs[name];
      given?.set(data);
      // A copy: two outputs may be the same value, and a value may be an input's own array.
      results[name] =
        given ?? (this.#precision === "float64" ? Float64Array.from(data) : Float32Array.from(data));
    }
    return results;
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
  }

  #compute<K extends OpName>(
    node: NodeOf<K>,
    feeds: Readonly<Record<string, NumericArray>>,
    tensors: ReadonlyMap<Value, Tensor>,
  ): Tensor {
    const { shape } = node.output;
    const output = { shape, data: this.#array(sizeOf(shape)) };
    if (node.op === "input") {
      const { name } = (node as NodeOf<"input">).attributes;
      output.data.set(decoded(feeds[name] as NumericArray));
    } else {
      const inputs = node.inputs.map((value) => tensors.get(value) as Tensor);
      specOf(node.op).reference(inputs, node.attributes, output);
    }
    return output;
  }

  /** Stored halves are kept as their exact values in the wider type. */
  #array(length: number): Float32Array | Float64Array {
    return this.#precision === "float64" ? new Float64Array(length) : new Float32Array(length);
  }
}

/** In float64 this backend takes wider arrays, too. */
function narrowed(arrays: Readonly<Record<string, NumericArray>>): Record<string, NumericArray> {
  const narrow = (data: NumericArray) => (data instanceof Float64Array ? Float32Array.from(data) : data);
  return Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, narrow(data)]));
}

function decoded(data: NumericArray): Float32Array | Float64Array {
  return data instanceof Uint16Array ? decodeFloat16(data, new Float32Array(data.length)) : data;
}
