import { describe, expect, it } from "vitest";
import { moduleBody, WORKFLOW_NAME } from "../../../src/export/module-body.js";

/** Runs what a body defines as an exported file does. */
async function run(source: string, isCut = (_text: unknown) => false): Promise<unknown> {
  const make = new Function(
    "isCut",
    `"use strict"; return (async () => { {\n${moduleBody(source)}\nreturn ${WORKFLOW_NAME}; } })();`,
  );
  return await (await make(isCut))({}, { question: "q" });
}

describe("moduleBody", () => {
  it.each([
    [
      "a named default export",
      "export default async function workflow(agent, task) { return task.question; }",
    ],
    ["one without a name", "export default async (agent, task) => task.question"],
    ["a function without a name", "export default function (agent, task) { return task.question }"],
    [
      "one that is named elsewhere",
      "const solve = (agent, task) => task.question;\nexport { solve as default };",
    ],
    ["a name", "const solve = (agent, task) => task.question;\nexport default solve;"],
    ["no export", "function workflow(agent, task) { return task.question; }"],
    [
      "what is defined below",
      "export default (agent, task) => twice(task);\nfunction twice(task) { return task.question; }",
    ],
    [
      "further exports",
      "export const name = 1;\nexport default (agent, task) => task.question;\nexport function other() {}",
    ],
    [
      "a name of a helper",
      "const number = (task) => task.question;\nexport default (agent, task) => number(task);",
    ],
  ])("takes %s", async (_name, source) => {
    expect(await run(source)).toBe("q");
  });

  it("asks isCut() instead of a text", async () => {
    const source =
      "export default (agent, task) => [task.question.isCut, task.question.trim().isCut, task?.question.isCut];";
    expect(await run(source, (text) => text === "q")).toEqual([true, true, true]);
    expect(() => moduleBody("export default (agent, { isCut }) => isCut;")).toThrow(
      "line 1: isCut taken out",
    );
  });

  it("refuses what only the sandbox gives, with its line", () => {
    expect(() => moduleBody("export default () =>\n  Math.random();")).toThrow("line 2: Math.random");
    expect(() => moduleBody("export default () =>\n  new Date();")).toThrow("line 2: Date");
    expect(() => moduleBody('export * from "x";')).toThrow("line 1: an import");
  });
});
