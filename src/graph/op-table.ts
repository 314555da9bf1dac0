/** @file The op table: a missing op, or an op with a missing rule, does not compile. */
import type { OpSpec, OpTable } from "./op-spec.js";
import { ATTENTION_OPS } from "./ops-attention.js";
import { DATA_OPS } from "./ops-data.js";
import { ELEMENTWISE_OPS } from "./ops-elementwise.js";
import { LORA_OPS } from "./ops-lora.js";
import { MATMUL_OPS } from "./ops-matmul.js";
import { NN_OPS } from "./ops-nn.js";
import { REDUCE_OPS } from "./ops-reduce.js";
import { SHAPE_OPS } from "./ops-shape.js";
import type { OpName } from "./value.js";

export const OP_TABLE: OpTable = {
  ...ELEMENTWISE_OPS,
  ...MATMUL_OPS,
  ...SHAPE_OPS,
  ...REDUCE_OPS,
  ...NN_OPS,
  ...ATTENTION_OPS,
  ...LORA_OPS,
  ...DATA_OPS,
};

/** The rules of an op whose name is only known at run time: pass it nodes of this very op. */
export function specOf<K extends OpName>(op: K): OpSpec<K> {
  return OP_TABLE[op];
}
