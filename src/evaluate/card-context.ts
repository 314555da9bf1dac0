/** @file What a card needs to know of a run: where calls go, what they cost, and which quotas hold. */

import { defaultReplyTokens } from "../config/reply-tokens.js";
import type { RunConfig } from "../config/run-config.js";
import { FREE, givenPrice, type Price, priceFor } from "../llm/prices.js";
import { SIMULATED_PRICE } from "../llm/simulated/simulated-chat-model.js";
import type { ResultRow } from "../records/result-row.js";
import { DEFAULT_LIMITS } from "../workflow/sandbox/sandbox-protocol.js";
import type { BuiltExecutor } from "./build-executor.js";
import type { CardContext, MeasuredUse } from "./workflow-card.js";

/** The parts of a configuration that a card reads; what an older run did not write is left out. */
export type CardConfig = Partial<
  Pick<RunConfig, "executor" | "executorModel" | "executors" | "limits" | "maxTokens" | "price">
>;

/**
 * @param executor - as the run built it; default: what the configuration names
 */
export function cardContext(
  config: CardConfig,
  executor?: { id: string; isSimulated: boolean; price?: Price | null },
): CardContext {
  const aliases = Object.fromEntries(
    Object.entries(config.executors ?? {}).map(([alias, entry]) => [
      alias,
      {
        id: `${URL.canParse(entry.url) ? new URL(entry.url).origin : entry.url}, ${entry.model}`,
        price: entryPrice(entry),
      },
    ]),
  );
  const id = executor?.id ?? config.executor;
  const isSimulated = executor?.isSimulated ?? config.executor === "simulated";
  return {
    executor: id,
    isSimulated,
    price: executor?.price !== undefined ? executor.price : priceOf(config, isSimulated),
    aliases,
    modelCalls: config.limits?.modelCalls ?? DEFAULT_LIMITS.modelCalls,
    toolCalls: DEFAULT_LIMITS.toolCalls,
    maxTokens: config.maxTokens ?? defaultReplyTokens(config.executor ?? ""),
  };
}

function entryPrice(entry: NonNullable<CardConfig["executors"]>[string]): Price | null {
  return givenPrice(entry) ?? priceFor(entry.model);
}

function priceOf(
  { executor = "", executors, executorModel, price }: CardConfig,
  isSimulated: boolean,
): Price | null {
  if (isSimulated) return SIMULATED_PRICE;
  if (/^(local|replay):/.test(executor)) return FREE;
  const alias = executors?.[executor];
  if (alias) return entryPrice(alias);
  return price ?? (executorModel === undefined ? null : priceFor(executorModel));
}

/** The executor of an open run, with the price it is counted at. */
export function executorOf({ executor }: { executor: BuiltExecutor }): {
  id: string;
  isSimulated: boolean;
  price: Price | null;
} {
  const { model, price } = executor;
  return { id: model.id, isSimulated: model.isSimulated, price: price ?? null };
}

/** Use of a workflow, as its result row has it. */
export function measuredUse(
  row: Pick<ResultRow, "callsPerSample" | "tokensPerSample" | "dollarsPerSample" | "n"> | undefined,
): MeasuredUse | undefined {
  if (row === undefined) return undefined;
  const { callsPerSample: calls, tokensPerSample: tokens, dollarsPerSample: dollars, n } = row;
  return { calls, tokens, dollars, inputs: n };
}
