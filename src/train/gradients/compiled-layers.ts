/** @file Programs of layers by layout: made when they are first needed, and kept while layouts come back. */
import type { Backend, Program } from "../../graph/backend.js";
import type { LoraConfig } from "../../lora/lora-adapter.js";
import { type AttentionPlan, planAttention } from "../../transformer/attention-plan.js";
import { layerKind } from "../../transformer/layer-feeds.js";
import { linearsOf } from "../../transformer/linear-name.js";
import type { LayerConfig } from "../../transformer/model-config.js";
import type { ModelDescription } from "../../transformer/read-model.js";
import { type PromptedTrie, planPrompted } from "../data/prompted-trie.js";
import { planRows, type RowBatch } from "../data/row-batch.js";
import type { TokenTrie } from "../data/token-trie.js";
import { type KeptActivations, type LayerGraphs, layerGraphs } from "./layer-graphs.js";
import type { PassWeights } from "./pass-weights.js";

/** A trie alone, padded rows, or a trie behind a prompt that counts as constant. */
export type PassTrie = TokenTrie | RowBatch | PromptedTrie;

/** Layers of one kind that share programs: same window and rotary embedding, kept and dropped alike. */
export interface CompiledLayer extends LayerGraphs {
  forwardProgram: Program;
  /** Made when it is first needed: a loss alone needs none. */
  backwardProgram: Program | undefined;
}

export interface CompiledLayersOptions {
  model: ModelDescription;
  weights: PassWeights;
  backend: Backend;
  /** Null where all weights train. */
  lora: LoraConfig | null;
  /** Bytes that the programs of all layouts may take; those of the newest layout are kept in any case. Default 256 MB. */
  programBytes?: number | undefined;
}

/** Resident bytes of a program by nodes of its graph, rounded up from those of nano and SmolLM2 (4 to 6 kB). */
export const PROGRAM_BYTES_PER_NODE = 6e3;
/** Programs kept without a plan: 40 to 60 layouts of an episode. */
const DEFAULT_PROGRAM_BYTES = 256e6;

export class CompiledLayers {
  readonly #options: CompiledLayersOptions;
  /** Programs by structure of the layout, then by kind of layer. */
  readonly #layouts = new Map<string, Map<string, CompiledLayer>>();

  constructor(options: CompiledLayersOptions) {
    this.#options = options;
  }

  /** The programs of one layer for this layout; valid until other layouts were asked for. */
  async get(
    trie: PassTrie,
    layer: LayerConfig,
    plan: AttentionPlan,
    how: { keep: KeptActivations; hasDropout: boolean },
  ): Promise<CompiledLayer> {
    const programs = this.#programsOf(trie);
    const kind = `${layerKind(layer)} ${how.keep} ${how.hasDropout}`;
    let compiled = programs.get(kind);
    if (compiled === undefined) {
      const { model, weights, backend, lora } = this.#options;
      const graphs = layerGraphs(model.family, {
        config: model.config,
        plan,
        layer,
        biases: weights.biases(0),
        weightType: lora === null ? "float32" : weights.weightType,
        lora,
        promptTokens: isPrompted(trie) ? trie.promptRows.length : 0,
        ...how,
      });
      await this.#makeRoom(graphs.forward.nodes.length);
      const forwardProgram = await backend.compile(graphs.forward);
      compiled = { ...graphs, forwardProgram, backwardProgram: undefined };
      programs.set(kind, compiled);
    }
    return compiled;
  }

  async backward(compiled: CompiledLayer): Promise<Program> {
    if (compiled.backwardProgram === undefined) {
      await this.#makeRoom(compiled.backward.nodes.length);
      compiled.backwardProgram = await this.#options.backend.compile(compiled.backward);
    }
    return compiled.backwardProgram;
  }

  async close(): Promise<void> {
    const all = [...this.#layouts.values()];
    this.#layouts.clear();
    for (const programs of all) await release(programs);
  }

  /** Programs of this layout so far. */
  #programsOf(trie: PassTrie): Map<string, CompiledLayer> {
    const key = layoutKey(trie, this.#options.model.config.layers);
    const programs = this.#layouts.get(key) ?? new Map<string, CompiledLayer>();
    // The newest one stands last.
    this.#layouts.delete(key);
    this.#layouts.set(key, programs);
    return programs;
  }

  /** Gives up the programs of layouts that were not asked for the longest, until the others and `nodes` more fit. */
  async #makeRoom(nodes: number): Promise<void> {
    const { programBytes = DEFAULT_PROGRAM_BYTES } = this.#options;
    for (const [key, programs] of [...this.#layouts].slice(0, -1)) {
      const all = [...this.#layouts.values()].reduce((sum, layers) => sum + nodesOf(layers), nodes);
      if (all * PROGRAM_BYTES_PER_NODE <= programBytes) return;
      this.#layouts.delete(key);
      await release(programs);
    }
  }
}

/**
 * Equal for passes that share programs: rows of one length, or tries of the same segments. Convolutions are wired by the
 * tree itself: there rows of one length do not share theirs.
 */
export function layoutKey(trie: PassTrie, layers: readonly LayerConfig[] = []): string {
  if ("rowLength" in trie && !layers.some(isWiredByTree))
    return `rows of ${trie.rowLength}, ${trie.tokens.length} tokens`;
  return `${isPrompted(trie) ? trie.promptRows.length : 0} ${JSON.stringify(trie.layout.segments)}`;
}

function nodesOf(layers: ReadonlyMap<string, CompiledLayer>): number {
  let count = 0;
  for (const { forward, backward, backwardProgram } of layers.values())
    count += forward.nodes.length + (backwardProgram === undefined ? 0 : backward.nodes.length);
  return count;
}

function isWiredByTree(layer: LayerConfig): boolean {
  return linearsOf(layer).includes("shortconv.in_proj");
}

export function isPrompted(trie: PassTrie): trie is PromptedTrie {
  return "promptRows" in trie;
}

export function planOf(trie: PassTrie, { window }: LayerConfig): AttentionPlan {
  if (isPrompted(trie)) return planPrompted(trie, window);
  return "rowLength" in trie
    ? planRows(trie.layout, trie.rowLength, window)
    : planAttention(trie.layout, window);
}

async function release(programs: ReadonlyMap<string, CompiledLayer>): Promise<void> {
  for (const { forwardProgram, backwardProgram } of programs.values()) {
    await forwardProgram.dispose();
    await backwardProgram?.dispose();
  }
}
