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
}

/** Layouts whose programs are kept: tries hardly ever come back, rows of one length always do. */
const MAX_LAYOUTS = { tries: 2, rows: 12 } as const;

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
    const programs = await this.#programsOf(trie);
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
      const forwardProgram = await backend.compile(graphs.forward);
      compiled = { ...graphs, forwardProgram, backwardProgram: undefined };
      programs.set(kind, compiled);
    }
    return compiled;
  }

  async backward(compiled: CompiledLayer): Promise<Program> {
    compiled.backwardProgram ??= await this.#options.backend.compile(compiled.backward);
    return compiled.backwardProgram;
  }

  async close(): Promise<void> {
    const all = [...this.#layouts.values()];
    this.#layouts.clear();
    for (const programs of all) await release(programs);
  }

  /** Programs of this layout so far, and room for them. */
  async #programsOf(trie: PassTrie): Promise<Map<string, CompiledLayer>> {
    // Convolutions are wired by the tree itself: rows of one length do not share their programs.
    const isRows = "rowLength" in trie && !this.#options.model.config.layers.some(isWiredByTree);
    const key = isRows
      ? `rows of ${trie.rowLength}, ${trie.tokens.length} tokens`
      : `${isPrompted(trie) ? trie.promptRows.length : 0} ${JSON.stringify(trie.layout.segments)}`;
    const programs = this.#layouts.get(key) ?? new Map<string, CompiledLayer>();
    this.#layouts.delete(key);
    const limit = isRows ? MAX_LAYOUTS.rows : MAX_LAYOUTS.tries;
    for (const [old, unused] of [...this.#layouts].slice(0, 1 - limit)) {
      this.#layouts.delete(old);
      await release(unused);
    }
    this.#layouts.set(key, programs);
    return programs;
  }
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
