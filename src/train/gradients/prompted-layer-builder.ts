/** @file Layers whose prompt is not computed: its keys and values come from a pass of their own, and count as constants. */
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { loraLinear } from "../../lora/lora-linear.js";
import type { Family } from "../../transformer/family.js";
import { LayerBuilder, type LayerBuilderOptions } from "../../transformer/layer-builder.js";

/**
 * A layer over the last T − S tokens of a plan of T: the first S have only keys and values, inputs `prompt.k` and
 * `prompt.v` [S, K·d], or what a convolution reads, `prompt.u` [S, D]. The plan's first block is that of their queries, whose results are cut off; `prompt.q` [S, H·d]
 * may hold anything finite.
 */
export class PromptedLayerBuilder extends LayerBuilder {
  readonly #graph: GraphBuilder;
  readonly #options: LayerBuilderOptions;
  readonly #promptTokens: number;

  constructor(graph: GraphBuilder, options: LayerBuilderOptions, promptTokens: number) {
    const tokenCount = options.plan.tokenCount - promptTokens;
    super(graph, { ...options, plan: { ...options.plan, tokenCount } });
    this.#graph = graph;
    this.#options = options;
    this.#promptTokens = promptTokens;
  }

  override attention(q: Value, k: Value, v: Value): Value {
    return this.#own((whole, before) => whole.attention(before("q", q), before("k", k), before("v", v)));
  }

  override convolution(name: string, taps: number, x: Value): Value {
    return this.#own((whole, before) => whole.convolution(name, taps, before("u", x)));
  }

  /** The own tokens' rows of what is made over prompt and own tokens together. */
  #own(make: (whole: LayerBuilder, before: (name: string, own: Value) => Value) => Value): Value {
    const graph = this.#graph;
    const before = (name: string, own: Value) =>
      graph.concat([graph.input(`prompt.${name}`, [this.#promptTokens, own.shape[1] as number]), own], 0);
    const mixed = make(new LayerBuilder(graph, this.#options), before);
    return graph.slice(mixed, 0, this.#promptTokens, this.#options.plan.tokenCount);
  }
}

/** Forward only: `x` and the layer's feeds → `y`, and `k` and `v` [T, K·d] as attention reads them, or `u` [T, D] as a convolution does. */
export function promptGraph(
  family: Family,
  { lora, ...options }: Omit<LayerBuilderOptions, "onLinear" | "onKeep"> & { lora: LoraConfig },
): Graph {
  const graph = new GraphBuilder();
  const x = graph.input("x", [options.plan.tokenCount, options.config.hiddenSize]);
  const layer = new CapturingLayerBuilder(graph, { ...options, onLinear: loraLinear(lora).hook });
  graph.output("y", family.layer(layer, x));
  for (const [name, value] of layer.seen) graph.output(name, value);
  return graph.build();
}

class CapturingLayerBuilder extends LayerBuilder {
  readonly seen = new Map<string, Value>();

  override attention(q: Value, k: Value, v: Value): Value {
    this.seen.set("k", k).set("v", v);
    return super.attention(q, k, v);
  }

  override convolution(name: string, taps: number, x: Value): Value {
    this.seen.set("u", x);
    return super.convolution(name, taps, x);
  }
}
