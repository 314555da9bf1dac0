/** @file The only writers to stdout and stderr; what models and files say can never steer the terminal. */
import { wrapProse } from "./wrap-words.js";

/** C0 without tab and newline, DEL, C1, and the marks that reorder text. */
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with control characters shown as \xNN; tabs and line breaks stay. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (mark) => {
    const code = mark.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** Visible text on one line: line breaks and tabs too. */
export function visibleLine(text: string): string {
  return visible(text).replace(/[\n\t]/g, (mark) => (mark === "\n" ? "\\x0a" : "\\x09"));
}

/** On a narrower screen nothing could be laid out. */
const LEAST_COLUMNS = 40;

let isStderrOpen = true;

/** A reader that went away is no error: results nobody reads end quietly, progress nobody reads is dropped. */
export function guardStreams(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  process.stderr.on("error", () => {
    isStderrOpen = false;
  });
}

/** Columns that tables and sentences have: `COLUMNS`, else those of the terminal; unbounded into files and pipes, where nothing wraps. */
export function outputWidth(
  stream: Pick<NodeJS.WriteStream, "isTTY" | "columns"> = process.stdout,
  environment: NodeJS.ProcessEnv = process.env,
): number {
  const asked = Number(environment.COLUMNS);
  if (Number.isInteger(asked) && asked > 0) return Math.max(LEAST_COLUMNS, asked);
  return stream.isTTY && stream.columns > 0
    ? Math.max(LEAST_COLUMNS, stream.columns)
    : Number.POSITIVE_INFINITY;
}

/** Results. */
export function writeOut(text: string): void {
  process.stdout.write(visible(text.endsWith("\n") ? text : `${text}\n`));
}

/** Sentences on stdout, within the width of the screen. */
export function writeProse(text: string): void {
  writeOut(wrapProse(text, outputWidth()));
}

/** One JSON object; what JSON itself leaves unescaped is escaped too. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${escaped(JSON.stringify(value, null, 2))}\n`);
}

/** One JSON object on one line, of a list that is written as it comes. */
export function writeJsonLine(value: unknown): void {
  process.stdout.write(`${escaped(JSON.stringify(value))}\n`);
}

function escaped(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Progress, warnings and errors, within the width of the screen. */
export function writeErr(text: string): void {
  if (!isStderrOpen) return;
  const shown = visible(text.endsWith("\n") ? text : `${text}\n`);
  process.stderr.write(wrapProse(shown, outputWidth(process.stderr)));
}

/** A line that the next one replaces, until the last. Only for terminals. */
export function writeStatus(line: string, isLast: boolean): void {
  if (isStderrOpen) process.stderr.write(`\r\x1b[K${visibleLine(line)}${isLast ? "\n" : ""}`);
}

/** True where a person watches: a terminal of some width (a spinner divides by it), and no CI. */
export function isInteractive(stream: NodeJS.WriteStream = process.stderr): boolean {
  return stream.isTTY === true && stream.columns > 0 && !process.env.CI && process.env.TERM !== "dumb";
}
