/** @file The one place where nodes are made: the op's shape rule decides the value's shape and type. */
import { specOf } from "./op-table.js";
import type { Node, NodeOf, OpAttributes, OpName, Value } from "./value.js";

/** @throws {ShapeError} where the inputs do not fit the op. */
export function makeNode<K extends OpName>(
  id: number,
  op: K,
  inputs: readonly Value[],
  attributes: OpAttributes[K],
): Value {
  const { shape, dtype } = specOf(op).infer(inputs, attributes);
  // Node and value point at each other: the node is filled in first, its output right after.
  const node = { op, inputs, attributes } as { -readonly [P in keyof NodeOf<K>]: NodeOf<K>[P] };
  const value: Value = { id, shape, dtype, node: node as unknown as Node };
  node.output = value;
  return value;
}
