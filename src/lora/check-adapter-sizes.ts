/** @file Does an adapter in memory belong to a model of these sizes? */
import { InputError } from "../core/errors.js";
import { linearShape } from "../transformer/layer-builder.js";
import { linearsOf } from "../transformer/linear-name.js";
import type { ModelConfig } from "../transformer/model-config.js";
import type { LoraAdapter } from "./lora-adapter.js";
import { type PairPlace, placeOf } from "./pair-place.js";

/**
 * Every pair must stand beside a matrix of its size; layers may be left out.
 * @param path of the adapter, for the message
 * @throws {InputError} naming the first pair that does not fit
 */
export function checkAdapterSizes(path: string, adapter: LoraAdapter, config: ModelConfig): void {
  const hint = "name the base model the adapter was trained on";
  if (adapter.architecture !== config.family)
    throw new InputError(`${path} is for ${adapter.architecture}, the base is ${config.family}`, { hint });
  for (const [name, pair] of adapter.pairs) {
    const { layer, target } = placeOf(name) as PairPlace;
    const own = config.layers[layer];
    if (own !== undefined && !linearsOf(own).includes(target))
      throw new InputError(`${path}: ${name} is for another model: its base has no such matrix there`, {
        hint,
      });
    const [inSize, outSize] = linearShape(config, target);
    if (layer >= config.layerCount || pair.inSize !== inSize || pair.outSize !== outSize) {
      const found = `${pair.outSize} × ${pair.inSize}`;
      throw new InputError(
        `${path}: ${name} is ${found}; the base has ${config.layerCount} layers of ${outSize} × ${inSize}`,
        { hint },
      );
    }
  }
}
