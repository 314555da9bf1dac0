/** @file Further baselines for questions, by name: weak answers with strong synthesis, by aspect, and answers that cite. */
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

type QuestionKind = Exclude<AnswerKind, "code" | "commands" | "writing">;

/** Sides that a small model looks at one at a time; of a calculation other ones than of a question about the world. */
const ASPECTS: Readonly<Record<QuestionKind, readonly string[]>> = {
  number: ["what is given", "what is asked", "units and sizes", "a rough estimate"],
  choice: ["political and historical", "social and cultural", "economic and practical", "scientific"],
  text: ["political and historical", "social and cultural", "economic and practical", "scientific"],
};

/**
 * Baselines that cost more than the usual baselines and are asked for by name (`--baselines`).
 * @param hasContext - items have a text to read; without one nothing can be cited
 */
export function qaBaselines(kind: QuestionKind, hasContext: boolean): Baseline[] {
  const begin = `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate(kind, hasContext)}\`;
`;
  const end = `  return ${READ_REPLY[kind]};
}
`;
  const baselines: Baseline[] = [
    {
      name: "weak-synthesis",
      title: "three answers of the local model with confidence, executor decides",
      source: `${begin}  const answers = await agent.weak.json(
    \`\${problem}\\n\\nThink step by step. Give confidence as a number from 0 to 100.\`,
    ["reasoning", "answer", "confidence"],
    { n: 3, temperature: 0.8 },
  );
  const list = answers.map(({ answer, confidence, reasoning }) => \`\${answer} (confidence \${confidence}): \${reasoning.slice(0, 600)}\`);
  const [reply] = await agent.text(
    \`\${problem}\\n\\nAnswers of a weaker model, with how sure it was:\\n\${list.join("\\n---\\n")}\\n\\nSome of them are wrong. Weigh them, solve the problem step by step, and decide. ${STATE_FORMAT[kind]}\`,
  );
${end}`,
    },
    {
      name: "weak-aspects",
      title: "local model looks at four aspects, executor merges them",
      source: `${begin}  const aspects = ${JSON.stringify(ASPECTS[kind])};
  const views = await Promise.all(
    aspects.map((aspect) =>
      agent.weak.text(\`\${problem}\\n\\nLook at one side of this only: \${aspect}. Say in two sentences what it tells.\`, { maxTokens: 160 }),
    ),
  );
  const list = views.map(([view], i) => \`\${aspects[i]}: \${view.trim()}\`);
  const [reply] = await agent.text(
    \`\${problem}\\n\\nA weaker model looked at it from several sides:\\n\${list.join("\\n")}\\n\\nUse what is right in that. Think step by step. ${STATE_FORMAT[kind]}\`,
  );
${end}`,
    },
  ];
  if (!hasContext) return baselines;
  baselines.push({
    name: "cite-and-answer",
    title: "executor cites the text, citations are checked",
    source: `${begin}  let [reply] = await agent.text(
    \`\${problem}\\n\\nFirst copy the sentences of the text that matter, word for word, each inside <quote></quote>. Then answer from them step by step. ${STATE_FORMAT[kind]}\`,
  );
  const fold = (text) => text.replace(/\\s+/g, " ").trim();
  const quotes = [...reply.matchAll(/<quote>([^<]*)<\\/quote>/g)].map(([, quote]) => fold(quote));
  const found = quotes.filter((quote) => quote !== "" && fold(task.context).includes(quote));
  if (found.length === 0 || found.length < quotes.length) {
    // What does not stand in the text is not cited again.
    [reply] = await agent.text(
      \`\${problem}\\n\\nSentences of the text that were found to matter:\\n\${found.join("\\n")}\\n\\nRead the text again and answer from it alone, step by step. ${STATE_FORMAT[kind]}\`,
    );
  }
${end}`,
  });
  return baselines;
}
