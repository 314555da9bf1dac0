/** @file An answer with what it used, as the chat endpoint gives it: whole, or as the events of a stream. */
import { sumOrNull } from "../core/statistics.js";
import type { ToolUse } from "../evaluate/tool-box.js";
import type { UsageByRole } from "../evaluate/workflow-agent.js";
import type { ApiError } from "./api-error.js";

export interface ServedAnswer {
  id: string;
  /** Name of the workflow as a model. */
  model: string;
  /** Seconds since 1970. */
  created: number;
  text: string;
  used: Used;
  /** Hash of the workflow's source. */
  workflow: string;
  /** Calls of the agent by name. */
  calls: Readonly<Record<string, number>>;
  /** Models by role, as the report of a run names them. */
  models: Readonly<Record<string, UsageByRole>>;
  tools: readonly ToolUse[];
  wallMs: number;
}

/** Sums over all models that a workflow asked. */
export interface Used {
  calls: number;
  /** Calls that were answered from stored replies. */
  cachedCalls: number;
  promptTokens: number;
  completionTokens: number;
  /** null where the price of one is unknown. */
  dollars: number | null;
}

export function usedOf(models: Readonly<Record<string, UsageByRole>>): Used {
  const all = Object.values(models);
  const sum = (value: (usage: UsageByRole) => number) =>
    all.reduce((total, usage) => total + value(usage), 0);
  return {
    calls: sum(({ calls }) => calls),
    cachedCalls: sum(({ cachedCalls }) => cachedCalls),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    dollars: sumOrNull(all.map(({ dollars }) => dollars)),
  };
}

/** What was used, in the headers of an answer. */
export function usedHeaders({
  workflow,
  used,
}: Pick<ServedAnswer, "workflow" | "used">): Record<string, string> {
  return {
    "x-w4s-workflow": workflow.slice(0, 12),
    "x-w4s-calls": String(used.calls),
    "x-w4s-tokens": String(used.promptTokens + used.completionTokens),
    "x-w4s-dollars": used.dollars === null ? "unknown" : String(used.dollars),
  };
}

/** Beside what OpenAI's clients read: calls and dollars. */
function chatUsage({ calls, cachedCalls, promptTokens, completionTokens, dollars }: Used): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    calls,
    cached_calls: cachedCalls,
    dollars,
  };
}

/** What the page and curious clients read; others leave it alone. */
export function details({ workflow, calls, models, tools, wallMs }: ServedAnswer): object {
  return { workflow, calls, models, tools, wall_ms: Math.round(wallMs) };
}

export function chatCompletion(answer: ServedAnswer): object {
  const { id, created, model, text, used } = answer;
  const message = { role: "assistant", content: text, refusal: null };
  return {
    ...{ id: `chatcmpl-${id}`, object: "chat.completion", created, model },
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: chatUsage(used),
    w4s: details(answer),
  };
}

type Opening = Pick<ServedAnswer, "id" | "model" | "created">;

/** The data of the events of a stream: the role at once, and all else when the answer is there. */
export function chatChunks(
  { id, created, model }: Opening,
  isUsageStreamed: boolean,
): {
  opening: string[];
  closing: (answer: ServedAnswer) => string[];
  failing: (error: ApiError) => string[];
} {
  const chunk = (choices: object[], more: object = {}) =>
    eventOf({
      ...{ id: `chatcmpl-${id}`, object: "chat.completion.chunk", created, model },
      choices,
      ...more,
    });
  const delta = (content: object, finish: string | null = null) =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finish }]);
  return {
    opening: [delta({ role: "assistant", content: "" })],
    closing: (answer) => [
      delta({ content: answer.text }),
      delta({}, "stop"),
      ...(isUsageStreamed ? [chunk([], { usage: chatUsage(answer.used), w4s: details(answer) })] : []),
      DONE,
    ],
    failing: (error) => [eventOf(error.body())],
  };
}

/** Mark behind the last event of a chat. */
const DONE = "data: [DONE]\n\n";

/** One server-sent event. */
export function eventOf(data: object, name?: string): string {
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
}
