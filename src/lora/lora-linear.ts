/** @file Injection: the low-rank update beside every targeted matrix of a layer graph. */
import type { Value } from "../graph/graph.js";
import type { LinearHook } from "../transformer/layer-builder.js";
import type { LoraConfig } from "./lora-adapter.js";

export interface LoraInjection {
  hook: LinearHook;
  /** Inputs made so far: `<linear>.lora_a` [rank, in] and `<linear>.lora_b` [out, rank]. */
  inputs: ReadonlyMap<string, Value>;
  /** With dropout, inputs made so far: `<linear>.dropout` [T, in], factors of the update's own input. */
  masks: ReadonlyMap<string, Value>;
}

/**
 * y = x·Wᵀ becomes y + (alpha / rank) · (x·Aᵀ)·Bᵀ for every target; one injection serves one layer graph.
 * With dropout the update reads x ∘ mask instead of x, with a mask of its own for every matrix, as in PEFT; the
 * base's product stays as it is.
 * @source LoRA (arXiv:2106.09685), equation 3
 */
export function loraLinear(config: LoraConfig, hasDropout = false): LoraInjection {
  const inputs = new Map<string, Value>();
  const masks = new Map<string, Value>();
  const { rank, alpha } = config;
  const hook: LinearHook = (graph, { name, input, output, inSize, outSize }) => {
    if (!config.targets.includes(name)) return output;
    const a = graph.input(`${name}.lora_a`, [rank, inSize]);
    const b = graph.input(`${name}.lora_b`, [outSize, rank]);
    inputs.set(`${name}.lora_a`, a).set(`${name}.lora_b`, b);
    let x = input;
    if (hasDropout) {
      const mask = graph.input(`${name}.dropout`, [input.shape[0] as number, inSize]);
      masks.set(`${name}.dropout`, mask);
      x = graph.mul(input, mask);
    }
    const low = graph.matmul(x, a, { transB: true }); // [T, rank]
    return graph.add(output, graph.matmul(low, b, { transB: true, alpha: alpha / rank }));
  };
  return { hook, inputs, masks };
}
