/** @file A GBNF grammar read without llama.cpp: sentences of it are drawn at random. */
import type { Random } from "../core/random.js";

export type GbnfExpression =
  | { type: "text"; text: string }
  | { type: "class"; ranges: [number, number][]; isNegated: boolean }
  | { type: "rule"; name: string }
  | { type: "sequence"; parts: GbnfExpression[] }
  | { type: "choice"; options: GbnfExpression[] }
  | { type: "repeat"; part: GbnfExpression; min: number; max: number };

/** Most repetitions of `*` and `+`, which have no bound of their own. */
const UNBOUNDED = 40;

export class Gbnf {
  readonly #rules = new Map<string, GbnfExpression>();

  /** @throws {SyntaxError} on anything outside the dialect, unknown or repeated rules */
  constructor(grammar: string) {
    for (const line of grammar.split("\n")) {
      if (line.trim() === "" || line.trim().startsWith("#")) continue;
      const [, name, body] = /^([a-zA-Z][\w-]*)\s*::=\s*(.+)$/.exec(line) ?? [];
      if (name === undefined || body === undefined) throw new SyntaxError(`no rule: ${line}`);
      if (this.#rules.has(name)) throw new SyntaxError(`rule ${name} is defined twice`);
      this.#rules.set(name, new Parser(body).parse());
    }
    for (const rule of this.#rules.values()) this.#checkNames(rule);
    if (!this.#rules.has("root")) throw new SyntaxError("no rule root");
  }

  /** Rules by their name. */
  get rules(): ReadonlyMap<string, GbnfExpression> {
    return this.#rules;
  }

  /**
   * A sentence of the grammar: alternatives are equally likely, and so are all numbers of repetitions.
   * @param written - texts that stand for whole rules instead of a draw; an optional part that holds a rule written
   *   as "" is left out
   */
  sample(random: Random, written: Readonly<Record<string, string>> = {}): string {
    return this.#write({ type: "rule", name: "root" }, random, written);
  }

  #checkNames(expression: GbnfExpression): void {
    if (expression.type === "rule" && !this.#rules.has(expression.name)) {
      throw new SyntaxError(`rule ${expression.name} is not defined`);
    }
    for (const child of children(expression)) this.#checkNames(child);
  }

  #write(expression: GbnfExpression, random: Random, written: Readonly<Record<string, string>>): string {
    switch (expression.type) {
      case "text":
        return expression.text;
      case "class":
        return drawCharacter(expression, random);
      case "rule":
        return written[expression.name] ?? this.#write(this.#rules.get(expression.name)!, random, written);
      case "sequence":
        return expression.parts.map((part) => this.#write(part, random, written)).join("");
      case "choice":
        return this.#write(random.pick(expression.options), random, written);
      case "repeat": {
        const { part, min, max } = expression;
        const isLeftOut = min === 0 && rulesIn(part).some((name) => written[name] === "");
        const count = isLeftOut ? 0 : random.integer(min, max);
        return Array.from({ length: count }, () => this.#write(part, random, written)).join("");
      }
    }
  }
}

function children(expression: GbnfExpression): GbnfExpression[] {
  if (expression.type === "sequence") return expression.parts;
  if (expression.type === "choice") return expression.options;
  return expression.type === "repeat" ? [expression.part] : [];
}

/** Names of the rules that an expression mentions itself. */
function rulesIn(expression: GbnfExpression): string[] {
  return expression.type === "rule" ? [expression.name] : children(expression).flatMap(rulesIn);
}

function drawCharacter(
  { ranges, isNegated }: { ranges: [number, number][]; isNegated: boolean },
  random: Random,
): string {
  if (isNegated) throw new SyntaxError("negated classes are not drawn from");
  const [low, high] = random.pick(ranges);
  return String.fromCodePoint(random.integer(low, high));
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): GbnfExpression {
    const expression = this.#choice();
    if (this.#at < this.#text.length) throw this.#error();
    return expression;
  }

  #error(): SyntaxError {
    return new SyntaxError(`cannot read on at ${this.#at}: ${this.#text.slice(this.#at, this.#at + 30)}`);
  }

  #skip(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #choice(): GbnfExpression {
    const options = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      options.push(this.#sequence());
    }
    return options.length === 1 ? options[0]! : { type: "choice", options };
  }

  #sequence(): GbnfExpression {
    const parts: GbnfExpression[] = [];
    for (;;) {
      this.#skip();
      const next = this.#text[this.#at];
      if (next === undefined || next === "|" || next === ")") break;
      parts.push(this.#repeated(this.#atom(next)));
    }
    if (parts.length === 0) throw this.#error();
    return parts.length === 1 ? parts[0]! : { type: "sequence", parts };
  }

  #atom(next: string): GbnfExpression {
    if (next === '"') return { type: "text", text: this.#literal() };
    if (next === "[") return this.#class();
    if (next === "(") {
      this.#at++;
      const inner = this.#choice();
      if (this.#text[this.#at++] !== ")") throw this.#error();
      return inner;
    }
    const name = /^[a-zA-Z][\w-]*/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw this.#error();
    this.#at += name.length;
    return { type: "rule", name };
  }

  #repeated(part: GbnfExpression): GbnfExpression {
    const mark = /^(?:[?*+]|\{(\d+)(,?)(\d*)\})/.exec(this.#text.slice(this.#at));
    if (!mark) return part;
    this.#at += mark[0].length;
    if (mark[0] === "?") return { type: "repeat", part, min: 0, max: 1 };
    if (mark[0] === "*") return { type: "repeat", part, min: 0, max: UNBOUNDED };
    if (mark[0] === "+") return { type: "repeat", part, min: 1, max: UNBOUNDED };
    const min = Number(mark[1]);
    const max = mark[3] ? Number(mark[3]) : mark[2] ? UNBOUNDED : min;
    return { type: "repeat", part, min, max };
  }

  #escaped(): string {
    const character = this.#text[this.#at++];
    if (character === undefined) throw this.#error();
    if (character !== "\\") return character;
    const code = this.#text[this.#at++];
    const plain: Record<string, string> = {
      n: "\n",
      t: "\t",
      r: "\r",
      "\\": "\\",
      '"': '"',
      "[": "[",
      "]": "]",
    };
    const found = plain[code ?? ""];
    if (found === undefined) throw new SyntaxError(`unknown escape \\${code}`);
    return found;
  }

  #literal(): string {
    this.#at++;
    let text = "";
    while (this.#text[this.#at] !== '"') text += this.#escaped();
    this.#at++;
    return text;
  }

  #class(): GbnfExpression {
    this.#at++;
    const isNegated = this.#text[this.#at] === "^";
    if (isNegated) this.#at++;
    const ranges: [number, number][] = [];
    while (this.#text[this.#at] !== "]") {
      const low = this.#escaped().codePointAt(0)!;
      const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const high = isRange ? this.#escaped().codePointAt(0)! : low;
      if (high < low) throw this.#error();
      ranges.push([low, high]);
    }
    this.#at++;
    return { type: "class", ranges, isNegated };
  }
}
