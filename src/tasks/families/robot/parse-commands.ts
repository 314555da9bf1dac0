/** @file From whatever a workflow returned to commands; what is not plainly a command moves nothing. */
import { readMarks } from "../../../core/reply/reply-readers.js";
import type { Leg } from "./shortest-path.js";
import { DIRECTIONS, type Direction } from "./world.js";

/** Longer answers are refused whole: a robot does not act on what nobody can have meant. */
const MAX_CHARACTERS = 2000;
const MAX_COMMANDS = 32;
const MAX_DEPTH = 8;

export type ParsedCommands = { commands: Leg[] } | { refused: string };

class Refusal extends Error {}

/**
 * Reads `east 3, north 2`, `3 cells east`, `n2 w1`, one command a line, lists of such texts, `{ direction, cells }`, JSON of
 * these in text, and the same inside `<answer>` or behind "answer:". `stop` ends the commands. One cell is one metre.
 * Every other word refuses the whole answer. Never throws.
 */
export function parseCommands(answer: unknown): ParsedCommands {
  try {
    const commands: Leg[] = [];
    const isStopped = collect(answer, commands, 0);
    if (commands.length === 0 && !isStopped) throw new Refusal("no command");
    return { commands };
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message };
    throw error;
  }
}

/** @returns whether `stop` was read: what follows does not count. */
function collect(value: unknown, into: Leg[], depth: number): boolean {
  if (depth > MAX_DEPTH) throw new Refusal("nested too deeply");
  if (typeof value === "string") return collectText(value, into, depth);
  if (Array.isArray(value)) {
    if (value.length > MAX_COMMANDS) throw new Refusal(`more than ${MAX_COMMANDS} commands`);
    return value.some((entry) => collect(entry, into, depth + 1));
  }
  if (typeof value !== "object" || value === null) throw new Refusal("no text, list or object");
  const fields = value as Record<string, unknown>;
  const own = (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined);
  const inner = own("answer") ?? own("commands") ?? own("plan") ?? own("command");
  if (inner !== undefined) return collect(inner, into, depth + 1);
  const [direction, cells = 1] = [own("direction"), own("cells") ?? own("distance")];
  if (typeof direction !== "string") throw new Refusal("an object without commands");
  if (typeof cells !== "number" && typeof cells !== "string") throw new Refusal("cells are no number");
  return collectText(`${direction} ${cells}`, into, MAX_DEPTH);
}

function collectText(whole: string, into: Leg[], depth: number): boolean {
  if (whole.length > MAX_CHARACTERS) throw new Refusal(`longer than ${MAX_CHARACTERS} characters`);
  const text = (readMarks(whole)[0] ?? whole).trim();
  if (/^[[{]/.test(text)) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Refusal("no JSON");
    }
    return collect(value, into, depth + 1);
  }
  return collectWords(text, into);
}

const NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve".split(" ");
const DIRECTION = `(${DIRECTIONS.join("|")}|[nesw](?![a-z]))(?:wards?)?`;
const COUNT = `(\\d+(?:\\.\\d+)?|${NUMBER_WORDS.join("|")})`;
const UNIT = "(cells?|steps?|squares?|fields?|m(?:et(?:er|re)s?)?|cm)?(?![a-z])";
const COMMAND = new RegExp(
  `(?:${DIRECTION}(?:[ ]*[:=x×]?[ ]*(?:by |for )?${COUNT}[ ]*${UNIT})?|${COUNT}[ ]*${UNIT}[ ]*(?:to (?:the )?)?${DIRECTION})(?![\\p{L}\\p{N}]|\\.\\d|-[\\p{L}\\p{N}])`,
  "yu",
);
/** Text that may stand between commands. */
const FILLER = /(?:[\s,;.!→>|"'`*_()-]+|(?:and|then|go|move|drive|first|next|finally|to the)(?![a-z]))/y;
const STOP = /(?:stop|halt|wait|stay)(?![a-z])/y;

function collectWords(raw: string, into: Leg[]): boolean {
  const text = raw
    .normalize("NFKC")
    .toLowerCase()
    .replace(/^[ \t]*(?:\d{1,3}[.)]|[-*•])[ \t]+/gm, "");
  for (let position = 0; position < text.length; ) {
    const take = (pattern: RegExp) => {
      pattern.lastIndex = position;
      const match = pattern.exec(text);
      if (match) position = pattern.lastIndex;
      return match;
    };
    if (take(STOP)) return true;
    const command = take(COMMAND);
    if (command) {
      if (into.length === MAX_COMMANDS) throw new Refusal(`more than ${MAX_COMMANDS} commands`);
      const [, before, countAfter, unitAfter, countBefore, unitBefore, after] = command;
      const direction = directionOf((before ?? after) as string);
      into.push({ direction, cells: cellsOf(countAfter ?? countBefore, unitAfter ?? unitBefore) });
    } else if (!take(FILLER)) {
      throw new Refusal(`not a command: ${JSON.stringify(text.slice(position, position + 24))}`);
    }
  }
  return false;
}

function directionOf(word: string): Direction {
  return DIRECTIONS.find((direction) => direction[0] === word[0]) as Direction;
}

function cellsOf(count: string | undefined, unit: string | undefined): number {
  if (count === undefined) return 1;
  const word = NUMBER_WORDS.indexOf(count) + 1;
  const cells = (word > 0 ? word : Number(count)) / (unit === "cm" ? 100 : 1);
  if (!Number.isInteger(cells)) throw new Refusal("not a whole number of cells");
  if (cells < 1) throw new Refusal("not even one cell");
  return cells;
}
