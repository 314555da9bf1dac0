/** @file What ops write their ONNX form through. The emission of whole graphs is in emit-onnx.ts. */
import { ONNX_ATTRIBUTE_TYPE } from "../formats/onnx/onnx-proto.js";
import type { Value } from "./value.js";

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

export interface OnnxEmitter {
  /** The ONNX name of a value of the graph. */
  nameOf(value: Value): string;
  /** A fresh name for an intermediate result of one op. */
  temporary(): string;
  /** Name of an int64 initialiser: shapes, axes, positions. Equal ones are shared. */
  int64(data: readonly number[], shape?: readonly number[]): string;
  /** Adds a float32 initialiser; the data are rounded here. */
  initializer(name: string, data: Float64Array, shape: readonly number[]): void;
  add(node: OnnxNode): void;
}

const { int: INT, float: FLOAT, ints: INTS } = ONNX_ATTRIBUTE_TYPE;
export const int = (value: number): OnnxAttribute => ({ type: INT, i: value });
export const float = (value: number): OnnxAttribute => ({ type: FLOAT, f: value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ type: INTS, ints: value });
