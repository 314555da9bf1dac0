/** @file Ops that only move data: reshape, transpose, slice, concat, expand. They take every type. */
import { ShapeError } from "../core/errors.js";
import { requireFit } from "./check-inputs.js";
import { int, ints } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import {
  broadcastShapes,
  broadcastStrides,
  checkShape,
  forEachIndex,
  isSameShape,
  sizeOf,
  stridesOf,
} from "./shape.js";
import { sumToShape } from "./sum-to-shape.js";
import type { Value } from "./value.js";

type ShapeOpName = "reshape" | "transpose" | "slice" | "concat" | "expand";

/** Elements before, along and after one axis: a slice is then a run of whole blocks. */
function blocks(shape: readonly number[], axis: number): { outer: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), inner: sizeOf(shape.slice(axis + 1)) };
}

function copyRange(from: Tensor, start: number, to: Tensor, at: number, length: number): void {
  for (let i = 0; i < length; i++) to.data[at + i] = from.data[start + i] as number;
}

export const SHAPE_OPS: OpTable<ShapeOpName> = {
  reshape: {
    infer([x], { shape }) {
      const from = x as Value;
      checkShape("reshape", shape);
      const sizes = [sizeOf(from.shape), sizeOf(shape)] as const;
      requireFit(
        "reshape",
        [from, { shape }],
        sizes[0] === sizes[1],
        `${sizes.join(" elements do not make ")}`,
      );
      return { shape, dtype: from.dtype };
    },
    emit(emitter, { inputs, attributes, output }) {
      emitter.add({ type: "Reshape", inputs: [...inputs, emitter.int64(attributes.shape)], output });
    },
    // dx = dy in x's shape
    vjp: ({ builder, node, upstream, needs }) => [
      needs[0] ? builder.reshape(upstream, (node.inputs[0] as Value).shape) : undefined,
    ],
    reference([x], _attributes, output) {
      output.data.set((x as Tensor).data);
    },
  },

  transpose: {
    infer([x], { perm }) {
      const { shape, dtype } = x as Value;
      const isPermutation = perm.length === shape.length && shape.every((_, axis) => perm.includes(axis));
      if (!isPermutation)
        throw new ShapeError("transpose", [shape], `(${perm.join(", ")}) is no permutation of the axes`);
      return { shape: perm.map((axis) => shape[axis] as number), dtype };
    },
    emit(emitter, { inputs, attributes, output }) {
      emitter.add({ type: "Transpose", inputs, output, attributes: { perm: ints(attributes.perm) } });
    },
    // dx = dy with the axes put back
    vjp({ builder, node, upstream, needs }) {
      const { perm } = node.attributes;
      const inverse = perm.map((_, axis) => perm.indexOf(axis));
      return [needs[0] ? builder.transpose(upstream, inverse) : undefined];
    },
    reference([x], { perm }, output) {
      const own = stridesOf((x as Tensor).shape);
      const strides = perm.map((axis) => own[axis] as number);
      forEachIndex(output.shape, [strides], (position, offsets) => {
        output.data[position] = (x as Tensor).data[offsets[0] as number] as number;
      });
    },
  },

  slice: {
    infer([x], { axis, start, end }) {
      const { shape, dtype } = x as Value;
      const size = shape[axis] as number;
      const isInside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= size;
      if (!isInside || start >= end)
        throw new ShapeError("slice", [shape], `range ${start}…${end} is empty or outside axis ${axis}`);
      return { shape: shape.with(axis, end - start), dtype };
    },
    emit(emitter, { inputs, attributes: { axis, start, end }, output }) {
      const numbers = [[start], [end], [axis]].map((data) => emitter.int64(data));
      emitter.add({ type: "Slice", inputs: [...inputs, ...numbers], output });
    },
    // dx = dy inside the range, 0 outside
    vjp: ({ node, upstream, needs }) => [needs[0] ? { ...node.attributes, value: upstream } : undefined],
    reference([x], { axis, start, end }, output) {
      const from = x as Tensor;
      const { outer, inner } = blocks(from.shape, axis);
      const size = from.shape[axis] as number;
      const length = (end - start) * inner;
      for (let i = 0; i < outer; i++) copyRange(from, (i * size + start) * inner, output, i * length, length);
    },
  },

  concat: {
    infer(inputs, { axis }) {
      const first = inputs[0] as Value;
      let size = 0;
      for (const { shape, dtype } of inputs) {
        const fits =
          shape.length === first.shape.length &&
          isSameShape(shape.with(axis, 1), first.shape.with(axis, 1)) &&
          dtype === first.dtype;
        const why = `parts must agree in type and in all axes but ${axis} (${first.dtype}, ${dtype})`;
        requireFit("concat", [first, { shape }], fits, why);
        size += shape[axis] as number;
      }
      return { shape: first.shape.with(axis, size), dtype: first.dtype };
    },
    emit(emitter, { inputs, attributes, output }) {
      emitter.add({ type: "Concat", inputs, output, attributes: { axis: int(attributes.axis) } });
    },
    // each part's gradient is its own range of dy
    vjp({ builder, node, upstream, needs }) {
      const { axis } = node.attributes;
      let start = 0;
      return node.inputs.map(({ shape }, i) => {
        const from = start;
        start += shape[axis] as number;
        return needs[i] ? builder.slice(upstream, axis, from, start) : undefined;
      });
    },
    reference(inputs, { axis }, output) {
      const { outer, inner } = blocks(output.shape, axis);
      const stride = (output.shape[axis] as number) * inner;
      let at = 0;
      for (const part of inputs) {
        const length = (part.shape[axis] as number) * inner;
        for (let i = 0; i < outer; i++) copyRange(part, i * length, output, i * stride + at, length);
        at += length;
      }
    },
  },

  expand: {
    infer([x], { shape }) {
      const from = x as Value;
      if (!isSameShape(broadcastShapes("expand", from.shape, shape), shape))
        throw new ShapeError("expand", [from.shape, shape], "the first shape does not stretch to the second");
      return { shape, dtype: from.dtype };
    },
    emit(emitter, { inputs, attributes, output }) {
      emitter.add({ type: "Expand", inputs: [...inputs, emitter.int64(attributes.shape)], output });
    },
    // dx = dy summed over the stretched axes
    vjp: ({ builder, node, upstream, needs }) => [
      needs[0] ? sumToShape(builder, upstream, (node.inputs[0] as Value).shape) : undefined,
    ],
    reference([x], _attributes, output) {
      const from = x as Tensor;
      forEachIndex(output.shape, [broadcastStrides(from.shape, output.shape)], (position, offsets) => {
        output.data[position] = from.data[offsets[0] as number] as number;
      });
    },
  },
};
