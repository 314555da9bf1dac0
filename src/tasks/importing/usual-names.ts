/** @file Names that fields of questions, answers and passages usually have, folded; the likeliest first. */
import type { OurField } from "./field-map.js";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** A name wins over those behind it, so a title is the question only where nothing better is there. */
export const USUAL_NAMES: Readonly<Record<OurField, readonly string[]>> = {
  question: words(`question questions query questiontext questionstem problem prompt q stem
    hypothesis claim statement instruction frage pregunta domanda pergunta
    input text texts sentence utterance message ticket tickettext review comment
    tweet email mail body request content nachricht texto texte testo
    ctx description document subject title`),
  answer: words(`answer answers correctanswer rightanswer goldanswer finalanswer expectedanswer answertext a
    answerkey answeridx answerindex correctoption correctchoice rightoption
    correct right gold goldlabel groundtruth reference expected expectedoutput
    target output response completion labeltext labelname label labels
    category class intent sentiment department queue tag topic result
    antwort respuesta reponse risposta resposta kategorie categoria categorie etiqueta`),
  context: words(`context passage paragraph article story background premise excerpt passagetext
    support document contexttext sourcetext kontext contexto contexte contesto
    input text body`),
  choices: words("choices options answerchoices answeroptions alternatives candidates endings"),
  id: words("id qid uid uuid guid questionid itemid exampleid"),
  solution: words("solution workedsolution rationale explanation"),
  split: words("split splits datasplit datasetsplit splitname traintest partition subset fold"),
};

/** Members of an object that hold its text. */
export const TEXT_MEMBERS: ReadonlySet<string> = new Set([
  "text",
  "value",
  "content",
  "stem",
  "name",
  "string",
]);

/** Folded names of columns with one option each; at least two in a row make the options. */
export const OPTION_COLUMNS: readonly (readonly string[])[] = [
  ...["", "option", "choice", "opt", "answer", "candidate", "ending", "mc", "ans"].flatMap((stem) => {
    const letters = Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => `${stem}${letter}`);
    const numbers = (from: number) => Array.from({ length: 26 }, (_, index) => `${stem}${index + from}`);
    return stem === "" ? [letters] : [letters, numbers(0), numbers(1)];
  }),
];
