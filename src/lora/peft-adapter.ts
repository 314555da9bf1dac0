/** @file Adapters as PEFT directories: adapter_config.json and adapter_model.safetensors, with Hugging Face's names and rows. */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, messageOf, StorageError } from "../core/errors.js";
import { writeAtomic } from "../core/write-atomic.js";
import { SafetensorsFile } from "../formats/safetensors/safetensors-file.js";
import { writeSafetensors } from "../formats/safetensors/write-safetensors.js";
import { ALL_LINEAR_NAMES } from "../transformer/linear-name.js";
import { evenPairs, type OwnPair } from "./even-pairs.js";
import { checkLoraConfig } from "./init-lora.js";
import type { LoraAdapter, LoraConfig, LoraPair } from "./lora-adapter.js";
import { comparePlaces, type PairPlace, placeOf, targetsOf } from "./pair-place.js";
import {
  badPeft,
  encodePeftConfig,
  PEFT_CONFIG_FILE,
  type PeftConfig,
  readPeftConfig,
} from "./peft-config.js";
import { layersPath, peftModule } from "./peft-modules.js";
import { patternValues } from "./peft-patterns.js";
import { type HeadShape, isPermuted, permutedRowCount, permuteRows } from "./row-permutation.js";

const PREFIX = "base_model.model.";
/** Text models, and the text part of models that also see; PEFT leaves the adapter's name out, others do not. */
const KEY =
  /^base_model\.model\.(?:model\.|language_model\.)*layers\.(0|[1-9]\d*)\.([a-z_]+\.[a-z_0-9]+)\.lora_([AB])(?:\.(.+))?\.weight$/;
const WEIGHTS = "adapter_model.safetensors";
const PICKLED_WEIGHTS = "adapter_model.bin";

/**
 * Writes a directory that PEFT, vLLM and Transformers load, with the family's own names. B's rows of q and k are turned
 * back into Hugging Face's order where the file has another.
 * @param baseName for `base_model_name_or_path`; default the base's own name
 * @throws {StorageError}
 */
export async function writePeftAdapter(
  folder: string,
  adapter: LoraAdapter,
  model: HeadShape,
  baseName: string = adapter.origin.baseName ?? "",
): Promise<void> {
  const { rank, targets } = adapter.config;
  const tensors = new Map<string, { dtype: "F32"; shape: number[]; data: Float32Array }>();
  for (const [name, { inSize, outSize, a, b }] of adapter.pairs) {
    const { layer, target } = placeOf(name) as PairPlace;
    const module = `${PREFIX}${layersPath(model)}.${layer}.${peftModule(model.family, target)}`;
    const rows = isPermuted(model, target) ? permuteRows(b, model, rank, "to-hugging-face") : b;
    tensors.set(`${module}.lora_A.weight`, { dtype: "F32", shape: [rank, inSize], data: a });
    tensors.set(`${module}.lora_B.weight`, { dtype: "F32", shape: [outSize, rank], data: rows });
  }
  const modules = targets.map((name) => peftModule(model.family, name)?.split(".")[1] as string);
  try {
    mkdirSync(folder, { recursive: true });
    // A folder with a config is a whole one: an old config must not stand beside new weights.
    await rm(join(folder, PEFT_CONFIG_FILE), { force: true });
  } catch (error) {
    throw new StorageError(`cannot write to ${folder}: ${messageOf(error)}`, {
      hint: "choose another folder",
      cause: error,
    });
  }
  await writeSafetensors(join(folder, WEIGHTS), { metadata: new Map([["format", "pt"]]), tensors });
  await writeAtomic(
    join(folder, PEFT_CONFIG_FILE),
    encodePeftConfig(adapter.config, [...new Set(modules)], baseName),
  );
}

/**
 * Reads a PEFT directory made for the same model as the base GGUF. Rank-stabilised scales, and ranks and alphas of single
 * modules, become one rank and one alpha that mean the same.
 * @throws {FormatError} `bad PEFT adapter: <field>: <why>`: DoRA, foreign modules, several adapters, half pairs,
 *   NaN
 */
export function readPeftAdapter(folder: string, model: HeadShape): LoraAdapter {
  const settings = readPeftConfig(join(folder, PEFT_CONFIG_FILE));
  const path = join(folder, WEIGHTS);
  if (!existsSync(path) && existsSync(join(folder, PICKLED_WEIGHTS)))
    throw badPeft(join(folder, PICKLED_WEIGHTS), WEIGHTS, "is missing: pickled weights are not read");
  const file = SafetensorsFile.open(path);
  try {
    const found = findPairs(file, model.family);
    const targets = targetsOf(found);
    const usual = { rank: settings.rank, alpha: plainAlpha(settings.rank, settings.alpha, settings) };
    readLoraConfig(path, { ...usual, targets });
    const modules = found.map(moduleOf);
    const [ranks, alphas] = [patternValues(settings.ranks, modules), patternValues(settings.alphas, modules)];
    const own = new Map<string, OwnPair>();
    for (const pair of found) {
      const rank = ranks.get(moduleOf(pair)) ?? settings.rank;
      const alpha = plainAlpha(rank, alphas.get(moduleOf(pair)) ?? settings.alpha, settings);
      own.set(pair.name, { ...readPair(file, pair, rank, model), rank, alpha });
    }
    const { pairs, ...scale } = evenPairs(own, usual);
    const config = readLoraConfig(path, { ...scale, targets });
    const origin = { baseName: settings.baseName || undefined };
    return { architecture: model.family, config, pairs, origin };
  } finally {
    file.close();
  }
}

/** The alpha with which plain LoRA means the same. */
function plainAlpha(rank: number, alpha: number, { isRankStabilised }: PeftConfig): number {
  return isRankStabilised ? alpha * Math.sqrt(rank) : alpha;
}

/** Name of a pair's module in the base model, which is what patterns speak of. */
function moduleOf({ A }: FoundPair): string {
  return A.slice(PREFIX.length, A.indexOf(".lora_A"));
}

/** A pair of the file, with the keys of its halves. */
interface FoundPair extends PairPlace {
  A: string;
  B: string;
}

function findPairs(file: SafetensorsFile, family: string): FoundPair[] {
  const targets = new Map(ALL_LINEAR_NAMES.map((name) => [peftModule(family, name), name]));
  const halves = new Map<string, PairPlace & { A?: string; B?: string }>();
  const adapters = new Set<string>();
  for (const key of file.tensors.keys()) {
    const [, layer, module = "", half, adapter = ""] = KEY.exec(key) ?? [];
    const target = targets.get(module);
    if (target === undefined)
      throw badPeft(file.path, key, "is no pair of a matrix of a layer that can be trained");
    adapters.add(adapter);
    if (adapters.size > 1) {
      const names = [...adapters].map((name) => name || "(no name)").join(", ");
      const why = `several adapters in one file (${names}): save each to a folder of its own`;
      throw badPeft(file.path, key, why);
    }
    const name = `blk.${layer}.${target}.weight`;
    const pair = halves.get(name) ?? { name, layer: Number(layer), target };
    if (pair[half as "A" | "B"] !== undefined)
      throw badPeft(file.path, key, `stands for the same matrix as ${pair[half as "A" | "B"]}`);
    halves.set(name, { ...pair, [half as "A" | "B"]: key });
  }
  if (halves.size === 0) throw badPeft(file.path, "tensors", "there are none");
  return [...halves.values()].sort(comparePlaces).map(({ A, B, ...pair }) => {
    if (A === undefined || B === undefined) throw badPeft(file.path, `${A ?? B}`, "has no other half");
    return { ...pair, A, B };
  });
}

/** Settings of the adapter's file; an unfit one is a bad file here, elsewhere a wrong setting. */
function readLoraConfig(path: string, { rank, alpha, targets }: LoraConfig): LoraConfig {
  const config = { rank, alpha, targets };
  try {
    checkLoraConfig(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw badPeft(path, PEFT_CONFIG_FILE, messageOf(error));
  }
  return config;
}

function readPair(file: SafetensorsFile, pair: FoundPair, rank: number, model: HeadShape): LoraPair {
  const [shapeA, shapeB] = [pair.A, pair.B].map((key) => {
    const { shape } = file.tensors.get(key) ?? { shape: [] };
    if (shape.length !== 2) throw badPeft(file.path, key, `has ${shape.length} dimensions, expected 2`);
    return shape as readonly [number, number];
  }) as [readonly [number, number], readonly [number, number]];
  const [rankA, inSize] = shapeA;
  const [outSize, rankB] = shapeB;
  if (rankA !== rank || rankB !== rank)
    throw badPeft(file.path, pair.A, `has rank ${rankA} and ${rankB}, the configuration says ${rank}`);
  const wanted = isPermuted(model, pair.target) ? permutedRowCount(model, pair.target) : outSize;
  if (outSize !== wanted)
    throw badPeft(file.path, pair.B, `has ${outSize} rows, the base has ${wanted}: it is for another model`);
  const a = file.readFloats(pair.A);
  const b = file.readFloats(pair.B);
  for (const [key, values] of [[pair.A, a] as const, [pair.B, b] as const])
    if (!values.every(Number.isFinite)) throw badPeft(file.path, key, "contains NaN or infinity");
  const rows = isPermuted(model, pair.target) ? permuteRows(b, model, rank, "to-gguf") : b;
  return { inSize, outSize, a, b: rows };
}
