/** @file Examples on disk: one JSON line each, what the trainer process reads and what is kept beside an adapter. */
import { readFileSync } from "node:fs";
import { InputError, messageOf } from "../../core/errors.js";
import { writeAtomic } from "../../core/write-atomic.js";
import type { TokenExample } from "./example.js";

/** A line: spans are [start, end) of targets, so that long prompts do not carry a mask. */
interface ExampleLine {
  tokens: number[];
  spans: [number, number][];
  weight: number;
  group: string;
}

/** @throws {StorageError} */
export async function writeExamples(path: string, examples: readonly TokenExample[]): Promise<void> {
  const lines = examples.map(({ tokens, lossMask, weight, group }) => {
    const line: ExampleLine = { tokens: Array.from(tokens), spans: spansOf(lossMask), weight, group };
    return JSON.stringify(line);
  });
  await writeAtomic(path, `${lines.join("\n")}\n`);
}

/** @throws {InputError} naming file and line */
export function readExamples(path: string): TokenExample[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new InputError(`cannot read ${path}: ${messageOf(error)}`, {
      hint: "check the path",
      cause: error,
    });
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    return [parseLine(line, `${path}:${index + 1}`)];
  });
}

function parseLine(line: string, where: string): TokenExample {
  const hint = "make the examples again with w4s train --from RUN --examples-only";
  let value: Partial<ExampleLine> | null;
  try {
    value = JSON.parse(line) as Partial<ExampleLine> | null;
  } catch (error) {
    throw new InputError(`${where}: is not JSON: ${messageOf(error)}`, { hint });
  }
  const { tokens, spans, weight, group } = value ?? {};
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0;
  if (!Array.isArray(tokens) || !tokens.every(isId))
    throw new InputError(`${where}: tokens is no list of token ids`, { hint });
  const isSpan = (span: unknown) =>
    Array.isArray(span) &&
    span.length === 2 &&
    span.every(isId) &&
    span[0] < span[1] &&
    span[1] <= tokens.length;
  if (!Array.isArray(spans) || !spans.every(isSpan))
    throw new InputError(`${where}: spans is no list of [start, end) within the tokens`, { hint });
  if (typeof weight !== "number") throw new InputError(`${where}: weight is no number`, { hint });
  if (typeof group !== "string") throw new InputError(`${where}: group is no text`, { hint });
  const lossMask = new Uint8Array(tokens.length);
  for (const [start, end] of spans) lossMask.fill(1, start, end);
  return { tokens: Int32Array.from(tokens), lossMask, weight, group };
}

function spansOf(lossMask: Uint8Array): [number, number][] {
  const spans: [number, number][] = [];
  for (let at = lossMask.indexOf(1); at >= 0; ) {
    const next = lossMask.indexOf(0, at);
    const end = next < 0 ? lossMask.length : next;
    spans.push([at, end]);
    at = lossMask.indexOf(1, end);
  }
  return spans;
}
