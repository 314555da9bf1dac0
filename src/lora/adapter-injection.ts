/** @file An adapter put on a forward pass without changing the base's weights. */
import type { Injection } from "../transformer/transformer.js";
import type { LoraAdapter } from "./lora-adapter.js";
import { loraLinear } from "./lora-linear.js";

/** For `TransformerOptions.injection`: base + (alpha / rank) · B·A. */
export function adapterInjection(adapter: LoraAdapter): Injection {
  const { targets } = adapter.config;
  return {
    // One injection serves one graph: each gets inputs of its own.
    hook: (graph, linear) => loraLinear(adapter.config).hook(graph, linear),
    feeds: (layer) =>
      Object.fromEntries(
        targets.flatMap((target) => {
          const pair = adapter.pairs.get(`blk.${layer}.${target}.weight`);
          return pair === undefined
            ? []
            : [[`${target}.lora_a`, pair.a] as const, [`${target}.lora_b`, pair.b] as const];
        }),
      ),
  };
}
