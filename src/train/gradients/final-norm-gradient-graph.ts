/** @file The derivative of the norm between the last layer and the head. */
import { gradients } from "../../graph/gradients.js";
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import { scaled } from "../../transformer/head-graph.js";
import type { ModelConfig } from "../../transformer/model-config.js";

/** `x` [P, D], `output_norm.weight` [D] and `dy` [P, D] → `dx` [P, D] and `d.output_norm.weight` [D]; `dy` by what the head is fed, scaled. */
export function finalNormGradientGraph(config: ModelConfig, positionCount: number): Graph {
  const g = new GraphBuilder();
  const shape = [positionCount, config.hiddenSize];
  const x = g.input("x", shape);
  const weight = g.input("output_norm.weight", [config.hiddenSize]);
  const dy = g.input("dy", shape);
  const y = scaled(g, g.rmsNorm(x, weight, config.normEpsilon), config.logitScale);
  const [dx, dWeight] = gradients(g, [{ value: y, upstream: dy }], [x, weight]) as [Value, Value];
  g.output("dx", dx);
  g.output("d.output_norm.weight", dWeight);
  return g.build();
}
