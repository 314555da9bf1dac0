/** @file An adapter put on a forward pass without changing the base's weights. */

import { pairOfLayer } from "../../src/lora/complete-pairs.js";
import type { LoraAdapter } from "../../src/lora/lora-adapter.js";
import { loraLinear } from "../../src/lora/lora-linear.js";
import type { Injection } from "../../src/transformer/transformer.js";

/** False for a matrix that some layers do not have: there the adapter's own pairs differ from layer to layer. */
function isThere({ architecture, pairs }: LoraAdapter, layer: number, target: string): boolean {
  return architecture !== "lfm2" || pairs.has(`blk.${layer}.${target}.weight`);
}

/** Injection of an adapter into a transformer: base + (alpha / rank) · B·A; layers without a pair stay as they are. */
export function adapterInjection(adapter: LoraAdapter): Injection {
  const { targets } = adapter.config;
  return {
    // One injection serves one graph: each gets inputs of its own.
    hook: (graph, linear) => loraLinear(adapter.config).hook(graph, linear),
    feeds: (layer) =>
      Object.fromEntries(
        targets.flatMap((target) => {
          if (!isThere(adapter, layer, target)) return [];
          const { a, b } = pairOfLayer(adapter, layer, target);
          return [[`${target}.lora_a`, a] as const, [`${target}.lora_b`, b] as const];
        }),
      ),
  };
}
