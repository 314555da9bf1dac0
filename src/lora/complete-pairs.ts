/** @file Adapters of other tools may leave layers out; ours give every layer the same matrices. */
import { InternalError } from "../core/errors.js";
import { type LinearName, linearsOf, linearsOfAll } from "../transformer/linear-name.js";
import type { ModelConfig } from "../transformer/model-config.js";
import type { LoraAdapter, LoraPair } from "./lora-adapter.js";

/** The pair of a layer, or a pair of zeros of the same size where the adapter has none: it changes nothing. */
export function pairOfLayer(adapter: LoraAdapter, layer: number, target: LinearName): LoraPair {
  const own = adapter.pairs.get(`blk.${layer}.${target}.weight`);
  if (own !== undefined) return own;
  for (const [name, { inSize, outSize, a, b }] of adapter.pairs) {
    if (name.endsWith(`.${target}.weight`))
      return { inSize, outSize, a: new Float32Array(a.length), b: new Float32Array(b.length) };
  }
  throw new InternalError(`the adapter has no pair for its target ${target}`);
}

/**
 * Adapter with a pair for every target of every layer that has such a matrix. What was missing becomes zeros, A too: its
 * gradients are zero, so that training goes on with exactly the layers that were trained before.
 */
export function completePairs(adapter: LoraAdapter, { layers }: Pick<ModelConfig, "layers">): LoraAdapter {
  const targets = linearsOfAll(layers).filter((name) => adapter.config.targets.includes(name));
  const pairs = new Map<string, LoraPair>();
  for (const [layer, own] of layers.entries()) {
    for (const target of targets.filter((name) => linearsOf(own).includes(name)))
      pairs.set(`blk.${layer}.${target}.weight`, pairOfLayer(adapter, layer, target));
  }
  return { ...adapter, pairs };
}
