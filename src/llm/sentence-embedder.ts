/** @file Sentence embeddings by an ONNX model on disk: the only import of @huggingface/transformers; never on the network. */
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from "@huggingface/transformers";
import { InputError, messageOf } from "../core/errors.js";
import type { TextEmbedder } from "../core/text-embedder.js";

export interface SentenceEmbedderOptions {
  /** Folder with config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx. */
  directory: string;
  /** Threads of the runtime, 1–256. Default: the cores, at most 8. */
  threads?: number;
  /** Texts computed at once, 1–256. The event loop stands still for that long. Default 16. */
  batchSize?: number;
}

interface LoadedModel {
  /** `[texts, width]`, rows of length 1. */
  embed(texts: readonly string[]): Promise<Tensor>;
  close(): Promise<void>;
}

/** As the model was published with; what is longer is cut. */
const MAX_TOKENS = 256;
const MAX_DEFAULT_THREADS = 8;

/**
 * Loads the model at the first text, so that one which is never asked costs nothing.
 * @example
 * await using embedder = new SentenceEmbedder({ directory: await resolveModel("all-minilm-l6-v2") });
 * const [cat, kitten] = await embedder.embed(["a cat", "a kitten"]);
 */
export class SentenceEmbedder implements TextEmbedder {
  readonly id: string;
  readonly #options: Required<SentenceEmbedderOptions>;
  #loading: Promise<LoadedModel> | undefined;
  /** One call after the other: the runtime's threads are shared anyway. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SentenceEmbedderOptions) {
    const threads = options.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
    this.#options = { batchSize: 16, ...options, threads };
    this.id = basename(options.directory);
  }

  async embed(texts: readonly string[], options: { signal?: AbortSignal } = {}): Promise<Float32Array[]> {
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
      const output = await loaded.embed(batch.map((i) => (texts[i] as string).toWellFormed()));
      const [, width = 0] = output.dims;
      const data = output.data as Float32Array;
      for (const [row, i] of batch.entries()) vectors[i] = data.slice(row * width, (row + 1) * width);
      await setImmediate();
    }
    return vectors;
  }

  async #load(): Promise<LoadedModel> {
    const { directory, threads } = this.#options;
    try {
      const { AutoModel, AutoTokenizer, env, mean_pooling } = await import("@huggingface/transformers");
      env.allowRemoteModels = false;
      env.useFSCache = false;
      env.localModelPath = join(dirname(directory), "/");
      // Its default lies inside node_modules.
      env.cacheDir = env.localModelPath;
      const name = basename(directory);
      const tokenizer: PreTrainedTokenizer = await AutoTokenizer.from_pretrained(name, {
        local_files_only: true,
      });
      const model: PreTrainedModel = await AutoModel.from_pretrained(name, {
        dtype: "q8",
        device: "cpu",
        local_files_only: true,
        session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
      });
      return {
        async embed(texts) {
          const inputs = tokenizer([...texts], { padding: true, truncation: true, max_length: MAX_TOKENS });
          endCutTexts(inputs.input_ids, tokenizer.sep_token_id);
          const { last_hidden_state: states } = (await model(inputs)) as { last_hidden_state: Tensor };
          // Mean over the tokens of a text, then length 1: what the model was trained with.
          return mean_pooling(states, inputs.attention_mask).normalize(2, -1);
        },
        async close() {
          await model.dispose();
        },
      };
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

/** The library cuts the closing mark off with the rest; the model was trained with it. */
function endCutTexts({ data, dims }: Tensor, closingMark: number): void {
  const [rows = 0, width = 0] = dims;
  if (width < MAX_TOKENS) return;
  const ids = data as BigInt64Array;
  // A row that is shorter ends in padding, id 0.
  for (let end = width - 1; end < rows * width; end += width)
    if (ids[end] !== 0n) ids[end] = BigInt(closingMark);
}

function lengthOf(texts: readonly string[], index: number): number {
  return (texts[index] as string).length;
}
