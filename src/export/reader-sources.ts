/** @file Functions of w4s that an exported file carries, as text: messages, readers of replies, functions of workflows. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { plainNumbers, scanNumbers } from "../core/reply/find-numbers.js";
import { markedAnswers, withoutThinking } from "../core/reply/marked-answers.js";
import { keysReader } from "../core/reply/parse-keys.js";
import { choiceReader } from "../core/reply/read-choice.js";
import { codeReader } from "../core/reply/read-code.js";
import { numberReader } from "../core/reply/read-number.js";
import { programReader } from "../tasks/scorers/program-of.js";
import { correctionMessages, jsonMessages, toMessages, withInstruction } from "../workflow/call-messages.js";
import { guestHelpers } from "../workflow/sandbox/make-guest-helpers.js";

/** JavaScript that defines them, for the parts of a workflow that need them. Each function stands alone. */
export function readerSources(features: ReadonlySet<string>): string {
  const texts = [
    `${toMessages}\n${withInstruction}`,
    `${withoutThinking}\n${markedAnswers}\n${plainNumbers}\n${scanNumbers}`,
    `${numberReader}\n${choiceReader}\n${codeReader}`,
    `const READERS = {
  readNumber: numberReader({ withoutThinking, markedAnswers, plainNumbers, scanNumbers }),
  readChoice: choiceReader(withoutThinking, markedAnswers),
  readCode: codeReader(withoutThinking),
  readMarks: (text, isCut) => markedAnswers(withoutThinking(text), isCut),
};
const makeHelpers = ${guestHelpers};`,
  ];
  if (features.has("test"))
    texts.push(`${programReader}\nconst programOf = programReader(READERS.readCode);`);
  if (features.has("json"))
    texts.push(
      `${jsonMessages}\n${correctionMessages}\n${keysReader}`,
      `const parseKeys = keysReader(withoutThinking, ${jsonRepairSource()});`,
    );
  return texts.join("\n\n");
}

/** The package jsonrepair as one function; its licence asks for the notice. */
function jsonRepairSource(): string {
  // lib/cjs of the package.
  const folder = dirname(createRequire(import.meta.url).resolve("jsonrepair"));
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const modules = ["utils/JSONRepairError", "utils/stringUtils", "regular/jsonrepair"].map((name) =>
    read(`../esm/${name}.js`)
      .replace(/^import .*$/gm, "")
      .replace(/^export (?=const|function|class)/gm, "")
      .replace(/^\/\/# sourceMappingURL.*$/gm, "")
      .trim(),
  );
  const licence = read("../../LICENSE.md")
    .trim()
    .split("\n")
    .map((line) => `// ${line}`.trimEnd())
    .join("\n");
  return `(() => {\n// jsonrepair, https://github.com/josdejong/jsonrepair\n${licence}\n${modules.join("\n")}\nreturn jsonrepair;\n})()`;
}
