/** @file What every op must bring: a shape rule, an ONNX form, a derivative and a slow readable kernel. */

import type { GraphOps } from "./graph-ops.js";
import type { OnnxEmitter } from "./onnx-emitter.js";
import type { DType, NodeOf, OpAttributes, OpName, Value } from "./value.js";

/** An array with its shape, as the reference kernels see it. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export interface VjpContext<K extends OpName> {
  readonly builder: GraphOps;
  readonly node: NodeOf<K>;
  /** The node's value: reuse it instead of computing it again. */
  readonly output: Value;
  /** Gradient of the loss with respect to the output, of the output's shape. */
  readonly upstream: Value;
  /** Per input, whether its gradient is wanted: skip the work for the others. */
  readonly needs: readonly boolean[];
}

/** The gradient of elements `start` (included) to `end` (excluded) of one axis; elsewhere it is 0. */
export interface SliceGradient {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly value: Value;
}

/** Gradient per input; undefined where not needed. */
export type Gradients = readonly (Value | SliceGradient | undefined)[];

export interface OpSpec<K extends OpName> {
  /** @throws {ShapeError} where the inputs do not fit. */
  infer(
    inputs: readonly Value[],
    attributes: OpAttributes[K],
  ): { readonly shape: readonly number[]; readonly dtype: DType };
  emit(emitter: OnnxEmitter, node: NodeOf<K>): void;
  /** Vector-Jacobian product built of other ops, or null where the op carries no gradient. */
  readonly vjp: ((context: VjpContext<K>) => Gradients) | null;
  /** Fills `output.data`; sums run in float64 and are rounded when stored. */
  reference(inputs: readonly Tensor[], attributes: OpAttributes[K], output: Tensor): void;
}

/** A table over some ops; the whole one is in op-table.ts, which does not compile with an op missing. */
export type OpTable<K extends OpName = OpName> = { readonly [P in K]: OpSpec<P> };
