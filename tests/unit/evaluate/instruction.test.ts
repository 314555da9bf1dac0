/** @file A dataset's instruction: every prompt to a model that answers carries it once, and without one nothing changes. */
import { describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { Rules } from "../../../src/evaluate/rules.js";
import { WorkflowAgent } from "../../../src/evaluate/workflow-agent.js";
import { WorkflowRunner } from "../../../src/evaluate/workflow-runner.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";

const signal = new AbortController().signal;
const INSTRUCTION = "Answer with one label: billing, bug, other.";

function hostOf(instruction: string | undefined, rules?: Rules) {
  const store = CallStore.open(":memory:");
  const meter = (role: string) => {
    const mock = new MockChatModel(() => '{"answer": "x"}', { id: `mock:${role}` });
    return { mock, model: new MeteredModel({ model: mock, role, store, budget: new Budget(), seed: 1 }) };
  };
  const [executor, critic, weak] = ["executor", "critic", "weak"].map(meter);
  const models = {
    executor: executor!.model,
    aliases: new Map([["critic", critic!.model]]),
    weak: weak!.model,
  };
  const agent = new WorkflowAgent(models, { maxTokens: 64, instruction, rules });
  return { agent, executor: executor!.mock, critic: critic!.mock, weak: weak!.mock };
}

describe("the instruction of a dataset", () => {
  it("reaches the executor, an alias and the local model, as text and as JSON", async () => {
    const { agent, executor, critic, weak } = hostOf(INSTRUCTION);
    await agent.call("text", ["q"], signal);
    await agent.call("text", ["q", { model: "critic" }], signal);
    await agent.call("json", ["q", ["answer"]], signal);
    await agent.call("weak.text", ["q"], signal);
    await agent.call("weak.json", ["q", ["answer"]], signal);
    for (const { messages } of [...executor.requests, ...critic.requests, ...weak.requests]) {
      expect(messages[0]).toEqual({ role: "system", content: INSTRUCTION });
      expect(messages[1]).toMatchObject({ role: "user", content: expect.stringMatching(/^q/) });
    }
    expect([executor, critic, weak].map(({ requests }) => requests.length)).toEqual([2, 1, 2]);
  });

  it("stands in the system message that is there, beside the role", async () => {
    const { agent, executor } = hostOf(INSTRUCTION);
    await agent.call("text", ["q", { role: "a clerk" }], signal);
    await agent.call(
      "text",
      [
        [
          { role: "system", content: "Be brief." },
          { role: "user", content: "q" },
        ],
      ],
      signal,
    );
    expect(executor.requests.map(({ messages }) => messages)).toEqual([
      [
        { role: "system", content: `You are a clerk.\n\n${INSTRUCTION}` },
        { role: "user", content: "q" },
      ],
      [
        { role: "system", content: `Be brief.\n\n${INSTRUCTION}` },
        { role: "user", content: "q" },
      ],
    ]);
  });

  it("is not said twice where the prompt holds it, but is where only an earlier reply does", async () => {
    const { agent, executor } = hostOf(INSTRUCTION);
    await agent.call("text", [`q\n\n${INSTRUCTION}`], signal);
    const echoed = [
      { role: "user", content: "q" },
      { role: "assistant", content: INSTRUCTION },
      { role: "user", content: "again" },
    ];
    await agent.call("text", [echoed], signal);
    expect(executor.requests[0]?.messages).toEqual([{ role: "user", content: `q\n\n${INSTRUCTION}` }]);
    expect(executor.requests[1]?.messages).toEqual([{ role: "system", content: INSTRUCTION }, ...echoed]);
  });

  it("stands in the second try for JSON too, and under the rules' topics", async () => {
    const { agent, executor } = hostOf(INSTRUCTION);
    await agent.call("json", ["q", ["label"]], signal);
    expect(executor.requests).toHaveLength(2);
    for (const { messages } of executor.requests)
      expect(messages.filter(({ content }) => content.includes(INSTRUCTION))).toHaveLength(1);
    const ruled = hostOf(INSTRUCTION, new Rules({ forbid: { topics: ["billing"] } }));
    await expect(ruled.agent.call("text", ["q"], signal)).rejects.toThrow(/forbid a topic/);
  });

  it("changes nothing where there is none", async () => {
    const { agent, executor } = hostOf(undefined);
    await agent.call("text", ["q", { role: "a clerk" }], signal);
    await agent.call("text", ["q"], signal);
    expect(executor.requests.map(({ messages }) => messages)).toEqual([
      [
        { role: "system", content: "You are a clerk." },
        { role: "user", content: "q" },
      ],
      [{ role: "user", content: "q" }],
    ]);
  });

  it("is an option of the library's runner, and one of an input comes before it", async () => {
    const executor = new MockChatModel((request) => [request.messages[0]!.content]);
    await using runner = new WorkflowRunner({ executor, instruction: INSTRUCTION });
    const source = `export default async (agent, task) => [(await agent.text(task.question))[0], task.instruction];`;
    expect(await runner.run(source, { question: "q" })).toMatchObject({ answer: [INSTRUCTION, INSTRUCTION] });
    expect(await runner.run(source, { question: "q", instruction: "In German." })).toMatchObject({
      answer: ["In German.", "In German."],
    });
  });
});
