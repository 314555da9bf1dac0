/** @file The number that a reply gives as its answer. */
import type { FoundNumber } from "./find-numbers.js";

export type NumberReader = (text: string, isCut?: boolean) => FoundNumber | undefined;

/**
 * Makes the reader of numbers. Marks decide first, then the last sentence that holds a number, in it the last calculation,
 * bold number or number behind its verb, else the last number. Programs give none: they were not run. A text that is
 * nothing but a list of more than three different numbers gives none. Of a cut reply only marks count.
 */
export function numberReader({
  withoutThinking,
  markedAnswers,
  plainNumbers,
  scanNumbers,
}: {
  withoutThinking: (text: string) => string;
  markedAnswers: (text: string, isCut?: boolean) => string[];
  plainNumbers: (text: string) => string;
  scanNumbers: (text: string) => FoundNumber[];
}): NumberReader {
  const withoutPrograms = (text: string): string => {
    const isProgram =
      /^\s*(?:def |class |import |from \w+ import |print\(|for .*:\s*$|while .*:\s*$|return )/m;
    const kept = text
      .replace(
        /^[ \t]*(`{3,}|~{3,})[^\n]*\n([\s\S]*?)(?:^[ \t]*\1[`~]*[ \t]*$|(?![\s\S]))/gm,
        (_all, _fence, block: string) =>
          isProgram.test(block) || /^\s*[\w, ]+ [-+*/]?= /m.test(block) ? " " : block,
      )
      .replace(/`[^`\n]*[a-z_]\w*\([^`\n]*`/gi, " ");
    if (!isProgram.test(kept)) return kept;
    const isLine =
      /^(?:\s+\S.*|\s*(?:def |class |import |from |print\(|for |while |if |elif |else|return |#|[a-z_][\w, ]* ?[-+*/]?= ).*)$/gim;
    return kept.replace(isLine, " ");
  };
  /** Behind a mark, or of a calculation: the last side of "=" that is one number, else the first number of the last side. */
  const ofCalculation = (part: string): FoundNumber | undefined => {
    const sides = part.split(/=|≈|\\approx/).map(scanNumbers);
    return sides.findLast((side) => side.length === 1)?.[0] ?? sides.findLast((side) => side.length > 0)?.[0];
  };
  const ofMarked = (part: string): FoundNumber | undefined => {
    const whole = scanNumbers(part)[0];
    if (whole?.isWholeText) return whole;
    const line = part.split(/\n/).find((candidate) => scanNumbers(candidate).length > 0) ?? "";
    const clauses = line.split(
      /(?<=\d[^\d]*)(?:[;(]|[,.] |\b(?:because|since|as|where|weil|denn|car|parce que|porque)\b)/,
    );
    const clause = clauses.find((candidate) => scanNumbers(candidate).length > 0) ?? "";
    return ofCalculation(clause);
  };
  const verb =
    /(?<!\p{L})(?:is|are|was|were|be|equals?|makes?|making|ha[sd]|have|costs?|uses?|takes?|needs?|gets?|pays?|earns?|sells?|lays?|spends?|saves?|travels?|reads?|contains?|holds?|gives?|leaves?|leaving|receives?|produces?|remains?|total(?:s|ing| of)?|ist|sind|kostet|beträgt|hat|haben|bleiben|est|sont|coûte|reste|restent|es|son|cuesta|tiene|quedan)(?!\p{L})/giu;
  const ofSentence = (sentence: string): FoundNumber | undefined => {
    const bold = [...sentence.matchAll(/\*\*([^*\n]+)\*\*/g)].flatMap(([, part]) =>
      scanNumbers(part as string),
    );
    if (bold.length > 0) return bold.at(-1);
    const clauses = sentence
      .split(/[,;:] |\b(?:so|thus|hence|therefore|because|since)\b/i)
      .filter((clause) => scanNumbers(clause).length > 0);
    const isAside = (clause: string) =>
      (/^\s*\w+ing\b/i.test(clause) &&
        !/^\s*(?:making|giving|leaving|totall?ing|resulting|bringing|meaning)/i.test(clause)) ||
      /^\s*(?:after|if|since|because|when|with|given|as|out of|of|from|while|where|which|who)\b/i.test(
        clause,
      );
    const main = clauses.filter((clause) => !isAside(clause)).at(-1) ?? clauses.at(-1) ?? "";
    if (main.includes("=")) return ofCalculation(main);
    const behind = [...main.matchAll(verb)]
      .map((match) => scanNumbers(main.slice(match.index + match[0].length)))
      .findLast((numbers) => numbers.length > 0);
    const all = scanNumbers(main);
    return behind?.[0] ?? all.at(-1);
  };
  return (raw, isCut = false) => {
    const text = plainNumbers(withoutThinking(raw.slice(-20_000)));
    const whole = scanNumbers(text);
    if (whole.length === 1 && whole[0]?.isWholeText) return isCut && whole[0].isLast ? undefined : whole[0];
    const plain = withoutPrograms(text);
    for (const part of markedAnswers(plain, isCut)) {
      const found = ofMarked(part);
      // A number at the very end of a cut reply may have lost its last digits.
      const end = plain.trimEnd().endsWith(part) ? scanNumbers(part).at(-1) : undefined;
      if (found && !(isCut && end?.isLast && end.text === found.text)) return found;
    }
    // A box that holds no number is the answer all the same.
    if (isCut || /\\boxed\s*\{[^}]/.test(plain)) return undefined;
    const numbers = scanNumbers(plain);
    const last = plain.trim().split("\n").at(-1) ?? "";
    const isList =
      !/[=≈].*$/.test(last) || last.split(/[,;]\s/).filter((part) => part.includes("=")).length > 1;
    if (!/\p{L}/u.test(plain) && isList && new Set(numbers.map(({ value }) => value)).size > 3)
      return undefined;
    // A question, such as the one that was asked, answers nothing.
    const sentences = plain
      .split(/\n+|(?<=[.!?।])\s+|(?<=[。！？])/)
      .filter((sentence) => !/[?？]\s*$/.test(sentence));
    for (const sentence of sentences.reverse()) {
      const found = ofSentence(sentence);
      if (found) return found;
    }
    return undefined;
  };
}
