/** @file Records of a JSONL or CSV file of a user's, before any meaning is given to their fields. */
import { extname } from "node:path";
import { ConfigError, InputError } from "../../core/errors.js";
import { decodeUtf8 } from "./decode-utf8.js";
import { parseCsv } from "./parse-csv.js";
import { JsonTextError, parseJsonLine } from "./parse-json-line.js";
import { printable } from "./printable.js";
import { TextFile } from "./text-file.js";

export type RecordFormat = "jsonl" | "csv" | "tsv";

export interface SourceRecord {
  line: number;
  /** Null-prototype object. */
  fields: Record<string, unknown>;
}

/** Format by the name's ending, `.gz` aside. @throws {ConfigError} when it says nothing. */
export function formatOf(path: string): RecordFormat {
  const ending = extname(path.replace(/\.gz$/i, "")).toLowerCase();
  if (ending === ".jsonl" || ending === ".ndjson") return "jsonl";
  if (ending === ".csv") return "csv";
  if (ending === ".tsv") return "tsv";
  throw new ConfigError(`cannot tell the format of ${path} by its name`, {
    hint: "pass --format jsonl, csv or tsv",
  });
}

/** @throws {InputError} with file, line and reason. */
export async function readRecords(path: string, format: RecordFormat): Promise<SourceRecord[]> {
  return format === "jsonl" ? await readJsonl(path) : await readTable(path, format === "csv" ? "," : "\t");
}

async function readJsonl(path: string): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  for await (const { number, text } of textLines(path)) {
    if (/^[ \t]*$/.test(text)) continue;
    let value: unknown;
    try {
      value = parseJsonLine(text);
    } catch (error) {
      if (!(error instanceof JsonTextError)) throw error;
      throw badRecord(path, number, `column ${error.column}: ${error.message}: ${printable(text)}`);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badRecord(path, number, "expected a JSON object");
    }
    records.push({ line: number, fields: value as Record<string, unknown> });
  }
  return records;
}

async function readTable(path: string, separator: string): Promise<SourceRecord[]> {
  const lines: string[] = [];
  // Line by line for the caps and the place of bad bytes. CRLF inside quoted fields becomes LF on the way.
  for await (const { text } of textLines(path)) lines.push(text);
  const [header, ...rows] = parseCsv(lines.join("\n"), path, separator);
  if (!header) return [];
  const names = header.fields.map((name) => name.trim());
  const repeated = names.find((name, index) => names.indexOf(name) < index);
  if (repeated !== undefined)
    throw badRecord(path, header.line, `column ${printable(repeated)} occurs twice`);
  return rows.map(({ line, fields }) => {
    const named: Record<string, unknown> = Object.create(null);
    for (const [index, name] of names.entries()) named[name] = fields[index];
    return { line, fields: named };
  });
}

async function* textLines(path: string): AsyncGenerator<{ number: number; text: string }> {
  for await (const batch of (await TextFile.open(path)).lines()) {
    for (const { number, offset, bytes } of batch) {
      const result = decodeUtf8(bytes);
      if ("badAt" in result) {
        throw badRecord(path, number, `invalid UTF-8 at byte ${offset + result.badAt} of the file`);
      }
      yield { number, text: result.text };
    }
  }
}

export function badRecord(path: string, line: number, reason: string): InputError {
  return new InputError(`${path}: line ${line}: ${reason}`, {
    code: "bad-line",
    hint: "mend the line and try again",
  });
}
