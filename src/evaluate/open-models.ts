/** @file The models a configuration names for its workflows: the executor, its aliases, and what stands behind agent.weak. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { RunConfig } from "../config/run-config.js";
import { CloseStack } from "../core/close-stack.js";
import type { BatchSettings } from "../llm/openai/batch/batch-settings.js";
import { OpenAIChatModel } from "../llm/openai/openai-chat-model.js";
import { priceByBill, scaled } from "../llm/prices.js";
import type { Sample } from "../tasks/task.js";
import { type BuiltExecutor, buildExecutor, buildWeakModel, type ExecutorConfig } from "./build-executor.js";
import type { LocalModels } from "./local-models.js";

export type ModelsConfig = ExecutorConfig & Pick<RunConfig, "executor" | "weak" | "model">;

export class OpenModels implements AsyncDisposable {
  readonly executor: BuiltExecutor;
  readonly aliases: ReadonlyMap<string, BuiltExecutor>;
  /** Model behind agent.weak; undefined where there is none. */
  readonly weak: BuiltExecutor | undefined;
  readonly #closing: CloseStack;

  private constructor(
    executor: BuiltExecutor,
    aliases: ReadonlyMap<string, BuiltExecutor>,
    weak: BuiltExecutor | undefined,
    closing: CloseStack,
  ) {
    this.executor = executor;
    this.aliases = aliases;
    this.weak = weak;
    this.#closing = closing;
  }

  /**
   * Nothing is asked of the models yet. What was opened is closed again when a later one fails.
   * @param local - keeps the local ones; whoever made it closes it
   * @throws {ConfigError | InputError} on an unknown name, a missing model name or file
   */
  static async open(
    config: ModelsConfig,
    local: LocalModels,
    onWarning: (message: string) => void,
  ): Promise<OpenModels> {
    const closing = new CloseStack();
    const noted = (built: BuiltExecutor) => {
      closing.add(() => built.model.close());
      return built;
    };
    const context = { config, local, onWarning };
    try {
      const executor = noted(await buildExecutor(config.executor, context));
      const aliases = new Map<string, BuiltExecutor>();
      for (const alias of Object.keys(config.executors))
        aliases.set(alias, noted(await buildExecutor(alias, context)));
      const file = weakFile(config);
      const weak = file === undefined ? undefined : noted(await buildWeakModel(file, context));
      return new OpenModels(executor, aliases, weak, closing);
    } catch (error) {
      await closing.close();
      throw error;
    }
  }

  /**
   * What was learned of the endpoints, from now on kept in a file and taken from it.
   * @param path - JSON of changes by model id; one that cannot be read is begun anew
   */
  keepHabits(path: string): void {
    const habits = new Map(Object.entries(readHabits(path)));
    for (const { model } of [this.executor, ...this.aliases.values()]) {
      if (!(model instanceof OpenAIChatModel)) continue;
      model.keepHabits(habits.get(model.id) ?? [], (all) => {
        habits.set(model.id, [...all]);
        writeFileSync(path, `${JSON.stringify(Object.fromEntries(habits), null, 2)}\n`, { mode: 0o600 });
      });
    }
  }

  /** Learns unknown prices from a bill for one token, where a server says what its answers are charged with. */
  async learnPrices(signal?: AbortSignal): Promise<void> {
    for (const built of [this.executor, ...this.aliases.values()]) await learnPrice(built, signal);
  }

  /**
   * Calls of the executor and its aliases go in batches from now on, at a share of their price.
   * @param priceShare - what a call in a batch costs, 1 being its usual price
   * @returns a check of the executor's server; the others are checked when they are first asked
   */
  useBatches(settings: BatchSettings, priceShare: number): () => Promise<void> {
    const checks = [this.executor, ...this.aliases.values()].flatMap((built) => {
      if (!(built.model instanceof OpenAIChatModel)) return [];
      built.price &&= scaled(built.price, priceShare);
      const queue = built.model.useBatches(settings);
      return [() => queue.check()];
    });
    return checks[0] ?? (async () => {});
  }

  /** Tells simulated models what is about to be run. */
  onSample(sample: Sample): void {
    for (const built of [this.executor, ...this.aliases.values()]) built.onSample(sample);
    this.weak?.onSample(sample);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.close();
  }
}

/** A price that is not known, from what the server says of one token; left open where it does not. */
export async function learnPrice(built: BuiltExecutor, signal?: AbortSignal): Promise<void> {
  const bill = built.price === undefined ? await built.model.sampleBill?.(signal) : undefined;
  if (bill) built.price = priceByBill(bill);
}

function readHabits(path: string): Record<string, string[]> {
  if (!existsSync(path)) return {};
  try {
    return z.record(z.string(), z.array(z.string())).parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return {};
  }
}

/** The model behind agent.weak as the configuration names it; undefined where workflows have none. */
export function weakFile({ weak = "policy", model }: Pick<RunConfig, "weak" | "model">): string | undefined {
  return weak === "policy" ? model : weak === "none" ? undefined : weak;
}
