/**
 * @file Prompts for the meta-agent: `full` extends one conversation, `compact` rebuilds a short state each turn, `task` shows no workflow.
 */

import type { ShownWorkflow } from "../evaluate/evaluation.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { Sample } from "../tasks/task.js";
import type { AnswerKind } from "../workflow/answer-kind.js";
import { techniqueMenu } from "../workflow/techniques.js";
import type { ToolCard } from "../workflow/tool.js";
import { apiText } from "../workflow/workflow-api.js";
import { chooseParent } from "./choose-parent.js";
import { feedback, percent, type QuotedItems, quote } from "./feedback.js";

/** `task` says what is asked and what there is to call, and shows no workflow: tiny models copy one that they see. */
export type PromptStyle = "full" | "compact" | "task";

/** State that the policy acts on. */
export interface PolicyState {
  task: { title: string; description: string; instruction?: string | undefined; answer: AnswerKind };
  /** One of the items that may be quoted, shown without its answer. */
  example: Sample;
  /** Optional calls that exist here ("weak", "runPython", …). */
  offers: ReadonlySet<string>;
  /** Own tools of the user. Default none. */
  tools?: readonly ToolCard[] | undefined;
  /** Aliases of further executors. */
  models: readonly string[];
  /** Techniques that the menu leaves out, by name. Default none. */
  without?: readonly string[] | undefined;
  baselines: readonly ShownWorkflow[];
  /** Workflow the turn starts from: one of the baselines or of the workflows kept before. */
  current: ShownWorkflow;
  /** Kept replies of earlier turns of this episode, oldest first. */
  turns: readonly { reply: string; shown: ShownWorkflow }[];
  quoted: QuotedItems;
  seed: number;
}

const ANSWER: Record<AnswerKind, string> = {
  number: "The answer is a number.",
  choice: "The answer is the letter of one of task.choices.",
  text: "The answer is a short text.",
  code: "The answer is a complete Python program.",
  commands: "The answer is the next command, such as east 3.",
  writing: "The answer is the finished text and nothing else.",
};

const PROGRAM_FORM = "the whole program in one ```js block.";
/** Where no workflow is shown there is nothing to say about it: small models write word salad, and train on it. */
const REPLY_FORM: Record<PromptStyle, string> = {
  full: `one sentence, then ${PROGRAM_FORM}`,
  compact: `one sentence, then ${PROGRAM_FORM}`,
  task: PROGRAM_FORM,
};
const EXAMPLE_CHARACTERS: Record<PromptStyle, number> = { full: 1200, compact: 240, task: 240 };

/** The conversation the policy continues with its next workflow. */
export function buildPrompt(state: PolicyState, style: PromptStyle): ChatMessage[] {
  if (style === "full") return fullPrompt(state);
  return style === "compact" ? compactPrompt(state) : taskPrompt(state);
}

function fullPrompt(state: PolicyState): ChatMessage[] {
  const { offers, tools = [] } = state;
  const system = [
    "You design workflows: short JavaScript programs that solve one kind of task by calling a strong language model.",
    "Reply with a short analysis of what to change, then the whole program in one ```js block:",
    "export default async function workflow(agent, task) { … return answer }",
    "",
    apiText({ offers, tools, style: "full" }),
    state.models.length > 0 ? `Values of the option model: ${state.models.join(", ")}.` : "",
    "",
    menu(state),
    "",
    "No imports, no network, no other globals. Do not use try/catch to hide errors.",
  ];
  const user = [
    taskCard(state, "full"),
    "",
    ...state.baselines.flatMap((baseline) => [
      `Workflow "${baseline.title}": accuracy ${percent(baseline.evaluation.accuracy)}.`,
      fence(baseline.source),
      "",
    ]),
    bestFeedback(state, 3, 400),
    "",
    "Write a workflow that is more accurate. Use a technique the ones above lack.",
  ];
  const messages: ChatMessage[] = [
    { role: "system", content: joined(system) },
    { role: "user", content: joined(user) },
  ];
  for (const { reply, shown } of state.turns) {
    messages.push(
      { role: "assistant", content: reply },
      {
        role: "user",
        content: joined([
          "Result of this workflow:",
          feedback(shown.evaluation, state.quoted, { failures: 3, maxCharacters: 400, seed: state.seed }),
          "",
          "Write a workflow that is more accurate.",
        ]),
      },
    );
  }
  return messages;
}

/** About 500 tokens: one current workflow, one failure, the short API. */
function compactPrompt(state: PolicyState): ChatMessage[] {
  const { offers, tools = [], current } = state;
  const user = [
    "Write a better workflow: a short JavaScript program that calls a strong language model.",
    taskCard(state, "compact"),
    apiText({ offers, tools, style: "compact" }),
    menu(state),
    `Current workflow, accuracy ${percent(current.evaluation.accuracy)}:`,
    fence(current.source),
    feedback(current.evaluation, state.quoted, { failures: 1, maxCharacters: 160, seed: state.seed }),
    "Write one sentence on what to change, then the whole new program in a ```js block.",
  ];
  return [{ role: "user", content: joined(user) }];
}

/** The same one in every turn. */
function taskPrompt(state: PolicyState): ChatMessage[] {
  const { offers, tools = [] } = state;
  const user = [
    "Write a workflow: a short JavaScript program that calls a strong language model.",
    taskCard(state, "task"),
    apiText({ offers, tools, style: "compact" }),
    menu(state),
    `Write ${REPLY_FORM.task}`,
  ];
  return [{ role: "user", content: joined(user) }];
}

/** The user turn that hands a failed candidate back; its reply is a sample of its own with this prompt. */
export function buildRepairPrompt(
  prompt: readonly ChatMessage[],
  failedReply: string,
  failure: string,
  style: PromptStyle,
): ChatMessage[] {
  const request = joined([
    `That workflow failed its quick check: ${quote(failure, 400)}`,
    `Correct it. Reply with ${REPLY_FORM[style]}`,
  ]);
  const cut = failedReply.slice(0, style === "full" ? 8000 : 1200);
  return [...prompt, { role: "assistant", content: cut }, { role: "user", content: request }];
}

/** The task in one line. */
export function taskLine({ title, description, answer }: PolicyState["task"]): string {
  return `Task: ${title}. ${description} ${ANSWER[answer]}`;
}

function taskCard(state: PolicyState, style: PromptStyle): string {
  const { task, example } = state;
  const lines = [taskLine(task)];
  if (task.instruction !== undefined)
    lines.push(`Every prompt tells this besides (task.instruction): ${quote(task.instruction, 600)}`);
  lines.push(`Example question (data): ${quote(example.question, EXAMPLE_CHARACTERS[style])}`);
  if (example.context !== undefined) lines.push("Each item has a text to read in task.context.");
  return lines.join("\n");
}

/** Workflows whose failures a prompt shows. */
export function quotedWorkflows(state: PolicyState, style: PromptStyle): ShownWorkflow[] {
  if (style === "task") return [];
  return style === "compact"
    ? [state.current]
    : [bestBaseline(state), ...state.turns.map(({ shown }) => shown)];
}

function bestBaseline({ baselines, seed }: PolicyState): ShownWorkflow {
  return chooseParent("best", baselines, [], seed);
}

function bestFeedback(state: PolicyState, failures: number, maxCharacters: number): string {
  const current = bestBaseline(state);
  const text = feedback(current.evaluation, state.quoted, { failures, maxCharacters, seed: state.seed });
  return `Result of "${current.title}":\n${text}`;
}

function menu({ offers, models, without, task: { answer, description } }: PolicyState): string {
  return techniqueMenu({ answer, offers, models, description, without });
}

function fence(source: string): string {
  return `\`\`\`js\n${source.trim()}\n\`\`\``;
}

function joined(lines: readonly string[]): string {
  return lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
