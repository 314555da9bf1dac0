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
  const matrices = config.layers.reduce(
    (sum, layer) => sum + 2 * layout.tokenCount * layerWeightCount(config, layer),
    0,
  );
  return matrices + 4 * config.headSize * config.headCount * scoresOfLayers(config, layout);
}

/** Planned scores of one head in all layers that attend; layers of one window have the same plan. */
export function scoresOfLayers({ layers }: Pick<ModelConfig, "layers">, layout: TokenLayout): number {
  const known = new Map<number | undefined, number>();
  let sum = 0;
  for (const layer of layers) {
    if (!linearsOf(layer).includes("attn_output")) continue;
    const scores = known.get(layer.window) ?? plannedScores(planAttention(layout, layer.window));
    known.set(layer.window, scores);
    sum += scores;
  }
  return sum;
}
