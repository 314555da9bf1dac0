/** @file What a workflow has to return. */

export const ANSWER_KINDS = ["number", "choice", "text", "code", "commands", "writing"] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** The problem as the inside of a template literal, with everything a solver needs to see. */
export function problemTemplate(kind: AnswerKind, hasContext: boolean): string {
  if (kind === "code") return "${task.prompt}";
  const context = hasContext ? "${task.context}\\n\\n" : "";
  const choices =
    kind === "choice"
      ? '\\n${task.choices.map((text, i) => String.fromCharCode(65 + i) + ". " + text).join("\\n")}'
      : "";
  return `${context}\${task.question}${choices}`;
}

/** Expressions over the variable `reply` that make an answer of it. */
export const READ_REPLY: Record<AnswerKind, string> = {
  number: "number(reply)",
  choice: "choice(reply, task.choices)",
  text: 'extract(reply, "answer") || reply.trim()',
  code: "code(reply)",
  commands: 'extract(reply, "answer") || reply.trim()',
  writing: "reply.trim()",
};

/** Sentences that state the form of the answer in a call. */
export const STATE_FORMAT: Record<AnswerKind, string> = {
  number: "End with the final answer as a number.",
  choice: "End with the letter of the right option.",
  text: "Give the final answer inside <answer></answer>.",
  code: "Give the complete Python program in one code block.",
  commands: "Give the next command inside <answer></answer>.",
  writing: "Give the finished text and nothing else.",
};
