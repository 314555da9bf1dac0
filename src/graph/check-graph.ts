/** @file The checker that runs after every transformation of a graph. */
import { InternalError } from "../core/errors.js";
import { specOf } from "./op-table.js";
import { isSameShape } from "./shape.js";
import type { Graph, Node, NodeOf, OpName, Value } from "./value.js";

/**
 * Order, links, names, and every shape and type worked out again.
 * @throws {InternalError} where the graph is damaged.
 * @throws {ShapeError} where an op's inputs do not fit it.
 */
export function checkGraph(graph: Graph): void {
  const seen = new Set<Value>();
  const ids = new Set<number>();
  for (const node of graph.nodes) {
    const { output } = node;
    if (output.node !== node) throw damaged(node, "its value belongs to another node");
    if (ids.has(output.id)) throw damaged(node, "its number is taken");
    for (const input of node.inputs) {
      if (!seen.has(input)) throw damaged(node, `its input %${input.id} is not computed before it`);
      if (input.id >= output.id) throw damaged(node, `its input %${input.id} has no smaller number`);
    }
    checkShapeOf(node as NodeOf<OpName>);
    if (node.op === "input" && graph.inputs.get(node.attributes.name) !== output)
      throw damaged(node, `input "${node.attributes.name}" is not the declared one`);
    seen.add(output);
    ids.add(output.id);
  }
  for (const [name, { node }] of graph.inputs) {
    if (node.op !== "input" || node.attributes.name !== name)
      throw damaged(node, `it is listed as input "${name}"`);
  }
  for (const [name, value] of graph.outputs) {
    if (!seen.has(value)) throw damaged(value.node, `output "${name}" is never computed`);
    if (value.dtype !== "float32") throw damaged(value.node, `output "${name}" is ${value.dtype}`);
  }
}

function checkShapeOf<K extends OpName>(node: NodeOf<K>): void {
  const { shape, dtype } = specOf(node.op).infer(node.inputs, node.attributes);
  if (!isSameShape(shape, node.output.shape) || dtype !== node.output.dtype)
    throw damaged(
      node,
      `it is marked ${node.output.dtype}[${node.output.shape.join(", ")}], but its inputs give ${dtype}[${shape.join(", ")}]`,
    );
}

function damaged(node: Pick<Node, "op" | "output">, what: string): InternalError {
  return new InternalError(`graph node %${node.output.id} (${node.op}): ${what}`);
}
