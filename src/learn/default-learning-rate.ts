/** @file The learning rate of rounds by model size: small models need far higher rates for adapters than big ones. */

/** Where the rule was measured: SmolLM2-135M learned at 2e-3 what it did not at 3e-4 (docs/learning.md). */
const MEASURED = { parameters: 135e6, rate: 2e-3 };

/**
 * Falls with the square root of the size, which meets 2e-4 at 13 B, QLoRA's own (arXiv:2305.14314, table 9). Below the
 * measured size it stays at the measured rate.
 */
export function defaultLearningRate(parameterCount: number): number {
  const scale = Math.sqrt(MEASURED.parameters / Math.max(MEASURED.parameters, parameterCount));
  return Number((MEASURED.rate * scale).toPrecision(2));
}
