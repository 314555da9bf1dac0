/** @file The option that a reply chooses. */

export type ChoiceReader = (text: string, choices?: readonly string[], isCut?: boolean) => string;

/**
 * Makes the reader of choices, which gives a letter, or "" where a reply names none or several options. Looked for, in
 * this order: the reply is a letter or an option; behind a mark; a letter (with its option) alone on the first or last line;
 * the only bold letter; "I choose C", "option C is right"; the letter at the start; the only letter in brackets, or the one behind
 * "so"; the only option whose text occurs; the only capital letter. "A or B" chooses neither. Of a cut reply only marks and
 * the first line count. Without `choices` the letters A to J count.
 */
export function choiceReader(
  withoutThinking: (text: string) => string,
  markedAnswers: (text: string, isCut?: boolean) => string[],
): ChoiceReader {
  const fold = (part: string) => part.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const words = (part: string) =>
    fold(part)
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
  return (raw, choices = [], isCut = false) => {
    const text = withoutThinking(raw.slice(-20_000)).trim();
    const count = choices.length > 0 ? Math.min(choices.length, 26) : 10;
    const last = String.fromCharCode(64 + count);
    const letterAt = (index: number) => (index < 0 || index >= count ? "" : String.fromCharCode(65 + index));
    const unique = (letters: readonly (string | undefined)[]): string =>
      new Set(letters).size === 1 ? (letters[0] as string).toUpperCase() : "";
    const all = (part: string, pattern: string, flags = "gu") =>
      [...part.matchAll(new RegExp(pattern.replaceAll("LETTER", `[A-${last}]`), flags))].map(
        ([, ...groups]) => groups.find((group) => group !== undefined) as string,
      );
    const bare = (part: string) =>
      part
        .replace(/^\\\(|\\\)$|^\$+|\$+$/g, "")
        .replace(/\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}/g, "$1")
        .replace(/^[\s"'`*_[({<:>#-]+/, "")
        .replace(/[\s"'`*_\])}>.,;:!]+$/, "");
    const indexOf = (part: string) =>
      choices.findIndex((option) => fold(option) === fold(part) && part.trim() !== "");
    /** Option whose letter or text the part is: "b", "Option (B)", "B. dog", "dog". */
    const exact = (part: string): string => {
      const inner = bare(part);
      const option = [part, inner].map(indexOf).find((index) => index >= 0);
      if (option !== undefined) return letterAt(option);
      const [letter] = all(
        inner,
        `^(?:(?:option|choice|letter|answer|antwort)\\s*:?\\s*\\(?)?([A-${last}])\\)?$`,
        "giu",
      );
      if (letter !== undefined) return letter.toUpperCase();
      const [, lead, rest = ""] =
        new RegExp(`^\\(?([A-${last}])[\\s*_]*[).:,\\]-][\\s*_:]*(.*)$`, "s").exec(inner) ?? [];
      return lead !== undefined && words(choices[lead.charCodeAt(0) - 65] ?? "") === words(rest) ? lead : "";
    };
    const leading = (part: string): string => {
      const [letter] = all(
        part,
        "^[\\s\"'`*_]*(?:\\((LETTER)\\)|(LETTER)[*_]*\\s?[.):,\\]*](?!\\w)|(LETTER)\\s+(?:because|since|is|as)\\b)",
      );
      // "A. cat, B. dog, C. fish" repeats the options instead of choosing one.
      const others = all(part, "(?<!\\w)\\(?(LETTER)[.)](?!\\w)");
      return letter !== undefined && others.every((other) => other === letter) ? letter : "";
    };
    const mentioned = (part: string): string => {
      let rest = ` ${words(part)} `;
      const hits = choices
        .map((option, index) => ({ word: ` ${words(option)} `, index }))
        .sort((a, b) => b.word.length - a.word.length)
        .filter(({ word }) => {
          const isThere = word.trim() !== "" && rest.includes(word);
          if (isThere) rest = rest.replaceAll(word, " \0 ");
          return isThere;
        });
      return hits.length === 1 ? letterAt((hits[0] as { index: number }).index) : "";
    };
    const pair = new RegExp(
      `(?<!\\w)\\(?([A-${last}])\\)?\\s*(?:or|and|/|,|&)\\s*\\(?(?!\\1)([A-${last}])\\)?(?!\\w)`,
      "g",
    );
    const direct = exact(text);
    if (direct !== "" && !(isCut && text.length > 20)) return direct;
    for (const part of markedAnswers(text, isCut)) {
      const clause = part.split(/[.,;]\s|\s(?:because|since)\s/)[0] as string;
      const found =
        exact(part) ||
        exact(clause) ||
        leading(part) ||
        unique(all(clause, "\\((LETTER)\\)|\\*\\*\\(?(LETTER)\\b")) ||
        mentioned(clause);
      if (found !== "") return found;
    }
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const isListed = lines.filter((line) => exact(line) !== "").length > 1;
    const edge = (line = "") => (isListed ? "" : exact(line));
    const first = lines.length > 1 ? edge(lines[0]) : "";
    if (first !== "" || isCut) return first;
    const plain = text.replace(pair, " ");
    const chosen = all(
      plain,
      "(?:\\b(?:I(?:'d| would|'ll| will)? (?:choose|pick|select|go with|say)|(?:option|choice|letter|answer)(?: is|:)?|(?:correct|right|best) (?:one|option|choice|answer) is)):? [*_\"'(]*(?:option )?(LETTER)(?![\\w'])",
    );
    const found =
      edge(lines.at(-1)) ||
      unique(all(text, "\\*\\*\\(?(LETTER)[).:]?(?:\\*\\*|[.):] [^*\\n]*\\*\\*)")) ||
      (pair.test(text) && plain.trim() === "" ? "" : leading(text));
    if (found !== "") return found;
    const bracketed = all(plain, "\\((LETTER)\\)");
    return (
      unique(chosen) ||
      unique(bracketed) ||
      (all(plain, "\\b(?:so|therefore|thus|hence)\\b[^.\\n]*\\((LETTER)\\)", "giu").at(-1) ?? "") ||
      (text.replace(pair, "") === text
        ? mentioned(text) || (isListed ? "" : mentioned(lines.at(-1) ?? ""))
        : "") ||
      // "A" alone may be an article and "I" a pronoun: they count only in the forms above.
      unique(
        all(plain, "(?<![\\w'’])(LETTER)(?![\\w'’])").filter((letter) => letter !== "A" && letter !== "I"),
      )
    );
  };
}
