/** @file The graph of one layer, ready for a backend. */
import { type Graph, GraphBuilder } from "../graph/graph-builder.js";
import type { Family } from "./family.js";
import { LayerBuilder, type LayerBuilderOptions } from "./layer-builder.js";

/**
 * One layer as a graph: input `x` [T, D], output `y` [T, D]; weights, `rope.cos`, `rope.sin` and `mask.N` are
 * inputs too, so that one graph serves every layer of its kind.
 */
export function layerGraph(family: Family, options: LayerBuilderOptions): Graph {
  const graph = new GraphBuilder();
  const x = graph.input("x", [options.plan.tokenCount, options.config.hiddenSize]);
  graph.output("y", family.layer(new LayerBuilder(graph, options), x));
  return graph.build();
}
