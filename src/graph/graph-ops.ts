/** @file The operations a graph can be built of, as an interface: derivatives are written against it. */
import type { Value } from "./value.js";

/** A value, or a number that is taken as a float32 scalar. */
export type Operand = Value | number;

export interface MatmulOptions {
  /** Read `a` with its last two axes swapped. Default false. */
  readonly transA?: boolean | undefined;
  /** Read `b` with its last two axes swapped. Default false. */
  readonly transB?: boolean | undefined;
  /** Factor on the product. Default 1. */
  readonly alpha?: number | undefined;
}

export interface ReduceOptions {
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean | undefined;
}

/**
 * All methods check shapes and types at once.
 * @throws {ShapeError} where shapes or types do not fit; the message names the op and the shapes.
 */
export interface GraphOps {
  /** A small constant (at most 1 MiB), kept in the graph. `shape` defaults to `[]` or `[length]`. */
  constant(data: number | ArrayLike<number>, shape?: readonly number[]): Value;
  /** Zeros of any size, made at run time from one scalar. */
  zeros(shape: readonly number[]): Value;

  add(a: Operand, b: Operand): Value;
  sub(a: Operand, b: Operand): Value;
  mul(a: Operand, b: Operand): Value;
  div(a: Operand, b: Operand): Value;

  neg(x: Value): Value;
  exp(x: Value): Value;
  sqrt(x: Value): Value;
  tanh(x: Value): Value;
  sigmoid(x: Value): Value;
  /** x · sigmoid(x). */
  silu(x: Value): Value;
  /** The tanh form: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
  gelu(x: Value): Value;

  /** alpha · op(a) op(b): `[…, M, K] × […, K, N] → […, M, N]`; leading axes broadcast. */
  matmul(a: Value, b: Value, options?: MatmulOptions): Value;

  /** One dimension may be -1 and is then computed. */
  reshape(x: Value, shape: readonly number[]): Value;
  /** Axis i of the result is axis `perm[i]` of x. */
  transpose(x: Value, perm: readonly number[]): Value;
  /** Elements `start` (included) to `end` (excluded) of one axis; negative axes count from the end. */
  slice(x: Value, axis: number, start: number, end: number): Value;
  concat(values: readonly Value[], axis: number): Value;
  /** Broadcasts to exactly this shape. */
  expand(x: Value, shape: readonly number[]): Value;

  reduceSum(x: Value, axes: readonly number[], options?: ReduceOptions): Value;
  /** Not differentiable: meant for statistics and stable forms whose gradient does not pass through it. */
  reduceMax(x: Value, axis: number, options?: ReduceOptions): Value;
  /** Over the last axis, stable for large inputs. */
  softmax(x: Value): Value;
  /** log Σ exp(x) over the last axis, stable for large inputs. */
  logSumExp(x: Value): Value;

  /** x / sqrt(mean(x²) + epsilon) · weight over the last axis; weight `[D]`. */
  rmsNorm(x: Value, weight: Value, epsilon: number): Value;
  /**
   * Rotates every head of width d: x `[T, H·d]`, cos and sin `[T, d/2]`, one row per token (positions looked up
   * already). Pairs are (2i, 2i+1) where interleaved, else (i, i + d/2); a pair (a, b) becomes
   * (a cos − b sin, b cos + a sin). Differentiable in x only.
   */
  rope(x: Value, cos: Value, sin: Value, options: { readonly interleaved: boolean }): Value;

  /**
   * softmax(scores) · values: scores `[…, M, n]`, values `[…, n, d]` → `[…, M, d]`; leading axes of the values may be 1.
   * The same numbers as softmax and matmul, but a gradient with fewer passes over the scores.
   */
  attend(scores: Value, values: Value): Value;
  /**
   * x·(weight + scale·b·a)ᵀ: x `[T, in]`, weight `[out, in]`, a `[r, in]`, b `[out, r]` → `[T, out]`. The weights are
   * added up once, for forward and backward alike; the gradients of a and b cost thin products only.
   */
  mergedLinear(x: Value, weight: Value, a: Value, b: Value, scale: number): Value;

  /** float16 to float32; float32 stays as it is. Carries no gradient. */
  cast(x: Value): Value;
}
