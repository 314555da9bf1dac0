/** @file What of JavaScript becomes Python, and what is refused; tests/e2e/export-workflow.test.ts runs the results. */
import { describe, expect, it } from "vitest";
import { RandomPolicy } from "../../../src/design/random-policy.js";
import { knownBaselines } from "../../../src/evaluate/baselines/named-baselines.js";
import { translateWorkflow } from "../../../src/export/python/translate-workflow.js";

const workflow = (body: string, before = "") =>
  `${before}export default async function workflow(agent, task) {\n${body}\n}\n`;

describe("translateWorkflow", () => {
  it("takes every baseline and whatever the grammar writes", async () => {
    for (const { source } of knownBaselines())
      expect(translateWorkflow(source)).toContain("async def _load(");
    for (const answer of ["number", "choice", "text", "code"] as const) {
      const offers = new Set(["weak", ...(answer === "code" ? ["test"] : ["runPython", "examples"])]);
      const draws = Array.from({ length: 12 }, (_, seed) => ({ seed, forced: [], temperature: 1 }));
      const space = { answer, offers, models: ["big"], description: "Sums." };
      const { actions } = await new RandomPolicy().act([], draws, space as never);
      for (const { text } of actions)
        expect(translateWorkflow(/```js\n([\s\S]*?)\n```$/.exec(text)![1]!)).toContain("return workflow");
    }
  });

  it("gives blocks names of their own, and functions the variables they change", () => {
    const python = translateWorkflow(
      workflow(`  let found = "";
  const keep = (text) => { found = text; };
  for (let i = 0; i < 2; i++) {
    const [reply] = await agent.text(task.question, { n: 1 });
    if (reply.isCut) continue;
    { const found = 1; agent.log(found); }
    keep(reply);
  }
  return found;`),
    );
    expect(python.slice(python.indexOf("    async def"))).toBe(`    async def workflow(agent=None, task=None):
        found = ""
        def step(text=None):
            nonlocal found
            found = text
        keep = step
        i = 0
        while _less(i, 2):
            reply = _at(await agent.text(task.get("question"), {"n": 1}), 0)
            if _truthy(isCut(reply)):
                i = _number_of(i) + 1
                continue
            found_2 = 1
            agent.log(found_2)
            keep(reply)
            i = _number_of(i) + 1
        return found
    return workflow`);
  });

  it.each([
    ["a class", workflow("  class A {}\n  return 1;"), "line 2: a class declaration"],
    ["switch", workflow("  switch (1) { default: }\n  return 1;"), "line 2: a switch statement"],
    ["var", workflow("  var a = 1;\n  return a;"), "line 2: var"],
    ["a Map", workflow("  return new Map();"), "line 2: new Map"],
    ["a Set that is kept", workflow("  const seen = new Set();\n  return seen;"), "line 2: new Set"],
    ["for … in", workflow("  for (const key in task) return key;"), "line 2: a for in statement"],
    ["a generator", `function* all() {}\n${workflow("  return 1;")}`, "line 1: a generator"],
    ["a label", workflow("  a: for (;;) break a;"), "line 2: a labeled statement"],
    ["bits", workflow("  return 5 | 2;"), "line 2: the operator |"],
    ["a pattern midway", workflow("  let a;\n  return ([a] = [1]);"), "line 3: a pattern inside"],
    ["then", workflow("  return agent.text(task.question).then((all) => all[0]);"), "line 2: .then()"],
    ["null", workflow('  return task.context === null ? "" : "x";'), "line 2: === null"],
    ["a foreign global", workflow("  return structuredClone(task).question;"), "line 2: structuredClone()"],
    ["a foreign method", workflow('  return task.question.localeCompare("");'), "line 2: .localeCompare()"],
    [
      "a function of a loop",
      workflow("  const all = [];\n  for (let i = 0; i < 3; i++) all.push(() => i);"),
      "line 3: a function",
    ],
    [
      "a long lookbehind",
      workflow('  return task.question.replace(/(?<=a+)b/, "");'),
      "line 2: a lookbehind",
    ],
    ["chance", workflow("  return Math.random();"), "line 2: Math.random"],
    ["the clock", workflow("  return Date.now();"), "line 2: Date"],
    ["an import", `import fs from "node:fs";\n${workflow("  return 1;")}`, "line 1: an import"],
    ["a hole", workflow("  return [1, , 2];"), "line 2: a hole in a list"],
    ["what is no JavaScript", "export default function (", "cannot be parsed (line 1)"],
  ])("refuses %s with its line", (_name, source, message) => {
    expect(() => translateWorkflow(source)).toThrow(message);
    expect(() => translateWorkflow(source)).toThrow(expect.objectContaining({ hint: expect.any(String) }));
  });
});
