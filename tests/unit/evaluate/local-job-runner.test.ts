/** @file Whose fault a failed call is: what is lost, what is asked again, what stops a run. */
import { once } from "node:events";
import PQueue from "p-queue";
import { afterEach, describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { ModelCallError, type ModelCallErrorKind } from "../../../src/core/errors.js";
import type { Job } from "../../../src/evaluate/evaluation.js";
import { LocalJobRunner } from "../../../src/evaluate/local-job-runner.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel, type MockScript } from "../../../src/llm/mock-chat-model.js";
import { exactNumberScorer } from "../../../src/tasks/scorers/exact-number-scorer.js";
import type { Scorer } from "../../../src/tasks/task.js";
import { InProcessSandbox } from "../../support/in-process-sandbox.js";

const ASKS = "export default async (agent, task) => number((await agent.text(task.question))[0])";
const VOTES =
  "export default async (agent, task) => vote((await agent.text(task.question, { n: 5 })).map(number))";

const anyScorer = {
  basis: "test",
  score: async (answer: unknown, { answers }: { answers: readonly string[] }) => {
    const isCorrect = String(answer) === answers[0];
    return { value: isCorrect ? 1 : 0, isCorrect, extracted: String(answer) };
  },
} as unknown as Scorer;

const jobs = (count: number, source = ASKS): Job[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${source}/${i}`,
    workflowHash: "w",
    source,
    sample: { id: `item/${i}`, question: `${i} + ${i}`, answers: [String(2 * i)] } as Job["sample"],
    epoch: 0,
    seed: 1,
  }));

const stores: CallStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

function makeRunner(
  script: MockScript,
  store = CallStore.open(":memory:"),
  queue = new PQueue({ concurrency: 1 }),
  scorer: Scorer = anyScorer,
) {
  stores.push(store);
  const model = new MockChatModel(script);
  const executor = new MeteredModel({ model, role: "executor", store, budget: new Budget(), seed: 1 });
  const models = { executor, aliases: new Map() };
  const sandbox = new InProcessSandbox();
  const runner = new LocalJobRunner({
    ...{ sandbox, models, store, scorer },
    queue,
    limits: {},
    maxTokens: 512,
  });
  return { runner, model, store };
}

const sum = (prompt: string) => String(prompt.split(" + ").reduce((total, part) => total + Number(part), 0));
const questionOf = (request: { messages: readonly { content: string }[] }) =>
  request.messages.at(-1)!.content;
const fails = (kind: ModelCallErrorKind, message = "x") => new ModelCallError(kind, message);

describe("lost samples", () => {
  it("are asked again once, when all others are through", async () => {
    let refused = 0;
    const { runner, model } = makeRunner((request) =>
      questionOf(request) === "1 + 1" && refused++ === 0 ? fails("refused") : sum(questionOf(request)),
    );
    const done: string[] = [];
    const results = await runner.run(jobs(3), { onDone: ({ sampleId }) => done.push(sampleId) });
    expect(results.map(({ status, score }) => [status, score])).toEqual(Array(3).fill(["ok", 1]));
    expect(model.requests.map(questionOf)).toEqual(["0 + 0", "1 + 1", "2 + 2", "1 + 1"]);
    expect(done).toEqual(["item/0", "item/2", "item/1"]);
  });

  it("keep their kind, are never stored, and are filled by a later run", async () => {
    const { runner, store } = makeRunner((request) =>
      questionOf(request) === "1 + 1" ? fails("timeout", "too late") : sum(questionOf(request)),
    );
    const [first, lost] = await runner.run(jobs(2), {});
    expect(first?.status).toBe("ok");
    expect(lost).toMatchObject({ status: "error", fault: "timeout", message: "too late", score: 0 });
    expect(store.resultCount()).toBe(1);
    const again = makeRunner((request) => sum(questionOf(request)), store);
    expect((await again.runner.run(jobs(2), {})).map(({ score }) => score)).toEqual([1, 1]);
    expect(again.model.requests.map(questionOf)).toEqual(["1 + 1"]);
  });

  it("five votes on a server with four slots are lost, never wrong", async () => {
    const { runner } = makeRunner((request) =>
      (request.n ?? 1) > 4 ? fails("bad-request", "n_cmpl cannot be greater than the number of slots") : "0",
    );
    await runner.run(jobs(1), {});
    const results = await runner.run(jobs(6, VOTES), {});
    expect(new Set(results.map(({ status, fault }) => `${status} ${fault}`))).toEqual(
      new Set(["error bad-request"]),
    );
  });
});

describe("what runs at the same time", () => {
  it("shares the slots of one queue", async () => {
    let most = 0;
    let now = 0;
    const queue = new PQueue({ concurrency: 3 });
    const slow: MockScript = async (request) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now--;
      return sum(questionOf(request));
    };
    const runners = [0, 1].map(() => makeRunner(slow, undefined, queue).runner);
    const all = runners.flatMap((runner) => [runner.run(jobs(4)), runner.run(jobs(2, VOTES))]);
    const scores = (await Promise.all(all)).flatMap((results) => results.map(({ score }) => score));
    expect(scores).toEqual(Array(12).fill(1));
    expect(most).toBe(3);
  });

  it("ends together: after a fatal error nothing new starts for any that shares its end, and what is in flight is stored", async () => {
    const store = CallStore.open(":memory:");
    const stop = new AbortController();
    const { runner, model } = makeRunner(
      async (request) => {
        const question = questionOf(request);
        if (question === "1 + 1") return fails("auth", "no such key");
        // Still in flight when the other one has ended everything.
        if (!stop.signal.aborted) await once(stop.signal, "abort");
        return sum(question);
      },
      store,
      new PQueue({ concurrency: 2 }),
    );
    const [first, second] = [jobs(2), jobs(8).slice(2)];
    const outcomes = await Promise.allSettled([first, second].map((list) => runner.run(list, { stop })));
    expect(outcomes).toMatchObject([
      { status: "rejected", reason: { kind: "auth" } },
      { status: "rejected", reason: { kind: "auth" } },
    ]);
    expect(model.requests.map(questionOf)).toEqual(["0 + 0", "1 + 1"]);
    expect(store.resultCount()).toBe(1);
  });
});

describe("a reply that was cut", () => {
  it("is scored by its marks alone, where a workflow returns it as it is", async () => {
    const source = "export default async (agent, task) => (await agent.text(task.question))[0]";
    const replies = ["First 7 + 1 = 8, then 8", "The answer is 2. To check this, take 9"];
    const script: MockScript = (request) => replies[Number(questionOf(request)[0])]!;
    const { runner, model } = makeRunner(script, undefined, undefined, exactNumberScorer());
    const whole = model.chat.bind(model);
    model.chat = async (request) => ({ ...(await whole(request)), finishReasons: ["length"] });
    const results = await runner.run(jobs(2, source), {});
    expect(results.map(({ extracted, score }) => [extracted, score])).toEqual([
      ["", 0],
      ["2", 1],
    ]);
  });
});

describe("a set-up that gives no usable reply", () => {
  it("stops the run after the first samples, and says what to do", async () => {
    const { runner, model } = makeRunner(() => fails("length", "reasoning used up maxTokens"));
    const running = runner.run(jobs(30), {});
    await expect(running).rejects.toMatchObject({
      kind: "length",
      isFatal: true,
      message: expect.stringMatching(/first 4 samples \(reply limit 512 tokens\): reasoning used up/),
      hint: expect.stringContaining("raise maxTokens"),
    });
    expect(model.requests).toHaveLength(4);
  });

  it("stops a run of fewer samples once they were asked twice", async () => {
    const { runner, model } = makeRunner(() => fails("context-length", "900 of 512 tokens"));
    await expect(runner.run(jobs(2), {})).rejects.toMatchObject({ kind: "context-length", isFatal: true });
    expect(model.requests).toHaveLength(4);
  });

  it.each([
    ["a model that has answered", (i: number) => (i === 0 ? "0" : fails("length")), 29],
    ["a slow server", () => fails("timeout"), 30],
    ["a filter", () => fails("refused"), 30],
  ] as const)("does not mean %s: those samples are lost", async (_name, reply, lost) => {
    const { runner } = makeRunner((request) => reply(Number(questionOf(request).split(" ")[0])));
    const results = await runner.run(jobs(30), {});
    expect(results.filter(({ status }) => status === "error")).toHaveLength(lost);
  });

  it("is not suspected where an earlier session has answers", async () => {
    const { runner, store } = makeRunner((request) => sum(questionOf(request)));
    await runner.run(jobs(1), {});
    const later = makeRunner(() => fails("length"), store);
    const results = await later.runner.run(jobs(6), {});
    expect(results.map(({ status }) => status)).toEqual(["ok", ...Array(5).fill("error")]);
  });
});
