/** @file Adapters of mlx-lm: adapter_config.json and adapters.safetensors, transposed against PEFT's. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError, messageOf } from "../core/errors.js";
import { SafetensorsFile } from "../formats/safetensors/safetensors-file.js";
import { ALL_LINEAR_NAMES } from "../transformer/linear-name.js";
import type { LoraAdapter, LoraPair } from "./lora-adapter.js";
import { comparePlaces, type PairPlace, placeOf, targetsOf } from "./pair-place.js";
import { peftModule } from "./peft-modules.js";
import { type HeadShape, isPermuted, permutedRowCount, permuteRows } from "./row-permutation.js";

const WEIGHTS = "adapters.safetensors";
const CONFIG = "adapter_config.json";
const KEY = /^(?:model\.|language_model\.)*layers\.(0|[1-9]\d*)\.([a-z_]+\.[a-z_0-9]+)\.lora_([ab])$/;

/** True for a folder that mlx-lm has written an adapter to. */
export function isMlxFolder(folder: string): boolean {
  return existsSync(join(folder, WEIGHTS));
}

/**
 * Reads an adapter of mlx-lm made for the same model as the base GGUF. Its scale is a number of its own: alpha is scale · rank.
 * @throws {FormatError} `bad MLX adapter: <field>: <why>`: DoRA or full fine-tuning, foreign modules, half pairs, NaN
 */
export function readMlxAdapter(folder: string, model: HeadShape): LoraAdapter {
  const { scale } = readConfig(join(folder, CONFIG));
  const file = SafetensorsFile.open(join(folder, WEIGHTS));
  try {
    const halves = findHalves(file, model.family);
    const places = [...halves.keys()].map((name) => placeOf(name) as PairPlace).sort(comparePlaces);
    let rank: number | undefined;
    const pairs = new Map<string, LoraPair>();
    for (const { name, target } of places) {
      const { a, b } = halves.get(name) ?? {};
      if (a === undefined || b === undefined) throw badMlx(file.path, a ?? b ?? name, "has no other half");
      const [low, high] = [transposed(file, a), transposed(file, b)];
      rank ??= low.rows;
      if (low.rows !== rank || high.columns !== rank)
        throw badMlx(file.path, a, `has rank ${low.rows} and ${high.columns}, others have ${rank}`);
      const isMoved = isPermuted(model, target);
      const wanted = isMoved ? permutedRowCount(model, target) : high.rows;
      if (high.rows !== wanted)
        throw badMlx(file.path, b, `has ${high.rows} rows, the base has ${wanted}: it is for another model`);
      const rows = isMoved ? permuteRows(high.values, model, rank, "to-gguf") : high.values;
      pairs.set(name, { inSize: low.columns, outSize: high.rows, a: low.values, b: rows });
    }
    if (rank === undefined) throw badMlx(file.path, "tensors", "there are none");
    const config = { rank, alpha: scale * rank, targets: targetsOf(places) };
    return { architecture: model.family, config, pairs, origin: {} };
  } finally {
    file.close();
  }
}

interface MlxConfig {
  fine_tune_type?: unknown;
  lora_parameters?: { scale?: unknown } | null;
}

function readConfig(path: string): { scale: number } {
  let value: MlxConfig | null;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as MlxConfig | null;
  } catch (error) {
    throw badMlx(path, CONFIG, `cannot be read: ${messageOf(error)}`);
  }
  const type = value?.fine_tune_type ?? "lora";
  if (type !== "lora") throw badMlx(path, "fine_tune_type", `is ${JSON.stringify(type)}, expected "lora"`);
  const scale = value?.lora_parameters?.scale;
  if (typeof scale !== "number" || !(scale > 0))
    throw badMlx(path, "lora_parameters.scale", `is ${JSON.stringify(scale)}, expected a number above 0`);
  return { scale };
}

/** Keys of both halves, by the name of the pair. */
function findHalves(file: SafetensorsFile, family: string): Map<string, { a?: string; b?: string }> {
  const targets = new Map(ALL_LINEAR_NAMES.map((name) => [peftModule(family, name), name]));
  const halves = new Map<string, { a?: string; b?: string }>();
  for (const key of file.tensors.keys()) {
    const [, layer, module = "", half] = KEY.exec(key) ?? [];
    const target = targets.get(module);
    if (target === undefined)
      throw badMlx(file.path, key, "is no pair of a matrix of a layer that can be trained");
    const name = `blk.${layer}.${target}.weight`;
    halves.set(name, { ...halves.get(name), [half as "a" | "b"]: key });
  }
  return halves;
}

/** A tensor [columns, rows] as rows, in float32. */
function transposed(
  file: SafetensorsFile,
  key: string,
): { rows: number; columns: number; values: Float32Array } {
  const { shape } = file.tensors.get(key) ?? { shape: [] };
  const [columns, rows] = shape as [number, number];
  if (shape.length !== 2) throw badMlx(file.path, key, `has ${shape.length} dimensions, expected 2`);
  const found = file.readFloats(key);
  if (!found.every(Number.isFinite)) throw badMlx(file.path, key, "contains NaN or infinity");
  const values = new Float32Array(found.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      values[row * columns + column] = found[column * rows + row] as number;
  return { rows, columns, values };
}

function badMlx(file: string, field: string, why: string): FormatError {
  return new FormatError(`bad MLX adapter: ${field}: ${why}`, {
    file,
    code: "bad-mlx",
    hint: "train it with mlx-lm as plain LoRA (fine_tune_type lora)",
  });
}
