/** @file GraphBuilder: builds a graph op by op, checking shapes at once. */
import { InternalError, ShapeError } from "../core/errors.js";
import { checkGraph } from "./check-graph.js";
import type { GraphOps, MatmulOptions, Operand, ReduceOptions } from "./graph-ops.js";
import { makeNode } from "./make-node.js";
import { checkShape, isSameShape, normalizeAxis, type Shape, sizeOf } from "./shape.js";
import { simplifyGraph } from "./simplify-graph.js";
import type { DType, Graph, OpAttributes, OpName, Value } from "./value.js";

export type { MatmulOptions, Operand, ReduceOptions } from "./graph-ops.js";
export type { DType, Graph, Node, OpName, Value } from "./value.js";

/** Larger data belong into inputs: constants lie inside the model's protobuf. */
const MAX_CONSTANT_BYTES = 1024 * 1024;

/** Ops are documented at `GraphOps`. */
export class GraphBuilder implements GraphOps {
  /** Every value made so far; a value's id is its place here. */
  readonly #values: Value[] = [];
  readonly #inputs = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();

  /** Data fed at run time. @throws {InternalError} when the name is taken. */
  input(name: string, shape: Shape, dtype: DType = "float32"): Value {
    if (name === "" || this.#inputs.has(name))
      throw new InternalError(`input name "${name}" is empty or taken`);
    const value = this.#add("input", [], { name, shape: [...shape], dtype });
    this.#inputs.set(name, value);
    return value;
  }

  /** Names a float32 result. @throws {InternalError} when the name is taken, also by an input. */
  output(name: string, value: Value): void {
    this.#own(value);
    if (name === "" || this.#outputs.has(name) || this.#inputs.has(name))
      throw new InternalError(`output name "${name}" is empty or taken`);
    if (value.dtype !== "float32")
      throw new ShapeError("output", [value.shape], `"${name}" must be float32, not ${value.dtype}`);
    this.#outputs.set(name, value);
  }

  /**
   * The graph of everything the outputs need, equal subexpressions shared. Declared inputs stay in `inputs` even
   * where nothing reads them. The builder can be used on.
   */
  build(): Graph {
    if (this.#outputs.size === 0) throw new InternalError("a graph needs at least one output");
    const nodes = this.#values.map(({ node }) => node);
    const whole: Graph = { inputs: new Map(this.#inputs), outputs: new Map(this.#outputs), nodes };
    checkGraph(whole);
    const graph = simplifyGraph(whole);
    checkGraph(graph);
    return graph;
  }

  constant(data: number | ArrayLike<number>, shape?: Shape): Value {
    const list: ArrayLike<number> = typeof data === "number" ? [data] : data;
    const dims = shape ?? (typeof data === "number" ? [] : [list.length]);
    if (list.length * 4 > MAX_CONSTANT_BYTES)
      throw new ShapeError("constant", [dims], `holds at most ${MAX_CONSTANT_BYTES} bytes`, {
        hint: "declare an input and feed the data",
      });
    return this.#add("constant", [], { data: Float64Array.from(list), shape: [...dims] });
  }

  zeros(shape: Shape): Value {
    return this.expand(this.constant(0), shape);
  }

  // A number that changes nothing makes no node.
  add(a: Operand, b: Operand): Value {
    return pass(a, b === 0) ?? pass(b, a === 0) ?? this.#add("add", [this.#value(a), this.#value(b)], {});
  }
  sub(a: Operand, b: Operand): Value {
    return pass(a, b === 0) ?? this.#add("sub", [this.#value(a), this.#value(b)], {});
  }
  mul(a: Operand, b: Operand): Value {
    return pass(a, b === 1) ?? pass(b, a === 1) ?? this.#add("mul", [this.#value(a), this.#value(b)], {});
  }
  div(a: Operand, b: Operand): Value {
    return pass(a, b === 1) ?? this.#add("div", [this.#value(a), this.#value(b)], {});
  }

  neg(x: Value): Value {
    return this.#add("neg", [x], {});
  }
  exp(x: Value): Value {
    return this.#add("exp", [x], {});
  }
  sqrt(x: Value): Value {
    return this.#add("sqrt", [x], {});
  }
  tanh(x: Value): Value {
    return this.#add("tanh", [x], {});
  }
  sigmoid(x: Value): Value {
    return this.#add("sigmoid", [x], {});
  }
  silu(x: Value): Value {
    return this.#add("silu", [x], {});
  }
  gelu(x: Value): Value {
    return this.#add("gelu", [x], {});
  }

  matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
    const { transA = false, transB = false, alpha = 1 } = options;
    const rank = a.shape.length;
    if (rank > 2 && b.shape.length === 2 && !transA) {
      // One matrix for all leading axes: a single product over all rows, and so a single product for db.
      const rows = sizeOf(a.shape.slice(0, -1));
      const product = this.#add("matmul", [this.reshape(a, [rows, a.shape.at(-1) as number]), b], {
        transA,
        transB,
        alpha,
      });
      return this.reshape(product, a.shape.with(-1, product.shape[1] as number));
    }
    return this.#add("matmul", [a, b], { transA, transB, alpha });
  }

  reshape(x: Value, shape: Shape): Value {
    const free = shape.indexOf(-1);
    const known = -sizeOf(shape);
    const full = free < 0 ? [...shape] : shape.with(free, sizeOf(x.shape) / known);
    return isSameShape(full, x.shape) ? this.#own(x) : this.#add("reshape", [x], { shape: full });
  }

  transpose(x: Value, perm: Shape): Value {
    const isIdentity = perm.length === x.shape.length && perm.every((axis, i) => axis === i);
    return isIdentity ? this.#own(x) : this.#add("transpose", [x], { perm: [...perm] });
  }

  slice(x: Value, axis: number, start: number, end: number): Value {
    const at = normalizeAxis("slice", axis, x.shape);
    if (start === 0 && end === x.shape[at]) return this.#own(x);
    return this.#add("slice", [x], { axis: at, start, end });
  }

  concat(values: readonly Value[], axis: number): Value {
    const first = values[0];
    if (first === undefined) throw new ShapeError("concat", [], "needs at least one value");
    const at = normalizeAxis("concat", axis, first.shape);
    return values.length === 1 ? this.#own(first) : this.#add("concat", values, { axis: at });
  }

  expand(x: Value, shape: Shape): Value {
    checkShape("expand", shape);
    return isSameShape(x.shape, shape) ? this.#own(x) : this.#add("expand", [x], { shape: [...shape] });
  }

  reduceSum(x: Value, axes: Shape, { keepDims = false }: ReduceOptions = {}): Value {
    const sorted = [...new Set(axes.map((axis) => normalizeAxis("reduceSum", axis, x.shape)))].sort(
      (a, b) => a - b,
    );
    // The sum over axes of size 1 is the value itself.
    if (sorted.every((axis) => x.shape[axis] === 1)) {
      const kept = x.shape.filter((_, axis) => keepDims || !sorted.includes(axis));
      return this.reshape(x, kept);
    }
    return this.#add("reduceSum", [x], { axes: sorted, keepDims });
  }

  reduceMax(x: Value, axis: number, { keepDims = false }: ReduceOptions = {}): Value {
    return this.#add("reduceMax", [x], { axis: normalizeAxis("reduceMax", axis, x.shape), keepDims });
  }

  softmax(x: Value): Value {
    return this.#add("softmax", [x], {});
  }

  logSumExp(x: Value): Value {
    return this.#add("logSumExp", [x], {});
  }

  rmsNorm(x: Value, weight: Value, epsilon: number): Value {
    return this.#add("rmsNorm", [x, weight], { epsilon });
  }

  rope(x: Value, cos: Value, sin: Value, { interleaved }: { readonly interleaved: boolean }): Value {
    return this.#add("rope", [x, cos, sin], { interleaved });
  }

  attend(scores: Value, values: Value): Value {
    return this.#add("attend", [this.softmax(scores), scores, values], {});
  }

  mergedLinear(x: Value, weight: Value, a: Value, b: Value, scale: number): Value {
    const merged = this.add(weight, this.matmul(b, a, { alpha: scale }));
    return this.#add("mergedLinear", [x, merged, weight, a, b], { scale });
  }

  cast(x: Value): Value {
    return x.dtype === "float32" ? this.#own(x) : this.#add("cast", [x], {});
  }

  #value(operand: Operand): Value {
    return typeof operand === "number" ? this.constant(operand) : operand;
  }

  /** @throws {InternalError} for a value of another builder. */
  #own(value: Value): Value {
    if (this.#values[value.id] !== value)
      throw new InternalError(`value ${value.id} is of another graph builder`);
    return value;
  }

  #add<K extends OpName>(op: K, inputs: readonly Value[], attributes: OpAttributes[K]): Value {
    for (const value of inputs) this.#own(value);
    const value = makeNode(this.#values.length, op, [...inputs], attributes);
    this.#values.push(value);
    return value;
  }
}

/** The operand itself, where the other one changes nothing and this one is a value. */
function pass(operand: Operand, isNeutral: boolean): Value | undefined {
  return isNeutral && typeof operand !== "number" ? operand : undefined;
}
