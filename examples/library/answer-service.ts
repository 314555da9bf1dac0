/** @file A found workflow inside your own Node service: load it once, ask it many times. */
import { readFileSync } from "node:fs";
import { type ChatModel, OpenAIChatModel, WorkflowRunner } from "w4s";

/** Answers questions with a workflow that `w4s optimize` wrote (best-workflow.js of its run directory). */
export class AnswerService {
  readonly #runner: WorkflowRunner;
  readonly #source: string;

  constructor(workflowPath: string | URL, executor: ChatModel = defaultExecutor()) {
    this.#source = readFileSync(workflowPath, "utf8");
    this.#runner = new WorkflowRunner({ executor, budget: { calls: 10_000 }, limits: { wallMs: 60_000 } });
  }

  async answer(question: string): Promise<{ answer: unknown; calls: number; tokens: number }> {
    const run = await this.#runner.run(this.#source, { question });
    if (run.status !== "ok") throw new Error(`the workflow ended as ${run.status}: ${run.error}`);
    const { calls = 0, promptTokens = 0, completionTokens = 0 } = run.usage.executor ?? {};
    return { answer: run.answer, calls, tokens: promptTokens + completionTokens };
  }

  async close(): Promise<void> {
    await this.#runner.close();
  }
}

function defaultExecutor(): ChatModel {
  return new OpenAIChatModel({
    baseUrl: process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1",
    model: process.env.OPENAI_MODEL ?? "gpt-4o-mini",
    apiKey: process.env.OPENAI_API_KEY,
  });
}
