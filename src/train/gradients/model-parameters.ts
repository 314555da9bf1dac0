/** @file All weights of a model as what trains: taken from its file, and added up. */
import type { GgufFile } from "../../formats/gguf/gguf-file.js";

/** Tables that a converter computed, and no weights. */
const TABLES = /(^|\.)(rope_freqs|rope_factors_long|rope_factors_short|attn_rot_embd)\.weight$/;

/** Every weight of a model by its tensor's name, row-major, dequantised: embedding, head, norms, biases, matrices. */
export function modelParameters(file: GgufFile): Map<string, Float32Array> {
  const names = [...file.tensors.keys()].filter((name) => !TABLES.test(name));
  return new Map(names.map((name) => [name, file.readFloats(name)]));
}

/** `attn_q.lora_a` of layer 3 is `blk.3.attn_q.weight.lora_a` in adapter files; `attn_q.weight` is `blk.3.attn_q.weight`. */
export function parameterName(layer: number, input: string): string {
  return `blk.${layer}.${input.replace(".lora_", ".weight.lora_")}`;
}

/** Copy of an adapter's parameters with every B at 0, so that it changes nothing. */
export function silenced(parameters: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  const zeroed = (name: string, values: Float32Array) =>
    name.endsWith(".lora_b") ? new Float32Array(values.length) : values;
  return new Map([...parameters].map(([name, values]) => [name, zeroed(name, values)]));
}

/** into += values; nothing where there is no `into`. */
export function accumulate(into: Float32Array | undefined, values: Float32Array): void {
  if (into === undefined) return;
  for (let i = 0; i < values.length; i++) into[i] = (into[i] as number) + (values[i] as number);
}
