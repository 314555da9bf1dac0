/** @file Workflows whose calls go in batches: the results of direct calls, each call paid once, whatever the batches lose. */
import { join } from "node:path";
import PQueue from "p-queue";
import { afterEach, describe, expect, it } from "vitest";
import { Budget, type BudgetLimits } from "../../../src/core/budget.js";
import { type Job, type JobResult, resultHash, summarize } from "../../../src/evaluate/evaluation.js";
import { LocalJobRunner } from "../../../src/evaluate/local-job-runner.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { BatchLog } from "../../../src/llm/openai/batch/batch-log.js";
import type { BatchProgress } from "../../../src/llm/openai/batch/batch-settings.js";
import { OpenAIChatModel } from "../../../src/llm/openai/openai-chat-model.js";
import { WaveGate } from "../../../src/llm/wave-gate.js";
import type { Scorer } from "../../../src/tasks/task.js";
import { ParkingSandbox } from "../../../src/workflow/parking-sandbox.js";
import { FakeBatches, type FakeBatchesOptions, REFUSAL } from "../../support/fake-batches.js";
import { type FakeOpenAI, faults, startFakeOpenAI } from "../../support/fake-openai-server.js";
import { InProcessSandbox } from "../../support/in-process-sandbox.js";
import { namedReply } from "../../support/paid-calls.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ASKS = "export default async (agent, task) => number((await agent.text(task.question))[0])";
/** Two drafts at once, then a call that depends on them. */
const CHECKS = `export default async (agent, task) => {
  const drafts = await Promise.all(["a", "b"].map((way) => agent.text(way + ": " + task.question)));
  return number((await agent.text("which is right: " + drafts.join(" or ")))[0]);
}`;

const scorer = {
  basis: "test",
  score: async (answer: unknown) => ({
    ...{ value: Number(answer) / 7, isCorrect: answer === 3, extracted: String(answer) },
  }),
} as unknown as Scorer;

const jobs = (count: number, source: string): Job[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `${source}/${i}`, workflowHash: "w", source, epoch: 0, seed: 1 },
    sample: { id: `item/${i}`, question: `how many of ${i}?`, answers: ["3"] } as Job["sample"],
  }));

const hashOf = (results: readonly JobResult[]) => resultHash([summarize("w", results, 1, 100)]);

interface Session {
  executor: MeteredModel;
  run: (list: readonly Job[]) => Promise<JobResult[]>;
  model: OpenAIChatModel;
  store: CallStore;
  progress: BatchProgress[];
  warnings: string[];
  /** As a process ends: nothing is finished. */
  die: () => Promise<void>;
}

interface SessionOptions {
  /** Holds calls.db and batches.jsonl. Default: direct calls, nothing kept. */
  folder?: string;
  maxRequests?: number;
  budget?: BudgetLimits;
  stop?: AbortController;
  scorer?: Scorer;
}

function openSession(server: FakeOpenAI, options: SessionOptions = {}): Session {
  const { folder, maxRequests, stop } = options;
  const store = CallStore.open(folder === undefined ? ":memory:" : join(folder, "calls.db"));
  const model = new OpenAIChatModel({ baseUrl: server.baseUrl, model: "m", maxConcurrency: 16 });
  const gate = folder === undefined ? undefined : new WaveGate({ settleMs: 5 });
  const log = folder === undefined ? undefined : BatchLog.open(join(folder, "batches.jsonl"));
  const progress: BatchProgress[] = [];
  const warnings: string[] = [];
  if (gate && log)
    model.useBatches({
      ...{ gate, log, maxRequests, firstPauseMs: 1, longestPauseMs: 4, stopSignal: stop?.signal },
      onProgress: (one) => progress.push(one),
      onWarning: (message) => warnings.push(message),
    });
  const budget = new Budget(options.budget);
  const executor = new MeteredModel({ model, role: "executor", store, budget, seed: 1 });
  const inner = new InProcessSandbox();
  const runner = new LocalJobRunner({
    ...{ store, gate, scorer: options.scorer ?? scorer, models: { executor, aliases: new Map() } },
    sandbox: gate ? new ParkingSandbox(inner, gate) : inner,
    queue: new PQueue({ concurrency: gate ? Number.POSITIVE_INFINITY : 16 }),
    ...{ limits: {}, maxTokens: 512, stopSignal: stop?.signal },
  });
  const die = async () => {
    await model.close();
    log?.close();
    store.close();
  };
  closers.push(die);
  return { run: (list) => runner.run(list, {}), executor, model, store, progress, warnings, die };
}

async function serve(options: FakeBatchesOptions = {}) {
  const batches = new FakeBatches({ reply: namedReply, ...options });
  const server = await startFakeOpenAI({ reply: namedReply, intercept: batches.intercept });
  closers.push(() => server.close());
  return { server, batches };
}

/** What direct calls come to. */
async function direct(server: FakeOpenAI, list: readonly Job[]): Promise<string> {
  const session = openSession(server);
  const hash = hashOf(await session.run(list));
  await session.die();
  return hash;
}

const timesPaid = ({ paid }: FakeBatches) => [...new Set(paid.values())];

describe("rows in batches", () => {
  it("500 rows with failures and an end in the middle: results as direct, each paid once", async () => {
    const failures = ["500", "429", "expired", "missing", "twice", "stray", "cut"] as const;
    let isHeld = true;
    const { server, batches } = await serve({
      isHeld: () => isHeld,
      lineFault: ({ index, batch }) => (batch < 3 ? failures[index % 31] : undefined),
    });
    const list = jobs(500, ASKS);
    const expected = await direct(server, list);
    const chats = server.chats.length;
    const folder = newFolder();

    const first = openSession(server, { folder, maxRequests: 200 });
    const lost = first.run(list).catch(() => "died");
    await expect.poll(() => batches.batches.length).toBe(3);
    await expect
      .poll(() => BatchLog.pending(join(folder, "batches.jsonl")).filter(({ batch }) => batch).length)
      .toBe(3);
    await first.die();
    expect(await lost).toBe("died");
    isHeld = false;

    const second = openSession(server, { folder, maxRequests: 200 });
    const results = await second.run(list);
    expect(results.map(({ status }) => status)).toEqual(Array(500).fill("ok"));
    expect(hashOf(results)).toBe(expected);
    expect(server.chats.length, "no call went beside the batches").toBe(chats);
    expect(batches.paid.size).toBe(500);
    expect(timesPaid(batches)).toEqual([1]);
    expect(second.store.ledgerTotals()).toMatchObject([{ calls: 500, cachedCalls: 0 }]);
    expect(batches.batches.map(({ requests }) => requests.length).slice(0, 3)).toEqual([200, 200, 100]);
    // What a batch left unanswered is asked again at once, whether or not the others have ended.
    expect(batches.batches.length).toBeLessThanOrEqual(6);
    expect(second.warnings.join("\n")).toMatch(/lines of its answer could not be used/);
    expect(second.progress.at(-1)).toMatchObject({ status: "completed" });
    await second.die();
    expect(BatchLog.pending(join(folder, "batches.jsonl"))).toEqual([]);
  });

  it("calls that depend on earlier ones are the next wave, and those at once one wave", async () => {
    const { server, batches } = await serve();
    const list = jobs(20, CHECKS);
    const expected = await direct(server, list);
    const session = openSession(server, { folder: newFolder() });
    expect(hashOf(await session.run(list))).toBe(expected);
    expect(batches.batches.map(({ requests }) => requests.length)).toEqual([40, 20]);
    expect(timesPaid(batches)).toEqual([1]);
  });

  it("judges that scorers ask, and whatever waits for the same answer, hold up no wave", async () => {
    const { server, batches } = await serve();
    let judge: MeteredModel | undefined;
    const judging = {
      basis: "test",
      score: async (answer: unknown) => {
        const prompts = ["fair?", `is ${answer} right?`];
        const ask = (content: string) =>
          judge!.chat({ messages: [{ role: "user", content }] }, { occurrence: 0 });
        const replies = await Promise.all(prompts.map(ask));
        return { value: replies.length / 2, isCorrect: true, extracted: String(answer) };
      },
    } as unknown as Scorer;
    const session = openSession(server, { folder: newFolder(), scorer: judging });
    judge = session.executor;
    const results = await session.run(jobs(20, ASKS));
    expect(results.map(({ score }) => score)).toEqual(Array(20).fill(1));
    const [first, second, ...more] = batches.batches.map(({ requests }) => requests.length);
    // One question for each different answer, and one that all share.
    const asked = new Set(results.map(({ extracted }) => extracted)).size + 1;
    expect([first, second, more.length]).toEqual([20, asked, 0]);
  });

  it("a batch that was refused as a whole stops the run with the reason, and the next one asks again", async () => {
    const { server, batches } = await serve({ batchFault: (batch) => (batch === 0 ? "refused" : undefined) });
    const folder = newFolder();
    const first = openSession(server, { folder });
    await expect(first.run(jobs(3, ASKS))).rejects.toMatchObject({
      message: expect.stringContaining("no batches for this model"),
      isFatal: true,
    });
    await first.die();
    await openSession(server, { folder }).run(jobs(3, ASKS));
    expect(timesPaid(batches)).toEqual([1]);
  });

  it.each(["reset-done", "reset-undone"] as const)(
    "a create request without an answer (%s) makes one batch",
    async (fault) => {
      const { server, batches } = await serve({ batchFault: (batch) => (batch === 0 ? fault : undefined) });
      const session = openSession(server, { folder: newFolder() });
      await session.run(jobs(5, ASKS));
      expect(batches.batches).toHaveLength(1);
      expect(timesPaid(batches)).toEqual([1]);
    },
  );

  it("a file that is cut on its way is read again, not paid again", async () => {
    const { server, batches } = await serve({ cutReads: 1 });
    const session = openSession(server, { folder: newFolder() });
    await session.run(jobs(9, ASKS));
    expect(batches.batches).toHaveLength(1);
    expect(timesPaid(batches)).toEqual([1]);
  });

  it("what the account may not have waiting is sent in halves, one after the other", async () => {
    const { server, batches } = await serve({
      batchFault: (batch) => (batch === 0 ? "token-limit" : undefined),
    });
    const session = openSession(server, { folder: newFolder() });
    expect((await session.run(jobs(9, ASKS))).map(({ status }) => status)).toEqual(Array(9).fill("ok"));
    expect(batches.batches.map(({ requests }) => requests.length)).toEqual([9, 5, 4]);
    expect(timesPaid(batches)).toEqual([1]);
  });

  it("a line that is refused is that row's, and the others are asked again", async () => {
    const { server, batches } = await serve({
      batchFault: (batch) => (batch === 0 ? "bad-line" : undefined),
    });
    const session = openSession(server, { folder: newFolder() });
    const results = await session.run(jobs(3, ASKS));
    expect(results.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
    expect(timesPaid(batches)).toEqual([1]);
  });

  it("a prompt that is refused ends as the same error as a direct call", async () => {
    const isRefused = (prompt: string) => prompt.includes("of 1?");
    const { server } = await serve({
      lineFault: ({ prompt }) => (isRefused(prompt) ? "refused" : undefined),
    });
    const filtering = await startFakeOpenAI({
      intercept: ({ prompt }) => (isRefused(prompt) ? faults.status(400, REFUSAL) : undefined),
    });
    closers.push(() => filtering.close());
    const plain = await openSession(filtering).run(jobs(3, ASKS));
    const batched = await openSession(server, { folder: newFolder() }).run(jobs(3, ASKS));
    const told = ({ status, fault, message }: JobResult) => [status, fault, message?.replace(/:\d+/, "")];
    expect(told(batched[1]!)).toEqual(told(plain[1]!));
    expect(batched.map(({ status }) => status)).toEqual(["ok", "error", "ok"]);
  });

  it("a batch that was cancelled stops the run; the next asks what it has not answered", async () => {
    const { server, batches } = await serve({
      batchFault: (batch) => (batch === 0 ? "cancelled" : undefined),
    });
    const folder = newFolder();
    const first = openSession(server, { folder });
    await expect(first.run(jobs(4, ASKS))).rejects.toThrow(/was cancelled/);
    await first.die();
    const second = openSession(server, { folder });
    await second.run(jobs(4, ASKS));
    expect(batches.batches.map(({ requests }) => requests.length)).toEqual([4, 3]);
    expect(timesPaid(batches)).toEqual([1]);
  });

  it("a graceful stop leaves the batch at the server and says so; the next session takes its answers", async () => {
    let isHeld = true;
    const { server, batches } = await serve({ isHeld: () => isHeld });
    const folder = newFolder();
    const stop = new AbortController();
    const first = openSession(server, { folder, stop });
    const stopped = first.run(jobs(4, ASKS));
    const outcome = expect(stopped).rejects.toThrow(/abort/i);
    await expect.poll(() => first.progress.length).toBeGreaterThan(0);
    stop.abort();
    await outcome;
    expect(first.warnings.join("\n")).toContain("batch batch-0 (4 requests) goes on at the server");
    await first.die();
    isHeld = false;
    const second = openSession(server, { folder });
    await second.run(jobs(4, ASKS));
    expect(batches.batches).toHaveLength(1);
  });

  it("limits hold: what is reserved bounds a wave, and the rest is refused once they are reached", async () => {
    const { server, batches } = await serve();
    const session = openSession(server, { folder: newFolder(), budget: { calls: 6 } });
    await expect(session.run(jobs(10, ASKS))).rejects.toThrow(/calls/);
    expect(batches.paid.size).toBe(6);
    const tokens = openSession(server, { folder: newFolder(), budget: { tokens: 1200 } });
    await tokens.run(jobs(6, ASKS));
    const waves = batches.batches.slice(1).map(({ requests }) => requests.length);
    expect(waves[0]).toBe(3);
    expect(waves.length).toBeLessThan(6);
  });

  it("a server without batches is told apart before anything is sent", async () => {
    const server = await startFakeOpenAI({
      intercept: ({ path }) =>
        path.includes("batches") ? ({ response }) => void response.writeHead(404).end("{}") : undefined,
    });
    closers.push(() => server.close());
    const session = openSession(server, { folder: newFolder() });
    await expect(session.run(jobs(2, ASKS))).rejects.toMatchObject({
      message: expect.stringContaining("the server has no batches"),
      hint: expect.stringContaining("leave --batch out"),
      isFatal: true,
    });
    expect(server.requests.map(({ method }) => method)).toEqual(["GET"]);
  });
});
