/** @file The masks of LoRA dropout: seeded, and the same again for the backward pass. */
import type { Random } from "../../core/random.js";

/** One draw of the generator serves two numbers. */
const STEPS = 2 ** 16;

/**
 * Fills `mask` with 0 (with the given probability, rounded to 1 / 65,536) and 1 / (1 − share), so that the expected
 * input stays what it is.
 * @param share 0 to below 1
 */
export function fillDropoutMask(mask: Float32Array, share: number, random: Random): void {
  const kept = 1 / (1 - share);
  const limit = Math.round(share * STEPS);
  for (let i = 0; i < mask.length; i += 2) {
    const bits = random.next() * 2 ** 32;
    mask[i] = bits % STEPS < limit ? 0 : kept;
    // Of an odd length the last one falls outside, where nothing is stored.
    mask[i + 1] = bits / STEPS < limit ? 0 : kept;
  }
}
