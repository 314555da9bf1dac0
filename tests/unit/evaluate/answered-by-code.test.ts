/** @file Which answers a program printed: as text, as the number or the letter it says; never what only a model said. */
import { expect, test } from "vitest";
import { WorkflowAgent, type WorkflowModels } from "../../../src/evaluate/workflow-agent.js";

async function agentThatPrinted(stdout: string, choices?: string[]): Promise<WorkflowAgent> {
  const runner = {
    run: async () => ({ isOk: true, stdout, stderr: "" }),
    check: () => Promise.reject(new Error("no test is run here")),
  };
  const agent = new WorkflowAgent({} as WorkflowModels, {
    maxTokens: 100,
    programs: { runner, task: { choices } },
  });
  await agent.call("runPython", ["print(1)"], new AbortController().signal);
  return agent;
}

test.each([
  ["42\n", 42, true],
  ["42\n", "42", true],
  ["The answer is 42.\n", 42, true],
  ["apple pear\n", "apple pear", true],
  ["['apple', 'pear']\n", "apple pear", true],
  ["['apple', 'pear']\n", "pear apple", false],
  ["42\n", 41, false],
  ["42\n", "", false],
  ["", "", false],
  ["[1, 2]", [1, 2], false],
])("%j printed and %j returned: %s", async (stdout, answer, isPrinted) => {
  expect((await agentThatPrinted(stdout)).isPrinted(answer)).toBe(isPrinted);
});

test("the letter of an option counts as printed where the program names the option", async () => {
  const agent = await agentThatPrinted("(B)\n", ["red", "blue"]);
  expect([agent.isPrinted("B"), agent.isPrinted("A")]).toEqual([true, false]);
});

test("without a program nothing was printed", () => {
  expect(new WorkflowAgent({} as WorkflowModels, { maxTokens: 100 }).isPrinted("42")).toBe(false);
});
