/** @file Spans of OpenTelemetry, read back from an exporter in memory: whose child each is, what it says, and what it does not. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { parseRunConfig } from "../../src/config/config-layers.js";
import { ModelCallError } from "../../src/core/errors.js";
import { flushSpans } from "../../src/core/telemetry/flush-spans.js";
import { WorkflowRunner } from "../../src/evaluate/workflow-runner.js";
import { MockChatModel } from "../../src/llm/mock-chat-model.js";
import { optimize } from "../../src/run/optimize.js";
import { ScriptedPolicy } from "../support/scripted-search.js";
import { useServer } from "../support/served.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const start = useServer();
const exporter = new InMemorySpanExporter();
const CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
afterEach(() => {
  exporter.reset();
  delete process.env[CAPTURE];
});

const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
const parentOf = ({ parentSpanContext }: ReadableSpan) =>
  exporter.getFinishedSpans().find((span) => span.spanContext().spanId === parentSpanContext?.spanId);
const attribute = (span: ReadableSpan | undefined, name: string) => span?.attributes[name];

const source = (letter: string) =>
  `export default async function workflow(agent, task) {\n  const size = await agent.tool("size", task.question);\n  const [reply] = await agent.text(\`${letter} \${size} \${task.question}\`);\n  return number(reply);\n}\n`;

describe("a search", () => {
  it("is a tree of run, episode, candidate, sample and call, each below what it belongs to", async () => {
    let next = 0;
    const policy = new ScriptedPolicy(() => `One.\n\`\`\`js\n${source("abcdefgh"[next++ % 8]!)}\`\`\``);
    const size = {
      name: "size",
      description: "Counts.",
      input: z.string(),
      run: (text: string) => text.length,
    };
    const settings = { task: "word-problems", executor: "simulated", weak: "none", baselines: "direct" };
    const search = {
      episodes: 2,
      turns: 1,
      candidates: 3,
      maxRepairs: 0,
      explore: 0,
      screen: 2,
      validationLimit: 6,
      confirm: 0,
      testLimit: 2,
    };
    const result = await optimize(parseRunConfig({ ...settings, ...search, runsRoot: folder() }), {
      policy,
      tools: [size as never],
    });
    expect(result.isComplete).toBe(true);

    const [run, ...others] = named("run");
    expect(others).toEqual([]);
    expect(run?.attributes).toMatchObject({
      "w4s.command": "optimize",
      "w4s.task": "word-problems",
      "w4s.executor": "simulated",
    });
    expect(run?.parentSpanContext).toBeUndefined();
    const episodes = named("episode");
    expect(episodes.map((span) => attribute(span, "w4s.episode")).sort()).toEqual([0, 1]);
    expect(episodes.every((span) => parentOf(span) === run)).toBe(true);

    const candidates = named("candidate");
    expect(candidates.length).toBe(6);
    expect(new Set(candidates.map((span) => attribute(parentOf(span), "w4s.episode")))).toEqual(
      new Set([0, 1]),
    );
    for (const { attributes } of candidates)
      expect(attributes).toMatchObject({
        "w4s.turn": 0,
        "w4s.outcome": expect.any(String),
        "w4s.reward": expect.any(Number),
      });

    const samples = named("sample");
    const below = samples.filter((span) => parentOf(span)?.name === "candidate");
    expect(below.length).toBeGreaterThanOrEqual(12);
    for (const span of below)
      expect(attribute(parentOf(span), "w4s.workflow.hash")).toBe(attribute(span, "w4s.workflow.hash"));
    // Baselines and the final test belong to the run, not to an episode.
    expect(samples.filter((span) => parentOf(span) === run).length).toBeGreaterThanOrEqual(8);
    expect(
      samples.every((span) => ["candidate", "episode", "run"].includes(parentOf(span)?.name ?? "")),
    ).toBe(true);
    expect(samples.every((span) => attribute(span, "w4s.status") === "ok")).toBe(true);

    const writing = named("chat scripted");
    expect(writing.map((span) => parentOf(span)?.name)).toEqual(["episode", "episode"]);
    expect(writing[0]?.attributes).toMatchObject({
      "w4s.role": "designer",
      "gen_ai.request.choice.count": 3,
    });
    const tools = named("execute_tool size");
    expect(tools.length).toBeGreaterThan(0);
    expect(tools[0]?.attributes).toMatchObject({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "size",
    });
    const calls = exporter.getFinishedSpans().filter(({ name }) => name.startsWith("chat simulated"));
    for (const span of [...calls, ...tools]) expect(parentOf(span)?.name).toBe("sample");
    // Each paid call is one span, and below the sample whose workflow made it.
    expect(calls.length).toBe(result.spent.calls);
    for (const span of calls) {
      expect(span.kind).toBe(SpanKind.CLIENT);
      expect(span.attributes).toMatchObject({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "simulated",
        "gen_ai.usage.input_tokens": expect.any(Number),
        "gen_ai.usage.output_tokens": expect.any(Number),
        "gen_ai.response.finish_reasons": ["stop"],
        "w4s.role": "executor",
      });
    }
  });
});

describe("calls", () => {
  const ASKS =
    "export default async (agent, task) => (await agent.text(task.question, { maxTokens: 9 }))[0];";
  const SECRET = "the secret question";

  it("say nothing of what is asked and answered, unless the environment asks for it", async () => {
    await using runner = new WorkflowRunner({
      executor: new MockChatModel(() => "the secret answer", {
        id: "openai:https://example.org/v1#big-model",
      }),
    });
    await runner.run(ASKS, { question: SECRET });
    const [call] = named("chat big-model");
    expect(call?.attributes).toMatchObject({
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "big-model",
      "gen_ai.request.max_tokens": 9,
      "server.address": "example.org",
      "server.port": 443,
    });
    expect(parentOf(call!)?.name).toBe("workflow");
    const shown = () =>
      JSON.stringify(
        exporter
          .getFinishedSpans()
          .map(({ name, attributes, status, events }) => [name, attributes, status, events]),
      );
    expect(shown()).not.toContain("secret");
    // Stored replies are not asked for again, and are no calls.
    await runner.run(ASKS, { question: SECRET });
    expect([named("chat big-model").length, named("workflow").length]).toEqual([1, 2]);

    process.env[CAPTURE] = "true";
    await runner.run(ASKS, { question: `${SECRET}?` });
    expect(shown()).toContain(`the secret question?`);
    expect(JSON.parse(String(attribute(named("chat big-model")[1], "gen_ai.output.messages")))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "the secret answer" }], finish_reason: "stop" },
    ]);
  });

  it("that fail carry the kind of failure, and so does what they end", async () => {
    const executor = new MockChatModel(() => new ModelCallError("auth", `no key for ${SECRET}`));
    await using runner = new WorkflowRunner({ executor });
    await expect(runner.run(ASKS, { question: SECRET })).rejects.toThrow(SECRET);
    for (const name of ["chat mock", "workflow"]) {
      const [span] = named(name);
      expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
      expect(attribute(span, "error.type")).toBe("model-auth");
    }
    exporter.reset();
    await runner.run("export default async () => { throw new Error('x') }", { question: "q" });
    expect(named("workflow")[0]?.attributes).toMatchObject({ "w4s.status": "threw", "error.type": "threw" });
  });
});

describe("a served workflow", () => {
  it("is below the span that the client names, each request below its own", async () => {
    propagation.setGlobalPropagator({
      inject: () => {},
      fields: () => ["traceparent"],
      extract: (below, carrier, { get }) => {
        const [, traceId, spanId] = String(get(carrier, "traceparent")).split("-");
        return trace.setSpanContext(below, {
          traceId: traceId!,
          spanId: spanId!,
          traceFlags: 1,
          isRemote: true,
        });
      },
    });
    const { chat } = await start({ concurrency: 1 });
    const clients = ["1", "2", "3"].map((digit) => digit.repeat(32));
    await Promise.all(
      clients.map((id) => chat(id, {}, { headers: { traceparent: `00-${id}-${"a".repeat(16)}-01` } })),
    );
    for (const id of clients) {
      const own = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === id);
      expect(own.map(({ name }) => name).sort()).toEqual(["chat fake-model", "workflow"]);
    }
  });
});

it("what an SDK holds back is handed on before the process ends, also where it has another copy of the API", async () => {
  let flushed = 0;
  const registry = (globalThis as Record<symbol, unknown>)[Symbol.for("opentelemetry.js.api.1")] as {
    trace: unknown;
  };
  const { trace: known } = registry;
  const flushWith = async (forceFlush: () => Promise<void>) => {
    registry.trace = { getDelegate: () => ({ forceFlush }) };
    await flushSpans();
  };
  await flushWith(async () => void flushed++);
  await flushWith(() => Promise.reject(new Error("nobody takes them")));
  registry.trace = known;
  expect(flushed).toBe(1);
});
