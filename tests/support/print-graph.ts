/** @file A graph as text, one node a line. */
import type { Graph, Node, Value } from "../../src/graph/value.js";

/** Constants longer than this are printed by their first elements. */
const MAX_PRINTED_ELEMENTS = 4;

export function printGraph(graph: Graph): string {
  const inputs = [...graph.inputs].map(([name, value]) => `${name}: ${typeOf(value)}`);
  const lines = graph.nodes.map((node) => `  %${node.output.id} = ${callOf(node)} : ${typeOf(node.output)}`);
  const outputs = [...graph.outputs].map(([name, { id }]) => `${name}: %${id}`);
  return [`graph(${inputs.join(", ")}) {`, ...lines, `  return ${outputs.join(", ")}`, "}"].join("\n");
}

function typeOf({ dtype, shape }: Value): string {
  return `${dtype}[${shape.join(", ")}]`;
}

function callOf(node: Node): string {
  if (node.op === "input") return `input "${node.attributes.name}"`;
  if (node.op === "constant") {
    const { data } = node.attributes;
    const shown = [...data.subarray(0, MAX_PRINTED_ELEMENTS)].join(", ");
    return `constant(${shown}${data.length > MAX_PRINTED_ELEMENTS ? ", …" : ""})`;
  }
  const parts = Object.entries(node.attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `${node.op}(${[...node.inputs.map(({ id }) => `%${id}`), ...parts].join(", ")})`;
}
