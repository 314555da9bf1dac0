/** @file Numbers of a report as people read them. */

const MINUS = "−";

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A reward or a loss, with a real minus sign. */
export function decimal(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

/** A difference of shares in points, always with its sign. */
export function points(difference: number): string {
  const text = Math.abs(difference * 100).toFixed(1);
  return `${difference < 0 ? MINUS : "+"}${text}`;
}

export function interval({ low, high }: { low: number; high: number }): string {
  return `${(low * 100).toFixed(1)} to ${percent(high)}`;
}

/** Whole numbers in groups of three. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "unknown" where no price is known. */
export function dollars(value: number | null): string {
  if (value === null) return "unknown";
  if (value === 0) return "$0";
  return `$${value < 0.01 ? value.toPrecision(2) : value.toFixed(value < 1 ? 3 : 2)}`;
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The beginning of a hash, enough to find it again. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

/** A text of at most so many characters, and a mark where more were cut. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}
