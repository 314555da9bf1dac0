/** @file A chat model as judge: marks by a rubric, and which of two texts is better, asked in both orders. */
import type { AnswerJudge, Criterion, Grade } from "../core/answer-judge.js";
import { ConfigError } from "../core/errors.js";
import { cut } from "../core/figure-format.js";
import { hashJson } from "../core/hash.js";
import type { ChatModel } from "../llm/chat-model.js";
import { askByRubric, type RubricQuestion } from "./ask-by-rubric.js";

/** For writing: what constraint checks and embeddings cannot see. */
export const WRITING_RUBRIC: readonly Criterion[] = [
  { name: "request", meaning: "it is what was asked for, in every point" },
  { name: "language", meaning: "correct, fluent and free of filler" },
  { name: "originality", meaning: "concrete images and turns instead of commonplaces" },
];

export interface ModelJudgeOptions {
  model: Pick<ChatModel, "id" | "chat">;
  /** 1–10 criteria. Default: `WRITING_RUBRIC`. */
  rubric?: readonly Criterion[] | undefined;
  /** Limit of a reply in tokens. Default 300. */
  maxTokens?: number | undefined;
  /** Default 0. */
  seed?: number | undefined;
}

/** Who won a comparison; "order" = the two orders disagree, so that the place decided and not the text. */
export type Verdict = "first" | "second" | "tie" | "order";

export interface Comparison {
  verdict: Verdict;
  /** Verdict with the first text shown as A, and with it shown as B. */
  asA: "first" | "second" | "tie";
  asB: "first" | "second" | "tie";
}

/** Longer texts are judged by their beginning. */
const MAX_TEXT = 12_000;
const MAX_REASON = 300;

/**
 * Model that marks texts by a rubric, 1 to 5, and compares two in both orders. Its marks are opinions.
 * @example
 * const judge = new ModelJudge({ model: executor });
 * const { value } = await judge.grade("Write a poem about rain.", poem);
 * const { verdict } = await judge.compare("Write a poem about rain.", poem, other);
 */
export class ModelJudge implements AnswerJudge {
  readonly id: string;
  readonly #model: ModelJudgeOptions["model"];
  readonly #rubric: readonly Criterion[];
  readonly #limits: { maxTokens: number; seed: number };

  /** @throws {ConfigError} on a rubric that cannot be asked for. */
  constructor({ model, rubric = WRITING_RUBRIC, maxTokens = 300, seed = 0 }: ModelJudgeOptions) {
    this.#model = model;
    this.#rubric = rubric;
    this.#limits = { maxTokens, seed };
    const names = new Set(rubric.map(({ name }) => name));
    const isSound = rubric.every(({ name }) => /^[A-Za-z0-9-]{1,40}$/.test(name) && name !== "reason");
    if (rubric.length < 1 || rubric.length > 10 || names.size < rubric.length || !isSound)
      throw new ConfigError(
        "a rubric needs 1 to 10 criteria with different names of letters, digits and dashes",
      );
    this.id = `${model.id} rubric ${hashJson(rubric).slice(0, 12)}`;
  }

  async grade(question: string, answer: string, options: { signal?: AbortSignal } = {}): Promise<Grade> {
    const keys = this.#rubric.map(({ name }) => `"${name}": 1 to 5`).join(", ");
    return await this.#ask(options.signal, {
      instruction: "Grade a text that was written for a request. Criteria, 1 (not at all) to 5 (fully):",
      texts: [
        ["request", cut(question, MAX_TEXT)],
        ["text", cut(answer, MAX_TEXT)],
      ],
      form: `{"reason": "one sentence", ${keys}}`,
      read: (reply) => this.#readGrade(reply),
    });
  }

  /** Asks twice, with the texts in both places: only a verdict that both give is a win. */
  async compare(
    question: string,
    first: string,
    second: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<Comparison> {
    const ask = (a: string, b: string) =>
      this.#ask(options.signal, {
        instruction: "Two texts were written for one request. Which is better? Judge by these criteria:",
        texts: [
          ["request", cut(question, MAX_TEXT)],
          ["text A", cut(a, MAX_TEXT)],
          ["text B", cut(b, MAX_TEXT)],
        ],
        form: '{"reason": "one sentence", "winner": "A" or "B" or "tie"}',
        read: ({ winner }) => (winner === "A" || winner === "B" || winner === "tie" ? winner : undefined),
      });
    const [one, two] = [await ask(first, second), await ask(second, first)];
    const asA = one === "tie" ? "tie" : one === "A" ? "first" : "second";
    const asB = two === "tie" ? "tie" : two === "A" ? "second" : "first";
    return { asA, asB, verdict: asA === asB ? asA : "order" };
  }

  #ask<T>(
    signal: AbortSignal | undefined,
    question: Omit<RubricQuestion<T>, "role" | "criteria">,
  ): Promise<T> {
    return askByRubric(
      this.#model,
      { role: "editor", criteria: this.#rubric, ...question },
      { ...this.#limits, signal },
    );
  }

  #readGrade(reply: Readonly<Record<string, unknown>>): Grade | undefined {
    const marks: [string, number][] = [];
    for (const { name } of this.#rubric) {
      const mark = Number(/^[1-5]$/.exec(String(reply[name]))?.[0]);
      if (Number.isNaN(mark)) return undefined;
      marks.push([name, mark]);
    }
    const value = marks.reduce((sum, [, mark]) => sum + (mark - 1) / 4, 0) / marks.length;
    return {
      value,
      marks: Object.fromEntries(marks),
      reason: String(reply.reason ?? "").slice(0, MAX_REASON),
    };
  }
}
