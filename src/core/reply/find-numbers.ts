/** @file Numbers as people and models write them: "1,234.50", "$5", "2 1/2", "50%", "−3", "3 × 10^8", "1.080 Euro", "৪২". */

export interface FoundNumber {
  value: number;
  /** Digits without separators where it is a whole number, for exact comparison beyond 2^53. */
  integer: string | undefined;
  /** Digits after the point as written. */
  decimals: number;
  isPercent: boolean;
  /** Number as it stands in the text, with digits 0 to 9. */
  text: string;
  /** It ends the text. */
  isLast: boolean;
  /** Nothing but white space and full stops stands beside it. */
  isWholeText: boolean;
}

/**
 * A text with its numbers in one spelling: digits 0 to 9, "." before decimals, fractions as "1/2", powers of ten as "3e8",
 * without the numbers of steps and lists. "1.080" is 1080 where the text is in a language that writes so, or speaks of
 * euros.
 */
export function plainNumbers(text: string): string {
  // Code points of the digit zero of the scripts that are read.
  const zeros = [
    0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0x1040, 0x17e0,
    0xff10,
  ];
  const fractions: Record<string, string> = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅛": "1/8",
  };
  const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  let plain = text
    .replace(/[−–‐‑﹣－⁻](?=[\s$€£¥₹]*[\p{Nd}.¹²³⁴-⁹])/gu, "-")
    .replace(/[½⅓⅔¼¾⅕⅛]/g, (glyph) => ` ${fractions[glyph]}`)
    .replace(/\p{Nd}/gu, (digit) => {
      const code = digit.codePointAt(0) as number;
      const zero = zeros.find((start) => code >= start && code < start + 10);
      return zero === undefined ? digit : String(code - zero);
    })
    .replace(/(?<=\d)[，٬](?=\d)/g, ",")
    .replace(/(?<=\d)[．٫](?=\d)/g, ".")
    .replace(/[⁄∕]/g, "/")
    .replace(/[％٪]|\\%/g, "%")
    .replace(/\\\$|＄/g, "$")
    .replace(/\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}/g, " $1 ")
    .replace(/(-?)\\[dtc]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))/g, " $1$2$3/$4$5 ")
    .replace(/(?<=\d)(?:,\\?!|\\[,!]|\{,\})(?=\d{3}(?!\d))/g, ",")
    // 3 × 10^8 and 3·10⁸ as 3e8.
    .replace(
      /(?<=\d)\s*(?:[×x*·⋅]|\\times|\\cdot)\s*10\s*(?:(?:\^|\*\*)\s*(?:\{\s*([-+]?\d{1,3})\s*\}|([-+]?\d{1,3}))|(-?[⁰¹²³⁴-⁹]+))/g,
      (_all, braced?: string, exponent?: string, small = "") =>
        `e${braced ?? exponent ?? small.replace(/[^-]/g, (mark: string) => String(raised.indexOf(mark)))}`,
    )
    // Numbers of a list that begins with 1, and of steps, count nothing.
    .replace(/^[ \t>*#_]*\d{1,2}[.)][ \t]+(?=\S)/gm, (label) =>
      /^[ \t>*#_]*1[.)]\s/m.test(text) ? "" : label,
    )
    .replace(/\b(?:step|part|option|question|case|method|example|schritt|étape|paso)\s+#?\d+(?!\w)/gi, " ");
  const words = plain.match(
    /(?<!\p{L})(?:der|das|und|ist|sind|nicht|eine?|beträgt|kostet|antwort|euro|le|les|et|est|sont|une|reste|réponse|el|los|las|es|son|una|quedan|respuesta|il|sono|rimangono|risposta|o|são|uma|resposta|het|een|zijn|antwoord)(?!\p{L})|\p{Script=Cyrillic}{2,}/giu,
  );
  const hasCommas = new Set((words ?? []).map((word) => word.toLowerCase())).size > 1;
  const commas = (part: string) =>
    part.replace(/(?<![\w.,])\d+(?:[.,]\d+)+(?!(?!e[-+]?\d)\w|[.,]\d)/g, (digits) =>
      /^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$/.test(digits)
        ? digits.replaceAll(".", "").replace(",", ".")
        : /^(?:0|\d+),\d+$/.test(digits) && !/^[1-9]\d{0,2},\d{3}$/.test(digits)
          ? digits.replace(",", ".")
          : digits,
    );
  if (/probabilit|\bchances?\b|\bodds\b/i.test(plain))
    plain = plain.replace(/(\d+) (?:in|out of) (\d+)/g, "$1/$2");
  // Sums of money have no three decimals: "1.080 Euro" needs no other words.
  plain = hasCommas
    ? commas(plain)
    : plain
        .replace(/(?<![\w.,])[\d.,]*\d(?=\s?(?:€|euros?\b|EUR\b))|(?<=€\s?)\d[\d.,]*/gi, (digits) =>
          /^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$|^\d+,\d{2}$/.test(digits) ? commas(digits) : digits,
        )
        .replace(/(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3}){2,}(?!(?!e[-+]?\d)\w|[.,]\d)/g, (digits) =>
          digits.replaceAll(".", ""),
        );
  return plain;
}

/**
 * All numbers of a text that `plainNumbers` gave, or of a part of it, in order. Digits glued to letters or to other digits
 * by dots ("x2", "1.2.3"), ordinals ("2nd") and exponents of letters are left out.
 */
export function scanNumbers(plain: string): FoundNumber[] {
  const scales: Record<string, number> = {
    thousand: 1e3,
    million: 1e6,
    billion: 1e9,
    万: 1e4,
    萬: 1e4,
    亿: 1e8,
    億: 1e8,
  };
  const pattern =
    /(?<![\w.^]|\^\{|_\{)(-?)\s?[$€£¥₹]?\s?(-?)(?:(\d+) +(?=\d+ ?\/ ?\d))?((?:\d{1,3}(?:[,'\u00a0\u202f\u2009]\d{3})+|[1-9]\d{0,2}(?: \d{3})+(?![ ,.]*\d))(?!\d)|\d+)?(\.\d+)?(e[+-]?\d{1,3}(?!\w))?(?:\s?\/\s?(\d+)(?![\w/]))?(\s?%|\s?(?:thousand|million|billion)\b|\s?[万萬亿億])?/giu;
  const found: FoundNumber[] = [];
  for (const match of plain.matchAll(pattern)) {
    const [all, sign1 = "", sign2 = "", mixed = "0", whole, part = "", exponent = "", divisor, after = ""] =
      match;
    if (whole === undefined && part === "") continue;
    const end = match.index + all.length;
    // "- 5" is a line of a list or a difference.
    const isNegative = (sign1 !== "" && !/^-\s\s?\d/.test(all)) || sign2 !== "";
    if (/^(?:\.\d|(?:st|nd|rd|th)\b)/.test(plain.slice(end, end + 3)) || Number(divisor) === 0) continue;
    const digits = (whole ?? "0").replace(/\D/g, "") + part;
    const scale = scales[after.trim().toLowerCase()] ?? 1;
    let value = Number(digits + exponent);
    if (divisor !== undefined) value = Number(mixed) + value / Number(divisor);
    value *= scale;
    if (!Number.isFinite(value)) continue;
    const isWhole = part === "" && exponent === "" && divisor === undefined && scale === 1;
    found.push({
      value: isNegative && value !== 0 ? -value : value,
      integer: isWhole ? (isNegative ? "-" : "") + (digits.replace(/^0+(?=\d)/, "") || "0") : undefined,
      decimals: part === "" ? 0 : part.length - 1,
      isPercent: after.trim() === "%",
      text: all.trim(),
      isLast: end === plain.length,
      isWholeText: /^[\s.]*$/.test(plain.slice(0, match.index) + plain.slice(end)),
    });
  }
  return found;
}

/** All numbers of any text, in order. */
export function findNumbers(text: string): FoundNumber[] {
  return scanNumbers(plainNumbers(text));
}

/** The number a text consists of (units before or behind are allowed in none), or undefined. */
export function parseNumber(text: string): FoundNumber | undefined {
  const [only] = findNumbers(text);
  return only?.isWholeText ? only : undefined;
}
