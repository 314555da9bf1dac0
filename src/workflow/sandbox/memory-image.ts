/** @file The memory of an engine as it was at one moment, to go back to. */

const BLOCK_BYTES = 65_536;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * Copy of the blocks of a memory that are not all 0; memory as new is. An engine fills a few of them, far apart: behind its own
 * data lies its stack, and a copy up to the last byte was fourteen times as large.
 */
export class MemoryImage {
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #sizeBytes: number;
  /** By number of the block; undefined: all 0. */
  readonly #blocks: (Buffer | undefined)[] = [];

  /** @param memory - of a size that is a multiple of 64 KiB, as all of WebAssembly */
  constructor(memory: { readonly buffer: ArrayBuffer }) {
    this.#memory = memory;
    this.#sizeBytes = memory.buffer.byteLength;
    const bytes = Buffer.from(memory.buffer);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES)
      this.#blocks.push(isZero(bytes, at) ? undefined : Buffer.from(bytes.subarray(at, at + BLOCK_BYTES)));
  }

  /**
   * Makes every byte what it was. What is still 0 is only read, so that memory nobody used takes no room.
   * @returns false, with nothing done, where the memory has grown: it can not shrink
   */
  restore(): boolean {
    if (this.#memory.buffer.byteLength !== this.#sizeBytes) return false;
    const bytes = Buffer.from(this.#memory.buffer);
    for (const [number, block] of this.#blocks.entries()) {
      const at = number * BLOCK_BYTES;
      if (block) block.copy(bytes, at);
      else if (!isZero(bytes, at)) bytes.fill(0, at, at + BLOCK_BYTES);
    }
    return true;
  }
}

function isZero(bytes: Buffer, at: number): boolean {
  return ZEROS.compare(bytes, at, at + BLOCK_BYTES) === 0;
}
