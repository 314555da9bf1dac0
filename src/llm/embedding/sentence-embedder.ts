/** @file Sentence embeddings by an ONNX model on disk, a batch after the other; never on the network. */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { InputError, messageOf } from "../../core/errors.js";
import type { TextEmbedder } from "../../core/text-embedder.js";
import {
  hasExactByteProducts,
  loadSentenceModel,
  type Products,
  type SentenceModel,
} from "./sentence-model.js";

export interface SentenceEmbedderOptions {
  /** Folder with config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx. */
  directory: string;
  /** Threads of the runtime, 1–256. Default: the cores, at most 8. */
  threads?: number | undefined;
  /** Texts computed at once, 1–256. The event loop stands still for that long. Default 16. */
  batchSize?: number | undefined;
  /**
   * "integer": activations rounded to bytes too, twice as fast; cosines within 0.03 (0.006 in the mean) of "float32",
   * which computes what the file says. Default: integer where the processor computes such products exactly.
   */
  products?: Products | undefined;
}

const MAX_DEFAULT_THREADS = 8;

/**
 * Sentence embeddings by an ONNX model on disk. It is loaded at the first text, so that one which is never asked costs nothing.
 * @example
 * await using embedder = new SentenceEmbedder({ directory: await resolveModel("all-minilm-l6-v2") });
 * const [cat, kitten] = await embedder.embed(["a cat", "a kitten"]);
 */
export class SentenceEmbedder implements TextEmbedder {
  readonly id: string;
  readonly #options: SentenceEmbedderOptions & { threads: number; batchSize: number; products: Products };
  #loading: Promise<SentenceModel> | undefined;
  /** One call after the other: the runtime's threads are shared anyway. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SentenceEmbedderOptions) {
    const threads = options.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
    const products = options.products ?? (hasExactByteProducts() ? "integer" : "float32");
    this.#options = { ...options, batchSize: options.batchSize ?? 16, threads, products };
    this.id = `${basename(options.directory)}${products === "integer" ? " (8-bit products)" : ""}`;
  }

  async embed(
    texts: readonly string[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array[]> {
    const turn = this.#turn.then(() => this.#embedAll(texts, options.signal));
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /** Long texts beside long ones, so that little is computed for padding. */
  async #embedAll(texts: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const vectors = new Array<Float32Array>(texts.length);
    if (texts.length === 0) return vectors;
    this.#loading ??= this.#load();
    const loaded = await this.#loading.catch((error: unknown) => {
      // It may be pulled or mended meanwhile.
      this.#loading = undefined;
      throw error;
    });
    const order = texts.map((_, i) => i).sort((a, b) => lengthOf(texts, a) - lengthOf(texts, b) || a - b);
    for (let start = 0; start < order.length; start += this.#options.batchSize) {
      signal?.throwIfAborted();
      const batch = order.slice(start, start + this.#options.batchSize);
      const { data, width } = await loaded.embed(batch.map((i) => (texts[i] as string).toWellFormed()));
      for (const [row, i] of batch.entries()) vectors[i] = data.slice(row * width, (row + 1) * width);
      await setImmediate();
    }
    return vectors;
  }

  async #load(): Promise<SentenceModel> {
    const { directory, threads, products } = this.#options;
    try {
      return await loadSentenceModel(directory, threads, products);
    } catch (error) {
      throw new InputError(`cannot load the embedding model in ${directory}: ${messageOf(error)}`, {
        code: "damaged-model",
        hint: "run: w4s models pull all-minilm-l6-v2",
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    await this.#turn;
    const loaded = await this.#loading?.catch(() => undefined);
    this.#loading = undefined;
    await loaded?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function lengthOf(texts: readonly string[], index: number): number {
  return (texts[index] as string).length;
}
