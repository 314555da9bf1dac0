/** @file What models cost, from models/prices.json: dated, and to be checked by whoever pays. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { InputError, messageOf } from "../core/errors.js";
import type { Usage } from "./chat-model.js";

/** Dollars per million tokens. */
export interface Price {
  inputPerMillion: number;
  outputPerMillion: number;
}

/** What a local, simulated or replayed model costs. */
export const FREE: Price = { inputPerMillion: 0, outputPerMillion: 0 };

export interface PriceList {
  /** The day these prices were current, YYYY-MM-DD. */
  date: string;
  note: string;
  models: Record<string, Price>;
}

const dollars = z.number().finite().nonnegative();
const listSchema = z.strictObject({
  date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  note: z.string(),
  models: z.record(z.string(), z.strictObject({ inputPerMillion: dollars, outputPerMillion: dollars })),
});

/**
 * Reads a price list.
 * @param path - default: the list that comes with the package
 * @throws {InputError} when it cannot be read or does not fit.
 */
export function loadPrices(
  path = fileURLToPath(new URL("../../models/prices.json", import.meta.url)),
): PriceList {
  try {
    return listSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error;
    throw new InputError(`cannot read prices from ${path}: ${messageOf(why)}`, { cause: error });
  }
}

/**
 * The price of a model by its name, also where a snapshot date or a provider ("openai/") is part of it.
 * @returns null when unknown: dollars are then reported as unknown, never as zero.
 */
export function priceFor(model: string, list: PriceList = loadPrices()): Price | null {
  const name = model.replace(/^[a-z-]+\//, "");
  for (const candidate of [model, name, name.replace(/-\d{4}-\d\d-\d\d$|-\d{8}$/, "")]) {
    if (Object.hasOwn(list.models, candidate)) return list.models[candidate] as Price;
  }
  return null;
}

/** Dollars of one call, or null where the price is unknown. */
export function costOf(usage: Usage, price: Price | null): number | null {
  if (price === null) return null;
  return (usage.promptTokens * price.inputPerMillion + usage.completionTokens * price.outputPerMillion) / 1e6;
}
