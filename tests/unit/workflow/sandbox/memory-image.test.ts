/** @file A memory goes back to what it was, byte by byte. */
import { describe, expect, it } from "vitest";
import { MemoryImage } from "../../../../src/workflow/sandbox/memory-image.js";

const PAGE = 65_536;

describe("an image of a memory", () => {
  it("brings back every byte, wherever it was changed", () => {
    const bytes = new Uint8Array(8 * PAGE);
    for (let at = 0; at < 2 * PAGE + 17; at++) bytes[at] = at % 251;
    const before = bytes.slice();
    const image = new MemoryImage(bytes);
    for (const at of [
      0,
      1,
      PAGE,
      2 * PAGE + 16,
      2 * PAGE + 17,
      3 * PAGE - 1,
      3 * PAGE,
      6 * PAGE + 5,
      8 * PAGE - 1,
    ])
      bytes[at] = 255;
    expect(image.restore()).toBe(true);
    expect(Buffer.compare(bytes, before)).toBe(0);
    bytes.fill(1);
    expect(image.restore()).toBe(true);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  it("brings back what lies far apart, and the zeros between", () => {
    const pages = 70;
    const bytes = new Uint8Array(pages * PAGE);
    for (const page of [0, 40, 41, 69]) bytes.fill(page + 1, page * PAGE + 3, page * PAGE + 900);
    const before = bytes.slice();
    const image = new MemoryImage(bytes);
    for (let page = 0; page < pages; page++) {
      // One page alone, its first byte or its last.
      bytes[page * PAGE + (page % 2 === 0 ? 0 : PAGE - 1)] = 7;
      expect(image.restore()).toBe(true);
      expect(Buffer.compare(bytes, before), `page ${page}`).toBe(0);
    }
  });

  it("of nothing but 0 empties the memory", () => {
    const bytes = new Uint8Array(2 * PAGE);
    const image = new MemoryImage(bytes);
    bytes.fill(9);
    expect(image.restore()).toBe(true);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("says so where the memory has grown, and leaves it", () => {
    const memory = { buffer: new ArrayBuffer(PAGE) };
    const image = new MemoryImage(memory);
    memory.buffer = new ArrayBuffer(2 * PAGE);
    new Uint8Array(memory.buffer).fill(3);
    expect(image.restore()).toBe(false);
    expect(new Uint8Array(memory.buffer)[0]).toBe(3);
  });
});
