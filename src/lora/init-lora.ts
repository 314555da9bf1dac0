/** @file A new adapter: it changes nothing until it is trained. */
import { ConfigError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { linearShape } from "../transformer/layer-builder.js";
import {
  ALL_LINEAR_NAMES,
  LINEAR_NAMES,
  type LinearName,
  linearsOf,
  linearsOfAll,
} from "../transformer/linear-name.js";
import type { ModelConfig } from "../transformer/model-config.js";
import type { LoraAdapter, LoraConfig, LoraPair } from "./lora-adapter.js";

const MAX_RANK = 1024;

/** @throws {ConfigError} naming what is out of range */
export function checkLoraConfig({ rank, alpha, targets }: LoraConfig): void {
  if (!Number.isInteger(rank) || rank < 1 || rank > MAX_RANK)
    throw new ConfigError(`the LoRA rank is ${rank}, expected a whole number from 1 to ${MAX_RANK}`);
  if (!(Number.isFinite(alpha) && alpha > 0))
    throw new ConfigError(`the LoRA alpha is ${alpha}, expected a number above 0`);
  const known: readonly string[] = ALL_LINEAR_NAMES;
  const bad = targets.find((name, i) => !known.includes(name) || targets.indexOf(name) !== i);
  if (targets.length === 0 || bad !== undefined) {
    throw new ConfigError(
      `LoRA targets are ${JSON.stringify(targets)}, expected some of ${ALL_LINEAR_NAMES.join(", ")}`,
      {
        hint: "name each matrix once",
      },
    );
  }
}

/**
 * The targets in the model's own names and order: the seven of a plain layer, all together, stand for every matrix that
 * the model's layers have.
 * @throws {ConfigError} naming a target that no layer of the model has
 */
function targetsFor(model: ModelConfig, targets: readonly LinearName[]): LinearName[] {
  const own = linearsOfAll(model.layers);
  if (LINEAR_NAMES.every((name) => targets.includes(name))) return own;
  const foreign = targets.find((name) => !own.includes(name));
  if (foreign !== undefined)
    throw new ConfigError(`LoRA target ${foreign} is no matrix of ${model.family} models`, {
      hint: `choose among ${own.join(", ")}`,
    });
  return own.filter((name) => targets.includes(name));
}

/**
 * A new adapter's pairs, from a layer on.
 * A is drawn uniformly from ±1/√in, B is zero: the update begins as nothing.
 * @source PEFT's default, kaiming_uniform with a = √5 for A; LoRA (arXiv:2106.09685), section 4.1, for B
 */
export function initLora(
  model: ModelConfig,
  config: LoraConfig,
  random: Random,
  firstLayer = 0,
): LoraAdapter {
  checkLoraConfig(config);
  const targets = targetsFor(model, config.targets);
  const pairs = new Map<string, LoraPair>();
  for (const [layer, own] of model.layers.entries()) {
    if (layer < firstLayer) continue;
    for (const target of targets.filter((name) => linearsOf(own).includes(name))) {
      const [inSize, outSize] = linearShape(model, target);
      const bound = 1 / Math.sqrt(inSize);
      const stream = random.derive("lora", layer, target);
      const a = Float32Array.from({ length: config.rank * inSize }, () => (stream.next() * 2 - 1) * bound);
      pairs.set(`blk.${layer}.${target}.weight`, {
        inSize,
        outSize,
        a,
        b: new Float32Array(outSize * config.rank),
      });
    }
  }
  return { architecture: model.family, config: { ...config, targets }, pairs, origin: {} };
}
