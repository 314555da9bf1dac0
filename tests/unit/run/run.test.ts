/** @file An opened run: money and endpoints of runs that share a cache, what is left behind, closing. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { CloseStack } from "../../../src/core/close-stack.js";
import { BudgetExceededError, ConfigError, ModelCallError } from "../../../src/core/errors.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { evaluate } from "../../../src/run/evaluate.js";
import { isInterruption } from "../../../src/run/is-interruption.js";
import { type FakeOpenAI, startFakeOpenAI } from "../../support/fake-openai-server.js";
import { TableRunner } from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const servers: FakeOpenAI[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(name: string): Promise<FakeOpenAI> {
  const server = await startFakeOpenAI({ reply: () => "The answer is 7.", models: [name] });
  servers.push(server);
  return server;
}

const direct = (items: number) => ({ workflows: [], split: "validation" as const, limit: items });

describe("runs that share a cache", () => {
  const settings = (server: FakeOpenAI, model: string, cache: string, run: string, more = {}) =>
    parseRunConfig({
      task: "word-problems",
      executor: `openai:${server.baseUrl}`,
      executorModel: model,
      baselines: "direct",
      weak: "none",
      ...{ cache, run, ...more },
    });

  it("count their own money only: what another run spent is neither charged nor reported", async () => {
    const [cache, home] = [folder(), folder()];
    const server = await serve("m");
    const first = await evaluate(
      settings(server, "m", cache, join(home, "a"), { budget: { calls: 4 } }),
      direct(4),
    );
    expect(first.isComplete).toBe(true);
    expect(Object.values(first.spent)[0]?.calls).toBe(4);
    // Other items, so that nothing is found in the cache: the budget of four calls is this run's own.
    const more = { budget: { calls: 4 }, seed: 9 };
    const second = await evaluate(settings(server, "m", cache, join(home, "b"), more), direct(3));
    expect(second.isComplete).toBe(true);
    expect(Object.values(second.spent)[0]?.calls).toBe(3);
    // A run that is taken up goes on with what it has spent.
    const again = await evaluate(
      settings(server, "m", cache, join(home, "a"), { budget: { calls: 4 } }),
      direct(6),
    );
    expect(again.stoppedBy).toBeInstanceOf(BudgetExceededError);
    using store = CallStore.open(join(cache, "calls.db"));
    expect(store.ledgerTotals()[0]?.calls).toBe(7);
  });

  it("ask an endpoint that is new for a sign of life, though others have stored replies there", async () => {
    const [cache, home] = [folder(), folder()];
    const known = await serve("m");
    await evaluate(settings(known, "m", cache, join(home, "a")), direct(2));
    const other = await serve("other");
    await evaluate(settings(other, "other", cache, join(home, "b")), direct(2));
    expect(other.requests[0]?.path).toMatch(/\/models$/);
    // Once it has answered, what is stored can be read without it.
    const asked = other.requests.length;
    await evaluate(settings(other, "other", cache, join(home, "c")), direct(2));
    expect(other.requests).toHaveLength(asked);
  });
});

describe("what an evaluation leaves", () => {
  const config = (run: string, more = {}) =>
    parseRunConfig({ task: "sequences", executor: "simulated", baselines: "direct", run, ...more });
  const summaryOf = (run: string) => JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));

  it("the hash of what it found, its warnings, and the rows of its own executor", async () => {
    const run = join(folder(), "run");
    const hooks = { runner: () => new TableRunner(() => 1) };
    const options = { ...direct(3), otherExecutors: ["simulated:1"] };
    const result = await evaluate(config(run), options, hooks);
    expect(result.rows.map(({ executor }) => executor)).toHaveLength(2);
    const [own, other] = result.directories.map(summaryOf);
    expect(own.resultHash).toMatch(/^[0-9a-f]{64}$/);
    expect(own.warnings).toEqual([expect.stringContaining("simulated")]);
    expect(own.rows).toHaveLength(1);
    expect(other.rows).toHaveLength(1);
    expect(other.rows[0].executor).not.toBe(own.rows[0].executor);
  });

  it("its rows so far, where it was stopped", async () => {
    const run = join(folder(), "run");
    const stop = new DOMException("stopped", "AbortError");
    const runner = new TableRunner(() => 1);
    const result = await evaluate(config(run, { baselines: "direct,self-consistency" }), direct(3), {
      runner: () => ({
        run: async (jobs, options) => {
          if (runner.jobs.length > 0) throw stop;
          return await runner.run(jobs, options);
        },
      }),
    });
    expect(result).toMatchObject({ isComplete: false, stoppedBy: stop });
    expect(summaryOf(run)).toMatchObject({ isComplete: false, stoppedBy: "stopped" });
    expect(summaryOf(run).rows).toHaveLength(1);
  });

  it("nothing locked: the same directory opens again", async () => {
    const run = join(folder(), "run");
    const hooks = { runner: () => new TableRunner(() => 1) };
    await evaluate(config(run), direct(2), hooks);
    expect(existsSync(join(run, "lock"))).toBe(false);
    expect((await evaluate(config(run), direct(2), hooks)).isComplete).toBe(true);
  });
});

describe("CloseStack", () => {
  it("closes all in reverse order, also when one fails, and says which", async () => {
    const closed: string[] = [];
    const stack = new CloseStack();
    stack.add(() => void closed.push("first"));
    stack.add(() => {
      throw new Error("second");
    });
    stack.add(async () => void closed.push("third"));
    await expect(stack.close()).rejects.toThrow("second");
    expect(closed).toEqual(["third", "first"]);
    await stack.close();
    expect(closed).toHaveLength(2);
  });
});

it("a model file that was replaced is no interruption: taking the run up again would not help", () => {
  expect(isInterruption(new ConfigError("replaced", { code: "model-replaced" }))).toBe(false);
  expect(isInterruption(new ModelCallError("timeout", "slow"))).toBe(true);
  expect(isInterruption(new BudgetExceededError("calls", 1, 1))).toBe(true);
  expect(isInterruption(new DOMException("", "AbortError"))).toBe(true);
  expect(isInterruption(new Error("bug"))).toBe(false);
});
