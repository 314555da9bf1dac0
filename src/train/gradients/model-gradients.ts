/** @file Loss and gradients of one token trie through a whole model, layer by layer. */
import { InternalError } from "../../core/errors.js";
import type { Random } from "../../core/random.js";
import type { Backend } from "../../graph/backend.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { embedTokens, layerKind, layoutFeeds } from "../../transformer/layer-feeds.js";
import type { ModelDescription } from "../../transformer/read-model.js";
import type { WeightStore } from "../../transformer/weight-store.js";
import { type LayerKeys, layerKeys, type PromptKeys } from "../data/prompt-keys.js";
import type { TokenTrie } from "../data/token-trie.js";
import { type CompiledLayer, CompiledLayers, isPrompted, type PassTrie, planOf } from "./compiled-layers.js";
import { fillDropoutMask } from "./fill-dropout-mask.js";
import { type HeadOptions, type HeadResult, headGradient, type TargetObjective } from "./head-gradient.js";
import { accumulate, parameterName, silenced } from "./model-parameters.js";
import { PassBuffers } from "./pass-buffers.js";
import { heldWeights, ParameterWeights, type PassWeights } from "./pass-weights.js";
import { ProgramCache } from "./program-cache.js";
import { StateCache } from "./state-cache.js";

export interface ModelGradientsOptions {
  model: ModelDescription;
  weights: WeightStore;
  backend: Backend;
  /** The pairs that train; null trains every weight of the model instead. */
  lora: LoraConfig | null;
  /** The last this many layers hand their products to the backward pass, the others compute them again. Default all. */
  keptLayerCount?: number | undefined;
  /**
   * Pairs of the layers below `firstTrainedLayer`, by the names of parameters: constants. What these layers give is
   * computed once for every pass and kept. Default none, from layer 0 on. LoRA only.
   */
  fixed?: ReadonlyMap<string, Float32Array> | undefined;
  firstTrainedLayer?: number | undefined;
  /** Bytes for programs, and for states that stay the same for the whole run. Defaults 256 MB each. */
  programBytes?: number | undefined;
  stateBytes?: number | undefined;
  /** Tokens of the largest pass to come; unknown where left out. */
  largestTokenCount?: number | undefined;
  /** Label smoothing in training, 0 to below 1; never in loss(). Default 0. */
  labelSmoothing?: number | undefined;
  /** Share of the pairs' inputs that is dropped in training, 0 to below 1. Default 0. */
  dropout?: number | undefined;
  /** Factor of the divergence from the model without its adapter, in training. Default 0. */
  klPenalty?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Options of one call of add(). */
export interface AddOptions {
  /** Keys and values of the trie of prompts that a PromptedTrie names. */
  promptKeys?: PromptKeys | undefined;
  /** Source of dropout masks, the same one for the same place in the data. Needed with dropout. */
  random?: Random | undefined;
  /** Loss of the targets' log-probabilities, in place of weighted cross-entropy; not with label smoothing. */
  objective?: TargetObjective | undefined;
  /** Called with Σ even weight · KL(π‖base) when there is a penalty on it. */
  onDivergence?: ((divergence: number) => void) | undefined;
}

/** A layer in one pass: programs, and what positions and attention need. */
interface PassLayer {
  compiled: CompiledLayer;
  feeds: Record<string, Float32Array>;
}

/** Data that one pass works on. */
interface Pass {
  trie: TokenTrie;
  weights: PassWeights;
  parameters: ReadonlyMap<string, Float32Array>;
  layers: PassLayer[];
  /** Source of dropout masks, set where dropout is on. */
  random: Random | undefined;
  /** Keys and values of the shared prompts, by layer. */
  keys: readonly LayerKeys[] | undefined;
  /** Every pair is silenced: the model without its adapter. */
  isBase: boolean;
}

/** Positions of the head are padded to multiples of this where passes are padded too. */
const HEAD_ROW_STEP = 128;
/** Four to six for every number of positions. */
const HEAD_PROGRAMS = 128;
const DEFAULT_STATE_BYTES = 256e6;

/**
 * T tokens of a trie, D hidden size.
 * Trained parameters are LoRA pairs by `blk.N.<linear>.weight.lora_a` and `.lora_b`, or all weights by the names of
 * their tensors. Programs are kept, so that what comes back in every epoch is compiled once.
 */
export class ModelGradients {
  readonly #options: Omit<ModelGradientsOptions, "weights"> & { weights: PassWeights };
  readonly #buffers: PassBuffers;
  readonly #programs: CompiledLayers;
  readonly #headPrograms: ProgramCache;
  readonly #states: StateCache;
  #known: { parameters: ReadonlyMap<string, Float32Array>; weights: PassWeights } | undefined;

  constructor(given: ModelGradientsOptions) {
    const { lora, backend } = given;
    const weights = lora === null ? given.weights : heldWeights(given.weights, backend);
    const options = { ...given, weights };
    this.#options = options;
    this.#buffers = new PassBuffers(options.largestTokenCount);
    this.#programs = new CompiledLayers(options);
    this.#headPrograms = new ProgramCache(options.backend, HEAD_PROGRAMS);
    this.#states = new StateCache(options.stateBytes ?? DEFAULT_STATE_BYTES);
  }

  /** Adds the gradients of one trie to `gradients` and returns its part of the loss, which may be NaN. */
  async add(
    trie: PassTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
    options: AddOptions = {},
  ): Promise<number> {
    const { labelSmoothing = 0, klPenalty = 0, dropout = 0 } = this.#options;
    if (dropout > 0 && options.random === undefined)
      throw new InternalError("a pass with dropout has nothing to draw its masks from");
    const baseHidden = () => this.#baseHidden(trie, parameters, options.promptKeys);
    const anchor =
      klPenalty === 0
        ? undefined
        : { penalty: klPenalty, hidden: await this.#states.get("base", trie, baseHidden) };
    const pass = await this.#prepare(trie, parameters, {
      keys: options.promptKeys?.own,
      random: dropout > 0 ? options.random : undefined,
    });
    const { inputs, kept, hidden } = await this.#forward(pass, true);
    const { loss, divergence, dHidden } = await headGradient(trie, hidden, {
      ...this.#headOptions(pass),
      labelSmoothing,
      anchor,
      objective: options.objective,
      gradients: this.#options.lora === null ? gradients : undefined,
    });
    if (klPenalty > 0) options.onDivergence?.(divergence);
    let dy = dHidden;
    const { firstTrainedLayer = 0 } = this.#options;
    for (let index = pass.layers.length - 1; index >= firstTrainedLayer; index--) {
      this.#options.signal?.throwIfAborted();
      const layer = pass.layers[index] as PassLayer;
      const { trained } = layer.compiled;
      const outputs: Record<string, Float32Array> = {
        dx: this.#buffers.get(`dx ${index % 2}`, dy.length, trie.tokens.length),
      };
      for (const name of trained) {
        const { length } = parameters.get(parameterName(index, name)) as Float32Array;
        outputs[`d.${name}`] = this.#buffers.get(`d ${name}`, length);
      }
      const feeds = this.#feeds(pass, index);
      const program = await this.#programs.backward(layer.compiled);
      const given = { ...feeds, ...kept[index], x: inputs[index] as Float32Array, dy };
      await program.run(given, outputs);
      for (const name of trained)
        accumulate(gradients.get(parameterName(index, name)), outputs[`d.${name}`] as Float32Array);
      dy = outputs.dx as Float32Array;
    }
    if (this.#options.lora === null) this.#addEmbeddingGradient(trie, dy, gradients);
    return loss;
  }

  /** Keys and values of prompts for tries behind them; nothing flows back through these. LoRA only. */
  async promptKeys(prompt: TokenTrie, parameters: ReadonlyMap<string, Float32Array>): Promise<PromptKeys> {
    const { lora, klPenalty = 0, ...options } = this.#options;
    if (lora === null) throw new InternalError("prompts count as constants in LoRA training only");
    const all = this.#withFixed(parameters);
    const own = await layerKeys(prompt, all, { ...options, lora });
    const base = klPenalty > 0 ? await layerKeys(prompt, silenced(all), { ...options, lora }) : undefined;
    return { own, base };
  }

  /** The loss alone, for examples held out. */
  async loss(trie: PassTrie, parameters: ReadonlyMap<string, Float32Array>): Promise<number> {
    return (await this.#evaluate(trie, parameters, {})).loss;
  }

  /**
   * log π of every target of a trie, in nats.
   * @param options prompts and dropout masks, where add() is to see the same
   */
  async logProbs(
    trie: PassTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    options: Pick<AddOptions, "promptKeys" | "random"> = {},
  ): Promise<Float64Array> {
    return (await this.#evaluate(trie, parameters, options)).logProbs;
  }

  /** Releases all programs, and what the backend holds. */
  async close(): Promise<void> {
    await this.#programs.close();
    await this.#headPrograms.close();
    await this.#options.backend.free?.();
  }

  async #evaluate(
    trie: PassTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    { promptKeys, random }: Pick<AddOptions, "promptKeys" | "random">,
  ): Promise<HeadResult> {
    const { dropout = 0 } = this.#options;
    const pass = await this.#prepare(trie, parameters, {
      keys: promptKeys?.own,
      random: dropout > 0 ? random : undefined,
    });
    const { hidden } = await this.#forward(pass, false);
    return await headGradient(trie, hidden, this.#headOptions(pass));
  }

  async #forward(
    pass: Pass,
    keepsActivations: boolean,
  ): Promise<{ inputs: Float32Array[]; kept: Record<string, Float32Array>[]; hidden: Float32Array }> {
    const inputs: Float32Array[] = [];
    const kept: Record<string, Float32Array>[] = [];
    const { trie } = pass;
    const { firstTrainedLayer: first = 0 } = this.#options;
    const run = async (index: number, x: Float32Array) => {
      this.#options.signal?.throwIfAborted();
      const { compiled } = pass.layers[index] as PassLayer;
      // Slots below the trained layers come before theirs.
      const slot = keepsActivations && index >= first ? index : index % 2;
      const outputs = this.#buffers.getBlock(`${slot} kept`, compiled.kept, trie.tokens.length);
      const y = this.#buffers.get(`${slot} y`, x.length, trie.tokens.length);
      await compiled.forwardProgram.run({ ...this.#feeds(pass, index), x }, { ...outputs, y });
      inputs[index] = x;
      kept[index] = outputs;
      return y;
    };
    const below = async () => {
      let x = embedTokens(trie.tokens, pass.weights, this.#options.model.config);
      for (let index = 0; index < first; index++) x = await run(index, x);
      return x;
    };
    const isConstant = first > 0 && !pass.isBase && pass.keys === undefined;
    let x = isConstant
      ? await this.#states.get("below", trie, async () => (await below()).slice())
      : await below();
    for (let index = first; index < pass.layers.length; index++) x = await run(index, x);
    return { inputs, kept, hidden: x };
  }

  async #prepare(
    trie: PassTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    { random, keys, isBase = false }: Partial<Pick<Pass, "random" | "keys" | "isBase">> = {},
  ): Promise<Pass> {
    const { model, keptLayerCount = model.config.layerCount, firstTrainedLayer: first = 0 } = this.#options;
    const { config } = model;
    const all = this.#withFixed(parameters);
    const weights = this.#weightsOf(parameters);
    const known = new Map<string, PassLayer>();
    const layers: PassLayer[] = [];
    for (const [index, layer] of config.layers.entries()) {
      // What layers below the trained ones hand on is not read; they share the programs of the highest ones.
      const isKept = index < first ? keptLayerCount > 0 : index >= config.layerCount - keptLayerCount;
      const keep = isKept ? "products" : "none";
      const hasDropout = random !== undefined && index >= first;
      const kind = `${layerKind(layer)} ${keep} ${hasDropout}`;
      let made = known.get(kind);
      if (made === undefined) {
        const plan = planOf(trie, layer);
        const compiled = await this.#programs.get(trie, layer, plan, { keep, hasDropout });
        const { positions } = trie.layout;
        made = { compiled, feeds: layoutFeeds({ layer, positions, plan }, weights, config) };
        known.set(kind, made);
      }
      layers.push(made);
    }
    return { trie, weights, parameters: isBase ? silenced(all) : all, layers, random, keys, isBase };
  }

  #withFixed(parameters: ReadonlyMap<string, Float32Array>): ReadonlyMap<string, Float32Array> {
    const { fixed } = this.#options;
    return fixed === undefined ? parameters : new Map([...fixed, ...parameters]);
  }

  /** Trained weights are fed from the parameters, all others from the file. */
  #weightsOf(parameters: ReadonlyMap<string, Float32Array>): PassWeights {
    const { lora, model, weights } = this.#options;
    if (lora !== null) return weights;
    if (this.#known?.parameters !== parameters) {
      const own = new ParameterWeights(parameters, weights, model.config.hiddenSize);
      this.#known = { parameters, weights: own };
    }
    return this.#known.weights;
  }

  #headOptions({ weights }: Pass): HeadOptions {
    const { model, backend, signal } = this.#options;
    return {
      model,
      weights,
      backend,
      programs: this.#headPrograms,
      rowStep: this.#options.lora === null ? HEAD_ROW_STEP : undefined,
      signal,
    };
  }

  /** The last layer's output without the adapter [T, D]. */
  async #baseHidden(
    trie: PassTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    promptKeys: PromptKeys | undefined,
  ): Promise<Float32Array> {
    const pass = await this.#prepare(trie, parameters, { keys: promptKeys?.base, isBase: true });
    const { hidden } = await this.#forward(pass, false);
    // The training pass uses the same buffers.
    return hidden.slice();
  }

  #feeds(
    { trie, layers, weights, parameters, random, keys }: Pass,
    index: number,
  ): Record<string, Float32Array | Uint16Array> {
    const { compiled, feeds } = layers[index] as PassLayer;
    const trained = compiled.trained.map(
      (name) => [name, parameters.get(parameterName(index, name)) as Float32Array] as const,
    );
    const masks = [...compiled.masks].map(([name, count]) => {
      const mask = this.#buffers.get(name, count, trie.tokens.length);
      fillDropoutMask(mask, this.#options.dropout ?? 0, (random as Random).derive(index, name));
      return [name, mask] as const;
    });
    return {
      ...feeds,
      ...weights.layer(index),
      ...Object.fromEntries(trained),
      ...Object.fromEntries(masks),
      ...(isPrompted(trie) ? this.#promptFeeds(trie.promptRows, keys?.[index] as LayerKeys) : {}),
    };
  }

  /** The rows of this trie's prompt, out of those of all prompts. */
  #promptFeeds(rows: Int32Array, keys: LayerKeys): Record<string, Float32Array> {
    const { headCount, kvHeadCount, headSize, hiddenSize } = this.#options.model.config;
    const pick = (name: string, all: Float32Array, width: number) => {
      const picked = this.#buffers.get(name, rows.length * width);
      for (const [place, row] of rows.entries())
        picked.set(all.subarray(row * width, (row + 1) * width), place * width);
      return picked;
    };
    const { u, k, v } = keys;
    if (u !== undefined) return { "prompt.u": pick("prompt.u", u, hiddenSize) };
    // Never written: zeros.
    const q = this.#buffers.get("prompt.q", rows.length * headCount * headSize);
    const width = kvHeadCount * headSize;
    return {
      "prompt.k": pick("prompt.k", k as Float32Array, width),
      "prompt.v": pick("prompt.v", v as Float32Array, width),
      "prompt.q": q,
    };
  }

  /** A token's row gets the sum over its places; of a tied head it holds the head's part already. */
  #addEmbeddingGradient(
    { tokens }: TokenTrie,
    dx: Float32Array,
    gradients: ReadonlyMap<string, Float32Array>,
  ): void {
    const { hiddenSize: D, embeddingScale } = this.#options.model.config;
    const into = gradients.get("token_embd.weight");
    if (into === undefined) return;
    for (const [place, id] of tokens.entries()) {
      for (let i = 0; i < D; i++)
        into[id * D + i] = (into[id * D + i] as number) + embeddingScale * (dx[place * D + i] as number);
    }
  }
}
