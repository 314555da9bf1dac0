/** @file Injection: the low-rank update beside every targeted matrix of a layer graph. */
import type { Value } from "../graph/graph-builder.js";
import type { LinearHook } from "../transformer/layer-builder.js";
import type { LoraConfig } from "./lora-adapter.js";

export interface LoraInjection {
  hook: LinearHook;
  /** Inputs made so far: `<linear>.lora_a` [rank, in] and `<linear>.lora_b` [out, rank]. */
  inputs: ReadonlyMap<string, Value>;
  /** With dropout, inputs made so far: `<linear>.dropout` [T, in], factors of the update's own input. */
  masks: ReadonlyMap<string, Value>;
}

/** From this many times in·out / (in + out) tokens on, B·A is added to W: far fewer floats pass through memory then. */
const MERGE_FACTOR = 3;

/**
 * y = x·Wᵀ becomes y + (alpha / rank) · (x·Aᵀ)·Bᵀ for every target; one injection serves one layer graph. For many
 * tokens W + (alpha / rank) · B·A is added up first, which is the same but for rounding.
 * With dropout the update reads x ∘ mask instead of x, with a mask of its own for every matrix, as in PEFT; the
 * base's product stays as it is.
 * @source LoRA (arXiv:2106.09685), equation 3
 */
export function loraLinear(config: LoraConfig, hasDropout = false): LoraInjection {
  const inputs = new Map<string, Value>();
  const masks = new Map<string, Value>();
  const { rank, alpha } = config;
  const scale = alpha / rank;
  const hook: LinearHook = (graph, { name, input, weight }) => {
    if (!config.targets.includes(name)) return undefined;
    const [outSize, inSize] = weight.shape as [number, number];
    const tokenCount = input.shape[0] as number;
    const a = graph.input(`${name}.lora_a`, [rank, inSize]);
    const b = graph.input(`${name}.lora_b`, [outSize, rank]);
    inputs.set(`${name}.lora_a`, a).set(`${name}.lora_b`, b);
    if (!hasDropout && tokenCount * (inSize + outSize) >= MERGE_FACTOR * inSize * outSize)
      return graph.mergedLinear(input, weight, a, b, scale);
    let x = input;
    if (hasDropout) {
      const mask = graph.input(`${name}.dropout`, [tokenCount, inSize]);
      masks.set(`${name}.dropout`, mask);
      x = graph.mul(input, mask);
    }
    const low = graph.matmul(x, a, { transB: true }); // [T, rank]
    const update = graph.matmul(low, b, { transB: true, alpha: scale });
    return graph.add(graph.matmul(input, weight, { transB: true }), update);
  };
  return { hook, inputs, masks };
}
