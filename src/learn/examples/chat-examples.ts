/** @file Chat JSONL as weighted examples: tokenised by the model's own tokenizer and template. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { InputError, messageOf } from "../../core/errors.js";
import { issueLine } from "../../core/issue-line.js";
import type { LocalModel } from "../../llm/local/local-model.js";
import { actionExample, type TokenExample } from "../../train/data/example.js";
import type { RewardedExample } from "./objectives.js";

const rowSchema = z.object({
  messages: z
    .array(
      z.object({
        role: z.enum(["system", "user", "assistant"]),
        content: z.string(),
        weight: z.number().optional(),
      }),
    )
    .min(1),
  /** Used as it is; else the reward becomes a weight; else 1. */
  weight: z.number().optional(),
  reward: z.number().optional(),
  task: z.string().optional(),
});
type Row = z.infer<typeof rowSchema>;

/** Which replies of a conversation train: the last one, or all (those marked `"weight": 0` never do). */
export type ReplySpan = "last" | "all";

/**
 * One example per trained reply: the conversation before it, rendered by the model's template, then the reply
 * and the end-of-turn token as targets. Rows of one `task` form a group.
 * @throws {InputError} naming file and line
 */
export async function chatExamples(
  path: string,
  model: LocalModel,
  options: { weigh: (rows: readonly RewardedExample[]) => number[]; spans: ReplySpan; endToken: number },
): Promise<{ examples: TokenExample[]; rewards: number[] }> {
  const rows = readRows(path);
  const groupOf = ({ task }: Row, index: number) => task ?? `line ${index + 1}`;
  const rewarded = rows.flatMap((row, index) =>
    row.reward === undefined ? [] : [{ reward: row.reward, state: groupOf(row, index) }],
  );
  const fromRewards = options.weigh(rewarded);
  let nextReward = 0;
  const examples: TokenExample[] = [];
  for (const [index, row] of rows.entries()) {
    const { messages, weight, reward } = row;
    const rewardWeight = reward === undefined ? 1 : (fromRewards[nextReward++] as number);
    const replies = messages.flatMap(({ role, weight: own }, at) =>
      role === "assistant" && own !== 0 ? [at] : [],
    );
    const chosen = options.spans === "last" ? replies.slice(-1) : replies;
    if (chosen.length === 0) {
      throw new InputError(`${path}:${index + 1}: has no assistant message to learn`, {
        hint: "leave the line out, or add the reply",
      });
    }
    for (const at of chosen) {
      const before = messages.slice(0, at).map(({ role, content }) => ({ role, content }));
      const { tokens } = await model.renderPrompt(before);
      const reply = await model.tokenize(messages[at]?.content ?? "", false);
      examples.push(
        actionExample({
          promptTokens: Int32Array.from(tokens),
          actionTokens: Int32Array.from([...reply, options.endToken]),
          weight: weight ?? rewardWeight,
          group: groupOf(row, index),
        }),
      );
    }
  }
  return { examples, rewards: rewarded.map(({ reward }) => reward) };
}

function readRows(path: string): Row[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new InputError(`cannot read ${path}: ${messageOf(error)}`, {
      hint: "name a UTF-8 JSONL file",
      cause: error,
    });
  }
  const hint =
    'expected {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}], "weight": 1}';
  const rows = text.split(/\r?\n/).flatMap((line, index): Row[] => {
    if (line.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new InputError(`${path}:${index + 1}: is not JSON: ${messageOf(error)}`, { hint });
    }
    const parsed = rowSchema.safeParse(value);
    if (parsed.success) return [parsed.data];
    throw new InputError(`${path}:${index + 1}: ${issueLine(parsed.error, "row")}`, { hint });
  });
  if (rows.length === 0) throw new InputError(`0 examples in ${path}`, { hint });
  return rows;
}
