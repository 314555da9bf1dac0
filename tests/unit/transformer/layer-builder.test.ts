/** @file Attention over a tree in a layer's graph, against sums written down plainly. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { GraphBuilder } from "../../../src/graph/graph-builder.js";
import { planAttention } from "../../../src/transformer/attention-plan.js";
import { LayerBuilder } from "../../../src/transformer/layer-builder.js";
import type { ModelConfig } from "../../../src/transformer/model-config.js";
import { treeLayout } from "../../../src/transformer/token-layout.js";
import { ReferenceBackend } from "../../support/reference-backend.js";

/** A prompt of 5 tokens with branches of 4 and 3. */
const LAYOUT = treeLayout([
  { start: 0, end: 5, parent: -1 },
  { start: 5, end: 9, parent: 0 },
  { start: 9, end: 12, parent: 0 },
]);
const T = LAYOUT.tokenCount;
const d = 4;
const SCALE = 0.5;
const SEED = 20_261_124;
/** Results of at most 1 are handed over as float32; masks are float32 too. */
const TOLERANCE = 1e-6;

const sees = (query: number, key: number) =>
  key <= query && (key < 5 || (query >= 5 && query < 9) === (key >= 5 && key < 9));

/** q [T, H·d], k and v [T, K·d] → [T, H·d]. */
function plainAttention(q: Float32Array, k: Float32Array, v: Float32Array, H: number, K: number): number[] {
  const result: number[] = [];
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor(h / (H / K));
      const keys = Array.from({ length: T }, (_, key) => key).filter((key) => sees(t, key));
      const powers = keys.map((key) => {
        let score = 0;
        for (let i = 0; i < d; i++) score += q[(t * H + h) * d + i]! * k[(key * K + g) * d + i]!;
        return Math.exp(SCALE * score);
      });
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (let i = 0; i < d; i++)
        result.push(keys.reduce((sum, key, n) => sum + (powers[n]! / total) * v[(key * K + g) * d + i]!, 0));
    }
  }
  return result;
}

describe("LayerBuilder.attention", () => {
  // With three kv heads the queries of a block are cut in two where their number is even; 3 · 1 · 5 is not.
  it.each([
    [1, 1],
    [4, 2],
    [3, 3],
    [6, 3],
    [9, 3],
    [10, 5],
  ])("%i heads with %i of keys give what the sums say", async (H, K) => {
    for (const blockSize of [2, 3, 128]) {
      const graph = new GraphBuilder();
      const config = { headCount: H, kvHeadCount: K, headSize: d, attentionScale: SCALE } as ModelConfig;
      const plan = planAttention(LAYOUT, undefined, blockSize);
      const layer = new LayerBuilder(graph, { config, plan, biases: new Set() });
      const q = graph.input("q", [T, H * d]);
      const k = graph.input("k", [T, K * d]);
      const v = graph.input("v", [T, K * d]);
      graph.output("y", layer.attention(q, k, v));
      const random = new Random(SEED);
      const draw = (length: number) => Float32Array.from({ length }, () => 2 * random.next() - 1);
      const feeds = { q: draw(T * H * d), k: draw(T * K * d), v: draw(T * K * d) };
      const masks = plan.masks.map(({ data }, i) => [`mask.${i}`, data] as const);
      const program = await new ReferenceBackend({ precision: "float64" }).compile(graph.build());
      const { y } = await program.run({ ...feeds, ...Object.fromEntries(masks) });
      for (const [i, wanted] of plainAttention(feeds.q, feeds.k, feeds.v, H, K).entries())
        expect(Math.abs(y![i]! - wanted), `seed ${SEED}, block ${blockSize}, ${i}`).toBeLessThan(TOLERANCE);
      await program.dispose();
    }
  });
});
