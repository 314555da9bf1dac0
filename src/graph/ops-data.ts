/** @file Ops that bring data in: inputs, constants, stored halves widened. */
import { InternalError, ShapeError } from "../core/errors.js";
import { ONNX_TYPE } from "../formats/onnx/onnx-proto.js";
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
    infer: ([x]) => ({ shape: (x as Value).shape, dtype: "float32" }),
    emit(emitter, { inputs, output }) {
      if (emitter.dialect === "webgpu") emitter.add({ type: "Identity", inputs, output });
      else emitter.add({ type: "Cast", inputs, output, attributes: { to: int(ONNX_TYPE.float32) } });
    },
    // Stored halves are data, not parameters.
    vjp: null,
    reference([x], _attributes, output) {
      output.data.set((x as Tensor).data);
    },
  },
};
