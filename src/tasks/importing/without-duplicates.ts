/** @file Equal items of a source: refused, or the first of each kept, so that none lands in two splits. */
import { InputError } from "../../core/errors.js";
import { sampleKey } from "../sample-key.js";
import type { ImportPlan } from "./import-plan.js";
import type { ImportedRow } from "./item-of-record.js";

const MAX_LISTED = 5;
/** Shorter values are keys and flags, no part of a question. */
const MIN_TEXT = 20;

/** @throws {InputError} naming the places, and the column that may be missing from the question. */
export function withoutDuplicates(
  rows: readonly ImportedRow[],
  plan: ImportPlan,
  isDropping: boolean,
): { kept: ImportedRow[]; dropped: number[] } {
  const firsts = new Map<string, ImportedRow>();
  const repeated: [ImportedRow, ImportedRow][] = [];
  for (const row of rows) {
    const key = sampleKey(row.item);
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, row);
    else repeated.push([first, row]);
  }
  if (repeated.length === 0 || isDropping)
    return { kept: [...firsts.values()], dropped: repeated.map(([, { record }]) => record.line) };
  const listed = repeated
    .slice(0, MAX_LISTED)
    .map(([{ record: first }, { record: second }]) =>
      first.path === second.path
        ? `${first.unit}s ${first.line} and ${second.line}`
        : `${first.path} ${first.unit} ${first.line} and ${second.path} ${second.unit} ${second.line}`,
    );
  const missing = plan.unused.find((column) => repeated.every((pair) => differ(pair, column)));
  throw new InputError(
    `${rows[0]!.record.path}: ${repeated.length} items occur more than once: ${listed.join(", ")}`,
    {
      code: "repeated-item",
      hint:
        missing === undefined
          ? "remove them, or pass --drop-duplicates to keep the first of each"
          : `field ${missing} is not used and tells them apart: --field context=${missing}`,
    },
  );
}

/** Texts of the column in two items that are otherwise equal. */
function differ(
  [{ record: first }, { record: second }]: [ImportedRow, ImportedRow],
  column: string,
): boolean {
  const [a, b] = [first.fields[column], second.fields[column]];
  return (
    typeof a === "string" && typeof b === "string" && a !== b && Math.max(a.length, b.length) >= MIN_TEXT
  );
}
