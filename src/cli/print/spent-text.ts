/** @file What was spent, and of what limit, as every command ends with it. */
import type { BudgetLimits } from "../../commands.js";
import { formatCount, formatDollars } from "../../core/figure-format.js";
import { sumOrNull } from "../../core/statistics.js";

export interface Spending {
  calls: number;
  tokens: number;
  /** Null where the price of any call is unknown. */
  dollars: number | null;
}

export function spentTogether(parts: readonly Spending[]): Spending {
  const sum = (of: (spent: Spending) => number) => parts.reduce((total, spent) => total + of(spent), 0);
  return {
    calls: sum(({ calls }) => calls),
    tokens: sum(({ tokens }) => tokens),
    dollars: sumOrNull(parts.map(({ dollars }) => dollars)),
  };
}

/** "12 calls, 3.4 K tokens, $0.012 of $0.050"; an unknown price is said, never shown as zero. */
export function spentText({ calls, tokens, dollars }: Spending, limits: BudgetLimits = {}): string {
  const of = (kind: keyof BudgetLimits, text: (amount: number) => string) =>
    limits[kind] === undefined ? "" : ` of ${text(limits[kind])}`;
  const money =
    dollars === null
      ? "price unknown (--price-input, --price-output)"
      : `${formatDollars(dollars)}${of("dollars", formatDollars)}`;
  return `${calls}${of("calls", String)} calls, ${formatCount(tokens)}${of("tokens", formatCount)} tokens, ${money}`;
}
