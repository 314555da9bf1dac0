/** @file The graph language: values with static shapes, nodes with one output each, typed attributes. */

/** `float16` only enters as input data (weights) and is cast. */
export type DType = "float32" | "float16";

/** Attributes of each op, beside its inputs: plain data, so that equal nodes can be found by their text. */
export interface OpAttributes {
  input: { readonly name: string; readonly shape: readonly number[]; readonly dtype: DType };
  constant: {
    /** In float64, though the constant is float32: the reference backend in float64 sees the number as written. */
    readonly data: Float64Array;
    readonly shape: readonly number[];
  };
  add: Empty;
  sub: Empty;
  mul: Empty;
  div: Empty;
  neg: Empty;
  exp: Empty;
  sqrt: Empty;
  tanh: Empty;
  sigmoid: Empty;
  silu: Empty;
  gelu: Empty;
  matmul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  reshape: { readonly shape: readonly number[] };
  transpose: { readonly perm: readonly number[] };
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  concat: { readonly axis: number };
  expand: { readonly shape: readonly number[] };
  reduceSum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  reduceMax: { readonly axis: number; readonly keepDims: boolean };
  softmax: Empty;
  logSumExp: Empty;
  rmsNorm: { readonly epsilon: number };
  rope: { readonly interleaved: boolean };
  attend: Empty;
  mergedLinear: { readonly scale: number };
  cast: Empty;
}

type Empty = Readonly<Record<never, never>>;

export type OpName = keyof OpAttributes;

/** The result of a node: row-major, every dimension known and at least 1; a scalar has shape `[]`. */
export interface Value {
  /** Grows with creation: a value's inputs always have smaller ids. */
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly node: Node;
}

export interface NodeOf<K extends OpName> {
  readonly op: K;
  readonly inputs: readonly Value[];
  readonly attributes: OpAttributes[K];
  readonly output: Value;
}

export type Node = { [K in OpName]: NodeOf<K> }[OpName];

export interface Graph {
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** Nodes in topological order, `input` and `constant` nodes included. */
  readonly nodes: readonly Node[];
}
