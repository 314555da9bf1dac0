/** @file Tokens of a workflow with their nesting: brackets around a token, names that are bound once, values of constants. */
import type { Token } from "./reading/scan-workflow.js";

const ASSIGNING = new Set(["=", "+=", "-=", "*=", "/=", "%=", "**=", "&&=", "||=", "??=", "++", "--"]);
/** Brackets after these words are no parameters. */
const HEADS = new Set(["if", "while", "for", "with", "switch", "catch"]);

export class TokenTree {
  readonly tokens: readonly Token[];
  /** Index of the bracket around each token; −1 outside of all. */
  readonly #parents: number[] = [];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
    const open = [-1];
    for (const [index, { kind, match }] of tokens.entries()) {
      if (kind === "mark" && match !== undefined && match < index) open.pop();
      this.#parents.push(open.at(-1) ?? -1);
      if (kind === "mark" && match !== undefined && match > index) open.push(index);
    }
  }

  /** Text of a token; "" where there is none, and for strings, which are never code. */
  text(index: number): string {
    const token = this.tokens[index];
    return token === undefined || token.kind === "string" ? "" : token.text;
  }

  isName(index: number, text?: string): boolean {
    const token = this.tokens[index];
    return token?.kind === "name" && (text === undefined || token.text === text);
  }

  match(index: number): number {
    return this.tokens[index]?.match ?? -1;
  }

  parent(index: number): number {
    return this.#parents[index] ?? -1;
  }

  /** Places of a name as a variable, not as a member of something. */
  uses(name: string): number[] {
    return this.tokens.flatMap((_, index) =>
      this.isName(index, name) && this.text(index - 1) !== "." && this.text(index - 1) !== "?."
        ? [index]
        : [],
    );
  }

  /** True for a round bracket that holds parameters. */
  isParameters(open: number): boolean {
    if (this.text(open) !== "(") return false;
    const after = this.text(this.match(open) + 1);
    return after === "=>" || (after === "{" && !HEADS.has(this.text(open - 1)));
  }

  /** Whether something is written to a variable here, or a variable of that name begins here. */
  isWritten(index: number): boolean {
    if (
      ASSIGNING.has(this.text(index + 1)) ||
      /^(\+\+|--|const|let|var|function|class)$/.test(this.text(index - 1))
    )
      return true;
    if (this.text(index + 1) === "=>" || (this.text(index - 1) === "async" && this.text(index + 1) === "=>"))
      return true;
    for (let around = this.parent(index); around >= 0; around = this.parent(around)) {
      if (this.isParameters(around)) return true;
      const isPattern = this.text(around) === "[" || this.text(around) === "{";
      if (isPattern && /^(=|of|in)$/.test(this.text(this.match(around) + 1))) return true;
    }
    return false;
  }

  /** The place after `=` of `const name =`, where that is the only place that binds or changes the name. */
  constant(name: string): number | undefined {
    const uses = this.uses(name);
    const [declared, ...others] = uses.filter((index) => this.isWritten(index));
    if (declared === undefined || others.length > 0) return undefined;
    return this.text(declared - 1) === "const" && this.text(declared + 1) === "=" ? declared + 2 : undefined;
  }

  /** Whether an expression ends before this place: a semicolon, a bracket, or a statement on a later line. */
  isEnd(index: number): boolean {
    const token = this.tokens[index];
    if (token === undefined || /^[;)}\],]$/.test(this.text(index))) return true;
    return token.kind === "name" && token.line > (this.tokens[index - 1]?.line ?? 0);
  }

  /** Value of a whole number, or of a constant that is one. */
  wholeNumber(from: number, end: number): number | undefined {
    if (end - from !== 1) return undefined;
    const token = this.tokens[from];
    if (token?.kind === "number") return /^\d{1,9}$/.test(token.text) ? Number(token.text) : undefined;
    if (token?.kind !== "name") return undefined;
    const value = this.constant(token.text);
    return value !== undefined && this.isEnd(value + 1) && this.tokens[value]?.kind === "number"
      ? this.wholeNumber(value, value + 1)
      : undefined;
  }

  /** The parts of a bracket between its commas, as [from, end). */
  parts(open: number, separator = ","): [number, number][] {
    const close = this.match(open);
    const parts: [number, number][] = [];
    let from = open + 1;
    for (let index = from; index <= close; index++) {
      if (index === close || (this.text(index) === separator && this.parent(index) === open)) {
        if (index > from) parts.push([from, index]);
        from = index + 1;
      }
    }
    return parts;
  }
}
