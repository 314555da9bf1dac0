/** @file Mathematical answers brought to one spelling: typesetting, units and signs of currency away, Unicode as LaTeX. */

/** Longer texts are no answers; also the bound of everything that is done with them. */
export const MAX_EXPRESSION = 1_000;

const GLYPHS: Readonly<Record<string, string>> = {
  "½": "\\frac12",
  "⅓": "\\frac13",
  "⅔": "\\frac23",
  "¼": "\\frac14",
  "¾": "\\frac34",
  "²": "^2",
  "³": "^3",
  "⁴": "^4",
  "√": "\\sqrt",
  "∛": "\\sqrt[3]",
  π: "\\pi ",
  "∞": "\\infty ",
  "∪": "\\cup ",
  "×": "*",
  "·": "*",
  "⋅": "*",
  "÷": "/",
  "−": "-",
  "–": "-",
  "≤": "\\le ",
  "≥": "\\ge ",
  "≠": "\\ne ",
  "±": "\\pm ",
  "°": "",
};

/** Words behind a number that only say what is counted. */
const UNITS =
  /(?<=[\d}).])\s*(?:square|cubic|sq\.?|cu\.?)?\s*\b(?:units?|cm|mm|km|kg|mph|ft|inch(?:es)?|feet|foot|yards?|miles?|met(?:er|re)s?|centimet(?:er|re)s?|kilomet(?:er|re)s?|grams?|lit(?:er|re)s?|hours?|minutes?|seconds?|days?|weeks?|months?|years?|degrees?|radians|dollars?|cents?|percent|people|ways|students)(?:\s*\^\s*\{?[23]\}?|\s+(?:squared|cubed))?\s*$/i;

/** One spelling of a LaTeX or plain answer; white space that means nothing is gone. */
export function plainLatex(text: string): string {
  let plain = text
    .slice(0, MAX_EXPRESSION)
    .replace(/√\s*(\d+)/g, "\\sqrt{$1}")
    .replace(/[½⅓⅔¼¾²³⁴√∛π∞∪×·⋅÷−–≤≥≠±°]/g, (glyph) => GLYPHS[glyph]!);
  plain = plain
    .replace(/\\(?:left|right|big|Big|bigl|bigr|displaystyle|limits)(?![a-zA-Z])\.?/g, "")
    .replace(/(?<!\\)\\[()[\]]/g, "")
    .replace(/\\?\$/g, "")
    .replace(/\\[dtc]frac/g, "\\frac")
    .replace(/\\(?:cdot|times)(?![a-zA-Z])/g, "*")
    .replace(/\\div(?![a-zA-Z])/g, "/")
    .replace(/\\(?:leq|leqslant)(?![a-zA-Z])/g, "\\le")
    .replace(/\\(?:geq|geqslant)(?![a-zA-Z])/g, "\\ge")
    .replace(/\\neq(?![a-zA-Z])/g, "\\ne")
    .replace(/<=/g, "\\le ")
    .replace(/>=/g, "\\ge ")
    .replace(/\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree(?![a-zA-Z])/g, "")
    .replace(/\\?%/g, "")
    .replace(/\{,\}|(?<=\d)(?:,\\!|\\[,!])(?=\d{3}(?!\d))/g, ",")
    .replace(/(?<!\\)\\[,;:! ~]|~|\\q?quad(?![a-zA-Z])/g, " ");
  plain = withoutUnits(plain.trim().replace(/(?<!\.)\.$/, ""))
    .replace(/\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}/g, "$1")
    .trim();
  return plain.replace(/\s+/g, " ");
}

/** A unit in \text{} behind something, with its power, or one of the known words. */
function withoutUnits(text: string): string {
  const behind = /^(.*\S)\s*\\(?:text|textrm|mathrm|mbox)\s*\{[^{}]*\}(?:\s*\^\s*\{?[23]\}?)?$/s.exec(text);
  const rest = behind?.[1] ?? text;
  // "\text{(A) } 5" keeps its words: only what follows a value is a unit.
  return (behind && !/[\d})\]a-z]$/i.test(rest) ? text : rest).replace(UNITS, "").trim();
}

/** Splits at a separator outside all brackets; undefined when the brackets do not fit. */
export function splitTop(text: string, separator: RegExp): string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    if (depth < 0) return undefined;
    if (depth > 0) continue;
    separator.lastIndex = i;
    const match = separator.exec(text);
    if (match?.index !== i || match[0] === "") continue;
    parts.push(text.slice(from, i));
    from = i + match[0].length;
    i = from - 1;
  }
  if (depth !== 0) return undefined;
  return [...parts, text.slice(from)].map((part) => part.trim());
}
