/** @file Instructions of a bench: asked for once, stored with their price, found again; what a failed call comes to. */
import { describe, expect, it } from "vitest";
import { ModelCallError } from "../../../src/core/errors.js";
import type { ActOptions } from "../../../src/design/policy.js";
import type { ChatRequest } from "../../../src/llm/chat-model.js";
import type { MeteredResult } from "../../../src/llm/metered-model.js";
import { readInstructionRecord } from "../../../src/records/instruction-record.js";
import { madeBench, madeTask, replyNamed, ScriptedPolicy } from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const REPLY = "1. Add the number to itself slowly.\n2. Double what you are given.";

function writer(reply: string | Error = REPLY) {
  const requests: ChatRequest[] = [];
  const chat = async (request: ChatRequest): Promise<MeteredResult> => {
    requests.push(request);
    if (typeof reply !== "string") throw reply;
    return {
      ...{ texts: [reply], finishReasons: ["stop"], model: "m", isCached: false, dollars: 0.5 },
      usage: { promptTokens: 100, completionTokens: 20, isEstimated: false },
    };
  };
  return { requests, plan: { count: 4, writer: { id: "writer", chat }, maxTokens: 512 } };
}

describe("instructions of a bench", () => {
  it("are written once, from eight train items and the direct answers to them, and stored with their price", async () => {
    const directory = folder();
    const { requests, plan } = writer();
    const made = madeBench(
      (_, sample) => (sample === "train/0" ? 1 : 0),
      {},
      { instructions: plan, directory },
    );
    const texts = ["Add the number to itself slowly.", "Double what you are given."];
    expect(await made.bench.instructions()).toEqual(texts);
    expect(await made.bench.instructions()).toEqual(texts);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ maxTokens: 512, temperature: 0.7 });
    const prompt = requests[0]?.messages[0]?.content ?? "";
    expect(
      prompt.match(/question "Of train \d\?", right "\d+", answered "[^,]+, which is (?:right|wrong)/g),
    ).toHaveLength(8);
    expect(prompt.match(/which is right/g)).toHaveLength(1);
    expect(prompt).toContain("Task: Sums. Add a number to itself. The answer is a number.");
    expect(prompt).toContain("Write 4 different instructions");
    expect(prompt).not.toContain("What is");
    const price = { calls: 9, tokens: 8 * 15 + 120, dollars: 0.508 };
    const record = readInstructionRecord(directory, "sums");
    expect(record).toEqual({
      version: 1,
      task: "sums",
      taskHash: "task-hash",
      by: "writer",
      texts,
      ...price,
    });
    expect(made.events.filter(({ type }) => type === "instructions-written")).toEqual([
      { type: "instructions-written", task: "sums", by: "writer", count: 2, isResumed: false, ...price },
    ]);

    const later = writer(new Error("asked again"));
    const again = madeBench(() => 0, {}, { instructions: later.plan, directory });
    expect(await again.bench.instructions()).toEqual(texts);
    expect(again.runner.jobs).toEqual([]);
    expect(again.events).toMatchObject([{ type: "instructions-written", isResumed: true }]);
  });

  it("none where nobody writes any, or there is no train split", async () => {
    expect(await madeBench(() => 0).bench.instructions()).toEqual([]);
    const { requests, plan } = writer();
    const task = madeTask({ splits: ["validation", "test"] });
    expect(await madeBench(() => 0, {}, { instructions: plan, task }).bench.instructions()).toEqual([]);
    expect(requests).toEqual([]);
  });

  it("a lost call leaves none, which one line says; a fault of the set-up stops the run", async () => {
    const directory = folder();
    const lost = writer(new ModelCallError("timeout", "no answer in 120 s"));
    const made = madeBench(() => 0, {}, { instructions: lost.plan, directory });
    expect(await made.bench.instructions()).toEqual([]);
    expect(made.events).toContainEqual({
      type: "warning",
      message: "no instructions for sums: no answer in 120 s",
    });
    expect(readInstructionRecord(directory, "sums")).toBeUndefined();
    const fatal = writer(new ModelCallError("auth", "wrong key", { isFatal: true }));
    await expect(madeBench(() => 0, {}, { instructions: fatal.plan }).bench.instructions()).rejects.toThrow(
      "wrong key",
    );
  });

  it("a reply without any that can be used is not asked for again", async () => {
    const directory = folder();
    const { plan } = writer("I cannot help with that:");
    const made = madeBench(() => 0, {}, { instructions: plan, directory });
    expect(await made.bench.instructions()).toEqual([]);
    expect(readInstructionRecord(directory, "sums")?.texts).toEqual([]);
  });

  it("cost nothing where the designer does not ask for them, and reach the one that does", async () => {
    const { requests, plan } = writer();
    const made = madeBench(() => 0, { candidates: 1 }, { instructions: plan });
    const policy = new ScriptedPolicy([replyNamed("a"), replyNamed("b")]);
    const log = made.bench.openLog(`${folder()}/trajectories.jsonl`, policy);
    await made.bench.episode(policy, { log }, 0);
    expect(requests).toEqual([]);
    const act = policy.act.bind(policy);
    const asked: (readonly string[] | undefined)[] = [];
    const asking = Object.assign(policy, {
      act: async (prompt: never, draws: never, options: ActOptions) => {
        asked.push(await options.sentences?.());
        return await act(prompt, draws);
      },
    });
    await made.bench.episode(asking, { log }, 1);
    log.close();
    expect(asked).toEqual([["Add the number to itself slowly.", "Double what you are given."]]);
  });
});
