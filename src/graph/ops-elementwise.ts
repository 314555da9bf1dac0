/** @file Elementwise ops: broadcasting arithmetic and functions of one variable. */
import { requireFloat32 } from "./check-inputs.js";
import { float } from "./onnx-emitter.js";
import type { Gradients, OpSpec, OpTable, Tensor, VjpContext } from "./op-spec.js";
import { broadcastShapes, broadcastStrides, forEachIndex, isSameShape } from "./shape.js";
import { sumToShape } from "./sum-to-shape.js";
import type { Value } from "./value.js";

type BinaryName = "add" | "sub" | "mul" | "div";
type UnaryName = "neg" | "exp" | "sqrt" | "tanh" | "sigmoid" | "silu" | "gelu";

/** √(2/π) and the cubic's factor, of the tanh form of GELU. */
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

/** Gradients of both inputs, each summed over the axes along which it was stretched. */
function both<K extends BinaryName>(
  { builder, node, needs }: VjpContext<K>,
  gradient: { readonly a: () => Value; readonly b: () => Value },
): Gradients {
  const [a, b] = node.inputs as readonly [Value, Value];
  return [
    needs[0] ? sumToShape(builder, gradient.a(), a.shape) : undefined,
    needs[1] ? sumToShape(builder, gradient.b(), b.shape) : undefined,
  ];
}

function binary<K extends BinaryName>(
  op: K,
  onnxType: string,
  compute: (a: number, b: number) => number,
  vjp: (context: VjpContext<K>) => Gradients,
): OpSpec<K> {
  return {
    infer(inputs) {
      requireFloat32(op, inputs);
      const [a, b] = inputs as readonly [Value, Value];
      return { shape: broadcastShapes(op, a.shape, b.shape), dtype: "float32" };
    },
    emit(emitter, { inputs, output }) {
      const [a, b] = inputs as readonly [Value, Value];
      // onnxruntime folds a Sum of equal shapes into the Gemm before it; an Add it leaves alone.
      const isSum = onnxType === "Add" && isSameShape(a.shape, b.shape) && emitter.dialect === "cpu";
      emitter.add({ type: isSum ? "Sum" : onnxType, inputs, output });
    },
    vjp,
    reference(inputs, _attributes, output) {
      const [a, b] = inputs as readonly [Tensor, Tensor];
      const strides = [broadcastStrides(a.shape, output.shape), broadcastStrides(b.shape, output.shape)];
      forEachIndex(output.shape, strides, (position, offsets) => {
        const left = a.data[offsets[0] as number] as number;
        output.data[position] = compute(left, b.data[offsets[1] as number] as number);
      });
    },
  };
}

function unary<K extends UnaryName>(
  op: K,
  onnx: { readonly type: string; readonly domain?: "com.microsoft"; readonly alpha?: number },
  compute: (x: number) => number,
  /** The gradient, given everything it may be made of. */
  derivative: (context: VjpContext<K>, x: Value) => Value,
): OpSpec<K> {
  return {
    infer(inputs) {
      requireFloat32(op, inputs);
      return { shape: (inputs[0] as Value).shape, dtype: "float32" };
    },
    emit(emitter, { inputs, output }) {
      const x = inputs[0] as Value;
      // onnxruntime's own kernels are not all made for scalars.
      const isWrapped = onnx.domain !== undefined && output.shape.length === 0;
      const from = isWrapped ? emitter.temporary() : x;
      const to = isWrapped ? emitter.temporary() : output;
      if (isWrapped) emitter.add({ type: "Reshape", inputs: [x, emitter.int64([1])], output: from });
      emitter.add({
        type: onnx.type,
        domain: onnx.domain ?? "",
        inputs: [from],
        output: to,
        attributes: onnx.alpha === undefined ? undefined : { alpha: float(onnx.alpha) },
      });
      if (isWrapped) emitter.add({ type: "Reshape", inputs: [to, emitter.int64([])], output });
    },
    vjp: (context) => [context.needs[0] ? derivative(context, context.node.inputs[0] as Value) : undefined],
    reference([x], _attributes, output) {
      const data = (x as Tensor).data;
      for (let i = 0; i < data.length; i++) output.data[i] = compute(data[i] as number);
    },
  };
}

/** 1 / (1 + e^−x), without overflow for large negative x. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

function gelu(x: number): number {
  // 0.5 (1 + tanh u) = sigmoid(2u), which keeps its digits where tanh u nears −1.
  return x * sigmoid(2 * GELU_SCALE * (x + GELU_CUBIC * x ** 3));
}

export const ELEMENTWISE_OPS: OpTable<BinaryName | UnaryName> = {
  // da = dy, db = dy
  add: binary(
    "add",
    "Add",
    (a, b) => a + b,
    (context) => both(context, { a: () => context.upstream, b: () => context.upstream }),
  ),

  // da = dy, db = −dy
  sub: binary(
    "sub",
    "Sub",
    (a, b) => a - b,
    (context) => {
      const { builder, upstream } = context;
      return both(context, { a: () => upstream, b: () => builder.neg(upstream) });
    },
  ),

  // da = dy·b, db = dy·a
  mul: binary(
    "mul",
    "Mul",
    (a, b) => a * b,
    (context) => {
      const { builder, upstream, node } = context;
      const [a, b] = node.inputs as readonly [Value, Value];
      return both(context, { a: () => builder.mul(upstream, b), b: () => builder.mul(upstream, a) });
    },
  ),

  // y = a/b: da = dy/b, db = −dy·y/b
  div: binary(
    "div",
    "Div",
    (a, b) => a / b,
    (context) => {
      const { builder, upstream, output, node } = context;
      const b = node.inputs[1] as Value;
      const a = () => builder.div(upstream, b);
      return both(context, { a, b: () => builder.neg(builder.mul(a(), output)) });
    },
  ),

  // dx = −dy
  neg: unary(
    "neg",
    { type: "Neg" },
    (x) => -x,
    ({ builder, upstream }) => builder.neg(upstream),
  ),

  // y = e^x: dx = dy·y
  exp: unary("exp", { type: "Exp" }, Math.exp, ({ builder, upstream, output }) =>
    builder.mul(upstream, output),
  ),

  // y = √x: dx = dy / (2y)
  sqrt: unary("sqrt", { type: "Sqrt" }, Math.sqrt, ({ builder, upstream, output }) =>
    builder.div(builder.mul(upstream, 0.5), output),
  ),

  // y = tanh x: dx = dy·(1 − y²)
  tanh: unary("tanh", { type: "Tanh" }, Math.tanh, ({ builder, upstream, output }) =>
    builder.mul(upstream, builder.sub(1, builder.mul(output, output))),
  ),

  // s = sigmoid x: dx = dy·s·(1 − s)
  sigmoid: unary("sigmoid", { type: "Sigmoid" }, sigmoid, ({ builder, upstream, output }) =>
    builder.mul(upstream, builder.mul(output, builder.sub(1, output))),
  ),

  // y = x·s with s = sigmoid x: dx = dy·(s + y·(1 − s)) = dy·s·(1 + x − y), the latter in one pass less.
  silu: unary(
    "silu",
    { type: "QuickGelu", domain: "com.microsoft", alpha: 1 },
    (x) => x * sigmoid(x),
    ({ builder, upstream, output }, x) => {
      const factor = builder.add(builder.sub(x, output), 1);
      return builder.mul(upstream, builder.mul(builder.sigmoid(x), factor));
    },
  ),

  // y = x·s with s = sigmoid(x·p), p = 2c(1 + k x²), c = √(2/π), k = 0.044715:
  // d(x·p)/dx = 2c(1 + 3k x²) = 3p − 4c, so dx = dy·(s + y·(1 − s)·(3p − 4c)).
  gelu: unary(
    "gelu",
    { type: "FastGelu", domain: "com.microsoft" },
    gelu,
    ({ builder, upstream, output }, x) => {
      const p = builder.add(builder.mul(builder.mul(x, x), 2 * GELU_SCALE * GELU_CUBIC), 2 * GELU_SCALE);
      const s = builder.sigmoid(builder.mul(x, p));
      const slope = builder.sub(builder.mul(p, 3), 4 * GELU_SCALE);
      const curve = builder.mul(builder.mul(output, builder.sub(1, s)), slope);
      return builder.mul(upstream, builder.add(s, curve));
    },
  ),
};
