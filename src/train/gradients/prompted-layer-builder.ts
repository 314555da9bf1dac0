/** @file Layers whose prompt is not computed: its keys and values come from a pass of their own, and count as constants. */
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { loraLinear } from "../../lora/lora-linear.js";
import type { Family } from "../../transformer/family.js";
import { LayerBuilder, type LayerBuilderOptions } from "../../transformer/layer-builder.js";

/**
 * A layer over the last T − S tokens of a plan of T: the first S have only keys and values, inputs `prompt.k` and
 * `prompt.v` [S, K·d]. The plan's first block is that of their queries, whose results are cut off; `prompt.q` [S, H·d]
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
    const before = (name: string, own: Value) =>
      this.#graph.concat(
        [this.#graph.input(`prompt.${name}`, [this.#promptTokens, own.shape[1] as number]), own],
        0,
      );
    const whole = new LayerBuilder(this.#graph, this.#options);
    const mixed = whole.attention(before("q", q), before("k", k), before("v", v));
    return this.#graph.slice(mixed, 0, this.#promptTokens, this.#options.plan.tokenCount);
  }
}

/** Forward only: `x` and the layer's feeds → `y`, and `k` and `v` [T, K·d] as attention reads them. */
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
}
