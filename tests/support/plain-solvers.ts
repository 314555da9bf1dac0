/** @file Ways to use a chat model, written as plain prompts: the simulated model must rank them as real ones do. */
import type { ChatMessage, ChatModel, ChatRequest } from "../../src/llm/chat-model.js";
import type { Sample, Task } from "../../src/tasks/task.js";

/** Asks with a seed of its own per call, as a run would. */
export type Ask = (prompt: string | ChatMessage[], options?: Partial<ChatRequest>) => Promise<string[]>;

export function asker(model: ChatModel, seed: number): Ask {
  let calls = 0;
  return async (prompt, options = {}) => {
    const messages = typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : prompt;
    return (await model.chat({ messages, seed: seed * 1000 + calls++, ...options })).texts;
  };
}

/** Question, passage and lettered options. */
export function problemText({ question, context, choices }: Sample): string {
  const options = choices?.map((choice, index) => `${String.fromCharCode(65 + index)}. ${choice}`).join("\n");
  return [context, question, options].filter((part) => part !== undefined).join("\n\n");
}

export function formatText({ metric }: Pick<Task, "metric">): string {
  if (metric === "exact-number") return "End with the final answer as a number.";
  if (metric === "choice") return "End with the letter of the right option.";
  return "Give the final answer inside <answer></answer>.";
}

/** The last number, the last capital letter, the tag: what a simple workflow reads out of a reply. */
export function readAnswer({ metric }: Pick<Task, "metric">, reply: string): string {
  if (metric === "exact-number") return reply.match(/-?\d[\d,]*(?:\.\d+)?/g)?.at(-1) ?? "";
  if (metric === "choice") return reply.match(/\b[A-Z]\b/g)?.at(-1) ?? reply;
  return /<answer>(.*?)<\/answer>/s.exec(reply)?.[1] ?? reply;
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

export type Solver = (ask: Ask, task: Task, sample: Sample) => Promise<string>;

export const SOLVERS: Readonly<Record<string, Solver>> = {
  async "no format"(ask, task, sample) {
    const [reply] = await ask(problemText(sample));
    return readAnswer(task, reply!);
  },
  async direct(ask, task, sample) {
    const [reply] = await ask(`${problemText(sample)}\n\n${formatText(task)}`);
    return readAnswer(task, reply!);
  },
  async steps(ask, task, sample) {
    const [reply] = await ask(`${problemText(sample)}\n\nThink step by step. ${formatText(task)}`);
    return readAnswer(task, reply!);
  },
  async "expert with steps"(ask, task, sample) {
    const system = { role: "system" as const, content: "You are a careful expert." };
    const [reply] = await ask([
      system,
      { role: "user", content: `${problemText(sample)}\n\nThink step by step. ${formatText(task)}` },
    ]);
    return readAnswer(task, reply!);
  },
  async "plan, then steps"(ask, task, sample) {
    const [plan] = await ask(
      `${problemText(sample)}\n\nWrite a short plan for this problem. Do not solve it yet.`,
    );
    const [reply] = await ask(
      `${problemText(sample)}\n\nPlan:\n${plan}\n\nFollow the plan step by step. ${formatText(task)}`,
    );
    return readAnswer(task, reply!);
  },
  async "steps, then check"(ask, task, sample) {
    const [reply] = await ask(`${problemText(sample)}\n\nThink step by step. ${formatText(task)}`);
    return await check(ask, task, sample, readAnswer(task, reply!));
  },
  async "five votes, cold"(ask, task, sample) {
    const prompt = `${problemText(sample)}\n\nThink step by step. ${formatText(task)}`;
    const replies = await ask(prompt, { n: 5, temperature: 0 });
    return mostFrequent(replies.map((reply) => readAnswer(task, reply)));
  },
  async "five votes"(ask, task, sample) {
    return await vote(ask, task, sample);
  },
  async "five votes, then check"(ask, task, sample) {
    return await check(ask, task, sample, await vote(ask, task, sample));
  },
};

async function vote(ask: Ask, task: Task, sample: Sample): Promise<string> {
  const prompt = `${problemText(sample)}\n\nThink step by step. ${formatText(task)}`;
  const replies = await ask(prompt, { n: 5, temperature: 0.7 });
  return mostFrequent(replies.map((reply) => readAnswer(task, reply)));
}

async function check(ask: Ask, task: Task, sample: Sample, draft: string): Promise<string> {
  const [reply] = await ask(
    `${problemText(sample)}\n\nA proposed answer is: ${draft}\n\nCheck it step by step and correct any mistake. ${formatText(task)}`,
  );
  return readAnswer(task, reply!);
}
