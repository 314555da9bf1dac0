/** @file The examples for LangChain.js and Vercel's AI SDK, against a server of workflows in this process and a fake executor behind it. */
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { describe, expect, it } from "vitest";
import { WorkflowRunner } from "w4s";
import { MockChatModel } from "w4s/testing";
import { z } from "zod";
import { ask, askStreaming } from "../../examples/ai-sdk/served-model.js";
import { ownTool } from "../../examples/langchain/langchain-tool.js";
import { servedChatModel } from "../../examples/langchain/served-chat-model.js";
import { workflowRunnable } from "../../examples/langchain/workflow-runnable.js";
import { ECHO, useServer } from "../support/served.js";

const serve = useServer();

async function joined(stream: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const part of stream) text += part;
  return text;
}

describe("examples/langchain", () => {
  it("a served workflow is a chat model, whole and as a stream", async () => {
    const { base } = await serve();
    const model = servedChatModel(`${base}v1`, "echo");
    const reply = await model.invoke([
      ["system", "Be short."],
      ["user", "hello"],
    ]);
    expect(reply.content).toBe("reply to: hello");
    expect(reply.usage_metadata).toMatchObject({ total_tokens: expect.any(Number) });
    const chunks = await model.stream("again");
    const texts = (async function* () {
      for await (const { content } of chunks) yield String(content);
    })();
    expect(await joined(texts)).toBe("reply to: again");
    await expect(servedChatModel(`${base}v1`, "other").invoke("hello")).rejects.toThrow("other");
  });

  it("a found workflow is a Runnable, in chains and over lists", async () => {
    await using runner = new WorkflowRunner({ executor: new MockChatModel(() => ["4 + 3 = 7. #### 7"]) });
    const source = "export default async (agent, task) => number((await agent.text(task.question))[0]);";
    const doubled = RunnableLambda.from((answer: unknown) => 2 * Number(answer));
    const chain = workflowRunnable(runner, source).pipe(doubled);
    expect(await chain.invoke({ question: "How much is 4 + 3?" })).toBe(14);
    expect(await chain.batch([{ question: "one" }, { question: "two" }])).toEqual([14, 14]);
    await expect(
      workflowRunnable(runner, "export default () => null;").invoke({ question: "" }),
    ).rejects.toThrow("the workflow ended as bad-result");
  });

  it("a tool is an own tool, with its schema", async () => {
    const prices = tool(async ({ item }: { item: string }) => ({ price: item === "pen" ? 3 : 0 }), {
      name: "price",
      description: "Price of an item.",
      schema: z.object({ item: z.string() }),
    });
    const executor = new MockChatModel(() => ["unused"]);
    await using runner = new WorkflowRunner({ executor, tools: [ownTool(prices)] });
    const source = 'export default async (agent) => (await agent.tool("price", { item: "pen" })).price;';
    expect(await runner.run(source, { question: "?" })).toMatchObject({ status: "ok", answer: 3 });
    const wrong = source.replace('"pen"', "5");
    expect((await runner.run(wrong, { question: "?" })).status).toBe("threw");
  });
});

describe("examples/ai-sdk", () => {
  it("a served workflow is a model, whole and as a stream", async () => {
    const { base } = await serve({ workflows: { echo: ECHO } });
    expect(await ask(`${base}v1`, "echo", "hello")).toEqual({
      text: "reply to: hello",
      tokens: expect.any(Number),
    });
    expect(await joined(askStreaming(`${base}v1`, "echo", "again"))).toBe("reply to: again");
  });
});
