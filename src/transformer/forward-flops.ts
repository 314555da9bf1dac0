/** @file Floating-point operations of a forward pass, counted as the plan computes them. */
import { planAttention, plannedScores } from "./attention-plan.js";
import { linearsOf } from "./linear-name.js";
import type { ModelConfig } from "./model-config.js";
import { singleSequence, type TokenLayout } from "./token-layout.js";
import { layerWeightCount } from "./weight-plan.js";

/**
 * Operations of one sequence, or one tree, through all layers, without embedding and head: 2 per weight and token for the
 * matrices, 4·d per head and planned score for attention. Norms, rotations and softmax are not counted.
 */
export function forwardFlops(config: ModelConfig, tokens: number | TokenLayout): number {
  const layout = typeof tokens === "number" ? singleSequence(tokens) : tokens;
  return config.layers.reduce((sum, layer) => {
    const matrices = 2 * layout.tokenCount * layerWeightCount(config, layer);
    if (!linearsOf(layer).includes("attn_output")) return sum + matrices;
    const scores = plannedScores(planAttention(layout, layer.window));
    return sum + matrices + 4 * config.headSize * config.headCount * scores;
  }, 0);
}
