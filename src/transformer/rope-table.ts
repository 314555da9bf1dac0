/** @file Cosines and sines of rotary position embedding, one row per token. */
import type { ModelConfig, RopeConfig } from "./model-config.js";
import type { ModelKeys } from "./model-keys.js";

const DEFAULT_BASE = 10_000;

/**
 * The rotary embedding the metadata asks for. Linear scaling is computed, YaRN and LongRoPE are refused.
 * @param hasMagnitude whether cosines and sines may have a factor. Default false
 * @throws {UnsupportedModelError}
 */
export function ropeOfKeys(keys: ModelKeys, { hasMagnitude = false } = {}): RopeConfig {
  const type = keys.optionalString("rope.scaling.type") ?? "linear";
  // The older key of llama.cpp means the same.
  const factor = keys.optionalNumber("rope.scaling.factor") ?? keys.optionalNumber("rope.scale_linear") ?? 0;
  if (type !== "none" && type !== "linear")
    keys.refuse(keys.name("rope.scaling.type"), `is ${type}; supported are none and linear`);
  const attention = keys.optionalNumber("rope.scaling.attn_factor") ?? 1;
  if (attention !== 1 && !hasMagnitude)
    keys.refuse(keys.name("rope.scaling.attn_factor"), `is ${attention}, which is not supported`);
  return {
    base: keys.optionalNumber("rope.freq_base") ?? DEFAULT_BASE,
    scale: type === "none" || factor === 0 ? 1 : 1 / factor,
    magnitude: attention === 1 ? undefined : attention,
  };
}

/**
 * Rows for the given positions, each [T, d/2]. Angles are computed in float64: at position 10⁴ a float32 angle is off by 10⁻³.
 * @param factors such as Llama 3's `rope_freqs.weight` [d/2]: every frequency is divided by its factor.
 */
export function ropeTable(
  config: Pick<ModelConfig, "headSize">,
  rope: RopeConfig,
  positions: ArrayLike<number>,
  factors?: Float32Array,
): Record<"cos" | "sin", Float32Array> {
  const half = config.headSize / 2;
  const { magnitude = 1 } = rope;
  const frequencies = Float64Array.from(
    { length: half },
    (_, i) => rope.scale / rope.base ** (i / half) / (factors?.[i] ?? 1),
  );
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let t = 0; t < positions.length; t++) {
    for (let i = 0; i < half; i++) {
      const angle = (positions[t] as number) * (frequencies[i] as number);
      cos[t * half + i] = magnitude * Math.cos(angle);
      sin[t * half + i] = magnitude * Math.sin(angle);
    }
  }
  return { cos, sin };
}
