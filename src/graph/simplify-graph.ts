/** @file Two transformations of a graph: dead nodes go, equal nodes become one. */
import { makeNode } from "./make-node.js";
import type { Graph, Node, Value } from "./value.js";

/** A graph that computes the same outputs. Values are new and numbered from 0. */
export function simplifyGraph(graph: Graph): Graph {
  const live = liveNodes(graph);
  const values: Value[] = [];
  const replaced = new Map<Value, Value>();
  const known = new Map<string, Value>();
  for (const node of graph.nodes) {
    if (!live.has(node)) continue;
    const inputs = node.inputs.map((value) => replaced.get(value) as Value);
    const key = keyOf(node, inputs);
    let value = known.get(key);
    if (value === undefined) {
      value = makeNode(values.length, node.op, inputs, node.attributes);
      values.push(value);
      known.set(key, value);
    }
    replaced.set(node.output, value);
  }
  const outputs = new Map<string, Value>();
  for (const [name, value] of graph.outputs) outputs.set(name, replaced.get(value) as Value);
  const inputs = new Map<string, Value>();
  for (const [name, value] of graph.inputs) inputs.set(name, replaced.get(value) ?? value);
  return { inputs, outputs, nodes: values.map(({ node }) => node) };
}

function liveNodes(graph: Graph): Set<Node> {
  const live = new Set<Node>();
  for (const { node } of graph.outputs.values()) live.add(node);
  for (const node of graph.nodes.toReversed()) {
    if (live.has(node)) for (const input of node.inputs) live.add(input.node);
  }
  return live;
}

/** Equal text means equal results. */
function keyOf(node: Node, inputs: readonly Value[]): string {
  const ids = inputs.map(({ id }) => id);
  // Addition and multiplication give the same bits either way round.
  if (node.op === "add" || node.op === "mul") ids.sort((a, b) => a - b);
  return `${node.op}(${ids.join(",")})${attributesKey(node)}`;
}

function attributesKey(node: Node): string {
  if (node.op !== "constant") return JSON.stringify(node.attributes);
  const { data, shape } = node.attributes;
  // By bytes: text would lose −0 and the digits of NaN and infinity.
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
  return `${node.output.dtype}[${shape.join(",")}]${bytes}`;
}
