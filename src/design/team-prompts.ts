/** @file What members of a team are asked, on top of the prompt that a single policy would be given. */
import type { ChatMessage } from "../llm/chat-model.js";
import { quote } from "./feedback.js";
import type { PromptStyle } from "./policy-state.js";

/** A draft may fill a context; its beginning is enough to see what it does. */
const DRAFT_CHARACTERS: Record<PromptStyle, number> = { full: 8000, compact: 1200, task: 1200 };
const LINE_CHARACTERS = 300;

/** Shows the critic a draft and asks for one sentence. */
export function reviewPrompt(
  prompt: readonly ChatMessage[],
  draft: string,
  style: PromptStyle,
): ChatMessage[] {
  return continued(
    prompt,
    draft,
    "Do not write a program now. Review this workflow in one sentence: what is its weakest point, and what would make it more accurate?",
    style,
  );
}

/** Hands the proposer its draft back with the review. */
export function revisionPrompt(
  prompt: readonly ChatMessage[],
  draft: string,
  review: string,
  style: PromptStyle,
): ChatMessage[] {
  return continued(
    prompt,
    draft,
    `A reviewer says: ${quote(review.trim(), LINE_CHARACTERS)}\nRevise the workflow. Reply with one sentence, then the whole program in one \`\`\`js block.`,
    style,
  );
}

/** Asks the planner for a line of techniques. */
export function planPrompt(prompt: readonly ChatMessage[]): ChatMessage[] {
  return extended(
    prompt,
    "Do not write the program yet. First choose one to three of the techniques and name them in one line, separated by semicolons.",
  );
}

/** Hands the planner's line to the writer. */
export function writingPrompt(prompt: readonly ChatMessage[], strategy: string): ChatMessage[] {
  return extended(prompt, `Techniques to use: ${quote(strategy.trim(), LINE_CHARACTERS)}`);
}

function continued(
  prompt: readonly ChatMessage[],
  draft: string,
  request: string,
  style: PromptStyle,
): ChatMessage[] {
  const cut = draft.slice(0, DRAFT_CHARACTERS[style]);
  return [...prompt, { role: "assistant", content: cut }, { role: "user", content: request }];
}

/** Into the last message: some chat templates refuse two of the same role in a row. */
function extended(prompt: readonly ChatMessage[], request: string): ChatMessage[] {
  const last = prompt.at(-1);
  if (last?.role !== "user") return [...prompt, { role: "user", content: request }];
  return [...prompt.slice(0, -1), { role: "user", content: `${last.content}\n\n${request}` }];
}
