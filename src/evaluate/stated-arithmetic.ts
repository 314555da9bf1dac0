/** @file The arithmetic a reply states (`12 * 3 + 4 = 40`), found and checked. */

/** Equations that a text states. */
export interface StatedArithmetic {
  /** Equations between numbers with at least one operation on a side. */
  stated: number;
  /** Those of them that hold. */
  holding: number;
}

type Token =
  | { type: "number"; value: number; decimals: number; isShare: boolean }
  | { type: "operator"; sign: "+" | "-" | "*" | "/"; isTight: boolean }
  | { type: "open" | "close" }
  | { type: "equals"; isRough: boolean }
  | { type: "word"; isRemainder: boolean }
  | { type: "break" };

const TOKEN =
  /(?<bold>\*\*)|(?<variable>\d[\d.,]{0,30}[a-zA-Z](?![a-zA-Z0-9]))|(?<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?<share>\s?\\?%)?|(?<times>[*×·⋅]|\\times\b|\\cdot\b|(?<=\d\s?)[xX](?=\s?[$\d(]))|(?<over>[/÷]|\\div\b)|(?<plus>\+)|(?<minus>[-−–])|(?<equals>=|≈|\\approx\b)|(?<open>\()|(?<close>\))|(?<skip>[ \t]+|\\?[$€£]|\\[,;! ])|(?<word>\p{L}[\p{L}'’-]*)|(?<other>[\s\S])/gu;

/** "15 / 4 = 3 remainder 3" is right in its own way. */
const REMAINDER = /^(?:r|rem|remainder|mod|modulo)$/i;

/** Numbers this close are equal: sums of decimals are not exact in binary. */
const RELATIVE = 1e-12;
const MAX_DEPTH = 50;

/**
 * Finds statements such as `3 + 4 = 7`, `2 × (5 − 1) = 8 apples` and chains of them, and checks each.
 * A result with decimals may be rounded to them; one after ≈ to a whole number too. Equations with variables, with
 * remainders and with anything else that is no plain number are passed over.
 */
export function statedArithmetic(text: string): StatedArithmetic {
  const found: StatedArithmetic = { stated: 0, holding: 0 };
  for (const sides of equations(tokens(text))) {
    for (let i = 0; i + 1 < sides.length; i++) {
      const [left, right] = [sides[i], sides[i + 1]];
      if (!left?.value || !right?.value || !(left.hasOperation || right.hasOperation)) continue;
      found.stated++;
      if (agree(left.value, right.value, right.isRough)) found.holding++;
    }
  }
  return found;
}

interface Amount {
  number: number;
  /** Digits after the point; undefined where it was computed. */
  decimals: number | undefined;
  isShare: boolean;
}

interface Side {
  value: Amount | undefined;
  hasOperation: boolean;
  isRough: boolean;
}

function agree(left: Amount, right: Amount, isRough: boolean): boolean {
  const near = (a: number, b: number) => {
    const decimals = right.decimals ?? left.decimals ?? 0;
    const isRounded = decimals > 0 || isRough;
    const slack = Math.max(Math.abs(a), Math.abs(b), 1) * RELATIVE;
    return Math.abs(a - b) <= (isRounded ? 0.5 * 10 ** -decimals + slack : slack);
  };
  // "0.25 * 100 = 25%" and "1/4 = 25%" are both meant well.
  const shares = (amount: Amount) =>
    amount.isShare ? [amount.number, amount.number * 100] : [amount.number];
  return shares(left).some((a) => shares(right).some((b) => near(a, b)));
}

function tokens(text: string): Token[] {
  const out: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const { bold, variable, number, share, times, over, plus, minus, equals, open, close, skip, word } =
      match.groups as Record<string, string | undefined>;
    const sign = times ? "*" : over ? "/" : plus ? "+" : minus ? "-" : undefined;
    if (bold || variable) out.push({ type: "break" });
    else if (number) {
      const plain = number.replaceAll(",", "");
      const decimals = plain.split(".")[1]?.length ?? 0;
      out.push({
        type: "number",
        value: Number(plain) / (share ? 100 : 1),
        decimals: share ? decimals + 2 : decimals,
        isShare: share !== undefined,
      });
    } else if (sign)
      out.push({ type: "operator", sign, isTight: /\d/.test(text[match.index + match[0].length] ?? "") });
    else if (equals) out.push({ type: "equals", isRough: equals !== "=" });
    else if (open) out.push({ type: "open" });
    else if (close) out.push({ type: "close" });
    else if (word) out.push({ type: "word", isRemainder: REMAINDER.test(word) });
    else if (!skip) out.push({ type: "break" });
  }
  return out;
}

/** Runs of sides with equals signs between them; a word behind a number is its unit, any other word ends a run. */
function* equations(all: readonly Token[]): Generator<Side[]> {
  let run: Token[] = [];
  let isAfterWord = false;
  const flush = function* (): Generator<Side[]> {
    if (run.some(({ type }) => type === "equals")) yield sidesOf(run, isAfterWord);
    run = [];
  };
  for (let i = 0; i < all.length; i++) {
    const token = all[i] as Token;
    if (token.type === "break") {
      yield* flush();
      isAfterWord = false;
    } else if (token.type === "word") {
      const next = all[i + 1]?.type;
      const isUnit =
        run.at(-1)?.type === "number" && (next === "operator" || next === "equals" || next === "close");
      if (isUnit && !token.isRemainder) continue;
      if (token.isRemainder) run = [];
      yield* flush();
      isAfterWord = true;
    } else {
      run.push(token);
    }
  }
  yield* flush();
}

function sidesOf(run: readonly Token[], isAfterWord: boolean): Side[] {
  const sides: Side[] = [];
  let part: Token[] = [];
  let isRough = false;
  for (const token of [...run, { type: "equals", isRough: false } as const]) {
    if (token.type !== "equals") {
      part.push(token);
      continue;
    }
    const first = part[0];
    // "x - 3 = 4" leaves "- 3" behind its x, which is no negative number.
    const isCut =
      sides.length === 0 &&
      isAfterWord &&
      first?.type === "operator" &&
      !(first.sign === "-" && first.isTight);
    sides.push({
      value: isCut ? undefined : computed(part),
      hasOperation: part.slice(1).some(({ type }) => type === "operator"),
      isRough,
    });
    isRough = token.isRough;
    part = [];
  }
  return sides;
}

/** Sums of products of numbers and brackets; undefined where the tokens are anything else. */
function computed(part: readonly Token[]): Amount | undefined {
  let at = 0;
  let depth = 0;
  const operator = (signs: string) => {
    const token = part[at];
    return token?.type === "operator" && signs.includes(token.sign) ? token.sign : undefined;
  };
  const factor = (): number => {
    const token = part[at];
    if (operator("-") && part[at + 1]?.type === "number") {
      at++;
      return -factor();
    }
    if (token?.type === "number") {
      at++;
      return token.value;
    }
    if (token?.type !== "open" || ++depth > MAX_DEPTH) return Number.NaN;
    at++;
    const inner = sum();
    if (part[at]?.type !== "close") return Number.NaN;
    at++;
    return inner;
  };
  const product = (): number => {
    let value = factor();
    for (let sign = operator("*/"); sign; sign = operator("*/")) {
      at++;
      const other = factor();
      value = sign === "*" ? value * other : value / other;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = operator("+-"); sign; sign = operator("+-")) {
      at++;
      const other = product();
      value = sign === "+" ? value + other : value - other;
    }
    return value;
  };
  const number = sum();
  if (at !== part.length || !Number.isFinite(number)) return undefined;
  const only = part.length === 1 ? part[0] : undefined;
  const last = part.at(-1);
  return {
    number,
    decimals: only?.type === "number" ? only.decimals : undefined,
    isShare: last?.type === "number" && part.length === 1 && last.isShare,
  };
}
