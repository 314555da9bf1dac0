/** @file Cutting a graph in two: some outputs of it, with some values taken as given. */
import { InternalError } from "../core/errors.js";
import { checkGraph } from "./check-graph.js";
import { makeNode } from "./make-node.js";
import type { Graph, Value } from "./value.js";

/**
 * The part of `graph` that computes `outputs`. Every output named in `given` becomes an input of the same name
 * (if the part reads it), so that what lies above it is not computed again.
 * The graph's own inputs stay declared, also those the part does not read, so that one set of feeds serves all parts.
 * @throws {InternalError} for a name that is no output of the graph
 */
export function subgraph(graph: Graph, outputs: readonly string[], given: readonly string[] = []): Graph {
  const outputOf = (name: string): Value => {
    const value = graph.outputs.get(name);
    if (value === undefined) throw new InternalError(`the graph has no output "${name}"`);
    return value;
  };
  const cuts = new Map(given.map((name) => [outputOf(name), name]));
  const needed = new Set<Value>();
  const pending = outputs.map(outputOf);
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (needed.has(value)) continue;
    needed.add(value);
    if (!cuts.has(value)) pending.push(...value.node.inputs);
  }
  const values: Value[] = [];
  const replaced = new Map<Value, Value>();
  const inputs = new Map(graph.inputs);
  for (const node of graph.nodes) {
    const old = node.output;
    if (!needed.has(old)) continue;
    const cut = cuts.get(old);
    const above = () => node.inputs.map((input) => replaced.get(input) as Value);
    const made =
      cut === undefined
        ? makeNode(values.length, node.op, above(), node.attributes)
        : makeNode(values.length, "input", [], { name: cut, shape: old.shape, dtype: old.dtype });
    values.push(made);
    replaced.set(old, made);
    if (made.node.op === "input") inputs.set(made.node.attributes.name, made);
  }
  const named = new Map(outputs.map((name) => [name, replaced.get(outputOf(name)) as Value]));
  const part: Graph = { inputs, outputs: named, nodes: values.map(({ node }) => node) };
  checkGraph(part);
  return part;
}
