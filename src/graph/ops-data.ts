/** @file Ops that bring data in: inputs, constants, stored halves widened. */
import { InternalError, ShapeError } from "../core/errors.js";
import { int } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { checkShape, sizeOf } from "./shape.js";
import type { Value } from "./value.js";

export const DATA_OPS: OpTable<"input" | "constant" | "cast"> = {
  input: {
    infer: (_inputs, { shape, dtype }) => {
      checkShape("input", shape);
      return { shape, dtype };
    },
    // Inputs are declared by the graph, not by a node.
    emit: () => {},
    vjp: null,
    reference: (_inputs, { name }) => {
      throw new InternalError(`input ${name} was not fed`);
    },
  },

  constant: {
    infer: (_inputs, { data, shape }) => {
      checkShape("constant", shape);
      if (data.length !== sizeOf(shape))
        throw new ShapeError("constant", [shape], `${data.length} numbers do not fill the shape`);
      return { shape, dtype: "float32" };
    },
    emit(emitter, { attributes: { data, shape }, output }) {
      emitter.initializer(emitter.nameOf(output), data, shape);
    },
    vjp: null,
    reference: (_inputs, { data }, output) => {
      output.data.set(data);
    },
  },

  cast: {
    infer([x], { dtype }) {
      const from = x as Value;
      if (dtype !== "float32" || from.dtype === "float32")
        throw new ShapeError("cast", [from.shape], `only to float32, not from ${from.dtype} to ${dtype}`);
      return { shape: from.shape, dtype };
    },
    emit(emitter, { inputs, output }) {
      emitter.add({
        type: "Cast",
        inputs,
        output,
        // 1 = FLOAT of TensorProto.DataType
        attributes: { to: int(1) },
      });
    },
    // Stored halves are data, not parameters.
    vjp: null,
    reference([x], _attributes, output) {
      output.data.set((x as Tensor).data);
    },
  },
};
