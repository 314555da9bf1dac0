/**
 * @file The functions every workflow can use: number, choice, code, extract, vote.
 * Their text is put into the sandbox (`Function.prototype.toString`), so each stands alone: no imports, no outer names.
 */

/**
 * The number a reply gives as its answer.
 * The last mark decides: `\boxed{…}`, `<answer>…</answer>`, `####`, "answer is", "answer:". Behind it the first
 * number counts, or the last one where the line is a calculation ("3 * 4 = 12"). Without a mark the last number of the
 * text counts. Understood: thousands separators, currency signs, "50%" (50), "1/2", "2 1/2", "1.5e3", minus signs.
 * @returns "" when there is no number
 */
export function number(text: unknown): number | string {
  const find = (part: string): number[] => {
    const pattern =
      /(?<![\w.])([-−]?)\s?[$€£¥₹]?\s?([-−]?)(?:(\d+) (?=\d+\/\d))?(\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(\.\d+)?(e[+-]?\d{1,3}(?!\w))?(?:\s?\/\s?(\d+)(?![\w/]))?/gi;
    const found: number[] = [];
    for (const match of part.matchAll(pattern)) {
      const [, sign = "", innerSign = "", whole = "0", digits, fraction = "", exponent = "", divisor] = match;
      if (digits === undefined && fraction === "") continue;
      let value = Number((digits ?? "0").replaceAll(",", "") + fraction + exponent);
      if (divisor !== undefined) value = Number(whole) + value / Number(divisor);
      if (!Number.isFinite(value)) continue;
      found.push(value !== 0 && sign + innerSign !== "" ? -value : value);
    }
    return found;
  };
  const whole = String(text ?? "")
    .slice(-20_000)
    .replace(/\\[dt]?frac\{(-?\d+)\}\{(\d+)\}/g, " $1/$2 ")
    .replace(/(\d)\\?,\\?!?(?=\d{3}(?!\d))|(\d)\{,\}(?=\d{3})/g, "$1$2,")
    .replace(/\\[$%]/g, (escaped) => escaped.slice(1));
  const marks = [
    /<answer>([\s\S]*?)(?:<\/answer>|$)/gi,
    /\\boxed\{([^\n]*)/g,
    /####([^\n]*)/g,
    /\banswer\b[*_]{0,3}(?:\s*(?:is|are|was|=|:))+([^\n]*)/gi,
  ];
  for (const mark of marks) {
    const marked = [...whole.matchAll(mark)].map((match) => match[1] ?? "");
    for (const part of marked.reverse()) {
      const numbers = find(part);
      if (numbers.length > 0) return (part.includes("=") ? numbers.at(-1) : numbers[0]) as number;
    }
  }
  return find(whole).at(-1) ?? "";
}

/**
 * The letter of the option a reply chooses.
 * Looked for, in this order: the reply is a letter or an option; behind the last mark (as for `number`) a letter or an
 * option; the last "(B)", "B." or "B)" ; the only option whose text occurs; the last capital letter standing alone.
 * @param choices - option texts, the first is A; without them the letters A–J count
 * @returns "" when none is named
 */
export function choice(text: unknown, choices?: readonly unknown[]): string {
  const whole = String(text ?? "").slice(-20_000);
  const options = Array.isArray(choices) ? choices.map((option) => String(option)) : [];
  const count = options.length > 0 ? Math.min(options.length, 26) : 10;
  const last = String.fromCharCode(64 + count);
  const fold = (part: string) =>
    part
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
  const named = (part: string): string => {
    const bare = part
      .trim()
      .replace(/^[\s"'`*_[({<:]+/, "")
      .replace(/[\s"'`*_\])}>.,;:!]+$/, "");
    const isLetter = new RegExp(`^(?:option|choice|letter)?\\s*\\(?([A-${last}])\\)?$`, "i").exec(bare);
    if (isLetter) return (isLetter[1] as string).toUpperCase();
    const index = options.findIndex((option) => fold(option) === fold(part) && fold(part) !== "");
    if (index >= 0 && index < count) return String.fromCharCode(65 + index);
    const isLeading = new RegExp(
      `^(?:option|choice|letter)?\\s*\\(?([A-${last}])(?:[).:,]|\\s-|\\*\\*)`,
    ).exec(bare);
    return isLeading?.[1] ?? "";
  };
  const direct = named(whole);
  if (direct !== "" && whole.trim().length < 200) return direct;
  const marks = [
    /<answer>([\s\S]*?)(?:<\/answer>|$)/gi,
    /\\boxed\{(?:\\text\{)?([^\n}]*)/g,
    /####([^\n]*)/g,
    /\banswer\b[*_]{0,3}(?:\s*(?:is|=|:))+([^\n]*)/gi,
  ];
  for (const mark of marks) {
    for (const match of [...whole.matchAll(mark)].reverse()) {
      const part = match[1] ?? "";
      const found = named(part) || named(part.split(/[.,;]\s/)[0] ?? "");
      if (found !== "") return found;
    }
  }
  const bracketed = [
    ...whole.matchAll(new RegExp(`\\(([A-${last}])\\)|(?:^|\\n)\\s*\\**([A-${last}])[.):](?!\\w)`, "g")),
  ].at(-1);
  if (bracketed) return bracketed[1] ?? bracketed[2] ?? "";
  const folded = ` ${fold(whole)} `;
  const mentioned = options.filter((option) => fold(option) !== "" && folded.includes(` ${fold(option)} `));
  if (mentioned.length === 1) return String.fromCharCode(65 + options.indexOf(mentioned[0] as string));
  const alone = [...whole.matchAll(/(?<![\w'])([B-HJ-Z])(?![\w'])/g)].filter(
    (match) => (match[1] as string) <= last,
  );
  return alone.at(-1)?.[1] ?? "";
}

/**
 * The program in a reply: the longest fenced block (backticks or tildes, an unclosed one ends with the text), the later
 * of equals; without a fence the whole text, trimmed.
 */
export function code(text: unknown): string {
  const lines = String(text ?? "").split(/\r\n|[\n\r\u2028\u2029]/);
  const blocks: string[][] = [];
  let fence = "";
  for (const line of lines) {
    const mark = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
    const isClosing = fence !== "" && mark?.[1]?.startsWith(fence) === true && mark[2]?.trim() === "";
    if (fence === "" && mark) {
      fence = mark[1] as string;
      blocks.push([]);
    } else if (isClosing) fence = "";
    else if (fence !== "") blocks.at(-1)?.push(line);
  }
  const programs = blocks.map((block) => block.join("\n").replace(/^\n+|\s+$/g, ""));
  if (programs.length === 0) return lines.join("\n").trim();
  return programs.reduce((best, program) => (program.length >= best.length ? program : best));
}

/**
 * What stands inside the last `<tag>…</tag>`, trimmed; the case of the tag does not matter; an unclosed one ends with
 * the text.
 * @returns "" when the tag is absent
 */
export function extract(text: unknown, tag: unknown): string {
  const whole = String(text ?? "");
  const name = String(tag ?? "").replace(/^<|>$/g, "");
  const lower = whole.toLowerCase();
  const open = `<${name.toLowerCase()}>`;
  const start = lower.lastIndexOf(open);
  if (start < 0 || lower.length !== whole.length) return "";
  const from = start + open.length;
  const end = lower.indexOf(`</${name.toLowerCase()}>`, from);
  return whole.slice(from, end < 0 ? whole.length : end).trim();
}

/**
 * The most frequent value of a list; the earliest of equally frequent ones. Texts are compared without case, outer
 * spaces and a final full stop, numbers with texts of the same number. Empty texts, null, undefined and NaN do not count.
 * @returns the winning value as it first occurs, or "" when nothing counts
 */
export function vote(list: unknown): unknown {
  const values = Array.isArray(list) ? list : [list];
  const counts = new Map<string, { value: unknown; count: number }>();
  for (const value of values) {
    if (value === null || value === undefined || Number.isNaN(value)) continue;
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const key = text.trim().replace(/\.$/, "").toLowerCase();
    if (key === "") continue;
    const entry = counts.get(key) ?? { value, count: 0 };
    entry.count++;
    counts.set(key, entry);
  }
  let best: { value: unknown; count: number } | undefined;
  for (const entry of counts.values()) if (!best || entry.count > best.count) best = entry;
  return best === undefined ? "" : best.value;
}
