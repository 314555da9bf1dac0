/** @file The value of a LaTeX expression at a point: numbers, fractions, roots, powers, π, common functions, letters. */

/** Nested deeper than this is no answer. */
const MAX_DEPTH = 60;

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  cot: (x) => 1 / Math.tan(x),
  sec: (x) => 1 / Math.cos(x),
  csc: (x) => 1 / Math.sin(x),
  ln: Math.log,
  log: Math.log10,
  exp: Math.exp,
};

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?|\.\d+)|\\([a-zA-Z]+)|([a-zA-Z])(_(?:\w|\{\w+\}))?|(\*\*|[-+*/^!(){}[\]|]))/y;

type Token = { kind: "number" | "command" | "letter" | "sign"; text: string; gap: boolean };

function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) return /^\s*$/.test(text.slice(from)) ? tokens : undefined;
    const [whole, number, command, letter, index = "", sign] = match;
    const gap = /^\s/.test(whole);
    if (number !== undefined) tokens.push({ kind: "number", text: number, gap });
    else if (command !== undefined) tokens.push({ kind: "command", text: command, gap });
    else if (letter !== undefined)
      tokens.push({ kind: "letter", text: letter + index.replace(/[{}]/g, ""), gap });
    else tokens.push({ kind: "sign", text: sign === "**" ? "^" : sign!, gap });
  }
  return tokens;
}

class NotAnExpression extends Error {}

/** Recursive descent over the tokens; a letter is worth what `worthOf` says. */
class Evaluator {
  #at = 0;
  #depth = 0;
  readonly #tokens: readonly Token[];
  readonly #worthOf: (letter: string) => number;

  constructor(tokens: readonly Token[], worthOf: (letter: string) => number) {
    this.#tokens = tokens;
    this.#worthOf = worthOf;
  }

  whole(): number {
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw new NotAnExpression();
    return value;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token?.kind === "sign" && token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #sum(): number {
    if (++this.#depth > MAX_DEPTH) throw new NotAnExpression();
    let value = this.#product();
    for (;;) {
      if (this.#take("+")) value += this.#product();
      else if (this.#take("-")) value -= this.#product();
      else break;
    }
    this.#depth--;
    return value;
  }

  #product(): number {
    let value = this.#signed();
    for (;;) {
      if (this.#take("*")) value *= this.#signed();
      else if (this.#take("/")) value /= this.#signed();
      else if (this.#startsFactor()) value *= this.#power();
      else return value;
    }
  }

  /** Whether a factor follows without a sign; two numbers in a row are no product. */
  #startsFactor(): boolean {
    const token = this.#peek();
    if (!token) return false;
    if (token.kind === "number") return this.#tokens[this.#at - 1]?.kind !== "number";
    return token.kind !== "sign" || token.text === "(" || token.text === "{";
  }

  #signed(): number {
    if (this.#take("-")) return -this.#signed();
    if (this.#take("+")) return this.#signed();
    return this.#power();
  }

  #power(): number {
    let value = this.#atom();
    while (this.#take("!")) value = factorial(value);
    return this.#take("^") ? value ** this.#argument() : value;
  }

  /** A group, or one token: `^2`, `^{10}`, `\frac12`. */
  #argument(): number {
    const token = this.#peek();
    if (token?.kind === "number" && /^\d{2,}$/.test(token.text) && !this.#isAfterPower()) {
      // \frac12 takes its digits one by one.
      const rest: Token = { ...token, text: token.text.slice(1), gap: false };
      (this.#tokens as Token[]).splice(this.#at, 1, rest);
      return Number(token.text[0]);
    }
    if (this.#isAfterPower() && this.#take("-")) return -this.#atom();
    return this.#atom();
  }

  #isAfterPower(): boolean {
    const before = this.#tokens[this.#at - 1];
    return before?.kind === "sign" && before.text === "^";
  }

  #atom(): number {
    const token = this.#peek();
    if (!token) throw new NotAnExpression();
    this.#at++;
    switch (token.kind) {
      case "number":
        return this.#mixed(token);
      case "letter":
        return this.#worthOf(token.text);
      case "command":
        return this.#command(token.text);
      default:
        return this.#group(token.text);
    }
  }

  /** "3\frac12" and "3 1/2" are sums. */
  #mixed(token: Token): number {
    const value = Number(token.text);
    const [next, slash, last] = this.#tokens.slice(this.#at, this.#at + 3);
    const isWhole = /^\d+$/.test(token.text);
    if (isWhole && this.#isPlainFraction()) return value + this.#atom();
    const isInline = next?.kind === "number" && next.gap && slash?.text === "/" && last?.kind === "number";
    if (!isWhole || !isInline) return value;
    this.#at += 3;
    return value + Number(next.text) / Number(last.text);
  }

  /** A fraction of two numbers below 1 follows: "2\frac{3}{4}", but not "2\frac{\pi}{3}". */
  #isPlainFraction(): boolean {
    const ahead = this.#tokens.slice(this.#at, this.#at + 7).map(({ text }) => text);
    const [, top, bottom] = /^frac ?\{? ?(\d+?) ?\}? ?\{? ?(\d+)(?: |$)/.exec(ahead.join(" ")) ?? [];
    return top !== undefined && Number(top) < Number(bottom);
  }

  #command(name: string): number {
    if (name === "pi") return Math.PI;
    if (name === "infty") return Number.POSITIVE_INFINITY;
    if (name === "frac") return this.#argument() / this.#argument();
    if (name === "sqrt") {
      let degree = 2;
      if (this.#take("[")) {
        degree = this.#sum();
        if (!this.#take("]")) throw new NotAnExpression();
      }
      const value = this.#argument();
      return degree === 2 ? Math.sqrt(value) : Math.sign(value) * Math.abs(value) ** (1 / degree);
    }
    const apply = FUNCTIONS[name];
    if (!apply) throw new NotAnExpression();
    return apply(this.#power());
  }

  #group(open: string): number {
    const close = { "(": ")", "{": "}", "[": "]", "|": "|" }[open];
    if (close === undefined) throw new NotAnExpression();
    const value = this.#sum();
    if (!this.#take(close)) throw new NotAnExpression();
    return open === "|" ? Math.abs(value) : value;
  }
}

function factorial(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 170) throw new NotAnExpression();
  let product = 1;
  for (let i = 2; i <= value; i++) product *= i;
  return product;
}

/**
 * The value of an expression where each letter is worth what `worthOf` says; NaN where it has none.
 * @returns undefined for what is no expression
 */
export function latexValue(text: string, worthOf: (letter: string) => number): number | undefined {
  const tokens = tokenize(text);
  if (!tokens || tokens.length === 0) return undefined;
  try {
    return new Evaluator(tokens, worthOf).whole();
  } catch (error) {
    if (error instanceof NotAnExpression) return undefined;
    throw error;
  }
}
