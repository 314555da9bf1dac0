/** @file How long a training run will take, from what this machine's matrix products can do right now. */
import type { Backend } from "../../graph/backend.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { forwardFlops, scoresOfLayers } from "../../transformer/forward-flops.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import type { TokenLayout } from "../../transformer/token-layout.js";
import { layerWeightCount } from "../../transformer/weight-plan.js";
import { blockCountOf, bytesOfPrograms, bytesOfStates, layerNodes, type PassWork } from "./memory-plan.js";

/** One product of this size takes some milliseconds; the first few after a pause may run on one thread. */
const SIZE = 768;
const REPETITIONS = 12;
/** Where one takes seconds, as on a GPU computed in software, the first few are enough. */
const LONGEST_MS = 2000;
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

/** Floating-point operations per millisecond of one square product, the best of up to twelve. */
export async function measureProducts(backend: Backend): Promise<number> {
  const graph = new GraphBuilder();
  const a = graph.input("a", [SIZE, SIZE]);
  const b = graph.input("b", [SIZE, SIZE]);
  graph.output("y", graph.matmul(a, b));
  const program = await backend.compile(graph.build());
  const feeds = { a: new Float32Array(SIZE * SIZE).fill(0.5), b: new Float32Array(SIZE * SIZE).fill(0.25) };
  let best = 0;
  const begun = performance.now();
  for (let i = 0; i < REPETITIONS && performance.now() - begun < LONGEST_MS; i++) {
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

/** Passes of a run. */
export interface RunPasses {
  /** Forward and backward, of some updates, such as an epoch's. */
  trained: readonly PassSize[];
  /** Forward alone before these, in the same updates: where a loss needs all passes of an update at once. Default none. */
  before?: readonly PassSize[] | undefined;
  /** Forward alone at the end of every epoch: examples held out. Default none. */
  heldOut?: readonly PassSize[] | undefined;
  /** Forward alone, once: what replies were worth at the start, and what the first update's examples are at both ends. Default none. */
  once?: readonly PassSize[] | undefined;
}

interface ForecastOptions
  extends Pick<
    PassWork,
    "trainedLayerCount" | "isAnchored" | "layoutCount" | "blockCount" | "epochTokenCount"
  > {
  keptLayerCount: number;
  programBytes: number;
  stateBytes: number;
  /** All weights train, not pairs beside them. */
  trainsWeights: boolean;
  /** Milliseconds for reading one layer of the file; its weights and the head's are read `once`, or for every pass. Default 0. */
  layerReadMs?: number | undefined;
  areWeightsKept?: boolean | undefined;
}

interface Forecast {
  /** Of the updates given. */
  everyMs: number;
  /** At the end of an epoch. */
  epochMs: number;
  onceMs: number;
}

/**
 * Milliseconds for these passes: what is done every time, and what only once where memory was planned for it. A backward
 * pass costs as much as a forward one where base weights get no gradient and twice as much where they do; layers whose
 * products are not kept are computed once more.
 * @param flopsPerMs from measureProducts()
 */
export function forecastTraining(
  config: ModelConfig,
  { trained: passes, before = [], heldOut = [], once = [] }: RunPasses,
  options: ForecastOptions,
  flopsPerMs: number,
): Forecast {
  const { keptLayerCount, trainsWeights, isAnchored = false, layerReadMs = 0 } = options;
  const { layerCount: L } = config;
  const trained = Math.min(L, options.trainedLayerCount ?? L);
  const work = workOf(config, passes);
  const below = (1 - trained / L) * work.forward;
  const base = isAnchored ? work.forward : 0;
  const backward = (trainsWeights ? 2 : 1) * trained + (trained - keptLayerCount);
  const heads = (isAnchored ? 2 : 1) * work.headProducts + work.headRest;
  const every = ((trained + backward) / L) * work.forward + heads;
  const states = bytesOfStates(config, options);
  const keptShare = states === 0 ? 0 : Math.min(1, options.stateBytes / states);
  // Those least lately used are given up first: where not all find room, none is there when its turn comes again.
  const areProgramsKept = options.programBytes >= bytesOfPrograms(config, options);
  const alone = (own: readonly PassSize[]) => {
    const { forward, headProducts, headRest, compiling } = workOf(config, own);
    return forward + headProducts + headRest + (areProgramsKept ? 0 : compiling);
  };
  const reading = layerReadMs * (L + (config.vocabSize * config.hiddenSize) / layerWeightCount(config));
  const readsOf = (own: readonly PassSize[], times: number) =>
    options.areWeightsKept === false ? reading * times * own.length : 0;
  const ms = (flops: number) => flops / flopsPerMs;
  return {
    everyMs:
      ms(every + (1 - keptShare) * (below + base) + (areProgramsKept ? 0 : work.compiling) + alone(before)) +
      readsOf(passes, 2) +
      readsOf(before, 1),
    epochMs: ms(alone(heldOut)) + readsOf(heldOut, 1),
    onceMs:
      ms(
        keptShare * (below + base) +
          (areProgramsKept ? FLOPS_PER_NODE * layerNodes(options) : 0) +
          alone(once),
      ) +
      readsOf(once, 1) +
      (options.areWeightsKept === false ? 0 : reading),
  };
}

/** Operations of passes: all layers' forward pass, the head's products and the rest of it, and compiling programs. */
function workOf(config: ModelConfig, passes: readonly PassSize[]) {
  const { layerCount: L, hiddenSize: D, feedForwardSize: F, headCount: H, vocabSize: V } = config;
  const share = (PRODUCT_SHARE * D) / (D + HALF_SPEED_WIDTH);
  const work = { forward: 0, headProducts: 0, headRest: 0, compiling: 0 };
  for (const { layout, actionCount } of passes) {
    const scores = H * scoresOfLayers(config, layout);
    const floats = L * layout.tokenCount * (F + D);
    const body = forwardFlops(config, layout) / share;
    work.forward += body + FLOPS_PER_FLOAT * floats + FLOPS_PER_SCORE * scores;
    work.headProducts += 4 * actionCount * V * D;
    work.headRest += FLOPS_PER_FLOAT * actionCount * V;
    work.compiling += FLOPS_PER_NODE * layerNodes({ layoutCount: 1, blockCount: blockCountOf(layout) });
  }
  return work;
}
