/** @file Ops of transformer layers that onnxruntime has fused kernels for: RMS norm and rotary positions. */
import { NotDifferentiableError } from "../core/errors.js";
import { requireFit, requireFloat32 } from "./check-inputs.js";
import { float, int } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { sumToShape } from "./sum-to-shape.js";
import type { Value } from "./value.js";

export const NN_OPS: OpTable<"rmsNorm" | "rope"> = {
  rmsNorm: {
    infer(inputs, { epsilon }) {
      requireFloat32("rmsNorm", inputs);
      const [x, weight] = inputs as readonly [Value, Value];
      const fits = x.shape.length > 0 && weight.shape.length === 1 && weight.shape[0] === x.shape.at(-1);
      requireFit("rmsNorm", inputs, fits, "the weight must be as long as x's last axis");
      requireFit("rmsNorm", [x], epsilon >= 0, `epsilon must not be ${epsilon}`);
      return { shape: x.shape, dtype: "float32" };
    },
    emit(emitter, { inputs, attributes, output }) {
      emitter.add({
        type: "SimplifiedLayerNormalization",
        inputs,
        output,
        attributes: { axis: int(-1), epsilon: float(attributes.epsilon) },
      });
    },
    // r = 1/√(mean(x²) + ε), g = dy·w: dx = r·g − x·r³·mean(g·x); dw = Σ_rows dy·x·r
    vjp({ builder, node, upstream, needs }) {
      const [x, weight] = node.inputs as readonly [Value, Value];
      const size = x.shape.at(-1) as number;
      const meanOf = (value: Value) =>
        builder.mul(builder.reduceSum(value, [-1], { keepDims: true }), 1 / size);
      const { epsilon } = node.attributes;
      const r = builder.div(1, builder.sqrt(builder.add(meanOf(builder.mul(x, x)), epsilon)));
      const gradientX = () => {
        const g = builder.mul(upstream, weight);
        const cubed = builder.mul(r, builder.mul(r, r));
        const pull = builder.mul(cubed, meanOf(builder.mul(g, x)));
        return builder.sub(builder.mul(g, r), builder.mul(x, pull));
      };
      const gradientWeight = () =>
        sumToShape(builder, builder.mul(upstream, builder.mul(x, r)), weight.shape);
      return [needs[0] ? gradientX() : undefined, needs[1] ? gradientWeight() : undefined];
    },
    reference(inputs, { epsilon }, output) {
      const [x, weight] = inputs as readonly [Tensor, Tensor];
      const size = x.shape.at(-1) as number;
      for (let start = 0; start < x.data.length; start += size) {
        let squares = 0;
        for (let i = 0; i < size; i++) squares += (x.data[start + i] as number) ** 2;
        const scale = 1 / Math.sqrt(squares / size + epsilon);
        for (let i = 0; i < size; i++)
          output.data[start + i] = (x.data[start + i] as number) * scale * (weight.data[i] as number);
      }
    },
  },

  rope: {
    infer(inputs) {
      requireFloat32("rope", inputs);
      const [x, cos, sin] = inputs as readonly [Value, Value, Value];
      const half = cos.shape[1] ?? 0;
      const fits =
        x.shape.length === 2 &&
        cos.shape.length === 2 &&
        sin.shape.length === 2 &&
        cos.shape[0] === x.shape[0] &&
        sin.shape[0] === x.shape[0] &&
        sin.shape[1] === half &&
        (x.shape[1] as number) % (2 * half) === 0;
      requireFit("rope", inputs, fits, "takes x [T, H·d] with cos and sin [T, d/2]");
      return { shape: x.shape, dtype: "float32" };
    },
    // RotaryEmbedding takes [batch, T, H·d] and reads row `position + t` of the caches for token t.
    emit(emitter, { inputs, attributes, output }) {
      const [x, cos, sin] = inputs as readonly [Value, Value, Value];
      const [tokens, width] = x.shape as [number, number];
      const batched = emitter.temporary();
      const rotated = emitter.temporary();
      emitter.add({ type: "Reshape", inputs: [x, emitter.int64([1, tokens, width])], output: batched });
      emitter.add({
        type: "RotaryEmbedding",
        domain: "com.microsoft",
        inputs: [batched, emitter.int64([0]), emitter.nameOf(cos), emitter.nameOf(sin)],
        output: rotated,
        attributes: { interleaved: int(attributes.interleaved ? 1 : 0) },
      });
      emitter.add({ type: "Reshape", inputs: [rotated, emitter.int64([tokens, width])], output });
    },
    // A rotation's transpose turns back: dx = rope(dy, cos, −sin)
    vjp({ builder, node, upstream, needs }) {
      const [, cos, sin] = node.inputs as readonly [Value, Value, Value];
      if (needs[1] || needs[2]) throw new NotDifferentiableError("rope", "cos or sin");
      return [needs[0] ? builder.rope(upstream, cos, builder.neg(sin), node.attributes) : undefined];
    },
    reference(inputs, { interleaved }, output) {
      const [x, cos, sin] = inputs as readonly [Tensor, Tensor, Tensor];
      const [tokens, width] = x.shape as [number, number];
      const half = cos.shape[1] as number;
      for (let t = 0; t < tokens; t++) {
        for (let head = 0; head < width; head += 2 * half) {
          for (let i = 0; i < half; i++) {
            const first = t * width + head + (interleaved ? 2 * i : i);
            const second = first + (interleaved ? 1 : half);
            const a = x.data[first] as number;
            const b = x.data[second] as number;
            const c = cos.data[t * half + i] as number;
            const s = sin.data[t * half + i] as number;
            output.data[first] = a * c - b * s;
            output.data[second] = b * c + a * s;
          }
        }
      }
    },
  },
};
