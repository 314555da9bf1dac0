/** @file Log-probabilities of a text by our forward pass, and beside it by llama.cpp. */
import { existsSync } from "node:fs";
import { InputError } from "../core/errors.js";
import { mean } from "../core/statistics.js";
import { readLoadableModel } from "../formats/gguf/gguf-loadable.js";
import { OrtBackend } from "../graph/ort-backend.js";
import type { ChatMessage } from "../llm/chat-model.js";
import { defaultThreads, LocalModel } from "../llm/local/local-model.js";
import { readModel } from "../transformer/read-model.js";
import { Transformer } from "../transformer/transformer.js";
import type { WeightCache } from "../transformer/weight-plan.js";

export interface ScoreTextOptions {
  modelPath: string;
  /** A document, or messages that the model's own template turns into one. */
  text: string | readonly ChatMessage[];
  /** Tokens scored at most; the rest of the text is left out. Default 4,096, and never more than the model's context. */
  maxTokens?: number | undefined;
  /** Form of our weights. Default `auto`. */
  weights?: WeightCache | "auto" | undefined;
  /** Default: the available cores, at most 8. */
  threads?: number | undefined;
  /** Score the same tokens with llama.cpp too (F32 KV cache, on the CPU). Default false. */
  compare?: boolean | undefined;
  /** One line about the weights, before the work starts. */
  onPlan?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface TextScore {
  tokens: number[];
  /** Log-probability of tokens[t+1] after tokens[0..t]; one fewer than tokens. */
  logProbs: number[];
  /** exp(− mean log-probability). */
  perplexity: number;
  /** Milliseconds of our forward pass. */
  forwardMs: number;
  /** Tokens of the text that were left out. */
  omittedTokens: number;
  llama?:
    | {
        logProbs: number[];
        perplexity: number;
        /** |log-probability difference| over all tokens. */
        meanDifference: number;
        largestDifference: number;
      }
    | undefined;
}

const DEFAULT_MAX_TOKENS = 4096;

/**
 * Log-probabilities of a text's tokens by our own forward pass, and beside it by llama.cpp where that is asked for.
 * @throws {UnsupportedModelError} before anything is loaded, where our forward pass does not know the model
 * @throws {InputError} when the text has fewer than two tokens
 */
export async function scoreText(options: ScoreTextOptions): Promise<TextScore> {
  const { modelPath, text, signal } = options;
  const threads = options.threads ?? defaultThreads();
  if (!existsSync(modelPath)) {
    throw new InputError(`${modelPath} does not exist`, { hint: "name a GGUF file, or see w4s models list" });
  }
  const { config } = readModel(readLoadableModel(modelPath));
  await using llama = await LocalModel.load({ modelPath, gpu: "off", threads, kvCache: "f32" });
  const all = typeof text === "string" ? await llama.tokenize(text) : (await llama.renderPrompt(text)).tokens;
  const context = config.contextLength === 0 ? Number.POSITIVE_INFINITY : config.contextLength;
  const tokens = all.slice(0, Math.min(options.maxTokens ?? DEFAULT_MAX_TOKENS, context));
  if (tokens.length < 2) {
    throw new InputError(`the text has ${tokens.length} tokens, a score needs at least 2`, {
      hint: "give a longer text",
    });
  }
  // llama.cpp first: its threads must not run beside ours.
  const theirs = options.compare ? await llama.scoreTokens(tokens, signal) : undefined;
  const backend = new OrtBackend({ threads });
  const model = Transformer.open(modelPath, { backend, weights: options.weights ?? "auto" });
  try {
    options.onPlan?.(
      `${config.family}, ${config.layerCount} layers, ${model.weightPlan.reason}, ${threads} threads`,
    );
    const started = performance.now();
    const ours = Array.from(await model.logProbs(tokens, signal ? { signal } : {}));
    const forwardMs = performance.now() - started;
    return {
      tokens,
      logProbs: ours,
      perplexity: perplexity(ours),
      forwardMs,
      omittedTokens: all.length - tokens.length,
      llama: theirs && { logProbs: theirs, perplexity: perplexity(theirs), ...differences(ours, theirs) },
    };
  } finally {
    await model.close();
  }
}

function perplexity(logProbs: readonly number[]): number {
  return Math.exp(-mean(logProbs));
}

function differences(a: readonly number[], b: readonly number[]) {
  const all = a.map((value, i) => Math.abs(value - (b[i] as number)));
  return { meanDifference: mean(all), largestDifference: all.reduce((a, b) => Math.max(a, b), 0) };
}
