/**
 * @file The functions every workflow can use: number, choice, code, extract, vote, agreement, printed, fewShot.
 * Their text is put into the sandbox (`Function.prototype.toString`), so the maker stands alone: no imports, no outer names.
 */
import type { ReplyReaders } from "../../core/reply/reply-readers.js";

/** Functions of a workflow over the readers that the scorers have too. `isCut` says whether a text is a reply cut at its token limit. */
export function guestHelpers(readers: ReplyReaders, isCut: (text: unknown) => boolean) {
  const cut = (text: unknown, asked: unknown): boolean => (typeof asked === "boolean" ? asked : isCut(text));

  /**
   * The number a reply gives as its answer. Understood: thousands separators, currency signs, "50%" (50), "1/2", "2 1/2",
   * "1.5e3", "3 × 10^8", "1.080 Euro", minus signs, digits of other scripts. A whole number too long to be exact is a string.
   * @param asked - whether it was cut; default: whether the executor cut this text
   * @returns "" when there is no number
   */
  const number = (text: unknown, asked?: unknown): number | string => {
    const found = readers.readNumber(String(text ?? ""), cut(text, asked));
    if (found === undefined) return "";
    return found.integer !== undefined && !Number.isSafeInteger(found.value) ? found.integer : found.value;
  };

  /**
   * The letter of the option a reply chooses.
   * @param choices - option texts, the first is A; without them the letters A–J count
   * @returns "" when none is named, or several
   */
  const choice = (text: unknown, choices?: unknown, asked?: unknown): string => {
    const options = Array.isArray(choices) ? choices.map((option) => String(option)) : [];
    return readers.readChoice(String(text ?? ""), options, cut(text, asked));
  };

  /** The program in a reply: the longest of its last fenced blocks, or the whole text without one; "" when it was cut. */
  const code = (text: unknown, asked?: unknown): string =>
    readers.readCode(String(text ?? ""), cut(text, asked));

  /**
   * What stands inside the last `<tag>…</tag>`, trimmed; the case of the tag does not matter; an unclosed one ends with
   * the text, unless the reply was cut.
   * @returns "" when the tag is absent
   */
  const extract = (text: unknown, tag: unknown): string => {
    const whole = String(text ?? "");
    const name = String(tag ?? "").replace(/^<|>$/g, "");
    const lower = whole.toLowerCase();
    const open = `<${name.toLowerCase()}>`;
    const start = lower.lastIndexOf(open);
    if (start < 0 || lower.length !== whole.length) return "";
    const from = start + open.length;
    const end = lower.indexOf(`</${name.toLowerCase()}>`, from);
    if (end < 0 && isCut(text)) return "";
    return whole.slice(from, end < 0 ? whole.length : end).trim();
  };

  /** Values of a list by what they say, most frequent first, the earliest of equally frequent ones first. */
  const tally = (list: unknown): { value: unknown; count: number }[] => {
    const values = Array.isArray(list) ? list : [list];
    const counts = new Map<string, { value: unknown; count: number }>();
    for (const value of values) {
      if (value === null || value === undefined || Number.isNaN(value)) continue;
      if (isCut(value) && readers.readMarks(String(value), true).length === 0) continue;
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      const key = text.trim().replace(/\.$/, "").toLowerCase();
      if (key === "") continue;
      const entry = counts.get(key) ?? { value, count: 0 };
      entry.count++;
      counts.set(key, entry);
    }
    return [...counts.values()].sort((a, b) => b.count - a.count);
  };

  /**
   * The most frequent value of a list; the earliest of equally frequent ones. Texts are compared without case, outer
   * spaces and a final full stop, numbers with texts of the same number. Empty texts, null, undefined, NaN
   * and cut replies without a marked answer do not count.
   * @returns the winning value as it first occurs, or "" when nothing counts
   */
  const vote = (list: unknown): unknown => tally(list)[0]?.value ?? "";

  /** The share of a list that says what `vote` makes of it, 0–1; what does not count there agrees with nothing here. */
  const agreement = (list: unknown): number => {
    const length = Array.isArray(list) ? list.length : 1;
    return length === 0 ? 0 : (tally(list)[0]?.count ?? 0) / length;
  };

  /** What a program printed, trimmed; a list of strings as Python or JSON writes it becomes its items with a space between. */
  const printed = (output: unknown): string => {
    const text = String(output ?? "").trim();
    if (!/^\[(?:'[^'\\]*'|"[^"\\]*")(?:, ?(?:'[^'\\]*'|"[^"\\]*"))*\]$/.test(text)) return text;
    return (text.match(/'[^']*'|"[^"]*"/g) ?? []).map((item) => item.slice(1, -1)).join(" ");
  };

  /** Examples as the text of a prompt, an empty line between two; "" without any. */
  const fewShot = (examples: unknown): string => {
    const blocks: string[] = [];
    for (const example of Array.isArray(examples) ? examples : []) {
      const { question, context, choices, solution, answer } = example as Record<string, unknown>;
      const letters = Array.isArray(choices)
        ? choices.map((text, index) => `\n${String.fromCharCode(65 + index)}. ${text}`).join("")
        : "";
      const worked = typeof solution === "string" && solution !== "" ? `\nSolution: ${solution}` : "";
      blocks.push(
        `${typeof context === "string" ? `${context}\n\n` : ""}Question: ${question}${letters}${worked}\nAnswer: ${answer}`,
      );
    }
    return blocks.join("\n\n");
  };

  return { number, choice, code, extract, vote, agreement, printed, fewShot };
}
