/** @file Seeded damage to the bytes of a valid file: flips, cuts, insertions, lying lengths, swapped pieces. */
import type { Random } from "../../src/core/random.js";

/** `digit` changes a decimal digit of a text header, `field` writes a 32- or 64-bit integer. */
export type MutationKind = "flip" | "cut" | "insert" | "delete" | "field" | "swap" | "digit";

export interface MutationOptions {
  /** One is drawn per mutant; name a kind twice to have it twice as often. */
  kinds: readonly MutationKind[];
  /** Where the header ends: most damage is done before it. */
  structureEnd: number;
}

/** A damaged copy; the same random stream gives the same bytes. */
export function mutateBytes(whole: Buffer, random: Random, options: MutationOptions): Buffer {
  const { structureEnd } = options;
  const mutant = Buffer.from(whole);
  const place = (room = 1) => Math.max(0, Math.min(hotPlace(random, structureEnd), whole.length - room));
  switch (random.pick(options.kinds)) {
    case "cut":
      return mutant.subarray(0, random.integer(0, whole.length - 1));
    case "insert": {
      const at = place();
      const extra = Buffer.from(Array.from({ length: random.integer(1, 40) }, () => random.integer(0, 255)));
      return Buffer.concat([mutant.subarray(0, at), extra, mutant.subarray(at)]);
    }
    case "delete": {
      const at = place();
      return Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + random.integer(1, 40))]);
    }
    case "field": {
      const bytes = random.pick([4, 8]);
      const at = place(bytes);
      const found = bytes === 4 ? BigInt(mutant.readUInt32LE(at)) : mutant.readBigUInt64LE(at);
      const value = random.pick([
        found + 1n,
        found - 1n,
        found * 2n,
        found ^ (1n << BigInt(random.integer(0, bytes * 8 - 1))),
        0n,
        2n ** 31n,
        2n ** 63n,
        -1n,
        BigInt(whole.length),
      ]);
      if (bytes === 4) mutant.writeUInt32LE(Number(BigInt.asUintN(32, value)), at);
      else mutant.writeBigUInt64LE(BigInt.asUintN(64, value), at);
      return mutant;
    }
    case "swap": {
      const length = random.integer(1, 24);
      const [first, second] = [place(length), place(length)];
      mutant.set(whole.subarray(second, second + length), first);
      mutant.set(whole.subarray(first, first + length), second);
      return mutant;
    }
    case "digit": {
      const start = place();
      const length = structureEnd - start;
      const at = whole.subarray(start, structureEnd).findIndex((byte) => byte >= 0x30 && byte <= 0x39);
      if (length > 0 && at >= 0) mutant[start + at] = 0x30 + random.integer(0, 9);
      return mutant;
    }
    default: {
      for (let flips = random.integer(1, 4); flips > 0; flips--) mutant[place()] = random.integer(0, 255);
      return mutant;
    }
  }
}

/** Half of them where the structure is densest: at the start, and (tensor infos) at the end of the header. */
function hotPlace(random: Random, structureEnd: number): number {
  const [low, high] = random.pick([
    [0, Math.min(64, structureEnd) - 1],
    [Math.max(0, structureEnd - 700), structureEnd - 1],
    [0, structureEnd - 1],
    [0, structureEnd - 1],
  ] as const);
  return random.integer(low, high);
}
