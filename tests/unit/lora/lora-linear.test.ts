/** @file The low-rank update inside a layer's graph, and adapters told apart by their numbers. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../../src/core/errors.js";
import { makeTinyGguf } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { GraphBuilder } from "../../../src/graph/graph-builder.js";
import { adapterHash } from "../../../src/lora/adapter-hash.js";
import type { LoraAdapter } from "../../../src/lora/lora-adapter.js";
import { loraLinear } from "../../../src/lora/lora-linear.js";
import { saveAdapter } from "../../../src/lora/save-adapter.js";
import { ReferenceBackend } from "../../support/reference-backend.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const newFolder = useTemporaryFolder();

const size = fc.integer({ min: 1, max: 6 });
const number = fc.integer({ min: -8, max: 8 }).map((n) => n / 4);
const numbers = (length: number) =>
  fc.array(number, { minLength: length, maxLength: length }).map((list) => Float32Array.from(list));

/** T tokens, in and out sizes, rank, alpha, and the numbers x [T, in], W [out, in], A [rank, in], B [out, rank]. */
const problem = fc
  .record({
    // Beyond 3 · in · out / (in + out), at most 9 here, the update is put into the weight first.
    T: fc.integer({ min: 1, max: 18 }),
    inSize: size,
    outSize: size,
    rank: size,
    alpha: fc.integer({ min: 1, max: 32 }),
  })
  .chain((sizes) =>
    fc.record({
      sizes: fc.constant(sizes),
      x: numbers(sizes.T * sizes.inSize),
      w: numbers(sizes.outSize * sizes.inSize),
      a: numbers(sizes.rank * sizes.inSize),
      b: numbers(sizes.outSize * sizes.rank),
    }),
  );

/**
 * Results are at most 32 · 36 · 8 in size (alpha / rank times 36 products of three numbers up to 2); computed in
 * float64, handed over as float32, which rounds them by 2^-25 of that: 2.8e-4.
 */
const TOLERANCE = 5e-4;

describe("loraLinear", () => {
  it("makes x·Wᵀ + (alpha / rank) · (x·Aᵀ)·Bᵀ, number by number, for few and for many tokens", async () => {
    const forms = new Set<string>();
    await fc.assert(
      fc.asyncProperty(problem, async ({ sizes, x, w, a, b }) => {
        const { T, inSize, outSize, rank, alpha } = sizes;
        const graph = new GraphBuilder();
        const injection = loraLinear({ rank, alpha, targets: ["attn_v"] });
        const input = graph.input("x", [T, inSize]);
        const weight = graph.input("w", [outSize, inSize]);
        const output = injection.hook(graph, { name: "attn_v", input, weight })!;
        forms.add(output.node.op);
        graph.output("z", output);
        expect([...injection.inputs.keys()]).toEqual(["attn_v.lora_a", "attn_v.lora_b"]);
        const program = await new ReferenceBackend({ precision: "float64" }).compile(graph.build());
        const { z } = await program.run({ x, w, "attn_v.lora_a": a, "attn_v.lora_b": b });
        for (let t = 0; t < T; t++) {
          for (let o = 0; o < outSize; o++) {
            let base = 0;
            let update = 0;
            for (let i = 0; i < inSize; i++) {
              base += x[t * inSize + i]! * w[o * inSize + i]!;
              for (let r = 0; r < rank; r++)
                update += b[o * rank + r]! * a[r * inSize + i]! * x[t * inSize + i]!;
            }
            const expected = base + (alpha / rank) * update;
            expect(Math.abs(z![t * outSize + o]! - expected)).toBeLessThanOrEqual(TOLERANCE);
          }
        }
        await program.dispose();
      }),
      { seed: SEED, numRuns: 100 },
    );
    expect([...forms].sort()).toEqual(["add", "mergedLinear"]);
  });

  it("leaves other matrices alone", () => {
    const graph = new GraphBuilder();
    const injection = loraLinear({ rank: 2, alpha: 4, targets: ["attn_v"] });
    const input = graph.input("x", [3, 4]);
    const weight = graph.input("w", [5, 4]);
    expect(injection.hook(graph, { name: "attn_q", input, weight })).toBeUndefined();
    expect(injection.inputs.size).toBe(0);
  });
});

const adapter = (change: Partial<LoraAdapter> = {}, first = 1): LoraAdapter => ({
  architecture: "llama",
  config: { rank: 1, alpha: 2, targets: ["attn_q"] },
  pairs: new Map([
    [
      "blk.0.attn_q.weight",
      { inSize: 2, outSize: 3, a: Float32Array.of(first, 2), b: Float32Array.of(3, 4, 5) },
    ],
  ]),
  origin: {},
  ...change,
});

describe("adapters told apart", () => {
  it("have the same hash exactly when the numbers mean the same", () => {
    const hash = adapterHash(adapter());
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(adapterHash(adapter({ origin: { baseName: "other" } }))).toBe(hash);
    const [pair] = adapter().pairs.values();
    const others = [
      adapter({}, 1.0000001),
      adapter({ architecture: "qwen2" }),
      adapter({ config: { rank: 1, alpha: 3, targets: ["attn_q"] } }),
      adapter({ pairs: new Map([["blk.1.attn_q.weight", pair as NonNullable<typeof pair>]]) }),
    ];
    expect(new Set([hash, ...others.map(adapterHash)]).size).toBe(1 + others.length);
  });

  it("are not saved where no folder can be", async () => {
    const file = makeTinyGguf(join(newFolder(), "file.gguf"), { blocks: 1, width: 32 });
    await expect(saveAdapter(join(file, "sub"), "lora", adapter())).rejects.toThrow(StorageError);
    await expect(saveAdapter(join(file, "sub"), "lora", adapter())).rejects.toThrow(/cannot write .*sub/);
  });
});
