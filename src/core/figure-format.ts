/** @file Figures, failures and cut texts as people read them: on screen, in reports, in tables of suites. */

export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** A difference of shares: above 0 with its sign. */
export function formatPercentChange(difference: number): string {
  return `${difference > 0 ? "+" : ""}${formatPercent(difference)}`;
}

/** A difference of rewards, always with its sign. */
export function formatChange(difference: number): string {
  return `${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)}`;
}

/** With fewer pairs a reader sees more in their figures than in an interval. */
export const FEWEST_FOR_INTERVAL = 8;

/**
 * A mean difference of rewards with its interval, or, below eight pairs, with the pairs' own differences.
 * @param each - absent: the mean alone stands for few pairs
 */
export function formatDifference(
  { mean, interval }: { mean: number; interval: { low: number; high: number } },
  pairs: number,
  each: readonly number[] = [],
): string {
  const text = formatChange(mean);
  if (pairs >= FEWEST_FOR_INTERVAL)
    return `${text} [${formatChange(interval.low)}, ${formatChange(interval.high)}]`;
  return each.length > 1 ? `${text} (${each.map(formatChange).join(", ")})` : text;
}

export function formatInterval({ low, high }: { low: number; high: number }): string {
  return `[${formatPercent(low)}, ${formatPercent(high)}]`;
}

/** The interval of a difference over pairs, or that there are too few for one. */
export function formatPairedInterval(interval: { low: number; high: number }, pairs: number): string {
  return pairs < FEWEST_FOR_INTERVAL ? "too few pairs" : formatInterval(interval);
}

/** A p-value; a dash where none was computed. */
export function formatProbability(p: number | undefined): string {
  if (p === undefined) return "–";
  return p < 0.001 ? "<0.001" : p.toFixed(3);
}

/** Dollars with as many digits as small sums need; "unknown" where the price is. */
export function formatDollars(dollars: number | null): string {
  if (dollars === null) return "unknown";
  if (dollars === 0) return "$0";
  const size = Math.abs(dollars);
  return `$${size < 0.01 ? dollars.toPrecision(2) : dollars.toFixed(size < 1 ? 3 : 2)}`;
}

/** A measured value with three digits, or whole from 100 up. */
export function formatMeasured(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A number of things: "1 call", "6 calls". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** 1 234 567 → "1.2 M". */
export function formatCount(count: number): string {
  for (const [size, unit] of [
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "K"],
  ] as const) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return String(Math.round(count));
}

/** A text of at most so many characters, and a mark where more were cut. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}

/** Runs on samples that gave no answer for the same reason. */
interface Failure {
  /** Status of the runs; "lost" where it was the executor's fault. */
  what: string;
  /** What failed in lost ones. */
  fault?: string | undefined;
  count: number;
  /** Of the first one. */
  message?: string | undefined;
}

/** Lines of earlier versions have the counts alone. */
interface Counted {
  failures?: readonly Failure[] | undefined;
  /** Runs by status, "ok" and "error" (lost) among them. */
  statusCounts: Readonly<Record<string, number>>;
}

/** Failures of a row by class, of earlier versions without messages. */
export function failuresOf({ failures, statusCounts }: Counted): readonly Failure[] {
  return (
    failures ??
    Object.entries(statusCounts).flatMap(([status, count]) =>
      status === "ok" ? [] : [{ what: status === "error" ? "lost" : status, count }],
    )
  );
}

/** Failures on one line: "2 threw, 1 timed out; lost 3 (2 length, 1 timeout)"; empty where nothing failed. */
export function failuresText(row: Counted): string {
  const all = failuresOf(row);
  const lost = all.filter(({ what }) => what === "lost");
  const number = lost.reduce((sum, { count }) => sum + count, 0);
  const faults = lost.map(({ fault = "unknown", count }) => (lost.length > 1 ? `${count} ${fault}` : fault));
  const own = all.filter(({ what }) => what !== "lost").map(({ what, count }) => `${count} ${words(what)}`);
  const isKnown = lost.some(({ fault }) => fault !== undefined);
  return [
    own.join(", "),
    number === 0 ? "" : `lost ${number}${isKnown ? ` (${faults.map(words).join(", ")})` : ""}`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

/** The first message of each class, one line each. */
export function failureLines(row: Counted & { title: string; split: string }): string[] {
  return failuresOf(row).flatMap(({ what, fault, message }) =>
    message
      ? [`${row.title} on ${row.split}, ${words(what)}${fault ? ` (${words(fault)})` : ""}: ${message}`]
      : [],
  );
}

/** A name of code as words. */
export function words(name: string): string {
  return name.replaceAll("-", " ");
}
