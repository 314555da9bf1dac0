/** @file What models cost, from models/prices.json: dated, and to be checked by whoever pays. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { InputError, messageOf } from "../core/errors.js";
import { packageFile } from "../core/package-file.js";
import type { Usage } from "./chat-model.js";

/** Dollars per million tokens. */
export interface Price {
  inputPerMillion: number;
  outputPerMillion: number;
  /** Of prompt tokens that the server read from its cache. Default: as the others. */
  cachedInputPerMillion?: number | undefined;
}

/** What a local, simulated or replayed model costs. */
export const FREE: Price = { inputPerMillion: 0, outputPerMillion: 0 };

/** Times the standard price, by the service tier that a request may ask for. */
type TierFactors = { [tier: string]: number };

export interface PriceList {
  /** The day these prices were current, YYYY-MM-DD. */
  date: string;
  /** Which prices these are. */
  note: string;
  /** Where they were read. */
  sources?: string[] | undefined;
  models: Record<string, Price & { tiers?: TierFactors | undefined }>;
}

const dollars = z.number().finite().nonnegative();
const listSchema = z.strictObject({
  date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  note: z.string(),
  sources: z.array(z.string()).optional(),
  models: z.record(
    z.string(),
    z.strictObject({
      inputPerMillion: dollars,
      outputPerMillion: dollars,
      cachedInputPerMillion: dollars.optional(),
      tiers: z.record(z.string(), dollars).optional(),
    }),
  ),
});

/**
 * Reads a price list.
 * @param path - default: the list that comes with the package
 * @throws {InputError} when it cannot be read or does not fit.
 */
export function loadPrices(path = packageFile("models/prices.json")): PriceList {
  try {
    return listSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error;
    throw new InputError(`cannot read prices from ${path}: ${messageOf(why)}`, { cause: error });
  }
}

/**
 * The price of a model by its name, also where a snapshot date, "-latest" or a provider ("openai/") is part of it.
 * @param tier - `service_tier` of the requests. Default: the standard one
 * @returns null when unknown: dollars are then reported as unknown, never as zero.
 */
export function priceFor(model: string, tier?: unknown, list: PriceList = loadPrices()): Price | null {
  const name = model.replace(/^[a-z-]+\//, "");
  for (const candidate of [model, name, name.replace(/-\d{4}-\d\d-\d\d$|-\d{8}$|-latest$/, "")]) {
    if (!Object.hasOwn(list.models, candidate)) continue;
    const { tiers, ...price } = list.models[candidate] as PriceList["models"][string];
    if (tier === undefined || tier === "auto" || tier === "default") return price;
    const factor = typeof tier === "string" && tiers && Object.hasOwn(tiers, tier) ? tiers[tier] : undefined;
    return factor === undefined ? null : scaled(price, factor);
  }
  return null;
}

/** @param factor - times the price */
export function scaled(
  { inputPerMillion, outputPerMillion, cachedInputPerMillion }: Price,
  factor: number,
): Price {
  return {
    inputPerMillion: inputPerMillion * factor,
    outputPerMillion: outputPerMillion * factor,
    cachedInputPerMillion: cachedInputPerMillion && cachedInputPerMillion * factor,
  };
}

/** The price that a configuration gives, where it gives both ends of it. */
export function givenPrice(given: { [end in keyof Price]?: number | undefined }): Price | undefined {
  const { inputPerMillion, outputPerMillion, cachedInputPerMillion } = given;
  if (inputPerMillion === undefined || outputPerMillion === undefined) return undefined;
  return { inputPerMillion, outputPerMillion, cachedInputPerMillion };
}

/** Times the price of a prompt token, which one of a reply costs with most providers. */
const REPLY_PRICE = 5;

/** Price that a bill suggests: for limits and forecasts, where each call says what it was charged. */
export function priceByBill({ promptTokens, completionTokens, dollars }: Usage): Price | undefined {
  if (dollars === undefined) return undefined;
  const inputPerMillion = (dollars / Math.max(1, promptTokens + REPLY_PRICE * completionTokens)) * 1e6;
  return { inputPerMillion, outputPerMillion: REPLY_PRICE * inputPerMillion };
}

/** Dollars of one call: what its server says it charged, else by the price; null where both are unknown. */
export function costOf(usage: Usage, price: Price | null): number | null {
  const { dollars } = usage;
  // Doors that know no prices say 0: where a price is known, that is none.
  if (dollars !== undefined && (dollars > 0 || price === null)) return dollars;
  if (price === null) return null;
  const { inputPerMillion, outputPerMillion, cachedInputPerMillion = inputPerMillion } = price;
  const { promptTokens, completionTokens } = usage;
  const cached = Math.min(usage.cachedTokens ?? 0, promptTokens);
  const input = (promptTokens - cached) * inputPerMillion + cached * cachedInputPerMillion;
  return (input + completionTokens * outputPerMillion) / 1e6;
}
