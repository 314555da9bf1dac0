/**
 * @file Splits the source of a workflow into tokens with their brackets matched. What the eye of a scanner cannot tell
 * for certain is said as a doubt, never guessed: who reads the tokens then falls back on what holds in any case.
 */

export interface Token {
  kind: "name" | "number" | "string" | "mark";
  /** Of a string: its content where it is plain (no escapes), else undefined is in `plain`. */
  text: string;
  /** Value of a string or template without escapes and placeholders. */
  plain?: string;
  /** From 1. */
  line: number;
  /** Index of the matching bracket, for brackets. */
  match?: number;
}

export interface Scan {
  tokens: Token[];
  /** Why the tokens may not be all there is; empty where they are. */
  doubts: string[];
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const MARKS = [
  ">>>=",
  "...",
  "===",
  "!==",
  "**=",
  "<<=",
  ">>=",
  ">>>",
  "&&=",
  "||=",
  "??=",
  "=>",
  "==",
  "!=",
  "<=",
  ">=",
  "&&",
  "||",
  "??",
  "?.",
  "++",
  "--",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
  "&=",
  "|=",
  "^=",
  "<<",
  ">>",
  "**",
];
/** After these words a slash begins a regular expression. */
const BEFORE_EXPRESSION = new Set(
  "return typeof case in delete void throw new await else do instanceof".split(" "),
);
/** A bracket after these words holds a condition, and what follows the bracket is a statement. */
const HEADS = new Set(["if", "while", "for", "with", "switch"]);

/** Templates become brackets: their texts are strings, their placeholders stand in round brackets of their own. */
export function scanWorkflow(source: string): Scan {
  return new Scanner(source).scan();
}

class Scanner {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #doubts = new Set<string>();
  /** Indices of open brackets; those of templates are marked by their own texts. */
  readonly #open: number[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  scan(): Scan {
    while (this.#at < this.#source.length) this.#next();
    if (this.#open.length > 0) this.#doubts.add("a bracket is never closed");
    return { tokens: this.#tokens, doubts: [...this.#doubts] };
  }

  #next(): void {
    const rest = this.#source.slice(this.#at, this.#at + 400);
    const blank = /^\s+/.exec(rest)?.[0];
    if (blank !== undefined) {
      this.#skip(blank.length);
      return;
    }
    if (rest.startsWith("//")) {
      this.#skip(/^[^\n\r\u2028\u2029]*/.exec(this.#source.slice(this.#at))![0].length);
      return;
    }
    if (rest.startsWith("/*")) {
      const end = this.#source.indexOf("*/", this.#at + 2);
      if (end < 0) this.#doubts.add("a comment is never closed");
      this.#skip((end < 0 ? this.#source.length : end + 2) - this.#at);
      return;
    }
    if (/^(?:<!--|-->)/.test(rest)) this.#doubts.add("it holds marks of an HTML comment");
    const [first = ""] = rest;
    if (first === '"' || first === "'") {
      this.#string(first);
      return;
    }
    if (first === "`") {
      this.#template();
      return;
    }
    const name = /^[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/u.exec(rest)?.[0];
    if (name !== undefined) {
      this.#push("name", name);
      return;
    }
    const digits = /^(?:0[xob][\da-f_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)n?/i.exec(rest)?.[0];
    if (digits !== undefined) {
      this.#push("number", digits);
      return;
    }
    if (first === "\\") this.#doubts.add("a name is written with escapes");
    if (first === "/" && this.#isRegex()) {
      this.#regex();
      return;
    }
    const mark = MARKS.find((one) => rest.startsWith(one)) ?? first;
    if (mark in CLOSING) {
      this.#bracket(mark);
      return;
    }
    if (mark === ")" || mark === "]" || mark === "}") {
      this.#close(mark);
      return;
    }
    this.#push("mark", mark);
  }

  #skip(length: number): void {
    this.#line += this.#source.slice(this.#at, this.#at + length).split("\n").length - 1;
    this.#at += length;
  }

  #push(kind: Token["kind"], text: string, more: Partial<Token> = {}): void {
    this.#tokens.push({ kind, text, line: this.#line, ...more });
    this.#skip(text.length);
  }

  #bracket(mark: string): void {
    this.#open.push(this.#tokens.length);
    this.#push("mark", mark);
  }

  #close(mark: string): void {
    const opened = this.#open.pop();
    const opener = opened === undefined ? undefined : this.#tokens[opened];
    if (opened === undefined || opener === undefined || CLOSING[opener.text] !== mark) {
      this.#doubts.add("its brackets do not match");
      this.#push("mark", mark);
      return;
    }
    opener.match = this.#tokens.length;
    this.#push("mark", mark, { match: opened });
  }

  #string(quote: string): void {
    const text = new RegExp(`^${quote}(?:\\\\[\\s\\S]|[^\\\\${quote}\\n\\r])*${quote}`).exec(
      this.#source.slice(this.#at),
    )?.[0];
    if (text === undefined) {
      this.#doubts.add("a string is never closed");
      this.#push("mark", quote);
      return;
    }
    this.#push("string", text, text.includes("\\") ? {} : { plain: text.slice(1, -1) });
  }

  /** A template without placeholders is a string; with them, a bracket of strings and bracketed expressions. */
  #template(): void {
    const start = this.#tokens.length;
    this.#tokens.push({ kind: "mark", text: "(", line: this.#line });
    this.#skip(1);
    const texts: string[] = [];
    for (;;) {
      const chunk = /^(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/.exec(this.#source.slice(this.#at))![0];
      texts.push(chunk);
      if (chunk !== "") this.#push("string", chunk);
      if (this.#source.startsWith("${", this.#at)) {
        const opened = this.#tokens.length;
        this.#tokens.push({ kind: "mark", text: "(", line: this.#line });
        this.#skip(2);
        const depth = this.#open.length;
        while (
          this.#at < this.#source.length &&
          !(this.#source[this.#at] === "}" && this.#open.length <= depth)
        )
          this.#next();
        (this.#tokens[opened] as Token).match = this.#tokens.length;
        this.#tokens.push({ kind: "mark", text: ")", line: this.#line, match: opened });
        this.#skip(1);
      } else break;
    }
    if (this.#source[this.#at] !== "`") this.#doubts.add("a template is never closed");
    this.#skip(1);
    const [only] = texts;
    if (texts.length === 1 && only !== undefined) {
      this.#tokens.splice(start);
      const plain = only.includes("\\") ? {} : { plain: only };
      this.#tokens.push({ kind: "string", text: `\`${only}\``, line: this.#line, ...plain });
      return;
    }
    (this.#tokens[start] as Token).match = this.#tokens.length;
    this.#tokens.push({ kind: "mark", text: ")", line: this.#line, match: start });
  }

  #isRegex(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "number" || last.kind === "string") return false;
    if (last.kind === "name") {
      if (last.text === "of" || last.text === "yield") this.#doubts.add("a slash can be read in two ways");
      return BEFORE_EXPRESSION.has(last.text);
    }
    if (last.text === "]") return false;
    if (last.text === "}") {
      this.#doubts.add("a slash can be read in two ways");
      return false;
    }
    if (last.text === ")") {
      const before = last.match === undefined ? undefined : this.#tokens[last.match - 1];
      return before?.kind === "name" && HEADS.has(before.text);
    }
    return last.text !== "++" && last.text !== "--";
  }

  #regex(): void {
    const text = /^\/(?:\\[^\n]|\[(?:\\[^\n]|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/i.exec(
      this.#source.slice(this.#at),
    )?.[0];
    if (text === undefined) {
      this.#doubts.add("a slash can be read in two ways");
      this.#push("mark", "/");
      return;
    }
    this.#push("string", text);
  }
}
