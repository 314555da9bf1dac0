/** @file A matrix with a low-rank update put into it, whose gradients never need the matrix's own. */
import { requireFit, requireFloat32 } from "./check-inputs.js";
import { int } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { MATMUL_OPS } from "./ops-matmul.js";
import { isSameShape } from "./shape.js";
import type { Value } from "./value.js";

export const LORA_OPS: OpTable<"mergedLinear"> = {
  // Inputs: x [T, in], merged [out, in] = weight + scale·b·a, weight [out, in], a [r, in], b [out, r].
  // merged is an input so that forward and backward share it; the gradient goes to what it is made of.
  mergedLinear: {
    infer(inputs) {
      const [x, merged, weight, a, b] = inputs as readonly [Value, Value, Value, Value, Value];
      const [outSize, inSize] = weight.shape as [number, number];
      const rank = a.shape[0];
      requireFloat32("mergedLinear", inputs);
      const fits =
        inputs.every(({ shape }) => shape.length === 2) &&
        x.shape[1] === inSize &&
        a.shape[1] === inSize &&
        b.shape[0] === outSize &&
        b.shape[1] === rank &&
        merged.node.op === "add" &&
        merged.node.inputs[0] === weight &&
        isSameShape(merged.shape, weight.shape);
      const takes =
        "takes x [T, in], weight + scale·b·a [out, in], weight [out, in], a [r, in] and b [out, r]";
      requireFit("mergedLinear", inputs, fits, takes);
      return { shape: [x.shape[0] as number, outSize], dtype: "float32" };
    },
    emit(emitter, { inputs, output }) {
      const [x, merged] = inputs as readonly [Value, Value];
      emitter.add({ type: "Gemm", inputs: [x, merged], output, attributes: { transB: int(1) } });
    },
    // y = x·(W + s·b·a)ᵀ. Summed over the rank first, da and db are two thin products each: db = s·dyᵀ·(x·aᵀ),
    // da = s·(dy·b)ᵀ·x; by way of the merged matrix they would take dyᵀ·x, as much as the layer's own product.
    vjp({ builder, node, upstream, needs }) {
      const [x, merged, , a, b] = node.inputs as readonly [Value, Value, Value, Value, Value];
      const { scale } = node.attributes;
      const gradientA = () =>
        builder.matmul(builder.matmul(upstream, b, { alpha: scale }), x, { transA: true });
      const gradientB = () =>
        builder.matmul(upstream, builder.matmul(x, a, { transB: true }), { transA: true, alpha: scale });
      return [
        needs[0] ? builder.matmul(upstream, merged) : undefined,
        undefined,
        needs[2] ? builder.matmul(upstream, x, { transA: true }) : undefined,
        needs[3] ? gradientA() : undefined,
        needs[4] ? gradientB() : undefined,
      ];
    },
    reference([x, merged], _attributes, output) {
      const product = { transA: false, transB: true, alpha: 1 };
      MATMUL_OPS.matmul.reference([x as Tensor, merged as Tensor], product, output);
    },
  },
};
