/** @file How long a training run will take, from what this machine's matrix products can do right now. */
import type { Backend } from "../../graph/backend.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { planAttention, plannedScores } from "../../transformer/attention-plan.js";
import { forwardFlops } from "../../transformer/forward-flops.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import type { TokenLayout } from "../../transformer/token-layout.js";
import { blockCountOf, bytesOfPrograms, layerNodes, type PassWork } from "./memory-plan.js";

/** One product of this size takes some milliseconds; the first few after a pause may run on one thread. */
const SIZE = 768;
const REPETITIONS = 12;
/**
 * Share of that speed which products reach in training, of wide models and half of it at this width; docs/results/train-bench.md
 * has what whole passes reach.
 */
const PRODUCT_SHARE = 0.75;
const HALF_SPEED_WIDTH = 128;
/**
 * Everything else in a layer's forward and backward pass, in products of that speed: operations per float that norms,
 * activations, rotations and copies touch, and per score of the softmax.
 */
const FLOPS_PER_FLOAT = 400;
const FLOPS_PER_SCORE = 250;
/** Compiling, likewise, per node of a graph. */
const FLOPS_PER_NODE = 10e6;

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

/** One pass as far as its time depends on it. */
export interface PassSize {
  layout: TokenLayout;
  /** Positions that predict something. */
  actionCount: number;
}

interface ForecastOptions
  extends Pick<PassWork, "trainedLayerCount" | "isAnchored" | "layoutCount" | "blockCount"> {
  keptLayerCount: number;
  programBytes: number;
  stateBytes: number;
  /** All weights train, not pairs beside them. */
  trainsWeights: boolean;
}

/**
 * Milliseconds for these passes: what is done every time, and what only once where memory was planned for it. A backward
 * pass costs as much as a forward one where base weights get no gradient and twice as much where they do; layers whose
 * products are not kept are computed once more.
 * @param flopsPerMs from measureProducts()
 */
export function forecastTraining(
  config: ModelConfig,
  passes: readonly PassSize[],
  options: ForecastOptions,
  flopsPerMs: number,
): { everyMs: number; onceMs: number } {
  const { keptLayerCount, trainsWeights, isAnchored = false } = options;
  const { layerCount: L, hiddenSize: D, feedForwardSize: F, headCount: H, vocabSize: V } = config;
  const trained = options.trainedLayerCount ?? L;
  const share = (PRODUCT_SHARE * D) / (D + HALF_SPEED_WIDTH);
  let forward = 0;
  let head = 0;
  let compiling = 0;
  for (const { layout, actionCount } of passes) {
    const blocks = blockCountOf(layout);
    const scores = config.layers.reduce(
      (sum, { window }) => sum + H * plannedScores(planAttention(layout, window)),
      0,
    );
    const floats = L * layout.tokenCount * (F + D);
    const body = forwardFlops(config, layout) / share;
    forward += body + FLOPS_PER_FLOAT * floats + FLOPS_PER_SCORE * scores;
    head += actionCount * V * (4 * D * (isAnchored ? 2 : 1) + FLOPS_PER_FLOAT);
    compiling += FLOPS_PER_NODE * layerNodes({ layoutCount: 1, blockCount: blocks });
  }
  const below = (1 - trained / L) * forward;
  const base = isAnchored ? forward : 0;
  const backward = (trainsWeights ? 2 : 1) * trained + (trained - keptLayerCount);
  const every = ((trained + backward) / L) * forward + head;
  const ms = (flops: number) => flops / flopsPerMs;
  const areStatesKept = options.stateBytes > 0;
  // Those least lately used are given up first: where not all find room, none is there when its turn comes again.
  const areProgramsKept = options.programBytes >= bytesOfPrograms(config, options);
  return {
    everyMs: ms(every + (areStatesKept ? 0 : below + base) + (areProgramsKept ? 0 : compiling)),
    onceMs: ms(
      (areStatesKept ? below + base : 0) + (areProgramsKept ? FLOPS_PER_NODE * layerNodes(options) : 0),
    ),
  };
}
