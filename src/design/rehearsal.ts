/** @file A local model before its first turn: does the first prompt leave room for a reply, and how fast does it write? */
import { InputError } from "../core/errors.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { LocalModel } from "../llm/local/local-model.js";
import type { PromptStyle } from "./policy-state.js";

/** Seconds that a local model takes. */
export interface WritingPace {
  /** Of a turn: its prompt once, and all candidates, written together. */
  perTurn: number;
  perPromptToken: number;
  /** Of a reply without a grammar; measured with all candidates of a turn beside each other, so that one alone takes less. */
  perReplyToken: number;
}

/** Tokens that a quoted failure can add to the first prompt once there is one. */
const QUOTED_TOKENS: Record<PromptStyle, number> = { task: 0, compact: 80, full: 600 };
/** Of the prompt so many characters are evaluated, and so many tokens written behind them. */
const PROBED_CHARACTERS = 600;
const PROBED_TOKENS = 8;
/** Tokens of a candidate: the mean of our own recorded runs. */
const CANDIDATE_TOKENS = 330;

export interface Rehearsal {
  style: PromptStyle;
  /** Limit of a reply. */
  maxTokens: number;
  /** Candidates of a turn. */
  candidates: number;
  grammar: string | undefined;
}

/** @throws {InputError} where prompt and reply do not fit the model's context */
export async function rehearse(
  model: Pick<LocalModel, "info" | "generate" | "renderPrompt">,
  prompt: readonly ChatMessage[],
  { style, maxTokens, candidates, grammar }: Rehearsal,
): Promise<WritingPace> {
  const { modelPath, contextLength } = model.info;
  const promptTokens = (await model.renderPrompt(prompt)).tokens.length + QUOTED_TOKENS[style];
  if (promptTokens + maxTokens > contextLength)
    throw new InputError(
      `${modelPath} has a context of ${contextLength} tokens; the first prompt takes about ${promptTokens}, a reply up to ${maxTokens}`,
      {
        code: "context-too-small",
        hint:
          style === "full"
            ? "choose a model with a longer context, or ask for short prompts: --prompt-style compact"
            : "choose a model with a longer context (w4s models list)",
      },
    );
  const cut = prompt.map(({ role, content }) => ({ role, content: content.slice(0, PROBED_CHARACTERS) }));
  const written = await model.generate({
    messages: cut,
    candidates: Array.from({ length: candidates }, (_, seed) => ({ seed, temperature: 1, grammar })),
    maxTokens: PROBED_TOKENS,
  });
  const { prefillMs, decodeMs, sampleMs } = written.timings;
  const evaluated = Math.max(1, written.promptTokens.length - written.reusedPromptTokens);
  const steps = Math.max(1, ...written.replies.map(({ tokens }) => tokens.length));
  const perPromptToken = prefillMs / 1000 / evaluated;
  const perStep = decodeMs / 1000 / steps;
  return {
    perTurn: promptTokens * perPromptToken + CANDIDATE_TOKENS * perStep,
    perPromptToken,
    // Answers are written without a grammar.
    perReplyToken: (decodeMs - sampleMs) / 1000 / steps,
  };
}
