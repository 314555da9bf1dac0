/** @file Draws random sentences from a GBNF grammar: the test's own reader of the dialect, apart from llama.cpp. */
import type { Random } from "../../src/core/random.js";

type Expression =
  | { type: "text"; text: string }
  | { type: "class"; ranges: [number, number][]; isNegated: boolean }
  | { type: "rule"; name: string }
  | { type: "sequence"; parts: Expression[] }
  | { type: "choice"; options: Expression[] }
  | { type: "repeat"; part: Expression; min: number; max: number };

/** Stands for "no upper bound" of a repetition; the grammars under test have none. */
const UNBOUNDED = 40;

export class Gbnf {
  readonly #rules = new Map<string, Expression>();

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

  get ruleCount(): number {
    return this.#rules.size;
  }

  sample(random: Random): string {
    return this.#write({ type: "rule", name: "root" }, random);
  }

  /** Characters of the longest sentence. */
  longest(): number {
    return this.#length({ type: "rule", name: "root" });
  }

  #checkNames(expression: Expression): void {
    if (expression.type === "rule" && !this.#rules.has(expression.name)) {
      throw new SyntaxError(`rule ${expression.name} is not defined`);
    }
    for (const child of children(expression)) this.#checkNames(child);
  }

  #write(expression: Expression, random: Random): string {
    switch (expression.type) {
      case "text":
        return expression.text;
      case "class":
        return drawCharacter(expression, random);
      case "rule":
        return this.#write(this.#rules.get(expression.name)!, random);
      case "sequence":
        return expression.parts.map((part) => this.#write(part, random)).join("");
      case "choice":
        return this.#write(random.pick(expression.options), random);
      case "repeat": {
        const count = random.integer(expression.min, expression.max);
        return Array.from({ length: count }, () => this.#write(expression.part, random)).join("");
      }
    }
  }

  #length(expression: Expression): number {
    switch (expression.type) {
      case "text":
        return expression.text.length;
      case "class":
        return 1;
      case "rule":
        return this.#length(this.#rules.get(expression.name)!);
      case "sequence":
        return expression.parts.reduce((sum, part) => sum + this.#length(part), 0);
      case "choice":
        return Math.max(...expression.options.map((option) => this.#length(option)));
      case "repeat":
        return expression.max * this.#length(expression.part);
    }
  }
}

function children(expression: Expression): Expression[] {
  if (expression.type === "sequence") return expression.parts;
  if (expression.type === "choice") return expression.options;
  return expression.type === "repeat" ? [expression.part] : [];
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

  parse(): Expression {
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

  #choice(): Expression {
    const options = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      options.push(this.#sequence());
    }
    return options.length === 1 ? options[0]! : { type: "choice", options };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (;;) {
      this.#skip();
      const next = this.#text[this.#at];
      if (next === undefined || next === "|" || next === ")") break;
      parts.push(this.#repeated(this.#atom(next)));
    }
    if (parts.length === 0) throw this.#error();
    return parts.length === 1 ? parts[0]! : { type: "sequence", parts };
  }

  #atom(next: string): Expression {
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

  #repeated(part: Expression): Expression {
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

  #class(): Expression {
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
