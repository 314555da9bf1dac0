/** @file The forward pass of a GGUF model: embedding, layers, norm, head. */
import { InputError } from "../core/errors.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import type { Backend, Program } from "../graph/backend.js";
import { type AttentionPlan, planAttention } from "./attention-plan.js";
import {
  finalNormGraph,
  finalNormName,
  type HeadOutput,
  headChunks,
  headGraph,
  headName,
} from "./head-graph.js";
import type { LinearHook } from "./layer-builder.js";
import { embedTokens, layerKind, layoutFeeds } from "./layer-feeds.js";
import { layerGraph } from "./layer-graph.js";
import type { LayerConfig } from "./model-config.js";
import { type ModelDescription, readModel } from "./read-model.js";
import { singleSequence } from "./token-layout.js";
import { planWeights, type WeightCache, type WeightPlan } from "./weight-plan.js";
import { WeightStore } from "./weight-store.js";

export interface TransformerOptions {
  backend: Backend;
  /** Form of the weights in memory. Default `auto`: the fastest that fits `availableBytes`. */
  weights?: WeightCache | "auto" | undefined;
  /** Memory this process may take; default what the system says is free. */
  availableBytes?: number | undefined;
  /** Products added to those of the layers' matrices, such as a LoRA adapter. */
  injection?: Injection | undefined;
}

/** Changes to a layer's products, and the inputs they need. */
export interface Injection {
  /** Called for each layer graph that is built. */
  hook: LinearHook;
  /** Feeds of a layer beyond its weights, by the names that the hook gave its inputs. */
  feeds(layer: number): Record<string, Float32Array>;
}

export interface ForwardOptions {
  /** Called with the hidden states [T, D] that enter layer 0, 1, … and leave the last. */
  onHidden?: ((layer: number, hidden: Float32Array) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** T tokens, D hidden size, V vocabulary, P positions asked for. */
export class Transformer {
  readonly model: ModelDescription;
  readonly weightPlan: WeightPlan;
  readonly #file: GgufFile;
  readonly #backend: Backend;
  readonly #weights: WeightStore;
  readonly #injection: Injection | undefined;
  readonly #programs = new Map<string, Promise<Program>>();

  private constructor(file: GgufFile, model: ModelDescription, options: TransformerOptions) {
    this.#file = file;
    this.model = model;
    this.#backend = options.backend;
    this.#injection = options.injection;
    const available = options.availableBytes ?? process.availableMemory();
    this.weightPlan = planWeights(model.config, available, options.weights);
    this.#weights = new WeightStore(file, this.weightPlan.cache);
  }

  /**
   * Opens a model file (the first part of a split one). Weights are read when they are first needed.
   * @throws {FormatError} for a malformed file
   * @throws {UnsupportedModelError} naming what is not supported
   */
  static open(path: string, options: TransformerOptions): Transformer {
    const file = GgufFile.open(path);
    try {
      return new Transformer(file, readModel(file.header), options);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Hidden states after the last layer, before the final norm: [T, D]. */
  async hidden(tokens: ArrayLike<number>, options: ForwardOptions = {}): Promise<Float32Array> {
    const { config, family } = this.model;
    this.#checkTokens(tokens);
    const layout = singleSequence(tokens.length);
    let x = embedTokens(tokens, this.#weights, config);
    const feedsOf = new Map<LayerConfig, { plan: AttentionPlan; feeds: Record<string, Float32Array> }>();
    for (let index = 0; index < config.layerCount; index++) {
      options.signal?.throwIfAborted();
      options.onHidden?.(index, x);
      const layer = config.layers[index] as LayerConfig;
      let shared = feedsOf.get(layer);
      if (shared === undefined) {
        const plan = planAttention(layout, layer.window);
        const { positions } = layout;
        shared = { plan, feeds: layoutFeeds({ layer, positions, plan }, this.#weights, config) };
        feedsOf.set(layer, shared);
      }
      const { plan, feeds } = shared;
      const biases = this.#weights.biases(index);
      const key = `layer ${layerKind(layer)} ${[...biases].join()} ${tokens.length}`;
      const program = await this.#program(key, () =>
        layerGraph(family, {
          config,
          plan,
          layer,
          biases,
          weightType: this.#weights.weightType,
          onLinear: this.#injection?.hook,
        }),
      );
      const { y } = await program.run({
        x,
        ...feeds,
        ...this.#weights.layer(index),
        ...this.#injection?.feeds(index),
      });
      x = y as Float32Array;
    }
    options.onHidden?.(config.layerCount, x);
    return x;
  }

  /** Rows of `hidden` [T, D] after the final norm: [P, D]. */
  async normed(hidden: Float32Array, positions: ArrayLike<number>): Promise<Float32Array> {
    const { config } = this.model;
    const rows = new Float32Array(positions.length * config.hiddenSize);
    for (let p = 0; p < positions.length; p++) {
      const from = (positions[p] as number) * config.hiddenSize;
      rows.set(hidden.subarray(from, from + config.hiddenSize), p * config.hiddenSize);
    }
    const program = await this.#program(`norm ${positions.length}`, () =>
      finalNormGraph(config, positions.length),
    );
    const weight = this.#weights.vector(finalNormName(config)) as Float32Array;
    const { y } = await program.run({ x: rows, "output_norm.weight": weight });
    return y as Float32Array;
  }

  /** Logits [P, V] at the given positions (default: all). */
  async logits(
    tokens: ArrayLike<number>,
    positions?: ArrayLike<number>,
    options?: ForwardOptions,
  ): Promise<Float32Array> {
    const { config } = this.model;
    const wanted = positions ?? Int32Array.from({ length: tokens.length }, (_, i) => i);
    const normed = await this.normed(await this.hidden(tokens, options), wanted);
    const logits = new Float32Array(wanted.length * config.vocabSize);
    await this.#overVocabulary(normed, wanted.length, "logits", (start, end, chunk) => {
      for (let p = 0; p < wanted.length; p++)
        logits.set(chunk.subarray(p * (end - start), (p + 1) * (end - start)), p * config.vocabSize + start);
    });
    return logits;
  }

  /** log p(tokens[t+1] | tokens[0..t]) for t = 0 … T − 2. Never holds more than one chunk of logits. */
  async logProbs(tokens: ArrayLike<number>, options?: ForwardOptions): Promise<Float64Array> {
    const { config } = this.model;
    const count = tokens.length - 1;
    const positions = Int32Array.from({ length: Math.max(count, 0) }, (_, i) => i);
    if (count < 1) return new Float64Array(0);
    const normed = await this.normed(await this.hidden(tokens, options), positions);
    const total = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    await this.#overVocabulary(normed, count, "logSumExp", (_start, _end, chunk) => {
      for (let p = 0; p < count; p++) total[p] = logAddExp(total[p] as number, chunk[p] as number);
    });
    const targets = this.#weights.gather(headName(config), Array.from(tokens).slice(1));
    return total.map(
      (logTotal, p) => this.#logit(dot(normed, targets, p * config.hiddenSize, config.hiddenSize)) - logTotal,
    );
  }

  /** Releases sessions and the file. */
  async close(): Promise<void> {
    const programs = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of programs) await (await program).dispose();
    this.#file.close();
  }

  async #overVocabulary(
    normed: Float32Array,
    positionCount: number,
    output: HeadOutput,
    onChunk: (start: number, end: number, values: Float32Array) => void,
  ): Promise<void> {
    const { config } = this.model;
    for (const { start, end } of headChunks(config)) {
      const size = { positionCount, chunkSize: end - start };
      const program = await this.#program(`head ${output} ${positionCount} ${end - start}`, () =>
        headGraph(config, size, output, this.#weights.weightType),
      );
      const { y } = await program.run({
        x: normed,
        weight: this.#weights.rows(headName(config), start, end),
      });
      onChunk(start, end, y as Float32Array);
    }
  }

  #program(key: string, build: () => ReturnType<typeof layerGraph>): Promise<Program> {
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = this.#backend.compile(build());
      this.#programs.set(key, program);
    }
    return program;
  }

  #logit(product: number): number {
    const { logitSoftcap: cap, logitScale = 1 } = this.model.config;
    const logit = logitScale * product;
    return cap === undefined ? logit : cap * Math.tanh(logit / cap);
  }

  #checkTokens(tokens: ArrayLike<number>): void {
    const { vocabSize } = this.model.config;
    if (tokens.length === 0)
      throw new InputError("there are no tokens", { hint: "give a text that is not empty" });
    for (let i = 0; i < tokens.length; i++) {
      const id = tokens[i] as number;
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
        throw new InputError(`token ${i} is ${id}, the vocabulary has ids 0 to ${vocabSize - 1}`, {
          hint: "tokenise with the model's own tokenizer",
        });
      }
    }
  }
}

/** log(e^a + e^b) without overflow. */
function logAddExp(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/** Sum in float64: one target's logit must not be less exact than the thousands in the total. */
function dot(a: Float32Array, b: Float32Array, from: number, length: number): number {
  let sum = 0;
  for (let i = from; i < from + length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
