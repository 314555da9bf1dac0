/** @file Checkpoints: read back to the bit, refused when one bit is off, the newest unharmed one found, none lost. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FormatError, StorageError, TrainingDivergedError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { writeSafetensors } from "../../../../src/formats/safetensors/write-safetensors.js";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../../../src/train/loop/checkpoint.js";
import { newestValidCheckpoint, saveCheckpoint } from "../../../../src/train/loop/checkpoint-folder.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_131);
/** Damaged copies per kind of damage; each costs a write and a read of about 2 kB. */
const DAMAGED_COPIES = 400;
const folder = useTemporaryFolder();

/** What the disk does; every call of a file system function that writes counts. */
const disk = vi.hoisted(() => ({
  failAt: Number.POSITIVE_INFINITY,
  calls: 0,
  freeBlocks: undefined as number | undefined,
}));

vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<typeof import("node:fs/promises")>();
  const full = (syscall: string) => {
    if (++disk.calls !== disk.failAt) return;
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC", syscall });
  };
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      if (args[1] === "r") return real.open(...args);
      full("open");
      const handle = await real.open(...args);
      const write = handle.write.bind(handle) as (bytes: Uint8Array, from: number, length: number) => unknown;
      const sync = handle.sync.bind(handle);
      return Object.assign(handle, {
        write: (bytes: Uint8Array, from: number, length: number) => {
          full("write");
          // A short write is allowed, and makes more places to fail at.
          return write(bytes, from, Math.min(length, 512));
        },
        sync: () => {
          full("fsync");
          return sync();
        },
      });
    },
    rename: async (...args: Parameters<typeof real.rename>) => {
      full("rename");
      return real.rename(...args);
    },
    statfs: async (path: string) => {
      const space = await real.statfs(path);
      return disk.freeBlocks === undefined ? space : { ...space, bsize: 4096, bavail: disk.freeBlocks };
    },
  };
});

afterEach(() => {
  disk.failAt = Number.POSITIVE_INFINITY;
  disk.calls = 0;
  disk.freeBlocks = undefined;
});

function sample(step: number, size = 30): Checkpoint {
  const random = new Random(step);
  const arrays = () =>
    new Map(
      ["blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"].map((name, i) => [
        name,
        Float32Array.from({ length: size + i }, () => random.next() - 0.5),
      ]),
    );
  return {
    parameters: arrays(),
    optimizer: { step, m: arrays(), v: arrays() },
    position: { epoch: 1, step: 3 },
    seed: 7,
    identity: { modelHash: "ab".repeat(32), dataHash: "cd".repeat(32), config: { lora: { rank: 4 } } },
    losses: Array.from({ length: step }, (_, i) => 1 / (i + 3)),
    heldOutLosses: [{ step: 1, loss: Math.PI }],
  };
}

/** Float32Arrays as bits: −0 and subnormals count. */
function bits({ parameters, optimizer, ...rest }: Checkpoint) {
  const plain = (part: ReadonlyMap<string, Float32Array>) =>
    [...part]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, values]) => [
        name,
        [...new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))],
      ]);
  return { ...rest, step: optimizer.step, parts: [parameters, optimizer.m, optimizer.v].map(plain) };
}

async function written(checkpoint: Checkpoint): Promise<{ path: string; bytes: Buffer }> {
  const path = join(folder(), "one.safetensors");
  await writeCheckpoint(path, checkpoint);
  return { path, bytes: readFileSync(path) };
}

/** The paths whose damaged content was accepted. */
function accepted(path: string, damaged: Iterable<[what: string, bytes: Buffer]>): string[] {
  const wrong: string[] = [];
  for (const [what, bytes] of damaged) {
    writeFileSync(path, bytes);
    try {
      readCheckpoint(path);
      wrong.push(what);
    } catch (error) {
      if (!(error instanceof FormatError)) wrong.push(`${what}: ${error}`);
    }
  }
  return wrong;
}

describe("a checkpoint file", () => {
  it("is read back to the bit", async () => {
    const numbers = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 6 });
    const parts = fc.dictionary(fc.string(), fc.tuple(numbers, numbers, numbers), {
      maxKeys: 4,
      noNullPrototype: true,
    });
    const state = fc.record({
      parts,
      step: fc.nat(),
      seed: fc.nat(),
      losses: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).map((loss) => loss + 0)),
    });
    const path = join(folder(), "any.safetensors");
    await fc.assert(
      fc.asyncProperty(state, async ({ parts, step, seed, losses }) => {
        const part = (i: 0 | 1 | 2) =>
          new Map(Object.entries(parts).map(([name, arrays]) => [name, arrays[i]]));
        const checkpoint: Checkpoint = {
          ...sample(1),
          parameters: part(0),
          optimizer: { step, m: part(1), v: part(2) },
          seed,
          losses,
        };
        await writeCheckpoint(path, checkpoint);
        expect(bits(readCheckpoint(path))).toEqual(bits(checkpoint));
      }),
      { seed: SEED, numRuns: 60, examples: [] },
    );
  });

  it("has the same bytes for the same state", async () => {
    const [one, two] = [await written(sample(5)), await written(structuredClone(sample(5)))];
    expect(one.bytes.equals(two.bytes)).toBe(true);
  });

  it("is refused cut at any length", async () => {
    const { path, bytes } = await written(sample(2));
    const lengths = [0, 1, 7, 8, 9, bytes.length - 1];
    const random = new Random(SEED);
    while (lengths.length < DAMAGED_COPIES) lengths.push(random.integer(0, bytes.length - 1));
    expect(
      accepted(
        path,
        lengths.map((n) => [`${n} bytes`, bytes.subarray(0, n)]),
      ),
    ).toEqual([]);
  });

  it("is refused with any one bit flipped", async () => {
    const { path, bytes } = await written(sample(2));
    const random = new Random(SEED);
    const flips = Array.from({ length: DAMAGED_COPIES }, (): [string, Buffer] => {
      const at = random.integer(0, bytes.length - 1);
      const bit = random.integer(0, 7);
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] as number) ^ (1 << bit);
      return [`bit ${bit} of byte ${at}`, copy];
    });
    expect(accepted(path, flips)).toEqual([]);
  });

  it("is refused with a stretch of zeros, or with parts changed about", async () => {
    const { path, bytes } = await written(sample(2));
    const random = new Random(SEED);
    const zeroed = Array.from({ length: DAMAGED_COPIES / 4 }, (): [string, Buffer] => {
      const from = random.integer(0, bytes.length - 64);
      return [`zeros from ${from}`, Buffer.from(bytes).fill(0, from, from + 64)];
    });
    const text = bytes.toString("latin1");
    const swapped = text
      .replace('"parameter.blk.0.attn_q.weight.lora_a"', '"m.PLACE"')
      .replace('"m.blk.0.attn_q.weight.lora_a"', '"parameter.blk.0.attn_q.weight.lora_a"')
      .replace('"m.PLACE"', '"m.blk.0.attn_q.weight.lora_a"');
    expect(swapped).not.toBe(text);
    expect(accepted(path, [...zeroed, ["names changed about", Buffer.from(swapped, "latin1")]])).toEqual([]);
  });

  it("says why it is refused", async () => {
    const { path, bytes } = await written(sample(2));
    const copy = Buffer.from(bytes);
    copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
    writeFileSync(path, copy);
    expect(() => readCheckpoint(path)).toThrow(/checksum: does not fit the content/);
    writeFileSync(path, bytes.toString("latin1").replace('"version":"1"', '"version":"2"'), "latin1");
    expect(() => readCheckpoint(path)).toThrow(/version: is 2, expected 1/);
    await writeSafetensors(path, { tensors: new Map() });
    expect(() => readCheckpoint(path)).toThrow(/not a training checkpoint/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("is not written with %d in it", async (bad) => {
    const directory = folder();
    for (const part of ["parameters", "m", "v"] as const) {
      const checkpoint = sample(4);
      const arrays = part === "parameters" ? checkpoint.parameters : checkpoint.optimizer[part];
      arrays.get("blk.0.attn_q.weight.lora_b")?.fill(bad, 2, 3);
      const saving = saveCheckpoint(directory, checkpoint);
      await expect(saving).rejects.toThrow(TrainingDivergedError);
      await expect(saving).rejects.toMatchObject({ step: 4, hint: expect.stringContaining("lora_b holds") });
    }
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("a folder of checkpoints", () => {
  const names = (directory: string) => readdirSync(directory).sort();

  it("keeps the last two and finds the newest", async () => {
    const directory = join(folder(), "new");
    expect(newestValidCheckpoint(directory)).toEqual({ newest: undefined, bad: [] });
    for (const step of [1, 2, 10, 100_000_000]) {
      await saveCheckpoint(directory, { ...sample(2), optimizer: { ...sample(2).optimizer, step } });
    }
    expect(names(directory)).toEqual(["checkpoint-00000010.safetensors", "checkpoint-100000000.safetensors"]);
    const { newest, bad } = newestValidCheckpoint(directory);
    expect(newest?.checkpoint.optimizer.step).toBe(100_000_000);
    expect(bad).toEqual([]);
  });

  it("falls back to the one before a damaged one, names it, and clears it away later", async () => {
    const directory = folder();
    await saveCheckpoint(directory, sample(3));
    const path = await saveCheckpoint(directory, sample(6));
    writeFileSync(path, readFileSync(path).subarray(0, 900));
    const { newest, bad } = newestValidCheckpoint(directory);
    expect(bits(newest?.checkpoint as Checkpoint)).toEqual(bits(sample(3)));
    expect(bad).toEqual([{ path, reason: expect.stringContaining("bad safetensors") }]);
    await saveCheckpoint(directory, sample(5));
    expect(names(directory)).toEqual(["checkpoint-00000003.safetensors", "checkpoint-00000005.safetensors"]);
  });

  it("does not believe a name: a copy under another step is bad", async () => {
    const directory = folder();
    const path = await saveCheckpoint(directory, sample(3));
    const copy = path.replace("03.", "09.");
    copyFileSync(path, copy);
    const { newest, bad } = newestValidCheckpoint(directory);
    expect(newest?.path).toBe(path);
    expect(bad).toEqual([{ path: copy, reason: expect.stringContaining("is 3, the name says 9") }]);
  });

  it("passes over what a killed process was writing, at any point, and clears it away", async () => {
    const directory = folder();
    await saveCheckpoint(directory, sample(3));
    const { bytes } = await written(sample(4));
    const random = new Random(SEED);
    for (let i = 0; i < 50; i++) {
      const part = bytes.subarray(0, random.integer(0, bytes.length));
      writeFileSync(join(directory, `checkpoint-00000004.safetensors.${1000 + i}-0.tmp`), part);
      const { newest, bad } = newestValidCheckpoint(directory);
      expect([newest?.checkpoint.optimizer.step, bad]).toEqual([3, []]);
    }
    writeFileSync(join(directory, "notes.txt"), "mine");
    mkdirSync(join(directory, "checkpoint-00000002.safetensors"));
    await saveCheckpoint(directory, sample(4));
    expect(names(directory)).toEqual([
      "checkpoint-00000002.safetensors",
      "checkpoint-00000003.safetensors",
      "checkpoint-00000004.safetensors",
      "notes.txt",
    ]);
  });

  it("keeps the earlier checkpoint when the disk is full at any call", async () => {
    const directory = folder();
    await saveCheckpoint(directory, sample(3));
    const before = names(directory);
    disk.calls = 0;
    await saveCheckpoint(folder(), sample(4));
    const calls = disk.calls;
    expect(calls).toBeGreaterThan(6);
    for (let failAt = 1; failAt <= calls; failAt++) {
      Object.assign(disk, { calls: 0, failAt });
      const saving = saveCheckpoint(directory, sample(4));
      await expect(saving, `call ${failAt}`).rejects.toThrow(StorageError);
      await expect(saving).rejects.toThrow(/cannot write .*checkpoint-00000004.*ENOSPC/);
      expect(names(directory)).toEqual(before);
      const { newest } = newestValidCheckpoint(directory);
      expect(bits(newest?.checkpoint as Checkpoint)).toEqual(bits(sample(3)));
    }
    Object.assign(disk, { calls: 0, failAt: Number.POSITIVE_INFINITY });
    await saveCheckpoint(directory, sample(4));
    expect(newestValidCheckpoint(directory).newest?.checkpoint.optimizer.step).toBe(4);
  });

  it("says how much room it needs and has before it writes", async () => {
    const directory = folder();
    disk.freeBlocks = 512;
    await expect(saveCheckpoint(directory, sample(1, 100_000))).rejects.toThrow(
      `a checkpoint needs 4 MiB, ${directory} has 2 MiB left`,
    );
    expect([disk.calls, names(directory)]).toEqual([0, []]);
  });

  it("reports a folder that is none", () => {
    const path = join(folder(), "file");
    writeFileSync(path, "x");
    expect(() => newestValidCheckpoint(path)).toThrow(StorageError);
  });
});
