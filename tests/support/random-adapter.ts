/** @file An adapter whose pairs are all drawn, B too: unlike a new one it changes every matrix it stands beside. */
import { Random } from "../../src/core/random.js";
import { initLora } from "../../src/lora/init-lora.js";
import type { AdapterOrigin, LoraAdapter, LoraConfig } from "../../src/lora/lora-adapter.js";
import type { ModelConfig } from "../../src/transformer/model-config.js";

/** B is uniform in ±0.1: updates of about a tenth of the tiny models' weights. */
export function randomAdapter(
  model: ModelConfig,
  config: LoraConfig,
  { seed = 1, origin = {} }: { seed?: number; origin?: AdapterOrigin } = {},
): LoraAdapter {
  const adapter = initLora(model, config, new Random(seed));
  const random = new Random(seed).derive("b");
  for (const { b } of adapter.pairs.values())
    for (let i = 0; i < b.length; i++) b[i] = (random.next() * 2 - 1) * 0.1;
  return { ...adapter, origin };
}
