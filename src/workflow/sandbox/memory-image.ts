/** @file The memory of an engine as it was at one moment, to go back to. */

const BLOCK_BYTES = 65_536;
/** Looked at in one step where nothing has been written: a step for each block took half as long again. */
const SPAN_BYTES = 16 * BLOCK_BYTES;
const ZEROS = Buffer.alloc(SPAN_BYTES);

interface Block {
  at: number;
  bytes: Buffer;
}

/**
 * Copy of the blocks of a memory that are not all 0; memory as new is. An engine fills a few of them, far apart: behind its own
 * data lies its stack, and a copy up to the last byte was fourteen times as large.
 */
export class MemoryImage {
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #sizeBytes: number;
  readonly #blocks: Block[] = [];
  /** All that was 0, in pieces of at most SPAN_BYTES. */
  readonly #spans: { from: number; to: number }[] = [];

  /** @param memory - of a size that is a multiple of 64 KiB, as all of WebAssembly */
  constructor(memory: { readonly buffer: ArrayBuffer }) {
    this.#memory = memory;
    this.#sizeBytes = memory.buffer.byteLength;
    const bytes = Buffer.from(memory.buffer);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const to = at + BLOCK_BYTES;
      const last = this.#spans.at(-1);
      if (!isZero(bytes, at, to)) this.#blocks.push({ at, bytes: Buffer.from(bytes.subarray(at, to)) });
      else if (last?.to === at && to - last.from <= SPAN_BYTES) last.to = to;
      else this.#spans.push({ from: at, to });
    }
  }

  /**
   * Makes every byte what it was. What is still 0 is only read, so that memory nobody used takes no room.
   * @returns false, with nothing done, where the memory has grown: it can not shrink
   */
  restore(): boolean {
    if (this.#memory.buffer.byteLength !== this.#sizeBytes) return false;
    const bytes = Buffer.from(this.#memory.buffer);
    for (const block of this.#blocks) block.bytes.copy(bytes, block.at);
    for (const { from, to } of this.#spans) {
      if (isZero(bytes, from, to)) continue;
      for (let at = from; at < to; at += BLOCK_BYTES)
        if (!isZero(bytes, at, at + BLOCK_BYTES)) bytes.fill(0, at, at + BLOCK_BYTES);
    }
    return true;
  }
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  return ZEROS.compare(bytes, from, to, 0, to - from) === 0;
}
