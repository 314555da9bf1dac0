/** @file The model child: the only place that loads llama.cpp, so that its crashes end nothing but this process. */
import { rmSync } from "node:fs";
import {
  getLlama,
  getLlamaGpuTypes,
  InsufficientMemoryError,
  Llama,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  NoBinaryFoundError,
} from "node-llama-cpp";
import { messageOf } from "../../core/errors.js";
import { serveParent } from "../../core/serve-parent.js";
import { LaneEngine } from "./lane-engine.js";
import { loadFailure } from "./load-failure.js";
import type { Bindings, BoundContext, BoundSampler } from "./local-bindings.js";
import { LocalEngine } from "./local-engine.js";
import {
  type Generated,
  type LoadOrder,
  LocalFailure,
  type ParentMessage,
  type WritingProgress,
} from "./local-protocol.js";
import { type LlamaMaker, openUntried } from "./open-untried.js";
import { CHUNK_TOKENS } from "./prompt-cache.js";

const MAX_GRAMMARS = 64;

/**
 * Members of the pinned package that are not in its public types. The public generators cannot be used here:
 * they let batches of several sequences fall apart (four and one instead of five), which costs half the speed
 * and makes results depend on timing.
 */
interface AddonSampler extends BoundSampler {
  applyConfig(config: Record<string, unknown>): void;
}
interface AddonContext {
  initBatch(size: number): void;
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(index: number, sampler: AddonSampler): Promise<number>;
  sampleToken(
    index: number,
    sampler: AddonSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: unknown[],
    totalWeight: boolean,
  ): Promise<
    [token: number, unknown, unknown, logits: number[] | undefined, totalWeight: number | undefined]
  >;
  disposeSequence(sequence: number): void;
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  copySequenceStateFromOtherSequence(to: number, from: number): Promise<number>;
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>;
  loadSequenceStateFromFile(path: string, sequence: number, maxTokens: number): Promise<Uint32Array>;
}
interface Internals {
  llama: { _bindings: { AddonSampler: new (model: unknown) => AddonSampler } };
  model: { _model: unknown };
  context: { _ctx: AddonContext };
  grammarState: { _state: unknown };
}

/** The last errors that llama.cpp logged. */
const complaints: string[] = [];
const MAX_COMPLAINTS = 50;
const LOG_MS = 50;

async function openLlama(order: LoadOrder): Promise<Llama> {
  const common = {
    build: "never",
    maxThreads: order.threads,
    // Why a file cannot be loaded is said nowhere else.
    logLevel: LlamaLogLevel.error,
    logger: (_level: LlamaLogLevel, message: string) => {
      complaints.push(message);
      complaints.splice(0, complaints.length - MAX_COMPLAINTS);
    },
    progressLogs: false,
  } as const;
  const withoutGpu = async () =>
    (await openUntried(Llama as unknown as LlamaMaker<Llama>, common)) ??
    (await getLlama({ ...common, gpu: false }));
  if (order.gpu === "off") return withoutGpu();
  if (order.gpu === "auto" && (await getLlamaGpuTypes("supported")).every((type) => type === false))
    return withoutGpu();
  let llama: Llama;
  try {
    llama = await getLlama({ ...common, gpu: order.gpu });
  } catch (error) {
    if (order.gpu === "auto") return withoutGpu();
    if (!(error instanceof NoBinaryFoundError)) throw new LocalFailure("no-gpu", messageOf(error));
    throw new LocalFailure("no-gpu", `llama.cpp has no ${order.gpu} support on this machine`);
  }
  // "auto" may answer vulkan where only a software driver is present: a device must have a name.
  const names = llama.gpu === false ? [] : await llama.getGpuDeviceNames();
  if (names.length > 0) return llama;
  await llama.dispose();
  if (order.gpu === "auto") return withoutGpu();
  throw new LocalFailure("no-gpu", `no ${order.gpu} device was found`);
}

let opened: Llama | undefined;

async function openBindings(order: LoadOrder, onProgress: () => void): Promise<Bindings> {
  // Kept for the models that follow: llama.cpp is opened once in a process.
  opened ??= await openLlama(order);
  const llama = opened;
  const device = llama.gpu === false ? "CPU" : (await llama.getGpuDeviceNames()).join(", ");
  let model: LlamaModel;
  try {
    model = await llama.loadModel({
      modelPath: order.modelPath,
      onLoadProgress: onProgress,
      ...(llama.gpu === false ? { gpuLayers: 0 } : {}),
    });
  } catch (error) {
    // What llama.cpp logs comes a turn later than the error.
    await new Promise((resolve) => setTimeout(resolve, LOG_MS));
    const reason = loadFailure(complaints) ?? messageOf(error);
    throw new LocalFailure(error instanceof InsufficientMemoryError ? "memory" : "load", reason);
  }
  const { AddonSampler } = (llama as unknown as Internals["llama"])._bindings;
  const nativeModel = (model as unknown as Internals["model"])._model;
  if (typeof AddonSampler !== "function" || nativeModel === undefined) {
    throw new LocalFailure("load", "this version of node-llama-cpp is not the pinned one");
  }
  const makeSampler = (config: Record<string, unknown>): BoundSampler => {
    const sampler = new AddonSampler(nativeModel);
    sampler.applyConfig(config);
    return sampler;
  };
  const grammars = new Map<string, Awaited<ReturnType<Llama["createGrammar"]>>>();
  const { isRecurrent, isHybrid, swaSize } = model.fileInsights;

  const grammarState = async (grammar: string): Promise<unknown> => {
    let compiled = grammars.get(grammar);
    if (!compiled) {
      try {
        compiled = await llama.createGrammar({ grammar });
      } catch (error) {
        throw new LocalFailure("bad-grammar", messageOf(error));
      }
      if (grammars.size >= MAX_GRAMMARS) grammars.clear();
      grammars.set(grammar, compiled);
    }
    const state = new LlamaGrammarEvaluationState({ model, grammar: compiled });
    return (state as unknown as Internals["grammarState"])._state;
  };

  return {
    device,
    gpu: llama.gpu === false ? "off" : llama.gpu,
    version: llama.llamaCppRelease.release,
    canTrim: !isRecurrent && !isHybrid,
    controlTexts: controlTexts(model),
    bosToken: model.tokens.bos ?? undefined,
    bosText: model.tokens.bosString ?? "",
    eosText: model.tokens.eosString ?? "",
    addsBos: model.tokens.shouldPrependBosToken,
    tokenize: (text, parsesSpecials) => [...model.tokenize(text, parsesSpecials)],
    detokenize: (tokens) => model.detokenize(tokens as never),
    isEndOfGeneration: (token) => model.isEogToken(token as never),
    createContext: async (sequences, contextSize, isBare = false) => {
      try {
        const context = await model.createContext({
          sequences,
          contextSize,
          // The rows of one decode: a chunk of a prompt, or one token of each sequence.
          batchSize: Math.max(CHUNK_TOKENS, sequences),
          threads: order.threads,
          // Without it a sliding-window model forgets what lies before the window of the last token.
          ...((swaSize ?? 0) > 0 ? { swaFullCache: true } : {}),
          ...(order.kvCache === "f32"
            ? {
                experimentalKvCacheKeyType: "F32" as const,
                experimentalKvCacheValueType: "F32" as const,
                // The CPU's fused kernel rounds queries to float16 whatever the cache holds.
                flashAttention: false,
              }
            : {}),
          ...(order.adapterPath && !isBare ? { lora: order.adapterPath } : {}),
          failedCreationRemedy: false,
        });
        return bindContext(context, sequences, contextSize);
      } catch (error) {
        throw new LocalFailure("memory", messageOf(error));
      }
    },
    createSampler: async ({ grammar, seed, temperature }) => {
      // Before the sampler: a grammar that does not compile must leave none behind.
      const rules = grammar === undefined ? {} : { grammarEvaluationState: await grammarState(grammar) };
      // No top-k, top-p or min-p: a cut that cuts nothing still sorts the vocabulary.
      return makeSampler({ temperature, seed, ...rules });
    },
    createScorer: () => makeSampler({ temperature: 0, seed: 0 }),
    dispose: () => model.dispose(),
  };
}

/** Texts that the tokenizer takes for control tokens when it parses special tokens. */
function controlTexts(model: LlamaModel): string[] {
  const texts: string[] = [];
  for (const token of model.iterateAllTokens()) {
    const attributes = model.getTokenAttributes(token);
    if (!attributes.control && !attributes.unknown) continue;
    const text = model.detokenize([token], true);
    if (text !== "") texts.push(text);
  }
  return texts;
}

function bindContext(
  context: object & { dispose(): Promise<void> },
  sequences: number,
  contextSize: number,
): BoundContext {
  const raw = (context as unknown as Internals["context"])._ctx;
  return {
    sequences,
    contextSize,
    decode: async (entries) => {
      raw.initBatch(entries.reduce((sum, entry) => sum + entry.tokens.length, 0));
      const indexes = entries.map(({ sequence, position, tokens, wantsLogits }) => {
        const logits = wantsLogits ? Uint32Array.of(tokens.length - 1) : new Uint32Array();
        return raw.addToBatch(sequence, position, Uint32Array.from(tokens), logits)[0] ?? -1;
      });
      await raw.decodeBatch();
      return indexes;
    },
    decodeAll: async (tokens, position) => {
      raw.initBatch(tokens.length);
      const all = Uint32Array.from(tokens, (_, index) => index);
      const indexes = raw.addToBatch(0, position, Uint32Array.from(tokens), all);
      await raw.decodeBatch();
      return [...indexes];
    },
    sample: async (index, sampler) => {
      const token = await raw.sampleToken(index, sampler as AddonSampler);
      if (token < 0) throw new LocalFailure("failed", "no token could be sampled");
      return token;
    },
    logProb: async (index, token, scorer) => {
      const filter = [[token], false, false, true, 0];
      const addon = scorer as AddonSampler;
      const [best, , , logits, weight] = await raw.sampleToken(index, addon, false, false, filter, true);
      const logitOf = new Map<number, number>();
      for (let i = 0; i + 1 < (logits?.length ?? 0); i += 2) logitOf.set(logits![i]!, logits![i + 1]!);
      // The scorer is greedy: what it selects has the highest logit, relative to which the weights are summed.
      return logitOf.get(token)! - logitOf.get(best)! - Math.log(weight!);
    },
    copySequence: async (from, to) => {
      await raw.copySequenceStateFromOtherSequence(to, from);
    },
    trimSequence: (sequence, position) => raw.removeTokenCellsFromSequence(sequence, position, -1),
    clearSequence: (sequence) => raw.disposeSequence(sequence),
    saveSequence: async (sequence, path, tokens) => {
      await raw.saveSequenceStateToFile(path, sequence, Uint32Array.from(tokens));
    },
    loadSequence: async (sequence, path) => {
      await raw.loadSequenceStateFromFile(path, sequence, contextSize);
    },
    dispose: () => context.dispose(),
  };
}

type OnProgress = (written?: WritingProgress) => void;

let bindings: Bindings | undefined;
let engine: LocalEngine | undefined;
let lanes: LaneEngine | undefined;
let stateFolder: string | undefined;
// When the parent was killed nobody else is left to remove it.
process.once("exit", () => {
  if (stateFolder !== undefined) rmSync(stateFolder, { recursive: true, force: true });
});

async function handle(message: ParentMessage, onProgress: OnProgress): Promise<unknown> {
  if (message.type === "load") {
    stateFolder = message.order.stateFolder;
    bindings = await openBindings(message.order, () => onProgress());
    engine = new LocalEngine(bindings, message.order);
    if (message.order.lanes)
      lanes = new LaneEngine(bindings, message.order.lanes, message.order.contextLimit);
    return engine.describe();
  }
  if (message.type === "unload") {
    engine = undefined;
    lanes = undefined;
    await bindings?.dispose();
    return undefined;
  }
  if (!engine) throw new LocalFailure("failed", "no model is loaded");
  if (message.type === "generate") return generate(engine, message, onProgress);
  if (message.type === "render") return engine.renderPrompt(message.messages);
  if (message.type === "tokenize") return engine.tokenize(message.text, message.isDocument);
  if (message.type === "score") return engine.score(message.id, message, () => onProgress());
  if (!lanes?.abort(message.id)) engine.abort(message.id);
  return undefined;
}

async function generate(
  serial: LocalEngine,
  { id, order }: Extract<ParentMessage, { type: "generate" }>,
  onProgress: OnProgress,
): Promise<Generated> {
  if (!lanes) return serial.generate(id, order, onProgress);
  return lanes.generate(id, serial.promptOf(order), order, () => onProgress());
}

serveParent((raw, send) => {
  const message = raw as ParentMessage;
  const { id } = message;
  handle(message, (written) => send({ type: "progress", id, written })).then(
    (value) => {
      if (message.type !== "abort") send({ type: "result", id, value });
    },
    (error: unknown) => {
      const failure = error instanceof LocalFailure ? error.failure : "failed";
      send({ type: "error", id, failure, message: messageOf(error) });
    },
  );
});
