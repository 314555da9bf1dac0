/** @file Adapters as PEFT directories: adapter_config.json and adapter_model.safetensors, with Hugging Face's names and rows. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../core/atomic-file.js";
import { FormatError, messageOf, StorageError } from "../core/errors.js";
import { SafetensorsFile } from "../formats/safetensors.js";
import { writeSafetensors } from "../formats/safetensors-writer.js";
import { LINEAR_NAMES, type LinearName } from "../transformer/linear-name.js";
import { checkLoraConfig } from "./init-lora.js";
import type { LoraAdapter, LoraPair } from "./lora-adapter.js";
import { type HeadShape, isPermuted, permuteRows } from "./row-permutation.js";

/** Where a matrix lives in Hugging Face's models. */
const MODULES: Readonly<Record<LinearName, string>> = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};
const TARGETS = new Map(LINEAR_NAMES.map((name) => [MODULES[name], name]));
const PREFIX = "base_model.model.model.layers.";
const KEY =
  /^base_model\.model\.model\.(?:language_model\.)?layers\.(\d+)\.([a-z_]+\.[a-z_]+)\.lora_([AB])(?:\.default)?\.weight$/;
const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** Settings of PEFT that change what an adapter means, with the value that means nothing. */
const UNSUPPORTED: readonly (readonly [key: string, isOff: (value: unknown) => boolean, what: string])[] = [
  ["use_dora", isFalse, "DoRA"],
  ["use_rslora", isFalse, "rank-stabilised scaling (write alpha · √rank as alpha instead)"],
  ["fan_in_fan_out", isFalse, "transposed weights"],
  ["rank_pattern", isEmpty, "ranks that differ between modules"],
  ["alpha_pattern", isEmpty, "alphas that differ between modules"],
  ["modules_to_save", isEmpty, "whole modules beside the pairs"],
  ["layer_replication", isEmpty, "replicated layers"],
  ["target_parameters", isEmpty, "expert parameters"],
  ["bias", (value) => value === undefined || value === null || value === "none", "trained biases"],
];

function isFalse(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0)
  );
}

/**
 * Writes a directory that PEFT, vLLM and Transformers load. B's rows of q and k are turned back into Hugging
 * Face's order for llama files.
 * @param baseName for `base_model_name_or_path`; default the base's own name
 * @throws {StorageError}
 */
export async function writePeftAdapter(
  folder: string,
  adapter: LoraAdapter,
  model: HeadShape,
  baseName: string = adapter.origin.baseName ?? "",
): Promise<void> {
  const { rank, alpha, targets } = adapter.config;
  const tensors = new Map<string, { dtype: "F32"; shape: number[]; data: Float32Array }>();
  for (const [name, { inSize, outSize, a, b }] of adapter.pairs) {
    const [, layer = "", target] = /^blk\.(\d+)\.([a-z_]+)\.weight$/.exec(name) ?? [];
    const module = `${PREFIX}${layer}.${MODULES[target as LinearName]}`;
    const rows = isPermuted(model, target as LinearName) ? permuteRows(b, model, rank, "to-hugging-face") : b;
    tensors.set(`${module}.lora_A.weight`, { dtype: "F32", shape: [rank, inSize], data: a });
    tensors.set(`${module}.lora_B.weight`, { dtype: "F32", shape: [outSize, rank], data: rows });
  }
  const config = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseName,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    target_modules: targets.map((name) => MODULES[name].split(".")[1]),
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    modules_to_save: null,
    use_rslora: false,
    use_dora: false,
    rank_pattern: {},
    alpha_pattern: {},
  };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new StorageError(`cannot make ${folder}: ${messageOf(error)}`, {
      hint: "choose another folder",
      cause: error,
    });
  }
  await writeSafetensors(join(folder, WEIGHTS), { metadata: new Map([["format", "pt"]]), tensors });
  // Last: a folder with a config is a whole one.
  await writeAtomic(join(folder, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Reads a PEFT directory made for the same model as the base GGUF.
 * @throws {FormatError} `bad PEFT adapter: <field>: <why>`: DoRA, rsLoRA, patterns, foreign modules, half pairs, NaN
 */
export function readPeftAdapter(folder: string, model: HeadShape): LoraAdapter {
  const config = readConfig(join(folder, CONFIG));
  const weights = join(folder, WEIGHTS);
  const file = SafetensorsFile.open(weights);
  try {
    const halves = new Map<string, Partial<Record<"A" | "B", string>>>();
    const order: { name: string; layer: number; target: LinearName }[] = [];
    for (const key of file.tensors.keys()) {
      const [, layer, module = "", half] = KEY.exec(key) ?? [];
      const target = TARGETS.get(module);
      if (target === undefined)
        throw bad(weights, key, "is no pair of a matrix of a layer that can be trained");
      const name = `blk.${layer}.${target}.weight`;
      const pair = halves.get(name) ?? {};
      if (halves.get(name) === undefined) order.push({ name, layer: Number(layer), target });
      pair[half as "A" | "B"] = key;
      halves.set(name, pair);
    }
    if (order.length === 0) throw bad(weights, "tensors", "there are none");
    order.sort(
      (x, y) => x.layer - y.layer || LINEAR_NAMES.indexOf(x.target) - LINEAR_NAMES.indexOf(y.target),
    );
    const pairs = new Map<string, LoraPair>();
    for (const { name, target } of order) {
      const { A, B } = halves.get(name) ?? {};
      if (A === undefined || B === undefined) throw bad(weights, `${A ?? B}`, "has no other half");
      pairs.set(
        name,
        readPair(file, weights, { A, B, rank: config.rank, isPermuted: isPermuted(model, target), model }),
      );
    }
    const targets = LINEAR_NAMES.filter((name) => order.some(({ target }) => target === name));
    const lora = { ...config, targets };
    checkLoraConfig(lora);
    const origin = config.baseName === "" ? {} : { baseName: config.baseName };
    return {
      architecture: model.family,
      config: { rank: lora.rank, alpha: lora.alpha, targets },
      pairs,
      origin,
    };
  } finally {
    file.close();
  }
}

function readPair(
  file: SafetensorsFile,
  path: string,
  pair: { A: string; B: string; rank: number; isPermuted: boolean; model: HeadShape },
): LoraPair {
  const [rankA, inSize = 0] = file.tensors.get(pair.A)?.shape ?? [];
  const [outSize = 0, rankB] = file.tensors.get(pair.B)?.shape ?? [];
  if (rankA !== pair.rank || rankB !== pair.rank)
    throw bad(path, pair.A, `has rank ${rankA} and ${rankB}, the configuration says ${pair.rank}`);
  const a = file.readFloats(pair.A);
  const b = file.readFloats(pair.B);
  for (const [key, values] of [[pair.A, a] as const, [pair.B, b] as const])
    if (!values.every(Number.isFinite)) throw bad(path, key, "contains NaN or infinity");
  return { inSize, outSize, a, b: pair.isPermuted ? permuteRows(b, pair.model, pair.rank, "to-gguf") : b };
}

function readConfig(path: string): { rank: number; alpha: number; baseName: string } {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw bad(path, CONFIG, `cannot be read: ${messageOf(error)}`);
  }
  if (typeof value !== "object" || value === null) throw bad(path, CONFIG, "is no JSON object");
  if (value.peft_type !== "LORA")
    throw bad(path, "peft_type", `is ${JSON.stringify(value.peft_type)}, expected "LORA"`);
  for (const [key, isOff, what] of UNSUPPORTED)
    if (!isOff(value[key]))
      throw bad(path, key, `is ${JSON.stringify(value[key])}: ${what} is not supported`);
  const { r, lora_alpha: alpha, base_model_name_or_path: name } = value;
  if (!Number.isInteger(r)) throw bad(path, "r", `is ${JSON.stringify(r)}, expected a whole number`);
  if (typeof alpha !== "number" || !(alpha > 0))
    throw bad(path, "lora_alpha", `is ${JSON.stringify(alpha)}, expected above 0`);
  return { rank: r as number, alpha, baseName: typeof name === "string" ? name : "" };
}

function bad(file: string, field: string, why: string): FormatError {
  return new FormatError(`bad PEFT adapter: ${field}: ${why}`, {
    file,
    code: "bad-peft",
    hint: "save it again with plain LoRA settings, or merge it with PEFT and convert the model",
  });
}
