/** @file The local models of a run in memory: one per file, shared by whoever names it. */
import type { RunConfig } from "../config/run-config.js";
import { CloseStack } from "../core/close-stack.js";
import { LocalModel } from "../llm/local/local-model.js";
import { isLocalExecutor, planThreads } from "../llm/local/plan-threads.js";

/** Turns a model name or path into a file; the hub's resolver is handed in, since this room does not know hub/. */
export type ResolveModelFile = (nameOrPath: string) => Promise<string>;

/** Names taken as paths. */
export const asPath: ResolveModelFile = async (path) => path;

export type LocalModelsConfig = Pick<RunConfig, "gpu" | "threads" | "model" | "adapter"> &
  Partial<Pick<RunConfig, "executor">>;

export class LocalModels implements AsyncDisposable {
  readonly resolve: ResolveModelFile;
  readonly #config: LocalModelsConfig;
  readonly #loaded = new Map<string, LocalModel>();

  /** @param resolve - from the names of the configuration to files. Default: names are paths */
  constructor(config: LocalModelsConfig, resolve: ResolveModelFile = asPath) {
    this.#config = config;
    this.resolve = resolve;
  }

  /**
   * Loads a file once for each way of working. The weak model of the configuration is loaded with its adapter.
   * @param lanes - as LocalModel.load() takes them. Default none
   * @throws {InputError | UnsupportedModelError} on a file that is missing or cannot be loaded
   */
  async load(nameOrPath: string, lanes?: number): Promise<LocalModel> {
    const { gpu, model, adapter, executor } = this.#config;
    // Alone on the machine a model takes what is usual for its size.
    const shared =
      isLocalExecutor(executor) && lanes === undefined
        ? planThreads(true, this.#config.threads).weak
        : undefined;
    const threads = shared ?? this.#config.threads;
    const modelPath = await this.resolve(nameOrPath);
    const key = JSON.stringify([modelPath, lanes]);
    const known = this.#loaded.get(key);
    if (known) return known;
    const loaded = await LocalModel.load({
      modelPath,
      gpu,
      threads,
      lanes,
      adapterPath: nameOrPath === model ? adapter : undefined,
    });
    this.#loaded.set(key, loaded);
    return loaded;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stack = new CloseStack();
    for (const model of this.#loaded.values()) stack.add(() => model.close());
    this.#loaded.clear();
    await stack.close();
  }
}
