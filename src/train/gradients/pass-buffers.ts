/** @file Arrays that passes write into, kept from one pass to the next: fresh pages cost as much time as a pass over them. */

/** Arrays of one block start at multiples of this many floats, 64 bytes. */
const ALIGNMENT = 16;

export class PassBuffers {
  readonly #largestTokenCount: number;
  readonly #buffers = new Map<string, Float32Array>();

  /** @param largestTokenCount tokens of the largest pass that is expected: buffers are made for it, so that none outgrows its place */
  constructor(largestTokenCount = 0) {
    this.#largestTokenCount = largestTokenCount;
  }

  /**
   * `count` floats, with whatever was in them; zeros when new. Valid until the same key is asked for again.
   * @param tokenCount tokens of this pass where the count grows with them
   */
  get(key: string, count: number, tokenCount?: number): Float32Array {
    let buffer = this.#buffers.get(key);
    if (buffer === undefined || buffer.length < count) {
      // The old one may go before the new one is made.
      this.#buffers.delete(key);
      const growth = tokenCount === undefined ? 1 : Math.max(1, this.#largestTokenCount / tokenCount);
      buffer = new Float32Array(Math.ceil(count * growth));
      this.#buffers.set(key, buffer);
    }
    return buffer.subarray(0, count);
  }

  /** Several arrays in one buffer: their names may change from pass to pass, the memory is the same. */
  getBlock(
    key: string,
    counts: ReadonlyMap<string, number>,
    tokenCount: number,
  ): Record<string, Float32Array> {
    const places = new Map<string, number>();
    let end = 0;
    for (const [name, count] of counts) {
      places.set(name, end);
      end += Math.ceil(count / ALIGNMENT) * ALIGNMENT;
    }
    const block = this.get(key, end, tokenCount);
    return Object.fromEntries(
      [...places].map(([name, start]) => [name, block.subarray(start, start + (counts.get(name) as number))]),
    );
  }
}
