/** @file What scorers need of a sentence-embedding model; the implementation lives in llm/. */

/** Texts to vectors whose scalar product is their similarity. */
export interface TextEmbedder {
  /** Name of the model, part of what a score was made with. */
  readonly id: string;
  /**
   * One vector of length 1 per text, in order; the same list gives the same vectors.
   * @throws {InputError} when the model cannot be loaded
   */
  embed(texts: readonly string[], options?: { signal?: AbortSignal | undefined }): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** Cosine of two vectors of length 1, −1 to 1. @throws {RangeError} when they are of different models. */
export function similarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} numbers`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return Math.max(-1, Math.min(1, sum));
}
