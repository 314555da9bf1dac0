/** @file From the header of a GGUF file to what is computed; everything unsupported is refused here by name. */
import { InputError } from "../core/errors.js";
import type { GgufHeader } from "../formats/gguf/gguf-contents.js";
import { isDequantizable } from "../formats/quant/dequantize.js";
import { type Family, normNamesOf } from "./family.js";
import { gemma3 } from "./gemma3.js";
import { granite } from "./granite.js";
import { finalNormName } from "./head-graph.js";
import { lfm2 } from "./lfm2.js";
import { LINEAR_NAMES, type LinearName, linearsOf } from "./linear-name.js";
import { llama } from "./llama.js";
import { minicpm } from "./minicpm.js";
import type { ModelConfig } from "./model-config.js";
import { ModelKeys } from "./model-keys.js";
import { phi3 } from "./phi3.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import { smollm3 } from "./smollm3.js";

const FAMILIES: ReadonlyMap<string, Family> = new Map(
  [llama, qwen2, qwen3, gemma3, smollm3, granite, minicpm, phi3, lfm2].map((family) => [family.name, family]),
);

/** Names of the supported values of `general.architecture`. */
export const FAMILY_NAMES: readonly string[] = [...FAMILIES.keys()];

/** Matrices that an adapter for this architecture may stand beside; those of a plain layer where it is unknown. */
export function linearsOfFamily(architecture: string): readonly LinearName[] {
  return FAMILIES.get(architecture)?.linears ?? LINEAR_NAMES;
}

export interface ModelDescription {
  family: Family;
  config: ModelConfig;
}

/**
 * Reads sizes and features of a model; allocates nothing.
 * @throws {UnsupportedModelError} naming the architecture, key, tensor or tensor type that is not supported
 * @throws {InputError} when the file is no model
 */
export function readModel(header: GgufHeader): ModelDescription {
  if (header.kind !== "model") {
    throw new InputError(`${header.file} holds ${header.kind === "adapter" ? "an adapter" : "no model"}`, {
      hint: "name the base model's GGUF file",
    });
  }
  const keys = new ModelKeys(header);
  const family = FAMILIES.get(header.architecture);
  if (!family) {
    const known = FAMILY_NAMES.join(", ");
    return keys.refuse("general.architecture", `is ${header.architecture}; supported are ${known}`);
  }
  if ((keys.optionalInteger("expert_count") ?? 0) > 0)
    keys.refuse(keys.name("expert_count"), "is above 0: mixtures of experts are not supported");
  const config = readConfig(keys, family);
  checkTensors(keys, family, config);
  return { family, config };
}

function readConfig(keys: ModelKeys, family: Family): ModelConfig {
  const layerCount = keys.integer("block_count");
  const hiddenSize = keys.integer("embedding_length");
  const headCount = keys.integer("attention.head_count");
  const headSize = keys.optionalInteger("attention.key_length") ?? hiddenSize / headCount;
  if (layerCount === 0) keys.refuse(keys.name("block_count"), "is 0: there are no layers");
  if (headSize % 2 !== 0) keys.refuse(keys.name("attention.key_length"), `is ${headSize}, must be even`);
  if ((keys.optionalInteger("attention.value_length") ?? headSize) !== headSize)
    keys.refuse(keys.name("attention.value_length"), "differs from key_length");
  const embedding = keys.header.tensors.find((tensor) => tensor.name === "token_embd.weight");
  if (!embedding) keys.refuse("tensor token_embd.weight", "is missing");
  const sizes = { layerCount, hiddenSize, headCount, headSize };
  const { embeddingScale = 1, logitSoftcap, ...traits } = family.traits(keys, sizes);
  const { rotarySize = headSize } = traits;
  if ((keys.optionalInteger("rope.dimension_count") ?? rotarySize) !== rotarySize)
    keys.refuse(keys.name("rope.dimension_count"), `is not the head size ${headSize}: partial rotation`);
  const kvHeadCount = keys.optionalInteger("attention.head_count_kv", { skipsZeros: true }) ?? headCount;
  if (kvHeadCount === 0) keys.refuse(keys.name("attention.head_count_kv"), "is 0: there is no attention");
  return {
    family: family.name,
    ...sizes,
    kvHeadCount,
    feedForwardSize: keys.integer("feed_forward_length"),
    vocabSize: embedding.dimensions[1] ?? 1,
    normEpsilon: keys.number("attention.layer_norm_rms_epsilon"),
    ...traits,
    contextLength: traits.contextLength ?? keys.optionalInteger("context_length") ?? 0,
    embeddingScale,
    logitSoftcap,
    isHeadTied: !keys.header.tensors.some((tensor) => tensor.name === "output.weight"),
  };
}

/** Every tensor must be one that the family uses: an unknown one means numbers that would be wrong in silence. */
function checkTensors(keys: ModelKeys, family: Family, config: ModelConfig): void {
  const required = new Set([finalNormName(config)]);
  const known = new Set([...required, "token_embd.weight", "output.weight", "rope_freqs.weight"]);
  if (config.ropeFactors !== undefined) {
    known.add("rope_factors_short.weight").add("rope_factors_long.weight");
  }
  for (const [index, layer] of config.layers.entries()) {
    const name = (part: string) => `blk.${index}.${part}`;
    for (const part of [...normNamesOf(family, layer), ...linearsOf(layer)])
      required.add(name(`${part}.weight`));
    for (const part of linearsOf(layer)) known.add(name(`${part}.bias`));
    // Llama 2's converters left the angles in every layer; they say nothing new.
    known.add(name("attn_rot_embd.weight")).add(name("rope_freqs.weight"));
  }
  const names = new Set<string>();
  for (const { name, type } of keys.header.tensors) {
    names.add(name);
    if (!known.has(name) && !required.has(name))
      keys.refuse(`tensor ${name}`, `is unknown to the ${family.name} family`);
    if (!isDequantizable(type.name))
      keys.refuse(`tensor ${name}`, `has type ${type.name}, which cannot be read`);
  }
  const missing = [...required].find((name) => !names.has(name));
  if (missing !== undefined) keys.refuse(`tensor ${missing}`, "is missing");
}
