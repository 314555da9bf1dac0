/** @file The second half of attention, with a derivative of few passes. */
import { ShapeError } from "../core/errors.js";
import type { OpTable, Tensor } from "./op-spec.js";
import type { Value } from "./value.js";

export const ATTENTION_OPS: OpTable<"attend"> = {
  // Inputs: p [K, M, n] = softmax(scores), scores [K, M, n], values [K, n, d].
  // p is an input so that forward and backward share the one softmax; the gradient goes to the scores.
  attend: {
    infer(inputs) {
      const [p, scores, values] = inputs as readonly [Value, Value, Value];
      const fits =
        inputs.every(({ dtype, shape }) => dtype === "float32" && shape.length === 3) &&
        p.node.op === "softmax" &&
        p.node.inputs[0] === scores &&
        values.shape[0] === p.shape[0] &&
        values.shape[1] === p.shape[2];
      if (!fits)
        throw new ShapeError(
          "attend",
          inputs.map(({ shape }) => shape),
          "takes softmax(scores) [K, M, n], scores [K, M, n] and values [K, n, d] in float32",
        );
      return { shape: [...p.shape.slice(0, 2), values.shape[2] as number], dtype: "float32" };
    },
    emit(emitter, { inputs, output }) {
      const [p, , values] = inputs as readonly [Value, Value, Value];
      emitter.add({
        type: "MatMul",
        inputs: [emitter.nameOf(p), emitter.nameOf(values)],
        output: emitter.nameOf(output),
      });
    },
    // o = p·v. dv = pᵀ·do. With δ = Σ_d do·o = Σ_n p·(do·vᵀ): dscores = p ∘ (do·vᵀ − δ), and the subtraction
    // rides along in the product as one more column: do·vᵀ − δ = [do, −δ]·[v, 1]ᵀ.
    vjp({ builder, node, output, upstream, needs }) {
      const [p, , values] = node.inputs as readonly [Value, Value, Value];
      const gradientScores = () => {
        const delta = builder.reduceSum(builder.mul(upstream, output), [-1], { keepDims: true });
        const left = builder.concat([upstream, builder.neg(delta)], 2);
        const ones = builder.expand(builder.constant(1), [...values.shape.slice(0, 2), 1]);
        const right = builder.concat([values, ones], 2);
        return builder.mul(p, builder.matmul(left, right, { transB: true }));
      };
      return [
        undefined,
        needs[1] ? gradientScores() : undefined,
        needs[2] ? builder.matmul(p, upstream, { transA: true }) : undefined,
      ];
    },
    reference(inputs, _attributes, output) {
      const [p, , values] = inputs as readonly [Tensor, Tensor, Tensor];
      const [groups, rows, keys] = p.shape as [number, number, number];
      const width = values.shape[2] as number;
      for (let g = 0; g < groups; g++) {
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < width; i++) {
            let sum = 0;
            for (let key = 0; key < keys; key++) {
              const weight = p.data[(g * rows + row) * keys + key] as number;
              sum += weight * (values.data[(g * keys + key) * width + i] as number);
            }
            output.data[(g * rows + row) * width + i] = sum;
          }
        }
      }
    },
  },
};
