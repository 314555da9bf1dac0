/** @file Results of `w4s bench` as a file, and the comparison of two of them. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { issueLine } from "../core/issue-line.js";

const row = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  mean: z.number().optional(),
  sd: z.number().optional(),
  low: z.number().optional(),
  high: z.number().optional(),
  n: z.number().optional(),
  limit: z.string().optional(),
  isOk: z.boolean().optional(),
  note: z.string().optional(),
});

const benchFile = z.object({
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  tables: z.record(z.string(), z.array(row)),
});

export type BenchRow = z.infer<typeof row>;
export type BenchFile = z.infer<typeof benchFile>;

/** @throws {ConfigError | InputError} where it cannot be read, or is no result of `w4s bench` */
export async function readBenchFile(path: string): Promise<BenchFile> {
  const { ConfigError, InputError, messageOf } = await import("../commands.js");
  const hint = "give a file that `w4s bench --out FILE` wrote";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read the results ${path}: ${messageOf(error)}`, { hint, cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: not JSON: ${messageOf(error)}`, { hint, cause: error });
  }
  const parsed = benchFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError(`${path}: ${issueLine(parsed.error, "the file")}`, { hint });
}

export interface BenchChange {
  table: string;
  name: string;
  unit: string;
  before: number;
  after: number;
  /** after / before; null where before is 0. */
  ratio: number | null;
  /** Relative standard error of the ratio from both sides' repetitions; null where one side has none. */
  noise: number | null;
  /** `same`: within two standard errors, or no repetitions to tell and less than 10 % apart. */
  verdict: "better" | "worse" | "same";
}

/** Without repetitions nothing says how far single runs scatter; here they were seen to differ by this much. */
const UNKNOWN_NOISE = 0.1;
/** Units of which more is better; of all others (times, memory) less is. */
const MORE_IS_BETTER = /^(.*\/s|GFLOP.*|of \d+)$/;
/** Ratios and shares: which way is good stands in their limit. */
const isMoreBetter = ({ unit, limit }: BenchRow) =>
  MORE_IS_BETTER.test(unit) || (limit?.startsWith("≥") ?? false);

/** Rows that both have, in the order of the newer one. */
export function compareBenches(before: BenchFile, after: BenchFile): BenchChange[] {
  return Object.entries(after.tables).flatMap(([table, rows]) => {
    const known = new Map((before.tables[table] ?? []).map((old) => [`${old.name}|${old.unit}`, old]));
    return rows.flatMap((now) => {
      const old = known.get(`${now.name}|${now.unit}`);
      return old === undefined ? [] : [{ table, ...change(old, now) }];
    });
  });
}

function change(before: BenchRow, after: BenchRow): Omit<BenchChange, "table"> {
  const ratio = before.value === 0 ? null : after.value / before.value;
  const errors = [before, after].map(relativeError);
  const noise =
    ratio !== null && errors.every((error) => error !== null)
      ? ratio * Math.hypot(...(errors as number[]))
      : null;
  const bound = noise === null ? UNKNOWN_NOISE : 2 * noise;
  const { name, unit } = after;
  const isSame = ratio === null ? before.value === after.value : Math.abs(ratio - 1) <= bound;
  const isBetter = after.value > before.value === isMoreBetter(after);
  return {
    ...{ name, unit, before: before.value, after: after.value, ratio, noise },
    verdict: isSame ? "same" : isBetter ? "better" : "worse",
  };
}

/** Standard error of a median over the median; 1.25 is what a median costs against a mean in normal scatter. */
function relativeError({ value, sd, n }: BenchRow): number | null {
  if (sd === undefined || n === undefined || n < 2 || value === 0) return null;
  return (1.25 * sd) / Math.sqrt(n) / Math.abs(value);
}
