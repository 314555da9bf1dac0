/** @file How the validation items of a search are used: how many, which are kept for the confirmation, whether candidates race. */
import type { RunConfig } from "../config/run-config.js";
import { DEFAULT_VALIDATION } from "../config/run-identity.js";
import type { RunCommand, SearchPlan } from "../records/run-manifest.js";

/** Validation items of a search, where the configuration names none. */
const POOL = 200;
/** Items of a race's pool that every baseline is run on. */
export const BASELINE_ITEMS = 16;
const CONFIRM_SHARE = 1 / 3;
/** Recorded with a run: one that was begun by another rule would end with another result. */
const RACE_RULE = "expected-improvement";
/** With fewer items a confirmation says too little to be worth them. */
const FEWEST = 8;

/** @returns undefined where nothing is searched for */
export function searchPlan(
  { screen, validationLimit, confirm }: Pick<RunConfig, "screen" | "validationLimit" | "confirm">,
  command: RunCommand,
): SearchPlan | undefined {
  if (command === "eval") return undefined;
  const isRacing = screen > 0;
  const share = command === "optimize" ? (confirm ?? (isRacing ? CONFIRM_SHARE : 0)) : 0;
  return {
    items: validationLimit ?? (isRacing && command !== "learn" ? POOL : DEFAULT_VALIDATION),
    isRacing,
    confirm: share,
    rule: isRacing || share > 0 ? RACE_RULE : undefined,
  };
}

/** The items that are searched with, and those that are kept for the confirmation: none where they would be too few. */
export function splitPool<T>(items: readonly T[], { confirm }: Pick<SearchPlan, "confirm">): [T[], T[]] {
  const held = Math.floor(items.length * confirm);
  const border = items.length - (held < FEWEST ? 0 : held);
  return [items.slice(0, border), items.slice(border)];
}
