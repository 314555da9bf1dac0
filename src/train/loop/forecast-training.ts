/** @file How long a training run will take, from what this machine's matrix products can do right now. */
import type { Backend } from "../../graph/backend.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { forwardFlops } from "../../transformer/forward-flops.js";
import type { ModelConfig } from "../../transformer/model-config.js";

/** One product of this size takes some milliseconds; the first few after a pause may run on one thread. */
const SIZE = 768;
const REPETITIONS = 12;
/** Share of that speed which whole training passes reach; see docs/results/train-bench.md. */
const TRAINING_SHARE = 0.65;

/** Floating-point operations per millisecond of one square product, the best of twelve. */
export async function measureProducts(backend: Backend): Promise<number> {
  const graph = new GraphBuilder();
  const a = graph.input("a", [SIZE, SIZE]);
  const b = graph.input("b", [SIZE, SIZE]);
  graph.output("y", graph.matmul(a, b));
  const program = await backend.compile(graph.build());
  const feeds = { a: new Float32Array(SIZE * SIZE).fill(0.5), b: new Float32Array(SIZE * SIZE).fill(0.25) };
  let best = 0;
  for (let i = 0; i < REPETITIONS; i++) {
    const started = performance.now();
    await program.run(feeds);
    best = Math.max(best, (2 * SIZE ** 3) / (performance.now() - started));
  }
  await program.dispose();
  return best;
}

/**
 * Milliseconds for passes of the given token counts. A forward pass, and a backward pass that costs as much where
 * base weights get no gradient and twice as much where they do; layers whose products are not kept are computed
 * once more.
 * @param flopsPerMs from measureProducts()
 */
export function forecastMs(
  config: ModelConfig,
  passes: readonly number[],
  keptLayerCount: number,
  flopsPerMs: number,
  { trainsWeights = false }: { trainsWeights?: boolean | undefined } = {},
): number {
  const passesOverModel = (trainsWeights ? 3 : 2) + (1 - keptLayerCount / config.layerCount);
  const flops = passes.reduce((sum, tokens) => sum + forwardFlops(config, tokens), 0);
  return (passesOverModel * flops) / (TRAINING_SHARE * flopsPerMs);
}
