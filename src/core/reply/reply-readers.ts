/** @file The one set of readers of replies, for scorers and for the helpers of workflows: both read alike. */
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

/** The readers of scorers; helpers of workflows ask the same ones from inside the sandbox. */
export const REPLY_READERS: ReplyReaders = {
  readNumber: numberReader({ withoutThinking, markedAnswers, plainNumbers, scanNumbers }),
  readChoice: choiceReader(withoutThinking, markedAnswers),
  readCode: codeReader(withoutThinking),
  readMarks: (text, isCut) => markedAnswers(withoutThinking(text), isCut),
};

export const { readNumber, readChoice, readCode, readMarks } = REPLY_READERS;
