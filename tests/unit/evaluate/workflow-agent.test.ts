import { describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { BudgetExceededError, ModelCallError } from "../../../src/core/errors.js";
import { parseKeys } from "../../../src/core/reply/parse-keys.js";
import { WorkflowAgent } from "../../../src/evaluate/workflow-agent.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";

const signal = new AbortController().signal;

function makeAgent(
  executor: MockChatModel,
  budget = new Budget(),
  weak = new MockChatModel(() => "from weak", { id: "mock:weak" }),
) {
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
  it.each([
    "server",
    "timeout",
    "context-length",
    "refused",
    "empty",
    "length",
    "bad-request",
    "bad-reply",
  ] as const)("%s loses the sample: the error ends the run as it is", async (kind) => {
    const error = new ModelCallError(kind, "x");
    const host = makeAgent(new MockChatModel(() => error)).agent();
    await expect(host.call("text", ["q"], signal)).rejects.toBe(error);
    await expect(host.call("json", ["q", ["a"]], signal)).rejects.toBe(error);
  });

  it.each(["empty", "length", "context-length"] as const)(
    "%s of the local model is an exception of the guest: its file fails alike at every try",
    async (kind) => {
      const weak = new MockChatModel(() => new ModelCallError(kind, "too small"));
      const error = await makeAgent(new MockChatModel(() => "x"), undefined, weak)
        .agent()
        .call("weak.text", ["q"], signal)
        .catch((e: unknown) => e);
      expect(error).not.toBeInstanceOf(ModelCallError);
      expect(error).toHaveProperty("message", "too small");
    },
  );

  it("counts the recorded latency of real replies on the clock of the run, that of cached ones too", async () => {
    const counted = async (isSimulated: boolean) => {
      const mock = new MockChatModel(() => "x", { isSimulated });
      const chat = mock.chat.bind(mock);
      mock.chat = async (request) => ({ ...(await chat(request)), latencyMs: 700 });
      const { agent } = makeAgent(mock);
      const took: number[] = [];
      const clock = { sentAt: () => {}, took: (ms: number) => took.push(ms) };
      for (let run = 0; run < 2; run++) await agent().call("text", ["q"], signal, clock);
      return took;
    };
    expect(await counted(false)).toEqual([700, 700]);
    expect(await counted(true)).toEqual([]);
  });

  it("notices prompts that the server counts at under 60 % of their tokens", async () => {
    const mock = new MockChatModel(() => "x");
    const chat = mock.chat.bind(mock);
    let share = 0.5;
    mock.chat = async (request) => {
      const reply = await chat(request);
      const promptTokens = Math.ceil(reply.usage.promptTokens * share);
      return { ...reply, usage: { ...reply.usage, promptTokens, isEstimated: false } };
    };
    const host = makeAgent(mock).agent();
    await host.call("text", ["a word ".repeat(400)], signal);
    expect(host.shortPrompts).toBe(1);
    await host.call("text", ["short"], signal);
    share = 0.7;
    await host.call("text", ["a word ".repeat(401)], signal);
    expect(host.shortPrompts).toBe(1);
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
