/** @file One split file to samples: strict (first bad line is an error) or collecting what is wrong. */
import { InputError } from "../core/errors.js";
import type { SplitEntry } from "./dataset-manifest.js";
import { decodeUtf8 } from "./reading/decode-utf8.js";
import { type LineRules, parseSampleLine, SampleLineError } from "./reading/parse-sample-line.js";
import { printable } from "./reading/printable.js";
import { type FileLimits, TextFile, type TextLine } from "./reading/text-file.js";
import type { Sample } from "./task.js";

/** A line that is not a sample. */
export interface LineProblem {
  line: number;
  column?: number | undefined;
  field?: string | undefined;
  id?: string | undefined;
  reason: string;
}

export interface SplitContent {
  samples: Sample[];
  /** Bad lines that were left out; empty unless they were to be collected. */
  problems: LineProblem[];
  /** SHA-256 of the file as it lies on disk. */
  sha256: string;
}

/** Repeated ids named in a message. */
const MAX_LISTED_DUPLICATES = 5;

export interface ReadSplitOptions {
  /** Collect bad lines instead of throwing at the first. Default false. */
  collectProblems?: boolean | undefined;
  limits?: Partial<FileLimits> | undefined;
}

/**
 * Reads and checks a split file.
 * @throws {InputError} on the file itself (absent, not a file, too big, cut), repeated ids, no items, another
 *   count or hash than dataset.json says, and on the first bad line unless problems are collected.
 */
export async function readSplit(
  path: string,
  entry: SplitEntry,
  rules: LineRules,
  options: ReadSplitOptions = {},
): Promise<SplitContent> {
  const file = await TextFile.open(path, options.limits);
  const samples: Sample[] = [];
  const problems: LineProblem[] = [];
  for await (const batch of file.lines()) {
    for (const line of batch) {
      try {
        const sample = readLine(line, rules);
        if (sample) samples.push(sample);
      } catch (error) {
        if (!(error instanceof SampleLineError)) throw error;
        const problem = toProblem(line.number, error);
        if (!options.collectProblems) throw badLine(path, problem, error);
        problems.push(problem);
      }
    }
  }
  const sha256 = file.digest();
  checkHash(path, entry, sha256);
  checkIds(path, samples);
  checkCount(path, entry, samples.length, problems.length);
  return { samples, problems, sha256 };
}

/** Undefined for a blank line. */
function readLine({ offset, bytes }: TextLine, rules: LineRules): Sample | undefined {
  const decoded = decodeUtf8(bytes);
  if ("badAt" in decoded) {
    throw new SampleLineError(`invalid UTF-8 at byte ${offset + decoded.badAt} of the file`, {
      column: decoded.badAt + 1,
    });
  }
  return /^[ \t]*$/.test(decoded.text) ? undefined : parseSampleLine(decoded.text, rules);
}

function toProblem(line: number, { column, field, id, message }: SampleLineError): LineProblem {
  return { line, column, field, id, reason: message };
}

/** `line 3, column 7 (id "x"): reason`. */
export function problemText({ line, column, id, reason }: LineProblem): string {
  const place = `line ${line}${column === undefined ? "" : `, column ${column}`}`;
  return `${place}${id === undefined ? "" : ` (id ${printable(id)})`}: ${reason}`;
}

function badLine(path: string, problem: LineProblem, cause: unknown): InputError {
  return new InputError(`${path}: ${problemText(problem)}`, {
    code: "bad-line",
    hint: "mend the line, or pass --skip-bad to leave such lines out",
    cause,
  });
}

function checkHash(path: string, { sha256: expected }: SplitEntry, found: string): void {
  if (expected === undefined || expected === found) return;
  throw new InputError(`${path}: sha256 is ${found}, but dataset.json says ${expected}`, {
    code: "changed-dataset",
    hint: "restore the file, or write its new sha256 (or none) into dataset.json",
  });
}

function checkIds(path: string, samples: readonly Sample[]): void {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { id } of samples) (seen.has(id) ? repeated : seen).add(id);
  if (repeated.size === 0) return;
  const listed = [...repeated].slice(0, MAX_LISTED_DUPLICATES).map((id) => printable(id));
  const rest = repeated.size > listed.length ? `, and ${repeated.size - listed.length} more` : "";
  throw new InputError(`${path}: ${repeated.size} ids occur more than once: ${listed.join(", ")}${rest}`, {
    code: "repeated-id",
    hint: "give every line its own id",
  });
}

function checkCount(path: string, { count }: SplitEntry, found: number, skipped: number): void {
  if (found === 0) {
    const bad = skipped > 0 ? ` (${skipped} bad lines left out)` : "";
    throw new InputError(`0 items in ${path}${bad}`, {
      code: "empty-dataset",
      hint: "a split file needs at least one JSON object, one a line",
    });
  }
  if (count === undefined || count === found + skipped) return;
  throw new InputError(`${path}: ${found + skipped} items, but dataset.json says ${count}`, {
    code: "changed-dataset",
    hint: "restore the file, or write the right count into dataset.json",
  });
}
