/**
 * @file One tune in ABC notation to bars with exact lengths. One voice; what has no length (slurs, decorations, chord
 * symbols, grace notes, lyrics) is read over.
 * @source ABC notation standard 2.1, sections 3 and 4
 */
import { AbcError } from "./abc-error.js";
import { parseHeader, splitLines } from "./abc-header.js";
import type { AbcTune } from "./abc-tune.js";
import { MusicReader } from "./music-reader.js";

/** Longest text that is looked at; a short tune has some hundred letters. */
const MAX_CHARACTERS = 20_000;

/**
 * Reads the first tune of a text: from its X: line to the first empty line after the header.
 * @throws {AbcError} with line and column
 */
export function parseAbc(text: string): AbcTune {
  if (text.length > MAX_CHARACTERS)
    throw new AbcError(`the text is longer than ${MAX_CHARACTERS} characters`, { line: 1, column: 1 });
  const lines = splitLines(text);
  const header = parseHeader(lines);
  const reader = new MusicReader(header);
  for (const line of lines.slice(header.bodyStart)) {
    if (line.text.trim() === "") break;
    reader.readLine(line);
  }
  const bars = reader.finish();
  const { fields, key, meter, unit, keyPlace } = header;
  if (bars.length === 0) throw new AbcError("there is no note after the header", keyPlace);
  return { fields, title: fields.get("T") ?? "", key, meter, unit, bars };
}
