/** @file Keeps one bad step from throwing the parameters far away. */

/** Added to the norm before the division, as torch.nn.utils.clip_grad_norm_ does. */
const EPSILON = 1e-6;

/**
 * Multiplies all gradients by min(1, maxNorm / (norm + 1e-6)), in place; norm is the root of the sum of all
 * squares, summed in float64.
 * @param maxNorm above 0; Infinity only measures
 * @returns the norm before clipping; not finite when a gradient is not, and then nothing is changed
 */
export function clipByGlobalNorm(gradients: ReadonlyMap<string, Float32Array>, maxNorm: number): number {
  let squares = 0;
  for (const values of gradients.values()) {
    for (let i = 0; i < values.length; i++) squares += (values[i] as number) ** 2;
  }
  const norm = Math.sqrt(squares);
  const factor = maxNorm / (norm + EPSILON);
  if (!Number.isFinite(norm) || factor >= 1) return norm;
  for (const values of gradients.values()) {
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
  }
  return norm;
}
