/** @file Strict CSV (RFC 4180): quoted fields may hold separators, quotes and line ends; anything unclear is refused. */
import { InputError } from "../../core/errors.js";
import { separatorName } from "./guess-separator.js";

export interface CsvRecord {
  /** Line of the file the record starts on, from 1. */
  line: number;
  fields: string[];
}

const QUOTING =
  "quote fields that hold separators, quotes or line ends, and double the quotes inside; another separator is named with --separator";

/**
 * Records of a CSV text, the header among them. Line ends are LF or CRLF; blank lines are left out.
 * @param separator - one character, "," unless told
 * @throws {InputError} on a quote inside an unquoted field (but between tabs), text behind a closing quote, an open quote at the end, or
 *   records of different length.
 */
export function parseCsv(text: string, path: string, separator = ","): CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  let at = 0;
  const refuse = (reason: string, hint = QUOTING): never => {
    throw new InputError(`${path}: line ${line}: ${reason}`, { code: "bad-line", hint });
  };

  const quoted = (): string => {
    const start = line;
    let value = "";
    for (at++; at < text.length; at++) {
      const character = text[at]!;
      if (character === "\n") line++;
      if (character !== '"') value += character;
      else if (text[at + 1] === '"') {
        value += '"';
        at++;
      } else {
        at++;
        return value;
      }
    }
    line = start;
    return refuse("a quoted field is never closed");
  };

  const plain = (): string => {
    const start = at;
    while (at < text.length && text[at] !== separator && text[at] !== "\n" && !isCrLf(text, at)) {
      // Between tabs a quote within a field is a plain character: such files quote nothing.
      if (text[at] === '"' && separator !== "\t") refuse("a quote stands inside a field that is not quoted");
      at++;
    }
    return text.slice(start, at);
  };

  while (at < text.length) {
    const record: CsvRecord = { line, fields: [] };
    for (;;) {
      record.fields.push(text[at] === '"' ? quoted() : plain());
      if (text[at] !== separator) break;
      at++;
    }
    if (isCrLf(text, at)) at++;
    if (at < text.length && text[at] !== "\n") refuse("text follows a closing quote");
    at++;
    if (record.fields.length > 1 || record.fields[0] !== "") {
      const width = records[0]?.fields.length ?? record.fields.length;
      if (record.fields.length === width) records.push(record);
      // A spreadsheet's empty rows may be shorter; they say nothing.
      else if (record.fields.some((field) => field !== "")) {
        line = record.line;
        refuse(
          `${record.fields.length} fields, but the header has ${width} (separator: ${separatorName(separator)})`,
          width === 1 ? "remove the lines above the one that names the columns" : undefined,
        );
      }
    }
    line++;
  }
  return records;
}

function isCrLf(text: string, at: number): boolean {
  return text[at] === "\r" && text[at + 1] === "\n";
}
