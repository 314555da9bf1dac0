/** @file Own tools from a workflow's side: what it gets, what it reads when something is wrong, and what is recorded. */
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { WorkflowRunner } from "../../src/evaluate/workflow-runner.js";
import { MockChatModel } from "../../src/llm/mock-chat-model.js";
import type { Tool } from "../../src/workflow/tool.js";

const TEXTS = ["Otter Lake lies in Brenholm.", "The mayor of Brenholm is Ilse Vandermoor."];
const tools: Tool[] = [
  {
    name: "search",
    description: "Finds sentences with a word of the query.",
    input: z.object({ query: z.string().min(3) }),
    run: ({ query }: { query: string }) =>
      TEXTS.filter((text) => query.split(" ").some((word) => text.includes(word))),
    maxCalls: 2,
  } as Tool,
  {
    name: "broken",
    description: "Throws.",
    input: z.any(),
    run: () => {
      throw new Error("out of order");
    },
  },
  {
    name: "slow",
    description: "Never ends.",
    input: z.any(),
    run: () => new Promise(() => {}),
    timeoutMs: 30,
  },
  { name: "big", description: "Too much.", input: z.any(), run: () => "x".repeat(10_000_000) },
  { name: "count", description: "Counts.", input: z.any(), run: () => 1 },
];

function body(statements: string): string {
  return `export default async function workflow(agent, task) {\n${statements}\n}\n`;
}

describe("agent.tool", () => {
  const model = new MockChatModel((request) => request.messages.at(-1)!.content);
  const runner = new WorkflowRunner({ executor: model, tools });
  afterAll(async () => await runner.close());
  const run = (statements: string) => runner.run(body(statements), { question: "Who is mayor of Brenholm?" });

  it("gives what the tool gives, and the record says what was called", async () => {
    const result = await run(
      'const found = await agent.tool("search", { query: "mayor" });\nconst [reply] = await agent.text(found[0]);\nreturn reply;',
    );
    expect(result).toMatchObject({
      status: "ok",
      answer: TEXTS[1],
      calls: { tool: 1, text: 1 },
      tools: [{ tool: "search", input: '{"query":"mayor"}', bytes: TEXTS[1]!.length + 4, isCached: false }],
    });
  });

  it.each<[string, string, RegExp]>([
    ["an unknown tool", 'await agent.tool("serch", {})', /there is no tool "serch"; known: search, broken/],
    [
      "a wrong input",
      'await agent.tool("search", { q: 1 })',
      /the input of tool search is wrong: query: .*it takes \{ query: string \}/,
    ],
    ["no input", 'await agent.tool("search")', /the input of tool search is wrong/],
    ["a path as a name", 'await agent.tool("../search", {})', /must be a short name/],
    ["a tool that throws", 'await agent.tool("broken", 1)', /tool broken failed: out of order/],
    ["a tool that hangs", 'await agent.tool("slow", 1)', /tool slow gave no result within 30 ms/],
    ["10 MB", 'await agent.tool("big", 1)', /the result of tool big is longer than 65536 bytes/],
    [
      "more calls than the tool's own limit",
      'for (let i = 0; i < 3; i++) await agent.tool("search", { query: `mayor ${i}` })',
      /the limit of 2 calls of tool search is reached/,
    ],
  ])("%s is an error the workflow can read and catch", async (_name, statements, message) => {
    const thrown = await run(`${statements};\nreturn 1;`);
    expect(thrown).toMatchObject({ status: "threw", error: expect.stringMatching(message) });
    const caught = await run(`try { ${statements} } catch (error) { return error.message; }`);
    expect(caught).toMatchObject({ status: "ok", answer: expect.stringMatching(message) });
  });

  it("more calls than a run may make end as budget, also where the error is caught", async () => {
    const result = await run(
      'let n = 0;\ntry { for (;;) n += await agent.tool("count", n); } catch { return n; }',
    );
    expect(result).toMatchObject({ status: "budget", error: expect.stringContaining("20 tool calls") });
    expect(result.tools).toHaveLength(20);
  });

  it("is absent where there are no tools", async () => {
    await using plain = new WorkflowRunner({ executor: model });
    expect(await plain.run(body("return typeof agent.tool;"), { question: "q" })).toMatchObject({
      answer: "undefined",
      tools: [],
    });
  });
});
