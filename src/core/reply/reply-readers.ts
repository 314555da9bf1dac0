/** @file The one set of readers of replies, as functions for scorers and as a text for the sandbox: both read alike. */
import { plainNumbers, scanNumbers } from "./find-numbers.js";
import { markedAnswers, withoutThinking } from "./marked-answers.js";
import { type ChoiceReader, choiceReader } from "./read-choice.js";
import { type CodeReader, codeReader } from "./read-code.js";
import { type NumberReader, numberReader } from "./read-number.js";

export interface ReplyReaders {
  readNumber: NumberReader;
  readChoice: ChoiceReader;
  readCode: CodeReader;
  /** Texts behind marks, the strongest first; a thought aloud answer is none. */
  readMarks: (text: string, isCut?: boolean) => string[];
}

const PARTS = {
  withoutThinking,
  markedAnswers,
  plainNumbers,
  scanNumbers,
  numberReader,
  choiceReader,
  codeReader,
};

function join(parts: typeof PARTS): ReplyReaders {
  return {
    readNumber: parts.numberReader(parts),
    readChoice: parts.choiceReader(parts.withoutThinking, parts.markedAnswers),
    readCode: parts.codeReader(parts.withoutThinking),
    readMarks: (text, isCut) => parts.markedAnswers(parts.withoutThinking(text), isCut),
  };
}

export const { readNumber, readChoice, readCode, readMarks } = join(PARTS);

/** Source of an expression whose value are the readers; needs nothing but the language. */
export const REPLY_READERS_SOURCE = `(${join})({${Object.entries(PARTS)
  .map(([name, part]) => `${name}: ${part}`)
  .join(",\n")}})`;
