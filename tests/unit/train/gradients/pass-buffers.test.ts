import { describe, expect, it } from "vitest";
import { PassBuffers } from "../../../../src/train/gradients/pass-buffers.js";

describe("PassBuffers", () => {
  it("gives the same memory again, and more only where more is asked for", () => {
    const buffers = new PassBuffers();
    const first = buffers.get("y", 100);
    expect(buffers.get("y", 60).buffer).toBe(first.buffer);
    expect(buffers.get("y", 60)).toHaveLength(60);
    expect(buffers.get("y", 101).buffer).not.toBe(first.buffer);
    expect(buffers.get("x", 100).buffer).not.toBe(first.buffer);
  });

  it("makes room for the largest pass at once", () => {
    const buffers = new PassBuffers(4096);
    const small = buffers.get("y", 10 * 8, 10);
    expect(small).toHaveLength(80);
    expect(buffers.get("y", 4096 * 8, 4096).buffer).toBe(small.buffer);
    expect(buffers.get("y", 4097 * 8, 4097).buffer).not.toBe(small.buffer);
  });

  it("holds a block's arrays apart", () => {
    const counts = new Map([
      ["q", 33],
      ["k", 16],
      ["v", 1],
    ]);
    const block = new PassBuffers().getBlock("layer", counts, 3);
    for (const [i, name] of [...counts.keys()].entries()) block[name]?.fill(i + 1);
    expect(Object.entries(block).map(([name, { length }]) => [name, length])).toEqual([...counts]);
    expect(block.q?.every((value) => value === 1)).toBe(true);
    expect(block.k?.every((value) => value === 2)).toBe(true);
    expect(block.v?.every((value) => value === 3)).toBe(true);
  });

  it("takes no more memory for blocks of other names: every trie cuts its attention elsewhere", () => {
    const buffers = new PassBuffers(1000);
    const memory = new Set<ArrayBufferLike>();
    for (let start = 0; start < 50; start++) {
      const counts = new Map([
        [`attend_${start}`, 640],
        [`attend_${start + 100}`, 320],
      ]);
      for (const { buffer } of Object.values(buffers.getBlock("layer", counts, 15))) memory.add(buffer);
    }
    expect(memory.size).toBe(1);
  });
});
