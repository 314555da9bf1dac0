/** @file Loss and gradients of one token trie through a whole model, layer by layer. */
import type { Backend, Program } from "../graph/backend.js";
import type { LoraConfig } from "../lora/lora-adapter.js";
import { planAttention } from "../transformer/attention-plan.js";
import type { LayerConfig } from "../transformer/model-config.js";
import type { ModelDescription } from "../transformer/read-model.js";
import { ropeTable } from "../transformer/rope-table.js";
import type { WeightStore } from "../transformer/weight-store.js";
import { headGradient } from "./head-gradient.js";
import { type KeptActivations, type LayerGraphs, layerGraphs } from "./layer-programs.js";
import type { TokenTrie } from "./token-trie.js";

export interface ModelGradientsOptions {
  model: ModelDescription;
  weights: WeightStore;
  backend: Backend;
  lora: LoraConfig;
  /** The last this many layers hand their products to the backward pass, the others compute them again. Default all. */
  keptLayerCount?: number;
  /** In training, never in loss(). Default 0. */
  labelSmoothing?: number;
  signal?: AbortSignal;
}

/** Layers of one kind that share programs: same window and rotary embedding, kept alike. */
interface CompiledLayer extends LayerGraphs {
  forwardProgram: Program;
  backwardProgram: Program;
  feeds: Record<string, Float32Array>;
}

/** The programs of one layout: those of layer i at place i, shared ones repeated. */
interface CompiledModel {
  layers: CompiledLayer[];
}

/** Layouts whose programs are kept: training from scratch repeats one, tries hardly ever come back. */
const MAX_COMPILED = 2;

/**
 * T tokens of a trie, D hidden size.
 * Trained parameters are LoRA pairs by `blk.N.<linear>.weight.lora_a` and `.lora_b`.
 */
export class ModelGradients {
  readonly #options: ModelGradientsOptions;
  readonly #buffers = new Map<string, Float32Array>();
  readonly #compiled = new Map<string, CompiledModel>();

  constructor(options: ModelGradientsOptions) {
    this.#options = options;
  }

  /** Adds the gradients of one trie to `gradients` and returns its part of the loss, which may be NaN. */
  async add(
    trie: TokenTrie,
    parameters: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
  ): Promise<number> {
    const { layers } = await this.#compile(trie);
    const { inputs, kept, hidden } = await this.#forward(trie, layers, parameters, true);
    const { loss, dHidden } = await headGradient(trie, hidden, this.#options);
    let dy = dHidden;
    for (let index = layers.length - 1; index >= 0; index--) {
      this.#options.signal?.throwIfAborted();
      const layer = layers[index] as CompiledLayer;
      const feeds = this.#feeds(layer, index, parameters);
      const dx = this.#buffer(`dx ${index % 2}`, dy.length);
      const given = { ...feeds, ...kept[index], x: inputs[index] as Float32Array, dy };
      const results = await layer.backwardProgram.run(given, { dx });
      for (const name of layer.trained)
        accumulate(gradients.get(parameterName(index, name)), results[`d.${name}`] as Float32Array);
      dy = dx;
    }
    return loss;
  }

  /** The loss alone, for examples held out. */
  async loss(trie: TokenTrie, parameters: ReadonlyMap<string, Float32Array>): Promise<number> {
    const { layers } = await this.#compile(trie);
    const { hidden } = await this.#forward(trie, layers, parameters, false);
    return (await headGradient(trie, hidden, { ...this.#options, labelSmoothing: 0 })).loss;
  }

  /** Releases all programs. */
  async close(): Promise<void> {
    const all = [...this.#compiled.values()];
    this.#compiled.clear();
    for (const compiled of all) await release(compiled);
  }

  async #forward(
    trie: TokenTrie,
    layers: readonly CompiledLayer[],
    parameters: ReadonlyMap<string, Float32Array>,
    keepsActivations: boolean,
  ): Promise<{ inputs: Float32Array[]; kept: Record<string, Float32Array>[]; hidden: Float32Array }> {
    const inputs: Float32Array[] = [];
    const kept: Record<string, Float32Array>[] = [];
    let x = this.#embed(trie.tokens);
    for (const [index, layer] of layers.entries()) {
      this.#options.signal?.throwIfAborted();
      const slot = keepsActivations ? index : index % 2;
      const outputs = Object.fromEntries(
        [...layer.kept].map(([name, count]) => [name, this.#buffer(`${slot} ${name}`, count)]),
      );
      const y = this.#buffer(`${slot} y`, x.length);
      const feeds = this.#feeds(layer, index, parameters);
      await layer.forwardProgram.run({ ...feeds, x }, { ...outputs, y });
      if (keepsActivations) {
        inputs.push(x);
        kept.push(outputs);
      }
      x = y;
    }
    return { inputs, kept, hidden: x };
  }

  async #compile(trie: TokenTrie): Promise<CompiledModel> {
    const key = JSON.stringify(trie.layout.segments);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const { model, keptLayerCount = model.config.layerCount } = this.#options;
    const { config } = model;
    const kinds = new Map<string, CompiledLayer>();
    const layers: CompiledLayer[] = [];
    for (const [index, layer] of config.layers.entries()) {
      const keep = index >= config.layerCount - keptLayerCount ? "products" : "none";
      const kind = `${keep} ${layer.window ?? "global"} ${layer.rope.base} ${layer.rope.scale}`;
      let compiled = kinds.get(kind);
      if (compiled === undefined) {
        compiled = await this.#compileLayer(trie, layer, keep);
        kinds.set(kind, compiled);
      }
      layers.push(compiled);
    }
    for (const [old, compiled] of [...this.#compiled].slice(0, 1 - MAX_COMPILED)) {
      this.#compiled.delete(old);
      await release(compiled);
    }
    this.#compiled.set(key, { layers });
    return { layers };
  }

  async #compileLayer(trie: TokenTrie, layer: LayerConfig, keep: KeptActivations): Promise<CompiledLayer> {
    const { model, weights, backend, lora } = this.#options;
    const plan = planAttention(trie.layout, layer.window);
    const graphs = layerGraphs(model.family, {
      config: model.config,
      plan,
      biases: weights.biases(0),
      weightType: weights.weightType,
      lora,
      keep,
    });
    const factors = weights.vector("rope_freqs.weight");
    const rope = ropeTable(model.config, layer.rope, trie.layout.positions, factors);
    const masks = plan.masks.map((mask, index) => [`mask.${index}`, mask.data] as const);
    return {
      ...graphs,
      forwardProgram: await backend.compile(graphs.forward),
      backwardProgram: await backend.compile(graphs.backward),
      feeds: { "rope.cos": rope.cos, "rope.sin": rope.sin, ...Object.fromEntries(masks) },
    };
  }

  #feeds(
    layer: CompiledLayer,
    index: number,
    parameters: ReadonlyMap<string, Float32Array>,
  ): Record<string, Float32Array | Uint16Array> {
    const pairs = layer.trained.map((name) => [name, parameters.get(parameterName(index, name))] as const);
    return { ...layer.feeds, ...this.#options.weights.layer(index), ...Object.fromEntries(pairs) } as Record<
      string,
      Float32Array | Uint16Array
    >;
  }

  #embed(tokens: Int32Array): Float32Array {
    const { embeddingScale } = this.#options.model.config;
    const rows = this.#options.weights.gather("token_embd.weight", tokens);
    if (embeddingScale !== 1)
      for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) * embeddingScale;
    return rows;
  }

  /** Kept between calls: fresh pages cost as much time as a pass over them. */
  #buffer(key: string, count: number): Float32Array {
    let buffer = this.#buffers.get(key);
    if (buffer === undefined || buffer.length < count) {
      buffer = new Float32Array(count);
      this.#buffers.set(key, buffer);
    }
    return buffer.subarray(0, count);
  }
}

/** `attn_q.lora_a` of layer 3 is `blk.3.attn_q.weight.lora_a` in adapter files. */
export function parameterName(layer: number, input: string): string {
  return `blk.${layer}.${input.replace(".lora_", ".weight.lora_")}`;
}

async function release({ layers }: CompiledModel): Promise<void> {
  for (const { forwardProgram, backwardProgram } of new Set(layers)) {
    await forwardProgram.dispose();
    await backwardProgram.dispose();
  }
}

function accumulate(into: Float32Array | undefined, values: Float32Array): void {
  if (into === undefined) return;
  for (let i = 0; i < values.length; i++) into[i] = (into[i] as number) + (values[i] as number);
}
