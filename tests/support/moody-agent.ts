/** @file An agent that answers by a seed: well, badly, cut, or not at all. */
import type { Random } from "../../src/core/random.js";
import type { AnswerKind } from "../../src/workflow/answer-kind.js";
import type { AgentHost } from "../../src/workflow/workflow-run.js";

const GOOD: Record<AnswerKind, string> = {
  number: "3 * 14 = 42. The answer is 42.",
  choice: "The answer is (B).",
  text: "It is known. <answer>forty-two</answer>",
  code: "```python\ndef f():\n    return 42\n```",
  commands: "The way is free. <answer>east 3</answer>",
  writing: "  Forty-two geese\nflew over the hill.\n",
};
const BAD = [
  "",
  " \n",
  "I cannot tell.",
  "```python\nprint(42",
  "```python\nprint(42)\n```",
  '```json\n{"a": 6, "b": 7}\n```',
  "a = 6\nb = 7",
  "1. What is six?\n\n2. What is seven?\n3. What is their product?\n4. Is it even?\n5. Why?",
  "<answer>",
  "Either A or B, or 41, 42, 43 or 44.",
  "`${task}` \\ \"'",
];
const PRINTED = ["42\n", "B\n", "forty-two\n", "", "no idea\n", "41\n42\n", "(B)"];

/** Agent whose every reply, run of a program, test and lookup is drawn. */
export class MoodyAgent implements AgentHost {
  readonly offers: ReadonlySet<string>;
  /** Every call, in order. */
  readonly sent: { name: string; args: readonly unknown[] }[] = [];
  readonly #cut = new Set<unknown>();
  readonly isCut = (reply: unknown): boolean => this.#cut.has(reply);
  readonly #answer: AnswerKind;
  readonly #models: readonly string[];
  readonly #random: Random;

  constructor(
    answer: AnswerKind,
    offers: ReadonlySet<string>,
    { models = [], random }: { models?: readonly string[]; random: Random },
  ) {
    this.#answer = answer;
    this.offers = offers;
    this.#models = models;
    this.#random = random;
  }

  async call(name: string, args: readonly unknown[]): Promise<unknown> {
    this.sent.push({ name, args: structuredClone(args) });
    const random = this.#random;
    if (name === "runPython") {
      return { ok: random.chance(0.7), stdout: random.pick(PRINTED), stderr: random.pick(["", "Traceback"]) };
    }
    if (name === "test") {
      const failed = random.integer(0, 2);
      return {
        passed: 2 - failed,
        failed,
        errors: Array.from({ length: failed }, () => "f() is 41, not 42"),
      };
    }
    if (name === "examples") {
      const example = {
        question: "How much is 1 + 1?",
        answer: "2",
        choices: ["2", "3"],
        solution: "1 + 1 = 2",
      };
      return Array.from({ length: random.integer(0, args[0] as number) }, () => example);
    }
    if (name === "tool") return { found: random.pick(BAD) };
    const options = (name.endsWith("json") ? args[2] : args[1]) as { n?: number; model?: string } | undefined;
    if (options?.model !== undefined && !this.#models.includes(options.model))
      throw new Error(`unknown model alias ${options.model}`);
    const count = options?.n ?? 1;
    if (!name.endsWith("json")) return Array.from({ length: count }, () => this.#reply());
    const object = () => Object.fromEntries((args[1] as string[]).map((key) => [key, this.#reply()]));
    return count > 1 ? Array.from({ length: count }, object) : object();
  }

  #reply(): string {
    const random = this.#random;
    const text = random.chance(0.5) ? GOOD[this.#answer] : random.pick(BAD);
    if (random.chance(0.2)) this.#cut.add(text);
    return text;
  }
}
