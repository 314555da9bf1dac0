/** @file Numbers as only reports write them. */
import { formatPercent } from "../core/figure-format.js";

const MINUS = "−";

/** A reward or a loss, with a real minus sign. */
export function decimal(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

/** A difference of rewards, always with its sign. */
export function change(difference: number): string {
  const text = decimal(difference);
  return text.startsWith(MINUS) ? text : `+${text}`;
}

/** Coloured only where the interval leaves zero out. */
export function tone(low: number | null, high: number | null): { tone?: "good" | "bad" } {
  if (low !== null && low > 0) return { tone: "good" };
  return high !== null && high < 0 ? { tone: "bad" } : {};
}

/** A difference of shares in points, always with its sign. */
export function points(difference: number): string {
  const text = Math.abs(difference * 100).toFixed(1);
  return `${difference < 0 ? MINUS : "+"}${text}`;
}

export function interval({ low, high }: { low: number; high: number }): string {
  return `${(low * 100).toFixed(1)} to ${formatPercent(high)}`;
}

/** Whole numbers in groups of three. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The beginning of a hash, enough to find it again. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}
