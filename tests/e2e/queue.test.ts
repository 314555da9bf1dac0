/** @file A queue in a real Redis: claims, limits, results and refusals, and what is said of servers that cannot be used. */
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseRunConfig } from "../../src/config/config-layers.js";
import { Budget } from "../../src/core/budget.js";
import { BudgetExceededError, ConfigError, QueueError } from "../../src/core/errors.js";
import type { JobResult } from "../../src/evaluate/evaluation.js";
import { makeBatch, referTo } from "../../src/evaluate/queue/queue-batch.js";
import { QueueConnection } from "../../src/evaluate/queue/queue-connection.js";
import { aliveKey, OPEN_PLANS, runKeys } from "../../src/evaluate/queue/queue-keys.js";
import { RunQueue } from "../../src/evaluate/queue/run-queue.js";
import { seal } from "../../src/evaluate/queue/seal.js";
import { type Payment, SharedCalls } from "../../src/evaluate/queue/shared-calls.js";
import { CallStore, type StoredReply } from "../../src/llm/call-store.js";
import { QueueWorker } from "../../src/run/worker/queue-worker.js";
import { noRedis, startRedis, type TestRedis } from "../support/redis-server.js";

const reply = (text: string): StoredReply => ({
  ...{ texts: [text], usage: { promptTokens: 2, completionTokens: 3 }, finishReasons: ["stop"], model: "m" },
});
const paying = (text: string | undefined): { payment: Payment } => ({
  payment: {
    reply: text === undefined ? undefined : reply(text),
    entry: {
      ...{ role: "executor", model: "m", isCached: false, promptTokens: 2, completionTokens: 3, dollars: 1 },
    },
    request: { messages: [{ role: "user", content: "q" }] },
  },
});
const MOST = { tokens: 10, dollars: 1 };

describe.skipIf(noRedis)(`a queue${noRedis ? ` (skipped: ${noRedis})` : ""}`, () => {
  let redis: TestRedis;
  const open: { close(): void | Promise<void> }[] = [];
  const quiet = { onWarning: () => {} };
  const connect = async (env = {}) => {
    const connection = await QueueConnection.open(redis.url, { ...quiet, env });
    open.push(connection);
    return connection;
  };
  const callsOf = async (run: string, leaseMs = 30_000) => {
    const calls = new SharedCalls(await connect(), run, leaseMs);
    open.push(calls);
    return calls;
  };

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });
  afterAll(async () => await redis.close());

  it("lets one of many askers pay a call, and gives all of them its reply", async () => {
    const workers = await Promise.all([1, 2, 3].map(() => callsOf("once")));
    let paid = 0;
    const replies = await Promise.all(
      workers.flatMap((calls) =>
        [1, 2].map(() =>
          calls.once("key", MOST, undefined, async () => {
            paid++;
            await wait(50);
            return paying(`reply ${paid}`);
          }),
        ),
      ),
    );
    expect(paid).toBe(1);
    expect(new Set(replies.map((one) => one.reply.texts[0]))).toEqual(new Set(["reply 1"]));
    expect(replies.filter(({ isShared }) => !isShared)).toHaveLength(1);
  });

  it("gives the claim of a dead asker to the next, counts the first of two replies, and notes both payments", async () => {
    const [dead, next] = [await callsOf("late", 200), await callsOf("late", 30_000)];
    const connection = await connect();
    // One that stands still does not prolong its claim.
    let revive: (value: { payment: Payment }) => void = () => {};
    const late = dead.once("key", MOST, undefined, () => new Promise((resolve) => (revive = resolve)));
    await wait(20);
    await connection.redis.hset(runKeys("late").claims, "key", "somebody 1 10 1");
    const second = await next.once("key", MOST, undefined, async () => paying("second"));
    revive(paying("late"));
    expect([second.reply.texts, (await late).reply.texts]).toEqual([["second"], ["second"]]);
    const notes = await connection.redis.lrange(runKeys("late").outbox, 0, -1);
    expect(notes.map((text) => JSON.parse(text).reply?.texts ?? null)).toEqual([["second"], null]);
    expect(await connection.redis.hget(runKeys("late").spent, "calls")).toBe("2");
  });

  it("holds the limits of a run over all workers, with what calls in flight may still cost", async () => {
    const [one, other] = [await callsOf("limits"), await callsOf("limits")];
    const { redis: client } = await connect();
    await client.hset(runKeys("limits").limits, "dollars", 2);
    let inFlight = 0;
    let most = 0;
    const pay = async () => {
      most = Math.max(most, ++inFlight);
      await wait(30);
      inFlight--;
      return paying("x");
    };
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((index) => (index % 2 ? one : other).once(`k${index}`, MOST, undefined, pay)),
    );
    expect(most).toBeLessThanOrEqual(2);
    const failed = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(failed).toHaveLength(3);
    for (const error of failed) expect(error).toBeInstanceOf(BudgetExceededError);
    // The weak model runs on the worker itself and costs nothing.
    await one.once("weak", undefined, undefined, async () => paying("free"));
  });

  it("takes payments and results into the run's store once, and leaves nothing of the run behind", async () => {
    const store = CallStore.open(":memory:");
    const budget = new Budget();
    const options = { run: "run", store, budget, ...quiet };
    const queue = await RunQueue.open(redis.url, options);
    const plan = await queue.openPlan('{"plan":1}', new Map(), () => {});
    const sample = { id: "s", question: "q", answers: [], meta: {} };
    const job = { id: "job-1", workflowHash: "w", source: "s", sample, epoch: 0, seed: 1 };
    const { ref, texts } = referTo(job, undefined);
    const found: JobResult[] = [];
    await queue.add(plan, makeBatch(plan.hash, [ref]), texts, {
      onResult: (result) => found.push(result),
      onFailure: () => {},
    });
    const worker = await callsOf("run");
    await worker.once("key", MOST, undefined, async () => paying("a"));
    const result = { jobId: "job-1", sampleId: "s", status: "ok", score: 1 } as unknown as JobResult;
    await worker.putResult(result);
    await worker.putResult({ ...result, score: 0 });
    while (found.length === 0) await wait(10);
    expect(found).toEqual([result]);
    expect(await worker.done(["job-1", "job-2"])).toEqual(new Set(["job-1"]));
    await queue.close();
    expect([store.getReply("key")?.texts, store.paidCount(), budget.used("calls")]).toEqual([["a"], 1, 1]);
    const { redis: client } = await connect();
    expect(await client.keys("w4s:*run*")).toEqual([]);
    // What a worker still had in hand is found when the run is taken up, and no reply is paid again.
    await worker.tell({ kind: "result", id: "job-2", json: JSON.stringify({ ...result, jobId: "job-2" }) });
    const again = await RunQueue.open(redis.url, options);
    expect(store.getResult("job-2")).toContain("job-2");
    expect((await worker.once("key", MOST, undefined, async () => paying("b"))).isShared).toBe(true);
    await again.close();
    store.close();
  });

  it("a worker refuses another version, another secret and models that it does not have, and says why", async () => {
    const { redis: client } = await connect();
    const plans = {
      old: seal('{"protocol":1,"version":"0.0.1"}', undefined),
      sealed: seal("{}", "secret"),
    };
    for (const [plan, text] of Object.entries(plans)) {
      await client.hset(runKeys("refused").plans, plan, text);
      await client.sadd(OPEN_PLANS, `refused ${plan}`);
      await client.set(aliveKey(`refused ${plan}`), "1", "EX", 20);
    }
    const stop = new AbortController();
    const notices: string[] = [];
    const config = parseRunConfig({ task: "input", executor: "simulated" });
    {
      await using worker = await QueueWorker.open(config, {
        ...{ url: redis.url, name: "w", hasPython: false, onNotice: (text) => notices.push(text) },
        ...{ stopSignal: stop.signal, signal: new AbortController().signal },
      });
      const working = worker.work();
      while (notices.length < 2) await wait(20);
      stop.abort();
      await working;
    }
    const answers = await client.hgetall(runKeys("refused").answers);
    expect(JSON.parse(answers["old w"] ?? "{}").refusal).toMatch(/run is of w4s 0\.0\.1, this worker of/);
    expect(JSON.parse(answers["sealed w"] ?? "{}").refusal).toMatch(/W4S_QUEUE_TOKEN/);
  });

  it("says what is wrong with a server that cannot be used", async () => {
    const nowhere = QueueConnection.open("redis://127.0.0.1:1", quiet);
    await expect(nowhere).rejects.toThrow(QueueError);
    await expect(nowhere).rejects.toThrow(/no queue answers at redis:\/\/127\.0\.0\.1:1/);
    const closed = await startRedis(["--requirepass", "right", "--maxmemory-policy", "allkeys-lru"]);
    open.push(closed);
    const tryWith = (password: string | undefined) =>
      QueueConnection.open(closed.url, { ...quiet, env: { W4S_QUEUE_PASSWORD: password } });
    await expect(tryWith(undefined)).rejects.toThrow(/wants a password/);
    await expect(tryWith("wrong-secret")).rejects.toThrow(ConfigError);
    await expect(tryWith("wrong-secret")).rejects.toThrow(/^((?!wrong-secret).)*$/s);
    await expect(tryWith("right")).rejects.toThrow(/maxmemory-policy allkeys-lru/);
  });
});
