/** @file Metric choice: the answer names one option, by its letter or its text. */
import { foldText } from "../sample-key.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText, markedAnswer } from "./answer-text.js";

export function choiceScorer(): InstantScorer {
  return {
    metric: "choice",
    score(answer, sample): Score {
      const choices = sample.choices ?? [];
      const right = (sample.answers[0] ?? "").charCodeAt(0) - 65;
      const index = readChoice(answer, choices);
      // An option listed twice is right under either letter.
      const isCorrect =
        index !== undefined &&
        (index === right || foldText(choices[index] ?? "") === foldText(choices[right] ?? "\0"));
      const extracted = index === undefined ? "" : String.fromCharCode(65 + index);
      return { value: isCorrect ? 1 : 0, isCorrect, extracted };
    },
  };
}

/** Index of the option an answer names, or undefined when it names none or several. */
function readChoice(answer: unknown, choices: readonly string[]): number | undefined {
  const text = answerText(answer)?.trim();
  if (!text) return undefined;
  const last = String.fromCharCode(64 + choices.length);
  const direct = readShort(text, choices, last);
  if (direct !== undefined) return direct;
  const marked = markedAnswer(text);
  if (marked !== undefined) {
    const found = readShort(marked, choices, last) ?? readLeadingLetter(marked, last);
    if (found !== undefined) return found;
  }
  const pair = new RegExp(
    `(?<!\\w)\\(?([A-${last}])\\)?\\s*(?:or|and|/|,|&)\\s*\\(?([A-${last}])\\)?(?!\\w)`,
  ).exec(text);
  if (pair && pair[1] !== pair[2]) return undefined;
  return (
    readLeadingLetter(text, last) ??
    only(text.matchAll(new RegExp(`\\(([A-${last}])\\)`, "g")), choices) ??
    only(text.matchAll(new RegExp(`\\b(?:option|choice|letter)\\s+\\(?([A-${last}])\\b`, "gi")), choices) ??
    readMentionedText(text, choices) ??
    // "A" alone may be an article and "I" a pronoun: they count only in the forms above.
    only(text.matchAll(/(?<![\w'])([B-HJ-Z])(?![\w'])/g), choices)
  );
}

/** The whole text is a letter, an option, or "B. option". */
function readShort(text: string, choices: readonly string[], last: string): number | undefined {
  const bare = text
    .replace(/^[\s"'`*_[({<]+/, "")
    .replace(/[\s"'`*_\])}>.,;:!]+$/, "")
    .replace(/^\$?\\text\{(.*)\}\$?$/, "$1");
  const exact = indexOfText(text, choices) ?? indexOfText(bare, choices);
  if (exact !== undefined) return exact;
  const letter = new RegExp(
    `^(?:(?:option|choice|letter|answer)\\s*:?\\s*\\(?)?([a-${last.toLowerCase()}])\\)?$`,
    "i",
  );
  const found = letter.exec(bare)?.[1];
  return found === undefined ? undefined : letterIndex(found);
}

/** "B. because …", "(B) text", "B) text", "B: text"; a letter with only a space behind it may be a word. */
function readLeadingLetter(text: string, last: string): number | undefined {
  const found = new RegExp(
    `^[\\s"'\`*_]*(?:\\(([A-${last}])\\)|([A-${last}])\\s?[.):](?!\\w)|([A-${last}])\\*\\*)`,
  ).exec(text);
  const letter = found?.[1] ?? found?.[2] ?? found?.[3];
  if (letter === undefined) return undefined;
  // "A. cat, B. dog, C. fish" repeats the options instead of choosing one.
  const others = [...text.matchAll(new RegExp(`(?<!\\w)\\(?([A-${last}])[.)](?!\\w)`, "g"))];
  return others.some(([, other]) => other !== letter) ? undefined : letterIndex(letter);
}

function indexOfText(text: string, choices: readonly string[]): number | undefined {
  const folded = foldText(text);
  const index = choices.findIndex((choice) => foldText(choice) === folded);
  return index < 0 ? undefined : index;
}

/** The one option whose text stands in the answer as whole words; part of a longer option does not count. */
function readMentionedText(text: string, choices: readonly string[]): number | undefined {
  let rest = ` ${foldText(text).replace(/[^\p{L}\p{N}]+/gu, " ")} `;
  const words = choices.map(
    (choice) =>
      ` ${foldText(choice)
        .replace(/[^\p{L}\p{N}]+/gu, " ")
        .trim()} `,
  );
  const byLength = words
    .map((word, index) => ({ word, index }))
    .sort((a, b) => b.word.length - a.word.length);
  const mentioned: number[] = [];
  for (const { word, index } of byLength) {
    if (word.trim() === "" || !rest.includes(word)) continue;
    mentioned.push(index);
    rest = rest.replaceAll(word, " \0 ");
  }
  return mentioned.length === 1 ? mentioned[0] : undefined;
}

function only(matches: Iterable<RegExpMatchArray>, choices: readonly string[]): number | undefined {
  const found = new Set([...matches].map((match) => letterIndex(match[1]!)));
  const [index] = found;
  return found.size === 1 && index! < choices.length ? index : undefined;
}

function letterIndex(letter: string): number {
  return letter.toUpperCase().charCodeAt(0) - 65;
}
