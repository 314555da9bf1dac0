/** @file The memory of an engine as it was at one moment, to go back to. */

const BLOCK_BYTES = 65_536;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** Copy of a memory up to its last byte that is not 0; memory as new is all 0. */
export class MemoryImage {
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #sizeBytes: number;
  readonly #image: Buffer;

  /** @param memory - of a size that is a multiple of 64 KiB, as all of WebAssembly */
  constructor(memory: { readonly buffer: ArrayBuffer }) {
    this.#memory = memory;
    this.#sizeBytes = memory.buffer.byteLength;
    const bytes = Buffer.from(memory.buffer);
    let end = bytes.length;
    while (end > 0 && isZero(bytes, end - BLOCK_BYTES)) end -= BLOCK_BYTES;
    this.#image = Buffer.from(bytes.subarray(0, end));
  }

  /**
   * Makes every byte what it was. What is still 0 is only read, so that memory nobody used takes no room.
   * @returns false, with nothing done, where the memory has grown: it can not shrink
   */
  restore(): boolean {
    if (this.#memory.buffer.byteLength !== this.#sizeBytes) return false;
    const bytes = Buffer.from(this.#memory.buffer);
    this.#image.copy(bytes);
    for (let at = this.#image.length; at < bytes.length; at += BLOCK_BYTES)
      if (!isZero(bytes, at)) bytes.fill(0, at, at + BLOCK_BYTES);
    return true;
  }
}

function isZero(bytes: Buffer, at: number): boolean {
  return ZEROS.compare(bytes, at, at + BLOCK_BYTES) === 0;
}
