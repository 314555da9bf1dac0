/** @file Strict reading of one JSON text from outside: bounded nesting, no prototypes, errors with a column. */

/** Deepest nesting of arrays and objects in a dataset line. */
const MAX_DEPTH = 64;

/** Fault of a text that is not acceptable JSON; `column` counts characters from 1. */
export class JsonTextError extends Error {
  readonly column: number;
  constructor(reason: string, index: number) {
    super(reason);
    this.column = index + 1;
  }
}

/**
 * Parses JSON into arrays and null-prototype objects, so that a key such as `__proto__` is a key and no more.
 * @throws {JsonTextError}
 */
export function parseJsonLine(text: string): unknown {
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw firstError(text);
  }
  return withoutPrototypes(value);
}

/** Before parsing: the parser and the copy below recurse. */
function checkDepth(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isInString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isInString = false;
    } else if (code === 0x22) isInString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) throw new JsonTextError(`nested deeper than ${MAX_DEPTH}`, i);
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

function withoutPrototypes(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value)) out[key] = withoutPrototypes(member);
  return out;
}

/** Finds what JSON.parse stumbled over: its own message names a place only for some faults. */
function firstError(text: string): JsonTextError {
  const at = new JsonScanner(text).error();
  if (at >= text.length) return new JsonTextError("the JSON text ends too early", text.length);
  return new JsonTextError("not valid JSON", at);
}

const SPACE = new Set([" ", "\t", "\n", "\r"]);
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Recursive descent over the JSON grammar; only the place of the first error is wanted. */
class JsonScanner {
  #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  error(): number {
    // After a whole value the error is what follows it.
    if (this.#value()) this.#space();
    return this.#at;
  }

  #space(): void {
    while (SPACE.has(this.#text[this.#at] ?? "")) this.#at++;
  }

  #take(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #value(): boolean {
    if (this.#take("{")) return this.#members("}", () => this.#string() && this.#take(":") && this.#value());
    if (this.#take("[")) return this.#members("]", () => this.#value());
    if (this.#text[this.#at] === '"') return this.#string();
    for (const word of ["true", "false", "null"]) if (this.#take(word)) return true;
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text);
    if (number) this.#at += number[0].length;
    return number !== null;
  }

  #members(close: string, member: () => boolean): boolean {
    if (this.#take(close)) return true;
    do {
      if (!member()) return false;
    } while (this.#take(","));
    return this.#take(close);
  }

  #string(): boolean {
    if (!this.#take('"')) return false;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]!;
      if (character === '"') {
        this.#at++;
        return true;
      }
      if (character < " ") return false;
      if (character !== "\\") continue;
      ESCAPE.lastIndex = this.#at;
      const found = ESCAPE.exec(this.#text);
      if (!found) return false;
      this.#at += found[0].length - 1;
    }
    return false;
  }
}
