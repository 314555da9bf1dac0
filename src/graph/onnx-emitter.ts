/** @file What ops write their ONNX form through: nodes, names and initialisers of one model. */
import { encodeMessage, ONNX_ATTRIBUTE_TYPE, ONNX_TYPE } from "../formats/onnx/onnx-proto.js";
import type { Graph, Node, Value } from "./value.js";

/**
 * Which ops a model is written in: `cpu`, those that onnxruntime's own kernels are fastest with, or `webgpu`, those its
 * WebGPU provider has too. That one lacks FusedMatMul and Sum, and reads float16 only on some adapters
 * (docs/decisions/0023-webgpu-dialect.md).
 */
export type Dialect = "cpu" | "webgpu";

/** Type and value of an attribute, as AttributeProto names them. */
type OnnxAttribute = Readonly<Record<string, unknown>>;

export interface OnnxNode {
  readonly type: string;
  /** "" for the standard operators, "com.microsoft" for onnxruntime's own. */
  readonly domain?: "" | "com.microsoft" | undefined;
  /** Values of the graph, or names of intermediate results and initialisers. */
  readonly inputs: readonly (Value | string)[];
  readonly output: Value | string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>> | undefined;
}

const { int: INT, float: FLOAT, ints: INTS } = ONNX_ATTRIBUTE_TYPE;
export const int = (value: number): OnnxAttribute => ({ type: INT, i: value });
export const float = (value: number): OnnxAttribute => ({ type: FLOAT, f: value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ type: INTS, ints: value });

/** Collects the nodes and initialisers that ops write; every ONNX node is named after the graph's node it stands for. */
export class OnnxEmitter {
  readonly dialect: Dialect;
  readonly nodes: object[] = [];
  readonly initializers: Uint8Array[] = [];
  readonly #names = new Map<Value, string>();
  readonly #known = new Map<string, string>();
  #current = "";
  #count = 0;

  constructor(graph: Graph, dialect: Dialect) {
    this.dialect = dialect;
    // A value that is an output takes that name; one that has two, or is an input, is copied to the rest.
    for (const [name, value] of graph.outputs)
      if (value.node.op !== "input" && value.node.op !== "constant" && !this.#names.has(value))
        this.#names.set(value, name);
  }

  /** What is added from now on stands for this node. */
  begin({ op, output }: Node): void {
    this.#current = `%${output.id} ${op}`;
  }

  output(name: string, value: Value): void {
    if (this.nameOf(value) === name) return;
    this.#current = `output ${name}`;
    this.add({ type: "Identity", inputs: [value], output: name });
  }

  /** The ONNX name of a value of the graph. */
  nameOf(value: Value): string {
    if (value.node.op === "input") return value.node.attributes.name;
    // A colon keeps our names apart from those of inputs and outputs, which are the caller's.
    return this.#names.get(value) ?? `w4s:${value.id}`;
  }

  /** A fresh name for an intermediate result of one op. */
  temporary(): string {
    return `w4s:t${this.#count++}`;
  }

  /** Name of an int64 initialiser: shapes, axes, positions. Equal ones are shared. */
  int64(data: readonly number[]): string {
    const key = data.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.temporary();
    const bytes = new Uint8Array(BigInt64Array.from(data, BigInt).buffer);
    this.#initializer({ name, dims: [data.length], dataType: ONNX_TYPE.int64, rawData: bytes });
    this.#known.set(key, name);
    return name;
  }

  /** Name of a float32 initialiser that holds one number. */
  scalar(value: number): string {
    const name = this.temporary();
    this.initializer(name, Float64Array.of(value), []);
    return name;
  }

  /** Adds a float32 initialiser; the data are rounded here. */
  initializer(name: string, data: Float64Array, shape: readonly number[]): void {
    const rawData = new Uint8Array(Float32Array.from(data).buffer);
    this.#initializer({ name, dims: shape, dataType: ONNX_TYPE.float32, rawData });
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
