/** @file A graph as an ONNX model. Large data stay outside: as inputs, or as external data of the session. */

import { encodeMessage, ONNX_EXTERNAL, ONNX_TYPE } from "../formats/onnx/onnx-proto.js";
import type { OnnxEmitter, OnnxNode } from "./onnx-emitter.js";
import { specOf } from "./op-table.js";
import type { Graph, NodeOf, OpName, Value } from "./value.js";

/** The newest set whose ops the CPU kernels all have in versions we use; 18 brought axes as inputs everywhere. */
const OPSET = 18;
const MICROSOFT_OPSET = 1;
/** The format's version that goes with opset 18. */
const IR_VERSION = 8;

/** Data that the session gets beside the model. */
interface ExternalPlace {
  readonly location: string;
  readonly byteLength: number;
}

/** @param external - places of inputs that are no feeds, by name */
export function emitOnnx(graph: Graph, external: ReadonlyMap<string, ExternalPlace> = new Map()): Uint8Array {
  const emission = new Emission(graph);
  const inputs: Uint8Array[] = [];
  for (const node of graph.nodes) {
    if (node.op === "input") {
      const { name } = node.attributes;
      const data = external.get(name);
      if (data === undefined) inputs.push(valueInfo(name, node.output));
      else emission.external(name, node.output, data);
    } else {
      emission.of(node as NodeOf<OpName>);
    }
  }
  const outputs = [...graph.outputs].map(([name, value]) => {
    emission.output(name, value);
    return valueInfo(name, value);
  });
  return encodeMessage("ModelProto", {
    irVersion: IR_VERSION,
    producerName: "w4s",
    opsetImport: [
      encodeMessage("OperatorSetIdProto", { domain: "", version: OPSET }),
      encodeMessage("OperatorSetIdProto", { domain: "com.microsoft", version: MICROSOFT_OPSET }),
    ],
    graph: {
      name: "graph",
      node: emission.nodes,
      initializer: emission.initializers,
      input: inputs,
      output: outputs,
    },
  });
}

function valueInfo(name: string, { dtype, shape }: Value): Uint8Array {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return encodeMessage("ValueInfoProto", {
    name,
    type: { tensorType: { elemType: ONNX_TYPE[dtype], shape: { dim } } },
  });
}

/** Collects nodes and initialisers; every ONNX node is named after the graph's node it stands for. */
class Emission implements OnnxEmitter {
  readonly nodes: object[] = [];
  readonly initializers: Uint8Array[] = [];
  readonly #names = new Map<Value, string>();
  readonly #known = new Map<string, string>();
  #current = "";
  #count = 0;

  constructor(graph: Graph) {
    // A value that is an output takes that name; one that has two, or is an input, is copied to the rest.
    for (const [name, value] of graph.outputs)
      if (value.node.op !== "input" && value.node.op !== "constant" && !this.#names.has(value))
        this.#names.set(value, name);
  }

  of<K extends OpName>(node: NodeOf<K>): void {
    this.#current = `%${node.output.id} ${node.op}`;
    specOf(node.op).emit(this, node);
  }

  output(name: string, value: Value): void {
    if (this.nameOf(value) === name) return;
    this.#current = `output ${name}`;
    this.add({ type: "Identity", inputs: [value], output: name });
  }

  nameOf(value: Value): string {
    if (value.node.op === "input") return value.node.attributes.name;
    // A colon keeps our names apart from those of inputs and outputs, which are the caller's.
    return this.#names.get(value) ?? `w4s:${value.id}`;
  }

  temporary(): string {
    return `w4s:t${this.#count++}`;
  }

  int64(data: readonly number[], shape: readonly number[] = [data.length]): string {
    const key = `${data.join(",")}|${shape.join(",")}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.temporary();
    const bytes = new Uint8Array(BigInt64Array.from(data, BigInt).buffer);
    this.#initializer({ name, dims: shape, dataType: ONNX_TYPE.int64, rawData: bytes });
    this.#known.set(key, name);
    return name;
  }

  initializer(name: string, data: Float64Array, shape: readonly number[]): void {
    const rawData = new Uint8Array(Float32Array.from(data).buffer);
    this.#initializer({ name, dims: shape, dataType: ONNX_TYPE.float32, rawData });
  }

  external(name: string, { shape, dtype }: Value, { location, byteLength }: ExternalPlace): void {
    this.#initializer({
      name,
      dims: shape,
      dataType: ONNX_TYPE[dtype],
      dataLocation: ONNX_EXTERNAL,
      externalData: [
        { key: "location", value: location },
        { key: "offset", value: "0" },
        { key: "length", value: String(byteLength) },
      ],
    });
  }

  add({ type, domain = "", inputs, output, attributes = {} }: OnnxNode): void {
    const name = (value: Value | string) => (typeof value === "string" ? value : this.nameOf(value));
    this.nodes.push({
      name: `${this.#current} ${this.nodes.length}`,
      opType: type,
      domain,
      input: inputs.map(name),
      output: [name(output)],
      attribute: Object.entries(attributes).map(([key, attribute]) =>
        encodeMessage("AttributeProto", { name: key, ...attribute }),
      ),
    });
  }
  #initializer(tensor: Readonly<Record<string, unknown>>): void {
    this.initializers.push(encodeMessage("TensorProto", tensor));
  }
}
