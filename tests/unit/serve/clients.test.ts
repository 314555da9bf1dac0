/** @file Programs that speak to OpenAI speak to a served workflow: the official client, a front end, plain requests. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { addKey } from "../../../src/serve/key-ring.js";
import { findPython } from "../../support/exported-workflows.js";
import { useServer } from "../../support/served.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const start = useServer();
const newFolder = useTemporaryFolder();
const python = findPython();

const TWO_CALLS = `export default async (agent, task) => {
  const [draft] = await agent.text(task.question);
  const [last] = await agent.text([{ role: "system", content: task.context ?? "none" }, { role: "user", content: draft }]);
  return { answer: last };
}`;
const NUMBER = "export default async (agent, task) => ({ answer: task.question.length })";

describe("the official client", () => {
  it("gets answers, usage and headers", async () => {
    const { server, fake } = await start({
      workflows: { both: TWO_CALLS },
      price: { inputPerMillion: 1_000_000, outputPerMillion: 0 },
    });
    const client = new OpenAI({ baseURL: server.url, apiKey: "none" });
    const { data, response } = await client.chat.completions
      .create({
        model: "both",
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "old" },
          { role: "assistant", content: "old answer" },
          { role: "user", content: "why?" },
        ],
      })
      .withResponse();
    expect(data.choices).toEqual([
      expect.objectContaining({
        index: 0,
        finish_reason: "stop",
        message: { role: "assistant", content: "reply to: reply to: why?", refusal: null },
      }),
    ]);
    expect(data.object).toBe("chat.completion");
    expect(data.usage).toMatchObject({ prompt_tokens: 20, calls: 2, cached_calls: 0, dollars: 20 });
    expect(data.usage!.total_tokens).toBe(20 + data.usage!.completion_tokens);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-w4s-calls": "2",
      "x-w4s-tokens": String(data.usage!.total_tokens),
      "x-w4s-dollars": "20",
    });
    expect(fake.chats[1]?.body.messages[0]).toEqual({ role: "system", content: "Be brief." });
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual(["both"]);
    expect((await client.models.retrieve("both")).owned_by).toBe("w4s");
  });

  it("reads streams of chats and of responses", async () => {
    const { server } = await start();
    const client = new OpenAI({ baseURL: server.url, apiKey: "none" });
    const stream = await client.chat.completions.create({
      model: "echo",
      messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    const usages: unknown[] = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.usage) usages.push(chunk.usage);
    }
    expect(text).toBe("reply to: hello");
    expect(usages).toEqual([expect.objectContaining({ prompt_tokens: 10, calls: 1 })]);

    const whole = await client.responses.create({ model: "echo", input: "hi", instructions: "Be kind." });
    expect(whole.output_text).toBe("reply to: hi");
    expect(whole.usage).toMatchObject({ input_tokens: 10, calls: 1 });
    const events: string[] = [];
    for await (const event of client.responses.stream({
      model: "echo",
      input: [{ role: "user", content: [{ type: "input_text", text: "hi" }] }],
    }))
      events.push(event.type);
    expect(events[0]).toBe("response.created");
    expect(events.at(-1)).toBe("response.completed");
    expect(events).toContain("response.output_text.delta");
  });

  it("gets errors of its own kinds, and does not ask again what fails alike", async () => {
    const { server, fake } = await start({
      workflows: {
        echo: "export default async (agent) => { await agent.text('x'); throw new Error('no way') }",
      },
    });
    const client = new OpenAI({ baseURL: server.url, apiKey: "none" });
    const messages = [{ role: "user" as const, content: "q" }];
    const failed = client.chat.completions.create({ model: "echo", messages });
    await expect(failed).rejects.toMatchObject({
      status: 500,
      code: "workflow_threw",
      message: expect.stringContaining("no way"),
    });
    expect(fake.chats.length).toBe(1);
    await expect(client.chat.completions.create({ model: "other", messages })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(client.chat.completions.create({ model: "echo", messages, n: 2 })).rejects.toMatchObject({
      status: 400,
      param: "n",
      code: "unsupported_parameter",
    });
    const stream = await client.chat.completions
      .create({ model: "echo", messages, stream: true })
      .catch((error: unknown) => error);
    expect(stream).toMatchObject({ status: 500, code: "workflow_threw" });
  });
});

/** What a program in Python does; what it finds is printed as one object. */
const PYTHON_CLIENT = `import json, os, openai
client = openai.OpenAI(base_url=os.environ["URL"], api_key=os.environ["KEY"], max_retries=0)
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "why?"}]
whole = client.chat.completions.create(model="echo", messages=messages)
chunks = list(client.chat.completions.create(model="echo", messages=messages, stream=True, stream_options={"include_usage": True}))
events = list(client.responses.create(model="echo", input="hi", stream=True))
def error_of(ask):
    try:
        return ask().id
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param]
stranger = client.with_options(api_key="w4s-wrong")
print(json.dumps({
    "text": whole.choices[0].message.content,
    "tokens": whole.usage.prompt_tokens,
    "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
    "usage": [chunk.usage.prompt_tokens for chunk in chunks if chunk.usage],
    "response": client.responses.create(model="echo", input="hi").output_text,
    "events": [events[0].type, events[-1].type, events[-1].response.output_text],
    "models": [model.id for model in client.models.list()],
    "errors": [
        error_of(lambda: client.chat.completions.create(model="none", messages=messages)),
        error_of(lambda: client.chat.completions.create(model="echo", messages=messages, n=2)),
        error_of(lambda: stranger.chat.completions.create(model="echo", messages=messages)),
    ],
}))`;

const missing = python?.hasPackage ? "" : ": the openai package of Python is not installed (W4S_TEST_PYTHON)";
describe.skipIf(missing !== "")(`the official client for Python${missing}`, () => {
  it("gets answers, streams, models and errors of its own kinds", async () => {
    const keys = join(newFolder(), "keys.json");
    const key = await addKey(keys, "ada");
    const { server, fake } = await start({ serve: { keys } });
    const { stdout } = await promisify(execFile)(python!.command, ["-c", PYTHON_CLIENT], {
      env: { PATH: process.env.PATH, NO_PROXY: "127.0.0.1", URL: server.url, KEY: key },
    });
    expect(JSON.parse(stdout)).toEqual({
      ...{ text: "reply to: why?", tokens: 10, streamed: "reply to: why?", usage: [10] },
      response: "reply to: hi",
      events: ["response.created", "response.completed", "reply to: hi"],
      models: ["echo"],
      errors: [
        ["NotFoundError", "model_not_found", "model"],
        ["BadRequestError", "unsupported_parameter", "n"],
        ["AuthenticationError", "invalid_api_key", null],
      ],
    });
    expect(fake.chats).toHaveLength(4);
  });
});

describe("other clients", () => {
  it("answers what a front end sends: streams, their options, members of its own", async () => {
    const { post, chat } = await start();
    const response = await post("v1/chat/completions", {
      stream: true,
      model: "echo",
      messages: [
        { role: "system", content: "You help." },
        { role: "user", content: "hi" },
      ],
      params: {},
      features: { web_search: false, image_generation: false },
      variables: { "{{USER_NAME}}": "Ada" },
      session_id: "s-1",
      chat_id: "c-1",
      id: "m-1",
      background_tasks: { title_generation: true },
      stream_options: { include_usage: true },
      temperature: 0.7,
      top_p: null,
      tools: [],
      user: { name: "Ada" },
    });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = (await response.text()).trim().split("\n\n");
    expect(events.at(-1)).toBe("data: [DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, "")));
    expect(chunks.every(({ object }) => object === "chat.completion.chunk")).toBe(true);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks[0].choices[0].delta).toEqual({ role: "assistant", content: "" });
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("reply to: hi");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { calls: 1 } });
    const short: unknown = await (await chat("hi", { stop: [" hi"] })).json();
    expect(short).toMatchObject({ choices: [{ message: { content: "reply to:" } }] });
  });

  it("shows a workflow what the templates of the configuration take from the messages", async () => {
    const { post, fake } = await start({
      workflows: { both: TWO_CALLS },
      serve: { question: "{{history}}\n\nUser: {{user}}", context: "Told: {{system}}" },
    });
    const roles = ["system", "user", "assistant", "developer", "user"];
    const messages = roles.map((role, index) => ({ role, content: `${index} {{user}} $&` }));
    expect((await post("v1/chat/completions", { model: "both", messages })).status).toBe(200);
    const question = "User: 1 {{user}} $&\n\nAssistant: 2 {{user}} $&\n\nUser: 4 {{user}} $&";
    expect(fake.chats[0]?.body.messages).toEqual([{ role: "user", content: question }]);
    const context = "Told: 0 {{user}} $&\n\n3 {{user}} $&";
    expect(fake.chats[1]?.body.messages[0]).toEqual({ role: "system", content: context });
  });

  it("answers curl", async () => {
    const { base } = await start({ workflows: { length: NUMBER } });
    const body = '{"messages": [{"role": "user", "content": "four"}]}';
    const { stdout } = await promisify(execFile)("curl", [
      ...["-sS", `${base}v1/chat/completions`, "-H", "content-type: application/json", "-d", body],
    ]);
    expect(JSON.parse(stdout).choices[0].message.content).toBe("4");
  });
});
