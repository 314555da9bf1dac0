/** @file Numbers as people and models write them: "1,234.50", "$5", "1/2", "2 1/2", "50%", "−3", "1e6", "৪২". */

/** Code points of the digit zero of the scripts whose digits are read. */
const DIGIT_ZEROS = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0be6, 0x0c66, 0x0e50, 0xff10];

const VULGAR_FRACTIONS: Readonly<Record<string, string>> = {
  "½": "1/2",
  "⅓": "1/3",
  "⅔": "2/3",
  "¼": "1/4",
  "¾": "3/4",
  "⅕": "1/5",
  "⅛": "1/8",
};

/** Digits before the point with or without thousands separators, fraction, exponent, "/ denominator", percent. */
const NUMBER_SOURCE = String.raw`(?:\d{1,3}(?:[,\u00a0\u202f\u2009']\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+`;
const NUMBER = new RegExp(
  String.raw`(?<![\w.])(-?)[$€£¥₹]?(-?)(?:(\d+) (?=\d+\/\d))?(${NUMBER_SOURCE})(e[+-]?\d{1,3}(?![\w]))?(?:\s?\/\s?(\d+)(?![\w/]))?(\s?%)?`,
  "giu",
);

export interface FoundNumber {
  value: number;
  /** Digits without separators where it is a whole number, for exact comparison beyond 2^53. */
  integer: string | undefined;
  /** Digits after the point as written. */
  decimals: number;
  isPercent: boolean;
  /** Number as it stands in the text. */
  text: string;
}

/** All numbers of a text, in order. Digits glued to letters or to other digits by dots ("x2", "1.2.3") are left out. */
export function findNumbers(text: string): FoundNumber[] {
  const found: FoundNumber[] = [];
  for (const match of plainDigits(text).matchAll(NUMBER)) {
    const [whole, sign1, sign2, wholePart, digits, exponent, denominator, percent] = match;
    const after = match.input[match.index + whole.length] ?? "";
    const next = match.input[match.index + whole.length + 1] ?? "";
    if (after === "." && /\d/.test(next) && digits!.includes(".")) continue;
    if (denominator !== undefined && Number(denominator) === 0) continue;
    const plain = digits!.replace(/[^\d.]/g, "");
    const isNegative = sign1 === "-" || sign2 === "-";
    let value = Number(plain + (exponent ?? ""));
    if (denominator !== undefined) value = Number(wholePart ?? 0) + value / Number(denominator);
    if (!Number.isFinite(value)) continue;
    const isInteger = !plain.includes(".") && !exponent && denominator === undefined;
    found.push({
      value: isNegative ? -value : value,
      integer: isInteger ? (isNegative ? "-" : "") + (plain.replace(/^0+(?=\d)/, "") || "0") : undefined,
      decimals: plain.split(".")[1]?.length ?? 0,
      isPercent: percent !== undefined,
      text: whole.trim(),
    });
  }
  return found;
}

/** The number a text consists of (units before or behind are allowed in none), or undefined. */
export function parseNumber(text: string): FoundNumber | undefined {
  const numbers = findNumbers(text.trim());
  const rest = numbers.length === 1 ? plainDigits(text).trim().replace(numbers[0]!.text, "") : "x";
  return /^[\s.]*$/.test(rest) ? numbers[0] : undefined;
}

function plainDigits(text: string): string {
  return text
    .replace(/[−–‐‑﹣－](?=[\s$€£¥₹]*[\d.])/g, "-")
    .replace(/[½⅓⅔¼¾⅕⅛]/g, (glyph) => ` ${VULGAR_FRACTIONS[glyph]}`)
    .replace(/(?<=\\[dt]?frac)\{(-?\d+)\}\{(\d+)\}/g, " $1/$2 ")
    .replace(/\\[dt]?frac/g, "")
    .replace(/\p{Nd}/gu, (digit) => {
      const code = digit.codePointAt(0)!;
      const zero = DIGIT_ZEROS.find((start) => code >= start && code < start + 10);
      return zero === undefined ? digit : String(code - zero);
    })
    .replace(/(?<=\d),\\?!?(?=\d{3})|(?<=\d)\{,\}(?=\d{3})/g, ",");
}
