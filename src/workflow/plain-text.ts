/** @file Text of a workflow (logs, errors) made harmless for terminals, tables and prompts, and bounded. */
import { escapeText } from "../llm/escape-text.js";

/** Control and bidi characters as escapes; line feeds stay, so that a log keeps its lines. */
export function plainLines(text: string): string {
  return text
    .split("\n")
    .map((line) => escapeText(line, Number.POSITIVE_INFINITY))
    .join("\n");
}

/** Text of at most `maxBytes` of UTF-8 including `mark`, which is added only where something was cut. */
export function cutBytes(text: string, maxBytes: number, mark: string, isCut = false): string {
  if (!isCut && Buffer.byteLength(text) <= maxBytes) return text;
  const room = Math.max(0, maxBytes - Buffer.byteLength(mark));
  const kept = Buffer.from(text)
    .subarray(0, room)
    .toString("utf8")
    .replace(/\ufffd+$/, "");
  return kept + mark;
}
