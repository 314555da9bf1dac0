/** @file The second half of attention, with a derivative of few passes. */
import { requireFit, requireFloat32 } from "./check-inputs.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { batchStrides, forEachIndex } from "./shape.js";
import { sumToShape } from "./sum-to-shape.js";
import type { Value } from "./value.js";

export const ATTENTION_OPS: OpTable<"attend"> = {
  // Inputs: p […, M, n] = softmax(scores), scores […, M, n], values […, n, d], whose leading axes may be 1.
  // p is an input so that forward and backward share the one softmax; the gradient goes to the scores.
  attend: {
    infer(inputs) {
      const [p, scores, values] = inputs as readonly [Value, Value, Value];
      requireFloat32("attend", inputs);
      const fits =
        inputs.every(({ shape }) => shape.length === p.shape.length) &&
        p.shape.length >= 3 &&
        p.node.op === "softmax" &&
        p.node.inputs[0] === scores &&
        values.shape.slice(0, -2).every((size, axis) => size === 1 || size === p.shape[axis]) &&
        values.shape.at(-2) === p.shape.at(-1);
      requireFit(
        "attend",
        inputs,
        fits,
        "takes softmax(scores) […, M, n], scores […, M, n], values […, n, d]",
      );
      return { shape: [...p.shape.slice(0, -1), values.shape.at(-1) as number], dtype: "float32" };
    },
    emit(emitter, { inputs, output }) {
      const [p, , values] = inputs as readonly [Value, Value, Value];
      emitter.add({ type: "MatMul", inputs: [p, values], output });
    },
    // o = p·v. dv = pᵀ·do. With δ = Σ_d do·o = Σ_n p·(do·vᵀ): dscores = p ∘ (do·vᵀ − δ), and the subtraction
    // rides along in the product as one more column: do·vᵀ − δ = [do, −δ]·[v, 1]ᵀ.
    vjp({ builder, node, output, upstream, needs }) {
      const [p, , values] = node.inputs as readonly [Value, Value, Value];
      const gradientScores = () => {
        const delta = builder.reduceSum(builder.mul(upstream, output), [-1], { keepDims: true });
        const last = values.shape.length - 1;
        const left = builder.concat([upstream, builder.neg(delta)], last);
        const ones = builder.expand(builder.constant(1), [...values.shape.slice(0, -1), 1]);
        const right = builder.concat([values, ones], last);
        return builder.mul(p, builder.matmul(left, right, { transB: true }));
      };
      return [
        undefined,
        needs[1] ? gradientScores() : undefined,
        needs[2]
          ? sumToShape(builder, builder.matmul(p, upstream, { transA: true }), values.shape)
          : undefined,
      ];
    },
    reference(inputs, _attributes, output) {
      const [p, , values] = inputs as readonly [Tensor, Tensor, Tensor];
      const [rows, keys] = p.shape.slice(-2) as [number, number];
      const width = values.shape.at(-1) as number;
      const leading = p.shape.slice(0, -2);
      const strides = [p, values, output].map(({ shape }) => batchStrides(shape, leading));
      forEachIndex(leading, strides, (_position, offsets) => {
        const [weights, read, written] = offsets as [number, number, number];
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < width; i++) {
            let sum = 0;
            for (let key = 0; key < keys; key++)
              sum +=
                (p.data[weights + row * keys + key] as number) *
                (values.data[read + key * width + i] as number);
            output.data[written + row * width + i] = sum;
          }
        }
      });
    },
  },
};
