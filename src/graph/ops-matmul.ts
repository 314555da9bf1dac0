/** @file Matrix products. Notation: M, K, N as in `[…, M, K] × […, K, N] → […, M, N]`. */
import { requireFit, requireFloat32 } from "./check-inputs.js";
import { float, int, ints, type OnnxEmitter } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { batchStrides, broadcastShapes, forEachIndex, sizeOf } from "./shape.js";
import { sumToShape } from "./sum-to-shape.js";
import type { OpAttributes, Value } from "./value.js";

/** Rows and columns of the last two axes, read transposed or not. */
function matrixOf(shape: readonly number[], isTransposed: boolean): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return isTransposed ? [columns, rows] : [rows, columns];
}

export const MATMUL_OPS: OpTable<"matmul"> = {
  matmul: {
    infer(inputs, { transA, transB }) {
      const [a, b] = inputs as readonly [Value, Value];
      requireFloat32("matmul", inputs);
      const areMatrices = a.shape.length >= 2 && b.shape.length >= 2;
      requireFit("matmul", inputs, areMatrices, "takes at least two axes on each side");
      const [rows, inner] = matrixOf(a.shape, transA);
      const [innerB, columns] = matrixOf(b.shape, transB);
      const flags = `${transA ? ", transA" : ""}${transB ? ", transB" : ""}`;
      const sizes = `the inner sizes differ, ${inner} against ${innerB}${flags}`;
      requireFit("matmul", inputs, inner === innerB, sizes);
      const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
      return { shape: [...batch, rows, columns], dtype: "float32" };
    },

    emit(emitter, { inputs, attributes, output }) {
      const [a, b] = inputs as readonly [Value, Value];
      const { transA, transB, alpha } = attributes;
      const isPlain = a.shape.length === 2 && b.shape.length === 2;
      if (!isPlain && emitter.dialect === "webgpu") {
        emitProduct(emitter, [a, b], attributes, output);
        return;
      }
      emitter.add({
        type: isPlain ? "Gemm" : "FusedMatMul",
        domain: isPlain ? "" : "com.microsoft",
        inputs: [a, b],
        output,
        attributes: { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0), alpha: float(alpha) },
      });
    },

    // C = α·A·B: dA = α·dC·Bᵀ, dB = α·Aᵀ·dC. Where A is read transposed, dA is the transpose of that:
    // α·B·dCᵀ; likewise dB = α·dCᵀ·A. Stretched leading axes are summed.
    vjp({ builder, node, upstream, needs }) {
      const [a, b] = node.inputs as readonly [Value, Value];
      const { transA, transB, alpha } = node.attributes;
      const gradientA = () =>
        transA
          ? builder.matmul(b, upstream, { transA: transB, transB: true, alpha })
          : builder.matmul(upstream, b, { transB: !transB, alpha });
      const gradientB = () =>
        transB
          ? builder.matmul(upstream, a, { transA: true, transB: transA, alpha })
          : builder.matmul(a, upstream, { transA: !transA, alpha });
      return [
        needs[0] ? sumToShape(builder, gradientA(), a.shape) : undefined,
        needs[1] ? sumToShape(builder, gradientB(), b.shape) : undefined,
      ];
    },

    reference(inputs, { transA, transB, alpha }, output) {
      const [a, b] = inputs as readonly [Tensor, Tensor];
      const [rows, inner] = matrixOf(a.shape, transA);
      const columns = output.shape.at(-1) as number;
      const [rowStepA, innerStepA] = transA ? [1, rows] : [inner, 1];
      const [innerStepB, columnStepB] = transB ? [1, inner] : [columns, 1];
      const batch = output.shape.slice(0, -2);
      const strides = [a, b, output].map(({ shape }) => batchStrides(shape, batch));
      // Copies of one type: an engine reads an array of several types at half the speed.
      const [left, right] = [new Float64Array(a.data), new Float64Array(b.data)];
      forEachIndex(batch, strides, (_position, offsets) => {
        const [startA, startB, start] = offsets as [number, number, number];
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const [fromA, fromB] = [startA + row * rowStepA, startB + column * columnStepB];
            const sum = dot(left, fromA, innerStepA, right, fromB, innerStepB, inner);
            output.data[start + row * columns + column] = alpha * sum;
          }
        }
      });
    },
  },
};

/**
 * A batched product of standard ops: Transpose where FusedMatMul reads transposed, MatMul, and Mul by the factor, of
 * whichever of the three is smallest.
 */
function emitProduct(
  emitter: OnnxEmitter,
  [a, b]: readonly [Value, Value],
  { transA, transB, alpha }: OpAttributes["matmul"],
  output: Value,
): void {
  const sizes = [a, b, output].map(({ shape }) => sizeOf(shape));
  const scaled = alpha === 1 ? -1 : sizes.indexOf(Math.min(...sizes));
  const scale = (value: Value | string, into: Value | string) => {
    emitter.add({ type: "Mul", inputs: [value, emitter.scalar(alpha)], output: into });
    return into;
  };
  const read = (value: Value, place: number, isTransposed: boolean): Value | string => {
    const taken = place === scaled ? scale(value, emitter.temporary()) : value;
    if (!isTransposed) return taken;
    const axes = [...value.shape.keys()];
    const perm = ints([...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
    const transposed = emitter.temporary();
    emitter.add({ type: "Transpose", inputs: [taken], output: transposed, attributes: { perm } });
    return transposed;
  };
  const product = scaled === 2 ? emitter.temporary() : output;
  emitter.add({ type: "MatMul", inputs: [read(a, 0, transA), read(b, 1, transB)], output: product });
  if (scaled === 2) scale(product, output);
}

/** Σ aᵢ·bᵢ of `count` elements in float64, first to last, from the given places on in the given steps. */
function dot(
  a: Float64Array,
  fromA: number,
  stepA: number,
  b: Float64Array,
  fromB: number,
  stepB: number,
  count: number,
): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += (a[fromA + k * stepA] as number) * (b[fromB + k * stepB] as number);
  return sum;
}
