/** @file Forward and backward of one kind of layer, cut out of one joint graph. */
import { gradients } from "../../graph/gradients.js";
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import { subgraph } from "../../graph/subgraph.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { loraLinear } from "../../lora/lora-linear.js";
import type { Family } from "../../transformer/family.js";
import { LayerBuilder, type LayerBuilderOptions } from "../../transformer/layer-builder.js";
import { PromptedLayerBuilder } from "./prompted-layer-builder.js";

/**
 * Values that the backward pass is handed of the forward one besides the layer's input. `none` computes all of it
 * again (a third more work, the least memory); `products` keeps what matrix products gave, so that only norms,
 * activations and scores are computed twice.
 */
export type KeptActivations = "none" | "products";

export interface LayerGraphs {
  /** `x` and the layer's feeds → `y` and every kept value. */
  forward: Graph;
  /** `x`, `dy`, feeds and kept values → `dx` and `d.<name>` for every trained input. */
  backward: Graph;
  /** Kept values by name, with their element counts. */
  kept: ReadonlyMap<string, number>;
  /** Names of the trained inputs, such as `attn_q.lora_a` or, when all weights train, `attn_q.weight`. */
  trained: readonly string[];
  /** Dropout masks that both passes are fed, with their element counts. */
  masks: ReadonlyMap<string, number>;
}

export interface LayerGraphOptions extends Omit<LayerBuilderOptions, "onLinear" | "onKeep"> {
  /** The pairs that train; null trains every weight of the layer instead. */
  lora: LoraConfig | null;
  /** Masks in front of the pairs. Default false. */
  hasDropout?: boolean | undefined;
  keep: KeptActivations;
  /** Tokens at the plan's beginning that are not computed: their keys and values are fed. Default 0. */
  promptTokens?: number | undefined;
}

/** Both passes of a layer. T tokens, D hidden size. */
export function layerGraphs(family: Family, options: LayerGraphOptions): LayerGraphs {
  const graph = new GraphBuilder();
  const { promptTokens = 0, plan } = options;
  const shape = [plan.tokenCount - promptTokens, options.config.hiddenSize];
  const x = graph.input("x", shape);
  const lora = options.lora === null ? undefined : loraLinear(options.lora, options.hasDropout);
  const candidates = new Map<string, Value>();
  const layerOptions: LayerBuilderOptions = {
    ...options,
    onLinear: lora?.hook,
    onKeep: (name, value) => candidates.set(`keep.${name}`, value),
  };
  const layer =
    promptTokens === 0
      ? new LayerBuilder(graph, layerOptions)
      : new PromptedLayerBuilder(graph, layerOptions, promptTokens);
  const y = family.layer(layer, x);
  const dy = graph.input("dy", shape);
  const inputs = [...(lora?.inputs ?? trainableInputs(layer))];
  const [dx, ...derivatives] = gradients(
    graph,
    [{ value: y, upstream: dy }],
    [x, ...inputs.map(([, value]) => value)],
  );
  graph.output("y", y);
  graph.output("dx", dx as Value);
  for (const [i, value] of derivatives.entries()) graph.output(`d.${inputs[i]?.[0]}`, value);
  for (const [name, value] of candidates) if (value !== y) graph.output(name, value);
  const joint = graph.build();
  const trained = inputs.map(([name]) => name);
  const names =
    options.keep === "none" ? [] : [...candidates.keys()].filter((name) => joint.outputs.has(name));
  const backward = subgraph(joint, ["dx", ...trained.map((name) => `d.${name}`)], names);
  // Only what the backward pass really reads is worth its memory.
  const kept = names.filter((name) => backward.inputs.has(name));
  const sizes = (values: Iterable<[string, Value]>) =>
    new Map([...values].map(([name, value]) => [name, elementCount(value)]));
  return {
    forward: subgraph(joint, ["y", ...kept]),
    backward,
    kept: sizes(kept.map((name) => [name, joint.outputs.get(name) as Value])),
    trained,
    masks: sizes(lora?.masks ?? []),
  };
}

/** Weights, biases and norms; not the rotary table, not masks. */
function trainableInputs(layer: LayerBuilder): [string, Value][] {
  return [...layer.inputs].filter(([name]) => name.endsWith(".weight") || name.endsWith(".bias"));
}

function elementCount(value: Value): number {
  return value.shape.reduce((product, length) => product * length, 1);
}
