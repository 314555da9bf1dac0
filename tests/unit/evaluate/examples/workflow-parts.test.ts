/** @file A workflow and what lies beside it: written with the best workflow of a run, read with its file, used without the dataset. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, InputError, StorageError } from "../../../../src/core/errors.js";
import { TaskExamples } from "../../../../src/evaluate/examples/task-examples.js";
import { WorkflowRunner } from "../../../../src/evaluate/workflow-runner.js";
import { MockChatModel } from "../../../../src/llm/mock-chat-model.js";
import { readParts, writeParts, writeWorked } from "../../../../src/records/workflow-parts.js";
import { readWorkflowFile } from "../../../../src/run/evaluate.js";
import type { Sample } from "../../../../src/tasks/task.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const samples = (split: string, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${split}/${i}`,
    question: `What is ${i} in ${split}?`,
    answers: [String(i)],
    meta: {},
  }));

function examplesOf(workedPath: string, train = 600) {
  const items = { train: samples("train", train), validation: samples("validation", 3), test: [] };
  return new TaskExamples({
    task: {
      name: "t",
      kind: "math",
      metric: "exact-number",
      instruction: "Be exact.",
      splits: ["train", "validation"],
      load: async (split) => items[split],
    },
    seed: 0,
    workedPath,
    solve: async () => {
      throw new Error("nothing is to be asked");
    },
  });
}
const at = { id: "x", question: "What is 3 in validation?" };
const asking = (options: string) =>
  `export default async (agent) => (await agent.examples(${options})).map(({ question }) => question);`;

describe("the parts of a workflow", () => {
  it("hold what its calls need: few drawn ones, many to look for near ones, and the worked ones that were made", async () => {
    const path = join(folder(), "w.json");
    const examples = examplesOf(path);
    const common = { format: "w4s-workflow", version: 1, instruction: "Be exact." };
    expect(await examples.partsOf("export default async () => 1;")).toEqual(common);
    const drawn = (await examples.partsOf(asking("5")))!;
    expect(drawn).toMatchObject(common);
    expect(drawn.examples).toHaveLength(32);
    expect(drawn.worked).toBeUndefined();
    expect((await examples.partsOf(asking("5, { near: true }")))!.examples).toHaveLength(500);
    const [, second] = (await examples.give(at, 2)).map(({ question }) => question);
    const id = `train/${/\d+/.exec(second!)![0]}`;
    await writeWorked(path, {
      version: 1,
      task: "t",
      asked: 1,
      lost: 0,
      solutions: [{ id, solution: "So." }],
    });
    expect((await examples.partsOf(asking("5, { worked: true }")))!.worked).toEqual([
      expect.objectContaining({ question: second, solution: "So." }),
    ]);
  });

  it("give elsewhere what the run gave", async () => {
    const examples = examplesOf(join(folder(), "w.json"));
    await using runner = new WorkflowRunner({ executor: new MockChatModel(() => "") });
    for (const [options, given] of [
      ["7", {}],
      ["7, { near: true }", { near: true }],
    ] as const) {
      const path = join(folder(), "best-workflow.js");
      writeFileSync(path, asking(options));
      await writeParts(path, await examples.partsOf(asking(options)));
      const { source, carried } = readWorkflowFile(path);
      const run = await runner.run(source, at, { parts: carried });
      expect(run).toMatchObject({ status: "ok" });
      expect(run.answer).toEqual((await examples.give(at, 7, given)).map(({ question }) => question));
    }
  });

  it("tell their instruction where neither the input nor the runner has one", async () => {
    const executor = new MockChatModel((request) => request.messages[0]!.content);
    await using runner = new WorkflowRunner({ executor });
    const parts = { format: "w4s-workflow", version: 1, instruction: "From the parts." } as const;
    const source = "export default async (agent) => (await agent.text('q'))[0];";
    expect(await runner.run(source, { question: "q" }, { parts })).toMatchObject({
      answer: "From the parts.",
    });
    expect(await runner.run(source, { question: "q", instruction: "Own." }, { parts })).toMatchObject({
      answer: "Own.",
    });
  });

  it("are missed with a hint where the workflow asks for examples", async () => {
    await using runner = new WorkflowRunner({ executor: new MockChatModel(() => "") });
    const error = await runner.run(asking("3"), { question: "q" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain("best-workflow.json");
  });

  it("are read only where they are ours, refused where they are damaged, and removed with the workflow they belong to", async () => {
    const path = join(folder(), "flow.js");
    const json = path.replace(/js$/, "json");
    expect(readParts(path)).toBeUndefined();
    writeFileSync(json, '{"name": "somebody else\'s"}');
    expect(readParts(path)).toBeUndefined();
    writeFileSync(json, '{"format": "w4s-workflow", "version": 1, "examples": [{"question": "q"}]}');
    expect(() => readParts(path)).toThrow(InputError);
    expect(() => readParts(path)).toThrow(/examples\.0\.answer|answer/);
    writeFileSync(json, '{"format": "w4s-wor');
    expect(() => readParts(path)).toThrow(StorageError);
    await writeParts(path, { format: "w4s-workflow", version: 1, instruction: "Short." });
    expect(readParts(path)).toEqual({ format: "w4s-workflow", version: 1, instruction: "Short." });
    await writeParts(path, undefined);
    expect(existsSync(json)).toBe(false);
  });
});
