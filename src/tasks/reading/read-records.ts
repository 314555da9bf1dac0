/** @file Records of a user's file (JSONL, JSON, CSV, TSV, Parquet), before any meaning is given to their fields. */
import { extname } from "node:path";
import { ConfigError, InputError } from "../../core/errors.js";
import { binaryKind } from "./binary-kind.js";
import { decodeUtf8 } from "./decode-utf8.js";
import { guessSeparator, separatorName } from "./guess-separator.js";
import { isPage, jsonRecords, unwrapped } from "./json-records.js";
import { parseCsv } from "./parse-csv.js";
import { JsonTextError, parseJsonLine } from "./parse-json-line.js";
import { printable } from "./printable.js";
import { readParquet } from "./read-parquet.js";
import { type FileLimits, TextFile } from "./text-file.js";
import { asUtf8, encodingHint, lossyText, type TextForm, textForm } from "./text-form.js";

export const RECORD_FORMATS = ["jsonl", "json", "csv", "tsv", "parquet"] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** A record and where it stands. */
export interface SourceRecord {
  path: string;
  /** What `line` counts, from 1. */
  unit: "line" | "item" | "row" | "file";
  line: number;
  /** Null-prototype object. */
  fields: Record<string, unknown>;
  /** Word for its split that file or member are named by. */
  split?: string | undefined;
}

export interface ReadOptions {
  /** Default: by ending and content. */
  format?: RecordFormat | undefined;
  /** Of a table. Default: guessed from header and first rows. */
  separator?: string | undefined;
  /** Default: UTF-8, or UTF-16 where that is certain. */
  encoding?: string | undefined;
}

export interface FileRecords {
  records: SourceRecord[];
  /** How the file was read, for the user: "CSV, separator semicolon, utf-16le". */
  form: string;
}

/** Bytes that guesses look at. */
const HEAD_BYTES = 64 * 1024;
/** A JSON file is one value, on one line or many. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;
const JSON_LIMITS = { lineBytes: MAX_JSON_BYTES, fileBytes: MAX_JSON_BYTES };

/**
 * All records of a file. Rows and objects without any value are left out.
 * @throws {InputError} with file, place and reason; {ConfigError} where the format cannot be told.
 */
export async function readRecords(path: string, options: ReadOptions = {}): Promise<FileRecords> {
  const head = await TextFile.head(path, HEAD_BYTES);
  const start = head.subarray(0, 4).toString("latin1");
  if (start === "PAR1" || options.format === "parquet") {
    const rows = await readParquet(path);
    const records = rows.map(
      (fields, index): SourceRecord => ({ path, unit: "row", line: index + 1, fields }),
    );
    return { records: records.filter(hasValue), form: "Parquet" };
  }
  const binary = binaryKind(head, path);
  if (binary)
    throw new InputError(`${path} is ${binary.what}, which is not read`, {
      code: "not-text",
      hint: binary.hint,
    });
  const form = textForm(head, path, options.encoding);
  const text = lossyText(head, form.encoding).replaceAll(/\r\n?/g, "\n");
  const isWhole = head.length < HEAD_BYTES;
  const format = options.format ?? formatOf(path, text);
  const notes = [
    format.toUpperCase(),
    ...(form.encoding === "utf-8" ? [] : [form.encoding]),
    ...(form.isCrOnly ? ["lines end in CR"] : []),
  ];
  let records: SourceRecord[];
  if (format === "jsonl") records = (await readJsonl(path, form)).flatMap(unwrappedLine);
  else if (format === "json") records = await readJson(path, form);
  else {
    const marked = /^"?sep=(.)"?\n/i.exec(text);
    const separator =
      options.separator ?? marked?.[1] ?? guessSeparator(text, format === "tsv" ? "\t" : ",", isWhole);
    if (separator !== ",") notes.splice(1, 0, `separator ${separatorName(separator)}`);
    records = await readTable(path, form, separator, marked !== null);
  }
  return { records: records.filter(hasValue), form: notes.join(", ") };
}

/** Format by the name's ending, `.gz` aside, and the first text of the file. @throws {ConfigError} where both say nothing */
function formatOf(path: string, text: string): RecordFormat {
  const ending = extname(path.replace(/\.gz$/i, "")).toLowerCase();
  const first = /\S/.exec(text)?.[0];
  const header = /^.*/.exec(text.trimStart())?.[0] ?? "";
  const isJsonLines = ending === ".jsonl" || ending === ".ndjson";
  const isNamedJson = isJsonLines || ending === ".json";
  const isNamedTable = [".csv", ".tsv", ".tab"].includes(ending);
  // A wrong ending is common where tools export; how it is read is shown.
  const isJson = first === "{" || first === "[";
  const isTable = !isJson && /[^\s{}[\]:][,;\t|][^\s{}[\]]/.test(header);
  if (isNamedTable ? isJson && /^[[{]\s*(["{[]|$)/m.test(header) : isJson || (isNamedJson && !isTable))
    return isLines(text, isJsonLines) ? "jsonl" : "json";
  if (isNamedTable) return ending === ".csv" ? "csv" : "tsv";
  if (isTable || /[,;\t|]/.test(header)) return header.includes("\t") ? "tsv" : "csv";
  throw new ConfigError(`cannot tell the format of ${path} by its name or its content`, {
    hint: `pass --format ${RECORD_FORMATS.join(", ")}`,
  });
}

/** One value a line: the first line is whole, and another follows. What cannot be told goes by the name. */
function isLines(text: string, isNamedSo: boolean): boolean {
  const [first = "", ...more] = text.split("\n").filter((line) => line.trim() !== "");
  const isWhole = isJsonText(first);
  if (more.length === 0) return isNamedSo && !first.trimStart().startsWith("[");
  if (isWhole) return true;
  // A pretty-printed value begins with a bracket alone; anything else that is named so is a bad line, to be told as one.
  return isNamedSo && !/^\s*[[{]\s*$/.test(first) && !first.trimStart().startsWith("[");
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The objects of a JSONL file as they stand there. @throws {InputError} */
export async function readJsonl(path: string, form?: TextForm): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  for await (const { number, text } of textLines(path, form)) {
    if (/^[ \t]*$/.test(text)) continue;
    let value: unknown;
    try {
      value = parseJsonLine(text);
    } catch (error) {
      if (!(error instanceof JsonTextError)) throw error;
      throw badRecord(
        { path, unit: "line", line: number },
        `column ${error.column}: ${error.message}: ${printable(text)}`,
        jsonHint(text),
      );
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badRecord({ path, unit: "line", line: number }, "expected a JSON object");
    }
    records.push({ path, unit: "line", line: number, fields: value as Record<string, unknown> });
  }
  return records;
}

/** What usually mends JSON that other tools write. @param rest - from the fault on */
function jsonHint(text: string, rest = ""): string | undefined {
  if (/[,[:]\s*-?(NaN|Infinity)\b/.test(text + rest.slice(0, 20)))
    return "JSON has no NaN and no Infinity: write null, and --skip-bad leaves such records out";
  if (/\}\s*,\s*$/.test(text) && rest === "")
    return "leave out the comma at the end of each line, or put [ before the first and ] behind the last line, in a file .json";
  if (/,\s*\]$/.test(text)) return "leave out the comma before the bracket";
  if (/\}\s*\{$/.test(text))
    return "one object a line is read, or a list of objects: jq -c . FILE > data.jsonl";
  return undefined;
}

/** The records of a line that wraps one or more: a page of a server, an article with its questions. */
function unwrappedLine(record: SourceRecord): SourceRecord[] {
  const { fields } = record;
  const found = isPage(fields) ? jsonRecords(fields)!.map((one) => one.fields) : unwrapped(fields);
  return found.map((inner) => ({ ...record, fields: inner }));
}

async function readJson(path: string, form: TextForm): Promise<SourceRecord[]> {
  const lines: string[] = [];
  for await (const { text } of textLines(path, form, JSON_LIMITS)) lines.push(text);
  const whole = lines.join("\n");
  let value: unknown;
  try {
    value = parseJsonLine(whole);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const before = whole.slice(0, error.column - 1).split("\n");
    throw badRecord(
      { path, unit: "line", line: before.length },
      `column ${before.at(-1)!.length + 1}: ${error.message}`,
      jsonHint(whole.slice(0, error.column), whole.slice(error.column - 1)),
    );
  }
  const found = jsonRecords(value);
  if (!found)
    throw new InputError(`${path}: the JSON value holds no list of objects`, {
      code: "bad-json",
      hint: 'expected [{"question": …, "answer": …}, …], or such a list in a member',
    });
  return found.map(({ fields, member }, index) => ({
    path,
    unit: "item",
    line: index + 1,
    fields,
    split: member,
  }));
}

async function readTable(
  path: string,
  form: TextForm,
  separator: string,
  isMarked: boolean,
): Promise<SourceRecord[]> {
  const lines: string[] = [];
  // Line by line for the caps and the place of bad bytes. CRLF inside quoted fields becomes LF on the way.
  for await (const { text } of textLines(path, form)) lines.push(text);
  // Blanked, so that line numbers stay.
  if (isMarked) lines[0] = "";
  const [header, ...rows] = parseCsv(lines.join("\n"), path, separator);
  if (!header) return [];
  // Columns without a name are kept under their number: an index column, or empty ones at the right of a sheet.
  const names = header.fields.map((name, index) => name.trim() || `column ${index + 1}`);
  const repeated = names.find((name, index) => names.indexOf(name) < index);
  if (repeated !== undefined)
    throw badRecord({ path, unit: "line", line: header.line }, `column ${printable(repeated)} occurs twice`);
  return rows.map(({ line, fields }) => {
    const named: Record<string, unknown> = Object.create(null);
    for (const [index, name] of names.entries()) named[name] = fields[index];
    return { path, unit: "line", line, fields: named };
  });
}

/** @param form - encoding and line ends. Default UTF-8 with LF */
async function* textLines(
  path: string,
  form: TextForm = { encoding: "utf-8", isCrOnly: false },
  limits?: Partial<FileLimits>,
): AsyncGenerator<{ number: number; text: string }> {
  const file = await TextFile.open(path, limits, (content) => asUtf8(content, form, path));
  for await (const batch of file.lines()) {
    for (const { number, offset, bytes } of batch) {
      const result = decodeUtf8(bytes);
      if ("badAt" in result) {
        throw badRecord(
          { path, unit: "line", line: number },
          `invalid UTF-8 at byte ${offset + result.badAt} of the file`,
          encodingHint(bytes, result.badAt),
        );
      }
      yield { number, text: result.text };
    }
  }
}

function hasValue({ fields }: SourceRecord): boolean {
  return Object.values(fields).some((value) =>
    typeof value === "string" ? value.trim() !== "" : value !== null && value !== undefined,
  );
}

/** The error of one record, named by file and place. */
export function badRecord(
  { path, unit, line }: Pick<SourceRecord, "path" | "unit" | "line">,
  reason: string,
  hint = "mend it and try again",
): InputError {
  return new InputError(`${path}: ${unit} ${line}: ${reason}`, { code: "bad-line", hint });
}
