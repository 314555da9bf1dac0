/** @file Keys and values of prompts that count as constants, by a forward pass of their own. */
import type { Backend, Program } from "../../graph/backend.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { planAttention } from "../../transformer/attention-plan.js";
import { embedTokens, layerKind, layoutFeeds } from "../../transformer/layer-feeds.js";
import { linearsOf } from "../../transformer/linear-name.js";
import type { ModelDescription } from "../../transformer/read-model.js";
import { parameterName } from "../gradients/model-parameters.js";
import type { PassWeights } from "../gradients/pass-weights.js";
import { promptGraph } from "../gradients/prompted-layer-builder.js";
import type { TokenTrie } from "./token-trie.js";

/** What later tokens read of one layer's prompt: `k` and `v` [S, K·d] of attention, or `u` [S, D] of a convolution. */
export type LayerKeys = Readonly<Record<string, Float32Array>>;

/** Keys by layer, of the policy and, with a penalty on the divergence, of the model without its adapter. */
export interface PromptKeys {
  own: readonly LayerKeys[];
  base: readonly LayerKeys[] | undefined;
}

interface KeyPassOptions {
  model: ModelDescription;
  weights: PassWeights;
  backend: Backend;
  lora: LoraConfig;
  signal?: AbortSignal | undefined;
}

/** Keys and values of a trie of S tokens, without dropout: a constant has no use for noise. */
export async function layerKeys(
  prompt: TokenTrie,
  parameters: ReadonlyMap<string, Float32Array>,
  { model, weights, backend, lora, signal }: KeyPassOptions,
): Promise<LayerKeys[]> {
  const { config } = model;
  const kinds = new Map<string, { program: Program; feeds: Record<string, Float32Array> }>();
  const keys: LayerKeys[] = [];
  try {
    let x = embedTokens(prompt.tokens, weights, config);
    for (const [index, layer] of config.layers.entries()) {
      signal?.throwIfAborted();
      let kind = kinds.get(layerKind(layer));
      if (kind === undefined) {
        const plan = planAttention(prompt.layout, layer.window);
        const { weightType } = weights;
        const options = { config, plan, layer, biases: weights.biases(0), weightType, lora };
        const program = await backend.compile(promptGraph(model.family, options));
        const { positions } = prompt.layout;
        kind = { program, feeds: layoutFeeds({ layer, positions, plan }, weights, config) };
        kinds.set(layerKind(layer), kind);
      }
      const pairs = lora.targets
        .filter((target) => linearsOf(layer).includes(target))
        .flatMap((target) => [`${target}.lora_a`, `${target}.lora_b`])
        .map((name) => [name, parameters.get(parameterName(index, name)) as Float32Array] as const);
      const given = { ...kind.feeds, ...weights.layer(index), ...Object.fromEntries(pairs), x };
      const { y, ...seen } = (await kind.program.run(given)) as Record<string, Float32Array>;
      keys.push(seen);
      x = y as Float32Array;
    }
  } finally {
    for (const { program } of kinds.values()) await program.dispose();
  }
  return keys;
}
