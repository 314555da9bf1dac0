/** @file adapter_config.json of PEFT directories: LoRA is read, everything else is refused by name. */
import { readFileSync } from "node:fs";
import { FormatError, messageOf } from "../core/errors.js";
import type { LoraConfig } from "./lora-adapter.js";

export const PEFT_CONFIG_FILE = "adapter_config.json";

/** Patterns of one setting, such as `rank_pattern`, in their order. */
export interface PeftPattern {
  field: string;
  /** The configuration's file. */
  path: string;
  entries: readonly (readonly [pattern: string, value: number])[];
}

export interface PeftConfig {
  rank: number;
  alpha: number;
  /** The scale is alpha / √rank instead of alpha / rank. @source rsLoRA (arXiv:2312.03732) */
  isRankStabilised: boolean;
  /** Ranks and alphas of single modules. */
  ranks: PeftPattern;
  alphas: PeftPattern;
  /** `base_model_name_or_path`; empty where it is not given. */
  baseName: string;
}

type IsHarmless = (value: unknown) => boolean;

/** Older files lack the newer keys; null stands for the default. */
const isAbsent: IsHarmless = (value) => value === undefined || value === null;
const isFalse: IsHarmless = (value) => isAbsent(value) || value === false;
const isEmpty: IsHarmless = (value) =>
  isAbsent(value) ||
  value === false ||
  (typeof value === "object" && Object.keys(value as object).length === 0);
const isOneOf =
  (...values: readonly unknown[]): IsHarmless =>
  (value) =>
    isAbsent(value) || values.includes(value);

/** Settings that change what an adapter means, when they are harmless, and what they stand for. */
const REFUSED: readonly (readonly [key: string, isHarmless: IsHarmless, what: string])[] = [
  ["use_dora", isFalse, "DoRA is not supported"],
  ["use_qalora", isFalse, "QALoRA is not supported"],
  ["fan_in_fan_out", isFalse, "transposed weights are not supported"],
  ["modules_to_save", isEmpty, "whole modules beside the pairs are not supported"],
  ["trainable_token_indices", isEmpty, "trained embeddings are not supported"],
  ["target_parameters", isEmpty, "expert parameters are not supported"],
  ["layer_replication", isEmpty, "replicated layers are not supported"],
  ["alora_invocation_tokens", isAbsent, "activated LoRA is not supported"],
  ["bias", isOneOf("none"), "trained biases are not supported"],
  ["lora_bias", isFalse, "trained biases are not supported"],
  ["task_type", isOneOf("CAUSAL_LM"), "only language models are supported"],
  [
    "init_lora_weights",
    // PiSSA, OLoRA, CorDA and LoftQ move part of the base's weights into the pair.
    isOneOf(true, false, "gaussian", "eva", "orthogonal"),
    "it fits only a base that was changed with it (save it converted to plain LoRA)",
  ],
];

/**
 * Reads the settings of a PEFT directory.
 * @throws {FormatError} `bad PEFT adapter: <field>: <why>`
 */
export function readPeftConfig(path: string): PeftConfig {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw badPeft(path, PEFT_CONFIG_FILE, `cannot be read: ${messageOf(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badPeft(path, PEFT_CONFIG_FILE, "is no JSON object");
  if (value.peft_type !== "LORA")
    throw badPeft(path, "peft_type", `is ${JSON.stringify(value.peft_type)}, expected "LORA"`);
  for (const [key, isHarmless, what] of REFUSED)
    if (!isHarmless(value[key])) throw badPeft(path, key, `is ${shown(value[key])}: ${what}`);
  const { r, lora_alpha: alpha, base_model_name_or_path: name } = value;
  if (typeof r !== "number" || !Number.isInteger(r) || r < 1)
    throw badPeft(path, "r", `is ${shown(r)}, expected a whole number from 1`);
  if (typeof alpha !== "number" || !(alpha > 0 && Number.isFinite(alpha)))
    throw badPeft(path, "lora_alpha", `is ${shown(alpha)}, expected a number above 0`);
  const { use_rslora: isRankStabilised } = value;
  if (!isOneOf(true, false)(isRankStabilised))
    throw badPeft(path, "use_rslora", `is ${shown(isRankStabilised)}, expected true or false`);
  return {
    rank: r,
    alpha,
    isRankStabilised: isRankStabilised === true,
    ranks: readPattern(path, "rank_pattern", value, (rank) => Number.isInteger(rank)),
    alphas: readPattern(path, "alpha_pattern", value, Number.isFinite),
    baseName: typeof name === "string" ? name : "",
  };
}

function readPattern(
  path: string,
  field: string,
  config: Record<string, unknown>,
  isRight: (value: number) => boolean,
): PeftPattern {
  const found = config[field] ?? {};
  if (typeof found !== "object") throw badPeft(path, field, `is ${shown(found)}, expected an object`);
  const entries = Object.entries(found as Record<string, number>);
  for (const [pattern, value] of entries)
    if (typeof value !== "number" || !isRight(value) || value <= 0)
      throw badPeft(path, field, `is ${shown(value)} for ${shown(pattern)}, expected a number above 0`);
  return { field, path, entries };
}

/** The text of adapter_config.json for a plain LoRA adapter. @param modules such as `q_proj` */
export function encodePeftConfig(
  { rank, alpha }: Pick<LoraConfig, "rank" | "alpha">,
  modules: readonly string[],
  baseName: string,
): string {
  const config = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseName,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    target_modules: modules,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    modules_to_save: null,
    use_rslora: false,
    use_dora: false,
    rank_pattern: {},
    alpha_pattern: {},
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Every complaint about a PEFT directory. */
export function badPeft(file: string, field: string, why: string): FormatError {
  return new FormatError(`bad PEFT adapter: ${field}: ${why}`, {
    file,
    code: "bad-peft",
    hint: "save it again with plain LoRA settings, or merge it with PEFT and convert the model",
  });
}

const MAX_SHOWN = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
