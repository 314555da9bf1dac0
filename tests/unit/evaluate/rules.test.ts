/** @file The rules file: what it refuses to read, and what no workflow gets around. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { Budget } from "../../../src/core/budget.js";
import { Rules } from "../../../src/evaluate/rules.js";
import { WorkflowAgent } from "../../../src/evaluate/workflow-agent.js";
import { WorkflowRunner } from "../../../src/evaluate/workflow-runner.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const load = (yaml: string) => {
  const path = join(folder(), "rules.yaml");
  writeFileSync(path, yaml);
  return Rules.load(path);
};
const ask = (topics: string[], ...contents: string[]) =>
  new Rules({ forbid: { topics } }).checkPrompt(contents.map((content) => ({ role: "user", content })));

describe("Rules.load", () => {
  it.each([
    ["forbids: {}", /forbids: unknown key/],
    ["forbid: { call: [text] }", /forbid\.call: unknown key/],
    ["forbid: { calls: [runPyton] }", /did you mean runPython/],
    ["forbid: { calls: [log] }", /must be a call of agent/],
    ["forbid: { calls: text }", /forbid\.calls must be a list/],
    ["forbid: { topics: [''] }", /forbid\.topics\.0 must be a word/],
    ["forbid: { topics: ['/(/'] }", /forbid\.topics\.0 is no pattern/],
    ["forbid: { topics: ['/a/g'] }", /forbid\.topics\.0 is no pattern/],
    ["forbid: { topics: ['/a'] }", /forbid\.topics\.0 is no pattern/],
    ["forbid: { topics: [5] }", /forbid\.topics\.0 must be a word/],
    ["limits: { dollars: -1 }", /limits\.dollars must be a number above 0/],
    ["limits: { calls: 1.5 }", /limits\.calls must be a whole number/],
    ["[1]", /rules\.yaml: it /],
    ["a: [", /not usable YAML/],
    ["a: 1\na: 2", /not usable YAML/],
    ["a: !!js/function x", /not usable YAML/],
  ])("refuses %s", (yaml, message) => {
    expect(() => load(yaml)).toThrow(message);
  });

  it("refuses what is no file, and takes an empty one as one that forbids nothing", () => {
    expect(() => Rules.load(folder())).toThrow(/cannot read the rules .*not a regular file/);
    expect(() => Rules.load(join(folder(), "none.yaml"))).toThrow(/cannot read the rules/);
    expect(() => load("# nothing\n").checkCall("text", [])).not.toThrow();
  });

  it("has one hash for the same rules, which limits of a run do not change", () => {
    const hash = load("forbid: { topics: [patient], calls: [test] }").hash;
    expect(load("forbid:\n  calls: [test]\n  topics: [patient]\nlimits: { dollars: 3 }\n").hash).toBe(hash);
    expect(load("forbid: { topics: [patients], calls: [test] }").hash).not.toBe(hash);
    expect(
      load("forbid: { topics: [patient], calls: [test] }\nlimits: { promptCharacters: 9 }").hash,
    ).not.toBe(hash);
  });
});

describe("limits", () => {
  const config = (budget: object) =>
    parseRunConfig({ task: "t", executor: "simulated", budget, limits: { modelCalls: 8 } });

  it("tighten a configuration, and never loosen it", () => {
    const rules = load("limits: { dollars: 2, tokens: 100, callsPerInput: 5 }");
    expect(rules.tighten(config({ dollars: 5, calls: 7 }))).toMatchObject({
      budget: { dollars: 2, tokens: 100, calls: 7 },
      limits: { modelCalls: 5 },
    });
    expect(rules.tighten(config({ dollars: 1 })).budget.dollars).toBe(1);
    expect(load("limits: { callsPerInput: 50 }").tighten(config({})).limits.modelCalls).toBe(8);
  });

  it("bound the length of a prompt, all messages together", () => {
    const rules = load("limits: { promptCharacters: 10 }");
    rules.checkPrompt([{ role: "user", content: "0123456789" }]);
    const two = ["01234", "567890"].map((content) => ({ role: "user" as const, content }));
    expect(() => rules.checkPrompt(two)).toThrow(
      /a prompt of 11 characters \(limits\.promptCharacters: 10\)/,
    );
  });
});

describe("topics", () => {
  it.each<[string, string]>([
    ["patient", "The PATIENT said"],
    ["patient", "(patient)"],
    ["patient", "pa\u200btient"],
    ["patient", "p\u00adatient"],
    ["patient", "ｐａｔｉｅｎｔ"],
    ["credit card", "my credit\n  card"],
    ["straße", "STRASSE straße"],
    ["a.b", "x a.b y"],
    ["/\\b\\d{3}-\\d{2}-\\d{4}\\b/", "it is 123-45-6789."],
    ["/secret/i", "SECRET"],
    ["/^x$/m", "a\nx\nb"],
  ])("%s is found in %j", (topic, prompt) => {
    expect(() => ask([topic], prompt)).toThrow(/forbid a topic in a prompt \(forbid\.topics: /);
  });

  it.each<[string, string]>([
    ["patient", "patients and impatient"],
    ["a.b", "axb"],
    ["/secret/", "SECRET"],
    ["art", "part"],
  ])("%s is not found in %j", (topic, prompt) => {
    expect(() => ask([topic], prompt)).not.toThrow();
  });

  it("are found across messages, and what was found is not repeated", () => {
    expect(() => ask(["patient"], "pat", "ient")).toThrow();
    expect(() => ask(["credit card"], "my credit", "card is")).toThrow();
    expect(() => ask(["/\\d{9}/"], "number 123456789")).toThrow(/^(?!.*123456789)/);
  });
});

describe("in the host", () => {
  function agent(rules: Rules) {
    const meter = (model: MockChatModel, role: string) =>
      new MeteredModel({ model, role, store: CallStore.open(":memory:"), budget: new Budget(), seed: 1 });
    const executor = new MockChatModel(() => '{"a": "b"}', { id: "openai:https://x.example/v1#gpt-big-2" });
    const other = new MockChatModel(() => "other", { id: "openai:https://y.example/v1#mini" });
    const weak = new MockChatModel(() => "weak", { id: "local:abc" });
    const models = {
      executor: meter(executor, "executor"),
      aliases: new Map([["small", meter(other, "small")]]),
      weak: meter(weak, "weak"),
    };
    return { host: new WorkflowAgent(models, { maxTokens: 64, rules }), executor, other, weak };
  }
  const { signal } = new AbortController();

  it("stops forbidden calls, tools, models and topics before anything is asked, and keeps count", async () => {
    const { host, executor, other, weak } = agent(
      new Rules({
        forbid: { calls: ["json"], tools: ["mail"], models: ["small"], topics: ["patient"] },
      }),
    );
    const refused = async (name: string, args: unknown[], message: RegExp) =>
      await expect(host.call(name, args, signal)).rejects.toThrow(message);
    await refused("json", ["q", ["a"]], /rules forbid agent\.json \(forbid\.calls: json\)/);
    await refused("tool", ["mail", {}], /the tool mail \(forbid\.tools: mail\)/);
    await refused("text", ["q", { model: "small" }], /the model small .*\(forbid\.models: small\)/);
    await refused("text", ["a patient"], /a topic in a prompt/);
    await refused("text", ["q", { role: "a patient" }], /a topic in a prompt/);
    await refused(
      "text",
      [
        [
          { role: "system", content: "patient" },
          { role: "user", content: "q" },
        ],
      ],
      /topic/,
    );
    expect([executor, other].flatMap(({ requests }) => requests)).toEqual([]);
    expect(host.violations).toHaveLength(6);
    // What stays on this machine may be spoken of.
    expect(await host.call("weak.text", ["a patient"], signal)).toEqual(["weak"]);
    expect(weak.requests).toHaveLength(1);
    expect(await host.call("text", ["q"], signal)).toEqual(['{"a": "b"}']);
  });

  it.each([["default"], ["gpt-big-2"], ["gpt-*"], ["openai:https://x.example/*"], ["*#GPT-big-2"]])(
    "knows the executor as %s",
    async (name) => {
      const { host } = agent(new Rules({ forbid: { models: [name] } }));
      await expect(host.call("text", ["q"], signal)).rejects.toThrow(/forbid\.models/);
      expect(await host.call("text", ["q", { model: "small" }], signal)).toEqual(["other"]);
    },
  );

  it("reaches the workflow as an exception that it may catch, but not get around", async () => {
    const executor = new MockChatModel(() => "fine");
    const rules = new Rules({ forbid: { topics: ["patient"] } });
    await using runner = new WorkflowRunner({ executor, rules });
    const caught = await runner.run(
      `export default async function workflow(agent, task) {
        try { await agent.text("about a pa" + "tient"); return "asked"; } catch (error) { return error.message; }
      }`,
      { question: "?" },
    );
    expect(caught).toMatchObject({
      status: "ok",
      answer: expect.stringContaining("the rules forbid a topic"),
    });
    const thrown = await runner.run("export default async (agent, task) => agent.text(task.question);", {
      question: "Is the patient well?",
    });
    expect(thrown).toMatchObject({
      status: "threw",
      error: expect.stringContaining('forbid.topics: "patient"'),
    });
    expect(executor.requests).toEqual([]);
  });

  it("hides optional calls that are forbidden from whoever writes workflows", () => {
    const rules = new Rules({ forbid: { calls: ["runPython", "weak.text"] } });
    expect([...rules.allowed(new Set(["runPython", "test", "weak"]))]).toEqual(["test", "weak"]);
    const all = new Rules({ forbid: { calls: ["weak.json", "weak.text"] } });
    expect([...all.allowed(new Set(["weak"]))]).toEqual([]);
  });
});
