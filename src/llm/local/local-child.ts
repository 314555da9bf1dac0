/** @file Keeps one model child alive: requests with deadlines, replacement after death or silence, one retry. */

import { ChildExitError, ManagedChild } from "../../core/managed-child.js";
import { childModule } from "../../core/package-file.js";
import {
  type ChildMessage,
  type LoadedModel,
  type LoadOrder,
  LocalFailure,
  type ParentMessage,
  type WritingProgress,
} from "./local-protocol.js";
import { keepSpare, takeSpare } from "./spare-child.js";

type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;
export type LocalRequest = WithoutId<Exclude<ParentMessage, { type: "load" | "unload" | "abort" }>>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Default: the child's timeoutMs. */
  timeoutMs?: number | undefined;
  onProgress?: ((written: WritingProgress) => void) | undefined;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Restarts the silence timer. */
  touch(): void;
  onProgress: CallOptions["onProgress"];
}

/** Variables that GPU drivers need; everything else, keys above all, stays out of the child. */
const GPU_VARIABLES = [
  "CUDA_VISIBLE_DEVICES",
  "GGML_VK_VISIBLE_DEVICES",
  "NVIDIA_VISIBLE_DEVICES",
  "NVIDIA_DRIVER_CAPABILITIES",
  "LD_LIBRARY_PATH",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "XDG_RUNTIME_DIR",
];

/** A child that says nothing for this long is replaced. */
const SILENCE_MS = 120_000;
/** A child that takes longer to give its memory back is ended. */
const UNLOAD_MS = 10_000;

export class LocalChild {
  readonly #order: LoadOrder;
  readonly #timeoutMs: number;
  readonly #checkFiles: () => void;
  #child: ManagedChild | undefined;
  #loading: Promise<{ child: ManagedChild; loaded: LoadedModel }> | undefined;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #isClosed = false;

  /** @param checkFiles - called before each start; throws when the files are not the checked ones any more. */
  constructor(order: LoadOrder, timeoutMs: number, checkFiles: () => void) {
    this.#order = order;
    this.#checkFiles = checkFiles;
    this.#timeoutMs = timeoutMs;
  }

  get pid(): number | undefined {
    return this.#child?.isAlive ? this.#child.pid : undefined;
  }

  async start(): Promise<LoadedModel> {
    return (await this.#running()).loaded;
  }

  /**
   * Asks the child; when it dies or falls silent it is replaced and asked once more.
   * @throws {ChildExitError} at the second death; {LocalFailure}; the signal's reason when aborted.
   */
  async call<T>(request: LocalRequest, options: CallOptions = {}): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      options.signal?.throwIfAborted();
      try {
        const { child } = await this.#running();
        // An abort while the child was starting: nobody listened yet.
        options.signal?.throwIfAborted();
        return (await this.#ask(child, request, options)) as T;
      } catch (error) {
        if (!(error instanceof ChildExitError) || attempt > 0 || this.#isClosed) throw error;
      }
    }
  }

  /** Gives the child up, also one that is starting; calls under way fail. */
  async close(): Promise<void> {
    const isIdle = !this.#isClosed && this.#pending.size === 0;
    this.#isClosed = true;
    if (this.#child) await (isIdle ? this.#unload(this.#child) : this.#child.kill());
    // A child that has not reported yet is ended by #start() as soon as it does.
    await this.#loading?.catch(() => {});
    this.#child = undefined;
  }

  /** Leaves an idle child to the next model; on a graphics card, whose memory is dear, it ends. */
  async #unload(child: ManagedChild): Promise<void> {
    try {
      if (!child.isAlive || (await this.#loading)?.loaded.gpu !== "off") return await child.kill();
      await this.#ask(child, { type: "unload" }, { timeoutMs: UNLOAD_MS });
      await keepSpare(child, this.#order);
    } catch {
      await child.kill();
    }
  }

  /** The living child with its model loaded; starts one where there is none. */
  #running(): Promise<{ child: ManagedChild; loaded: LoadedModel }> {
    this.#checkOpen();
    if (this.#loading && this.#child?.isAlive !== false) return this.#loading;
    const loading = this.#start();
    this.#loading = loading;
    loading.catch(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    return loading;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new LocalFailure("failed", "the local model is closed");
  }

  async #start(): Promise<{ child: ManagedChild; loaded: LoadedModel }> {
    this.#child = undefined;
    this.#checkFiles();
    const env: Record<string, string> = {};
    for (const name of this.#order.gpu === "off" ? [] : GPU_VARIABLES) {
      const value = process.env[name];
      if (value !== undefined) env[name] = value;
    }
    const child =
      takeSpare(this.#order) ??
      (await ManagedChild.start(childModule("llm/local/local-model-child.js"), {
        name: "model",
        env,
      }));
    if (this.#isClosed) await child.kill();
    this.#checkOpen();
    this.#child = child;
    child.onMessage((message) => this.#receive(message as ChildMessage));
    void child.exited.then((error) => {
      const pending = [...this.#pending.values()];
      this.#pending.clear();
      for (const call of pending) call.reject(error);
    });
    try {
      const loaded = (await this.#ask(child, { type: "load", order: this.#order }, {})) as LoadedModel;
      child.ref(this.#pending.size > 0);
      return { child, loaded };
    } catch (error) {
      await child.kill();
      throw error;
    }
  }

  async #ask(
    child: ManagedChild,
    request: LocalRequest | WithoutId<Extract<ParentMessage, { type: "load" | "unload" }>>,
    options: CallOptions,
  ): Promise<unknown> {
    const id = this.#nextId++;
    const timers: NodeJS.Timeout[] = [];
    const giveUp = (error: Error) => {
      this.#pending.get(id)?.reject(error);
      this.#pending.delete(id);
      void child.kill();
    };
    const onAbort = () => child.post({ type: "abort", id });
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const dead = new ChildExitError(`model (silent for ${SILENCE_MS} ms)`, null, "SIGKILL", "");
        const silence = setTimeout(() => giveUp(dead), SILENCE_MS);
        timers.push(silence);
        if (request.type !== "load") {
          // Asking again would take as long again: the limit is final.
          const limit = options.timeoutMs ?? this.#timeoutMs;
          timers.push(
            setTimeout(() => giveUp(new LocalFailure("timeout", `not done after ${limit} ms`)), limit),
          );
        }
        this.#pending.set(id, {
          ...{ resolve, reject, touch: () => silence.refresh() },
          onProgress: options.onProgress,
        });
        options.signal?.addEventListener("abort", onAbort, { once: true });
        child.ref(true);
        if (!child.isAlive) {
          void child.exited.then(reject);
          return;
        }
        child.post({ ...request, id });
      });
    } catch (error) {
      if (error instanceof LocalFailure && error.failure === "aborted") throw options.signal?.reason ?? error;
      throw error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(id);
      if (this.#pending.size === 0 && child.isAlive) child.ref(false);
    }
  }

  #receive(message: ChildMessage): void {
    if (message.type === "ready") return;
    // A child that works for one call is not silent for those that wait behind it.
    for (const call of this.#pending.values()) call.touch();
    const call = this.#pending.get(message.id);
    if (!call) return;
    if (message.type === "progress") {
      if (message.written) call.onProgress?.(message.written);
      return;
    }
    if (message.type === "result") call.resolve(message.value);
    else call.reject(new LocalFailure(message.failure, message.message));
  }
}
