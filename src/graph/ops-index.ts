/** @file Rows by index, and the ops that have no inputs or only change the type. N indices, V rows, D columns. */
import { InternalError, ShapeError } from "../core/errors.js";
import { requireFit, requireFloat32 } from "./check-inputs.js";
import { int, string } from "./onnx-emitter.js";
import type { OpTable, Tensor } from "./op-spec.js";
import { checkShape, sizeOf } from "./shape.js";
import type { Value } from "./value.js";

type IndexOpName = "gather" | "scatterAdd" | "input" | "constant" | "cast";

function requireIndices(op: string, indices: Value): void {
  if (indices.dtype !== "int32" || indices.shape.length !== 1)
    throw new ShapeError(op, [indices.shape], `indices must be int32 [N], not ${indices.dtype}`);
}

/** @throws {RangeError} naming the op and the index. */
function rowAt(op: string, indices: Tensor, position: number, rowCount: number): number {
  const row = indices.data[position] as number;
  if (row < 0 || row >= rowCount)
    throw new RangeError(`${op}: index ${row} at position ${position} lies outside 0…${rowCount - 1}`);
  return row;
}

export const INDEX_OPS: OpTable<IndexOpName> = {
  gather: {
    infer(inputs) {
      const [table, indices] = inputs as readonly [Value, Value];
      requireIndices("gather", indices);
      requireFit("gather", inputs, table.shape.length === 2, "takes a table [V, D]");
      return { shape: [indices.shape[0] as number, table.shape[1] as number], dtype: table.dtype };
    },
    emit(emitter, { inputs, output }) {
      emitter.add({ type: "Gather", inputs, output, attributes: { axis: int(0) } });
    },
    // dtable[v] = Σ_{n: indices[n] = v} dy[n]
    vjp({ builder, node, upstream, needs }) {
      const [table, indices] = node.inputs as readonly [Value, Value];
      return [
        needs[0] ? builder.scatterAdd(indices, upstream, table.shape[0] as number) : undefined,
        undefined,
      ];
    },
    reference(inputs, _attributes, output) {
      const [table, indices] = inputs as readonly [Tensor, Tensor];
      const [rowCount, width] = table.shape as [number, number];
      for (let n = 0; n < indices.data.length; n++) {
        const row = rowAt("gather", indices, n, rowCount);
        for (let i = 0; i < width; i++) output.data[n * width + i] = table.data[row * width + i] as number;
      }
    },
  },

  scatterAdd: {
    infer(inputs, { rowCount }) {
      const [indices, updates] = inputs as readonly [Value, Value];
      requireIndices("scatterAdd", indices);
      requireFloat32("scatterAdd", [updates]);
      const fits = updates.shape.length === 2 && updates.shape[0] === indices.shape[0];
      requireFit("scatterAdd", inputs, fits, "takes one row of updates [N, D] per index [N]");
      const shape = [rowCount, updates.shape[1] as number];
      checkShape("scatterAdd", shape);
      return { shape, dtype: "float32" };
    },
    // ScatterElements wants an index per element and int64 or int32; it adds in order, on one thread, so that
    // sums do not change from run to run.
    emit(emitter, { inputs, output }) {
      const [indices, updates] = inputs as readonly [Value, Value];
      const [count, width] = updates.shape as [number, number];
      const zeros = emitter.temporary();
      const column = emitter.temporary();
      const spread = emitter.temporary();
      const zero = emitter.temporary();
      emitter.initializer(zero, new Float64Array(1), []);
      emitter.add({ type: "Expand", inputs: [zero, emitter.int64(output.shape)], output: zeros });
      emitter.add({ type: "Reshape", inputs: [indices, emitter.int64([count, 1])], output: column });
      emitter.add({ type: "Expand", inputs: [column, emitter.int64([count, width])], output: spread });
      emitter.add({
        type: "ScatterElements",
        inputs: [zeros, spread, updates],
        output,
        attributes: { axis: int(0), reduction: string("add") },
      });
    },
    // dupdates[n] = dy[indices[n]]
    vjp: ({ builder, node, upstream, needs }) => [
      undefined,
      needs[1] ? builder.gather(upstream, node.inputs[0] as Value) : undefined,
    ],
    reference(inputs, { rowCount }, output) {
      const [indices, updates] = inputs as readonly [Tensor, Tensor];
      const width = updates.shape[1] as number;
      const sums = new Float64Array(output.data.length);
      for (let n = 0; n < indices.data.length; n++) {
        const row = rowAt("scatterAdd", indices, n, rowCount);
        for (let i = 0; i < width; i++) {
          const at = row * width + i;
          sums[at] = (sums[at] as number) + (updates.data[n * width + i] as number);
        }
      }
      output.data.set(sums);
    },
  },

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
      return { shape, dtype: data instanceof Int32Array ? "int32" : "float32" };
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
    // Stored halves and indices are data, not parameters.
    vjp: null,
    reference([x], _attributes, output) {
      output.data.set((x as Tensor).data);
    },
  },
};
