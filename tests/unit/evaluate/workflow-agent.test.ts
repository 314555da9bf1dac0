import { describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { BudgetExceededError, ModelCallError } from "../../../src/core/errors.js";
import { parseKeys } from "../../../src/evaluate/parse-keys.js";
import { SampleOutageError, WorkflowAgent } from "../../../src/evaluate/workflow-agent.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";

const signal = new AbortController().signal;

function makeAgent(executor: MockChatModel, budget = new Budget()) {
  const store = CallStore.open(":memory:");
  const meter = (model: MockChatModel, role: string) =>
    new MeteredModel({
      model,
      role,
      store,
      budget,
      seed: 1,
      price: { inputPerMillion: 1, outputPerMillion: 1 },
    });
  const other = new MockChatModel(() => "from other", { id: "mock:other" });
  const weak = new MockChatModel(() => "from weak", { id: "mock:weak" });
  const models = {
    executor: meter(executor, "executor"),
    aliases: new Map([["critic", meter(other, "critic")]]),
    weak: meter(weak, "weak"),
  };
  return { agent: () => new WorkflowAgent(models, { maxTokens: 64 }), executor, store };
}

describe("agent.text", () => {
  it("asks the executor, an alias or the local model, and counts by role", async () => {
    const { agent } = makeAgent(new MockChatModel(() => "from executor"));
    const host = agent();
    expect(await host.call("text", ["q"], signal)).toEqual(["from executor"]);
    expect(await host.call("text", ["q", { model: "critic" }], signal)).toEqual(["from other"]);
    expect(await host.call("weak.text", ["q"], signal)).toEqual(["from weak"]);
    expect([...host.usage.keys()]).toEqual(["executor", "critic", "weak"]);
    await expect(host.call("text", ["q", { model: "gpt-9" }], signal)).rejects.toThrow(
      /unknown model alias "gpt-9"/,
    );
  });

  it("samples when several replies are asked for, and caps maxTokens", async () => {
    const mock = new MockChatModel((request) => Array.from({ length: request.n ?? 1 }, (_, i) => `r${i}`));
    const host = makeAgent(mock).agent();
    expect(
      await host.call("text", ["q", { n: 3, maxTokens: 4000, role: "a careful clerk" }], signal),
    ).toHaveLength(3);
    expect(mock.requests[0]).toMatchObject({
      n: 3,
      temperature: 0.7,
      maxTokens: 64,
      messages: [
        { role: "system", content: "You are a careful clerk." },
        { role: "user", content: "q" },
      ],
    });
  });

  it("five equal calls in one run are five replies; another run of the same sample shares them", async () => {
    let served = 0;
    const { agent } = makeAgent(new MockChatModel(() => `reply ${served++}`));
    const run = async () => {
      const host = agent();
      const replies: unknown[] = [];
      for (let i = 0; i < 5; i++) replies.push(await host.call("text", ["same"], signal));
      return replies;
    };
    const first = await run();
    expect(new Set(first.map(String)).size).toBe(5);
    expect(await run()).toEqual(first);
    expect(served).toBe(5);
  });
});

describe("agent.json", () => {
  it("gives the keys as strings and asks a reply that cannot be parsed once more", async () => {
    const mock = new MockChatModel(["no object here", 'Sure: {"answer": 7, "why": "sum"}']);
    const host = makeAgent(mock).agent();
    expect(await host.call("json", ["q", ["answer", "why"]], signal)).toEqual({ answer: "7", why: "sum" });
    expect(mock.requests).toHaveLength(2);
  });

  it("says in the second request what was wrong with the first reply", async () => {
    const mock = new MockChatModel(['{"why": "sum"}', '{"answer": "7"}']);
    await makeAgent(mock)
      .agent()
      .call("json", ["q", ["answer"]], signal);
    const [first, second] = mock.requests;
    expect(first?.jsonKeys).toEqual(["answer"]);
    expect(second?.messages).toHaveLength((first?.messages.length ?? 0) + 2);
    expect(second?.messages.at(-1)?.content).toContain('The JSON object lacks "answer"');
  });

  it("gives empty strings after the second failure", async () => {
    const host = makeAgent(new MockChatModel(() => "never json")).agent();
    expect(await host.call("json", ["q", ["answer"]], signal)).toEqual({ answer: "" });
  });

  it("parses hostile objects without touching prototypes", () => {
    expect(parseKeys('{"__proto__": {"x": 1}, "a": "1"}', ["a"])).toEqual({ a: "1" });
    expect(parseKeys('{"a": null}', ["a"])).toBeUndefined();
    expect(parseKeys('{"a": "1"}', ["toString"])).toBeUndefined();
    expect(parseKeys("[1]", ["a"])).toBeUndefined();
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("failures of the executor", () => {
  it("an outage loses the sample, not the workflow's good name", async () => {
    const outage = new MockChatModel(() => new ModelCallError("server", "HTTP 500"));
    await expect(makeAgent(outage).agent().call("text", ["q"], signal)).rejects.toBeInstanceOf(
      SampleOutageError,
    );
  });

  it("a prompt that is too long is the workflow's own failure", async () => {
    const tooLong = new MockChatModel(() => new ModelCallError("context-length", "8193 of 8192 tokens"));
    const error = await makeAgent(tooLong)
      .agent()
      .call("text", ["q"], signal)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).not.toHaveProperty("isFatal", true);
  });

  it("a spent budget stops the run before the call is paid", async () => {
    const mock = new MockChatModel(() => "x");
    const host = makeAgent(mock, new Budget({ calls: 2 })).agent();
    await host.call("text", ["1"], signal);
    await host.call("text", ["2"], signal);
    await expect(host.call("text", ["3"], signal)).rejects.toBeInstanceOf(BudgetExceededError);
    expect(mock.requests).toHaveLength(2);
  });
});
