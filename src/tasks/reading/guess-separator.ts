/** @file Which character separates the fields of a table, by its header and first rows. */
import { ConfigError } from "../../core/errors.js";

/** In the order of preference where nothing else decides. */
const CANDIDATES = [",", ";", "\t", "|"] as const;

/** Names that a shell needs no quotes for. */
const NAMES: Readonly<Record<string, string>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  "\\t": "\t",
  pipe: "|",
  colon: ":",
  space: " ",
};

/** Rows that are looked at. */
const MAX_ROWS = 100;

/** @throws {ConfigError} on what is neither a name nor one character. */
export function separatorOf(text: string): string {
  const found = NAMES[text.toLowerCase()] ?? text;
  if (found.length === 1 && !/["\r\n]/.test(found)) return found;
  throw new ConfigError(`--separator: ${JSON.stringify(text)} is not one character`, {
    hint: "give one character, or comma, semicolon, tab, pipe",
  });
}

/** For messages: the name where there is one. */
export function separatorName(separator: string): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === separator) ?? JSON.stringify(separator);
}

/**
 * The candidate that splits header and rows alike into most fields; `usual` where none splits the header.
 * @param isWhole - false where the text may stop within a row. Default true
 */
export function guessSeparator(text: string, usual: string = ",", isWhole = true): string {
  let best = usual;
  let bestScore = 0;
  for (const candidate of [usual, ...CANDIDATES]) {
    const widths = rowWidths(text, candidate, isWhole);
    const [header = 0] = widths;
    if (header < 2) continue;
    const alike = widths.filter((width) => width === header).length / widths.length;
    // Rows alike count more than fields; a header of more fields decides between equals.
    const score = alike + header / 10_000;
    if (score > bestScore + 1e-9) [best, bestScore] = [candidate, score];
  }
  return best;
}

/** Fields of the first rows, quotes respected, rows without content left out. */
function rowWidths(text: string, separator: string, isWhole: boolean): number[] {
  const widths: number[] = [];
  let fields = 1;
  let isQuoted = false;
  let isStart = true;
  let hasContent = false;
  for (let at = 0; at < text.length && widths.length < MAX_ROWS; at++) {
    const character = text[at]!;
    if (character === '"' && isQuoted && text[at + 1] === '"') at++;
    else if (character === '"' && (isQuoted || isStart)) isQuoted = !isQuoted;
    else if (!isQuoted && character === "\n") {
      if (hasContent) widths.push(fields);
      [fields, isStart, hasContent] = [1, true, false];
      continue;
    } else if (!isQuoted && character === separator) {
      fields++;
      isStart = true;
      continue;
    }
    isStart = false;
    if (character !== "\r") hasContent = true;
  }
  if (isWhole && hasContent && widths.length < MAX_ROWS) widths.push(fields);
  return widths;
}
