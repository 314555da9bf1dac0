/** @file A GGUF model in a child process: generates candidates, counts tokens, survives its own crashes. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, InputError, ModelCallError } from "../../core/errors.js";
import { cachedFileHash, identify } from "../../core/file-hash.js";
import { hashJson, sha256 } from "../../core/hash.js";
import { ChildExitError } from "../../core/managed-child.js";
import { checkAdapterFits, isZeroAdapter } from "../../formats/gguf/gguf-adapter-checks.js";
import type { GgufHeader } from "../../formats/gguf/gguf-contents.js";
import { readLoadableModel } from "../../formats/gguf/gguf-loadable.js";
import { integerValue, stringsValue, stringValue } from "../../formats/gguf/gguf-metadata.js";
import { badGguf } from "../../formats/gguf/gguf-reader.js";
import { readGgufHeader } from "../../formats/gguf/read-gguf-header.js";
import type { ChatMessage } from "../chat-model.js";
import { BUILT_IN_TEMPLATES, type BuiltInTemplate } from "./built-in-templates.js";
import { LocalChild } from "./local-child.js";
import {
  type Candidate,
  type Generated,
  type GenerateOrder,
  type GpuChoice,
  type LoadedModel,
  type LoadOrder,
  LocalFailure,
  type WritingProgress,
} from "./local-protocol.js";
import { planLanes } from "./plan-lanes.js";

export interface LocalModelOptions {
  modelPath: string;
  /** GGUF LoRA, put on at creation. A new adapter needs a new path and a new LocalModel. */
  adapterPath?: string | undefined;
  /** Tokens on which an adapter has to show itself, such as a recorded reply after its prompt. Default: a short prompt's. */
  adapterProbe?: readonly number[] | undefined;
  /** Default "auto": a device if one is named, else the CPU. Naming a kind that is not there is an error. */
  gpu?: GpuChoice | undefined;
  /** Default: the available cores, at most 8; 1 for models of a few megabytes. Always set: llama.cpp's own default is too many for small machines. */
  threads?: number | undefined;
  /** Tokens per sequence, at most the model's own. Default: the model's own; memory is taken as needed. */
  contextSize?: number | undefined;
  /** Candidates decoded together; more are done in groups. 1–64, default 8. */
  maxSequences?: number | undefined;
  /**
   * Replies of different requests written together, 1–64: for executors, whose replies may differ in near-ties with the
   * company they are written in. Default none: one request after another, always with the same tokens.
   */
  lanes?: number | undefined;
  /** "file" (default): the template in the file, else `plain`. Or a built-in one, or Jinja source. */
  chatTemplate?: "file" | BuiltInTemplate | { jinja: string } | undefined;
  /** Default f16; f32 doubles the memory and is for comparisons with other implementations. */
  kvCache?: "f16" | "f32" | undefined;
  /** Limit of one call. Default 3 600 000. */
  timeoutMs?: number | undefined;
}

export interface LocalModelInfo {
  id: string;
  modelPath: string;
  /** SHA-256 of the file. */
  modelHash: string;
  tokenizerHash: string;
  templateHash: string;
  adapterHash?: string | undefined;
  architecture: string;
  parameterCount: number;
  /** Tokens; the smaller of the model's own and `contextSize`. */
  contextLength: number;
  /** Id of the token that ends a reply; undefined where the file names none. */
  endToken: number | undefined;
  /** "CPU", or the GPU's name. */
  device: string;
  gpu: LoadedModel["gpu"];
  threads: number;
  sizeLabel?: string | undefined;
  /** llama.cpp release inside the native package: bundles lag behind its security fixes. */
  engineVersion: string;
  /** Oddities of the file, such as a missing chat template, and an adapter that changes nothing since it is zero. */
  warnings: string[];
}

export interface GenerateRequest {
  messages: readonly ChatMessage[];
  /** Candidates to draw, at least one. */
  candidates: readonly Candidate[];
  /** Limit of each reply. */
  maxTokens: number;
  stop?: readonly string[] | undefined;
  /** Calls of one session extend each other's prompt: its KV state is found again even when other calls came between. */
  session?: string | undefined;
  logProbs?: boolean | undefined;
  /** Let models think whose chat template can turn that off (Qwen3, SmolLM3). Default false. */
  isThinking?: boolean | undefined;
  /** Told while the prompt is evaluated and the reply written. */
  onProgress?: ((written: WritingProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Text that every chat template must keep. */
const PROBE = "hello w4s";
const NO_TEMPLATE =
  'no chat template in the file: messages are marked with "### role", which a chat model was not trained on';
const DEFAULT_TIMEOUT_MS = 3_600_000;
const MAX_SEQUENCES = 64;
/** The renderer's own limit is 1 s; the rest is for a busy machine. */
const RENDER_TIMEOUT_MS = 10_000;

/**
 * GGUF model run by llama.cpp in a process of its own, which is replaced when it dies. The file is checked strictly
 * before native code sees it. Equal requests give
 * equal tokens on the same machine and build, whatever ran before: prompt states are reused in fixed chunks only.
 * A reply may differ in rare near-ties when it is asked for in another company of candidates, since llama.cpp
 * sums in another order for other batch sizes.
 */
export class LocalModel {
  readonly info: LocalModelInfo;
  readonly #child: LocalChild;
  readonly #stateFolder: string;
  readonly #file: string;
  readonly #vocabularySize: number;

  private constructor(info: LocalModelInfo, child: LocalChild, stateFolder: string, vocabularySize: number) {
    this.info = info;
    this.#child = child;
    this.#stateFolder = stateFolder;
    this.#file = info.modelPath;
    this.#vocabularySize = vocabularySize;
  }

  /**
   * Loads a model, with an adapter where one is named.
   * @throws {FormatError} on a bad file, before native code sees it; {ConfigError} on a GPU that is not there;
   * {InputError} when llama.cpp refuses the file.
   */
  static async load(options: LocalModelOptions): Promise<LocalModel> {
    const { modelPath, adapterPath, maxSequences = 8 } = options;
    if (!Number.isInteger(maxSequences) || maxSequences < 1 || maxSequences > MAX_SEQUENCES) {
      throw new ConfigError(`maxSequences is ${maxSequences}, must be 1 to ${MAX_SEQUENCES}`);
    }
    const header = readLoadableModel(modelPath);
    if (adapterPath !== undefined) checkAdapterFits(readGgufHeader(adapterPath), header);
    const template = chatTemplate(header, options.chatTemplate ?? "file");
    const ownContext = integerValue(header.metadata, `${header.architecture}.context_length`) as number;
    const contextLength = Math.min(ownContext, options.contextSize ?? ownContext);
    const files = adapterPath === undefined ? header.parts : [...header.parts, adapterPath];
    const checkFiles = unchangedCheck(files);
    const modelHash = await modelFileHash(header.parts);
    const adapterHash = adapterPath === undefined ? undefined : await cachedFileHash(adapterPath);
    const stateFolder = makeStateFolder();
    const order: LoadOrder = {
      modelPath,
      adapterPath,
      gpu: options.gpu ?? "auto",
      threads: options.threads ?? defaultThreads(header.fileSize),
      chatTemplate: template,
      maxSequences,
      lanes:
        options.lanes === undefined ? undefined : planLanes(header, options.lanes, process.availableMemory()),
      contextLimit: contextLength,
      kvCache: options.kvCache ?? "f16",
      stateFolder,
    };
    const child = new LocalChild(order, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, checkFiles);
    try {
      const loaded = await child.start();
      const sizeLabel = stringValue(header.metadata, "general.size_label");
      const model = new LocalModel(
        {
          id: `local:${modelHash.slice(0, 12)}${adapterHash ? `+${adapterHash.slice(0, 8)}` : ""}`,
          modelPath,
          modelHash,
          tokenizerHash: tokenizerHash(header),
          templateHash: sha256(template),
          adapterHash,
          architecture: header.architecture,
          parameterCount: header.tensors.reduce((sum, tensor) => sum + tensor.elementCount, 0),
          contextLength,
          endToken:
            integerValue(header.metadata, "tokenizer.ggml.eot_token_id") ??
            integerValue(header.metadata, "tokenizer.ggml.eos_token_id"),
          device: loaded.device,
          gpu: loaded.gpu,
          threads: loaded.threads,
          sizeLabel,
          engineVersion: loaded.version,
          warnings:
            template === BUILT_IN_TEMPLATES.plain && options.chatTemplate === undefined
              ? [...header.warnings, NO_TEMPLATE]
              : [...header.warnings],
        },
        child,
        stateFolder,
        stringsValue(header.metadata, "tokenizer.ggml.tokens")?.length ?? 0,
      );
      // A template that fails, loops or leaves out what is said is found here, not in the middle of a run.
      const { text, tokens } = await model.renderPrompt([{ role: "user", content: PROBE }]);
      if (!text.includes(PROBE))
        throw badGguf(
          ...([modelPath, "tokenizer.chat_template", "leaves out what a message says", undefined] as const),
          "the template wants messages in another form, such as typed parts: choose a file with a template for plain texts",
        );
      if (adapterPath !== undefined) await model.#checkAdapter(adapterPath, options.adapterProbe ?? tokens);
      return model;
    } catch (error) {
      await child.close();
      removeStateFolder(stateFolder);
      if (error instanceof ChildExitError) {
        throw new InputError(`llama.cpp ended while it loaded ${modelPath}: ${error.message}`, {
          hint: "the file is damaged in a way the header does not show, or memory is short",
          cause: error,
        });
      }
      throw typedError(error, modelPath);
    }
  }

  /**
   * Writes one reply per candidate from a prompt that is evaluated once. A dead or silent child is replaced
   * and the call repeated once.
   * @throws {ModelCallError} "context-length", "bad-request" (a grammar that does not compile), "crashed".
   */
  async generate(request: GenerateRequest): Promise<Generated> {
    const { messages, candidates, maxTokens, stop = [], session, logProbs = false, signal } = request;
    if (candidates.length === 0) throw new ConfigError("generate needs at least one candidate");
    if (!Number.isInteger(maxTokens) || maxTokens < 1)
      throw new ConfigError(`maxTokens is ${maxTokens}, must be 1 or more`);
    const order: GenerateOrder = {
      messages: messages.map(({ role, content }) => ({ role, content })),
      candidates: candidates.map((candidate) => ({ ...candidate })),
      maxTokens,
      stop: stop.filter((text) => text !== ""),
      session,
      logProbs,
      isThinking: request.isThinking,
    };
    return this.#ask(() =>
      this.#child.call<Generated>({ type: "generate", order }, { signal, onProgress: request.onProgress }),
    );
  }

  /**
   * Tokens of plain text; control tokens spelt out in it count as text.
   * @param isDocument put the begin token first where the model asks for one; default true
   */
  async tokenize(text: string, isDocument = true): Promise<number[]> {
    return this.#ask(() => this.#child.call<number[]>({ type: "tokenize", text, isDocument }));
  }

  /**
   * log p(tokens[t+1] | tokens[0..t]) under llama.cpp for t = 0 … n − 2; the oracle our own forward pass is held
   * against. Load the model with `kvCache: "f32"` for that.
   * Fewer than two tokens give an empty list.
   * @param options.isBare - without the model's adapter. Default false
   * @throws {ConfigError} on an id outside the vocabulary; {ModelCallError} "context-length"; the signal's reason
   */
  async scoreTokens(
    tokens: readonly number[],
    signal?: AbortSignal,
    { isBare = false }: { isBare?: boolean | undefined } = {},
  ): Promise<number[]> {
    // llama.cpp itself would read a wrong one as another token, or give NaN.
    const bad = tokens.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= this.#vocabularySize);
    if (bad >= 0) {
      throw new ConfigError(`tokens[${bad}] is ${tokens[bad]}, must be 0 to ${this.#vocabularySize - 1}`, {
        hint: "use the tokens that this model's own tokenizer gives",
      });
    }
    const message = { type: "score" as const, tokens: [...tokens], isBare };
    return this.#ask(() => this.#child.call<number[]>(message, { signal }));
  }

  /** The prompt exactly as generate() evaluates it. @throws {FormatError} when the template fails or loops. */
  async renderPrompt(messages: readonly ChatMessage[]): Promise<{ text: string; tokens: number[] }> {
    const message = {
      type: "render",
      messages: messages.map(({ role, content }) => ({ role, content })),
    } as const;
    return this.#ask(() =>
      this.#child.call<{ text: string; tokens: number[] }>(message, { timeoutMs: RENDER_TIMEOUT_MS }),
    );
  }

  /** An adapter that leaves every log-probability as it was is not on, or is zero, which is said. @throws {InputError} */
  async #checkAdapter(path: string, probe: readonly number[]): Promise<void> {
    const bare = await this.scoreTokens(probe, undefined, { isBare: true });
    const own = await this.scoreTokens(probe);
    if (own.length === 0 || own.some((value, at) => value !== bare[at])) return;
    if (!isZeroAdapter(readGgufHeader(path))) {
      throw new InputError(`the adapter ${path} changes no log-probability: llama.cpp did not put it on`, {
        hint: "w4s inspect ADAPTER shows what it holds; write it again, or leave it out",
      });
    }
    this.info.warnings.push(`the adapter ${path} is zero: the model writes what it writes without it`);
  }

  /** Process id of the child, for diagnosis; undefined between a crash and the next call. */
  get childPid(): number | undefined {
    return this.#child.pid;
  }

  async close(): Promise<void> {
    await this.#child.close();
    removeStateFolder(this.#stateFolder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw typedError(error, this.#file);
    }
  }
}

function typedError(error: unknown, file: string): unknown {
  if (error instanceof ChildExitError) {
    return new ModelCallError("crashed", `the local model ${file} failed twice: ${error.message}`, {
      hint: "try gpu off, fewer threads or a smaller context; w4s doctor checks the file",
      cause: error,
    });
  }
  if (!(error instanceof LocalFailure)) return error;
  const { message, failure } = error;
  switch (failure) {
    case "context-length":
      return new ModelCallError("context-length", message, { hint: "shorten the prompt or lower maxTokens" });
    case "bad-grammar":
      return new ModelCallError("bad-request", `the grammar does not compile: ${message}`);
    case "bad-template":
      return badGguf(file, "tokenizer.chat_template", message);
    case "timeout":
      return new ModelCallError("timeout", `the local model ${file} was ${message}`);
    case "no-gpu":
      return new ConfigError(message, { hint: "use gpu auto or off; w4s doctor lists the devices" });
    case "memory":
      return new InputError(`${file} does not fit into memory: ${message}`, {
        hint: "choose a smaller model, a smaller context, or fewer candidates at a time",
      });
    case "load":
      return new InputError(`llama.cpp refuses ${file}: ${message}`, {
        hint: "the file may need a newer llama.cpp than the one in this version of w4s: choose another file (w4s models list)",
      });
    default:
      return new ModelCallError("bad-reply", message);
  }
}

const TINY_MODEL_BYTES = 16e6;

/**
 * Half of the logical cores are hyper-threads on most machines, but small ones need all they have. A model of a few
 * megabytes is slower on two threads than on one: waiting for each other takes them longer than the work.
 * @param modelBytes - size of the model's file
 */
export function defaultThreads(modelBytes = Number.POSITIVE_INFINITY): number {
  return modelBytes < TINY_MODEL_BYTES ? 1 : Math.min(availableParallelism(), 8);
}

function chatTemplate(header: GgufHeader, choice: NonNullable<LocalModelOptions["chatTemplate"]>): string {
  if (typeof choice === "object") return choice.jinja;
  if (choice !== "file") return BUILT_IN_TEMPLATES[choice];
  return stringValue(header.metadata, "tokenizer.chat_template") ?? BUILT_IN_TEMPLATES.plain;
}

/** The file's own hash; for a split model the hash of its parts' hashes. */
export async function modelFileHash(parts: readonly string[]): Promise<string> {
  const hashes: string[] = [];
  for (const part of parts) hashes.push(await cachedFileHash(part));
  return hashes.length === 1 ? (hashes[0] as string) : hashJson(hashes);
}

/** Remembers what the files are now; the function returned throws once they are others. */
function unchangedCheck(files: readonly string[]): () => void {
  const before = files.map(identify);
  return () => {
    const changed = files.find(
      (file, index) => !existsSync(file) || !isDeepStrictEqual(identify(file), before[index]),
    );
    if (changed === undefined) return;
    throw new ConfigError(`${changed} was replaced while it was in use`, {
      code: "model-replaced",
      hint: "put the old file back, or start a new run with the new one",
    });
  };
}

/** Hash over everything that decides how text becomes tokens. */
function tokenizerHash(header: GgufHeader): string {
  const entries = [...header.metadata]
    .filter(([key]) => key.startsWith("tokenizer.") && !key.startsWith("tokenizer.chat_template"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { type, value }]) => {
      const isList = typeof value === "object";
      return [key, type, isList ? Array.from(value as ArrayLike<unknown>, String) : String(value)];
    });
  return hashJson(entries);
}

/** Folders of models that are open: removed when the process ends without closing them. */
const stateFolders = new Set<string>();
let isExitWatched = false;

/** Memory-backed where the system offers it: states are tens of megabytes and short-lived. */
function makeStateFolder(): string {
  if (!isExitWatched) process.once("exit", () => [...stateFolders].forEach(removeStateFolder));
  isExitWatched = true;
  for (const parent of ["/dev/shm", tmpdir()]) {
    try {
      const folder = mkdtempSync(join(parent, "w4s-kv-"));
      stateFolders.add(folder);
      return folder;
    } catch {
      // Not there, not writable or full: the next one.
    }
  }
  throw new ConfigError(`no writable temporary folder (tried /dev/shm and ${tmpdir()})`);
}

function removeStateFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  stateFolders.delete(folder);
}
