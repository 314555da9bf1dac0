/** @file What is read from the source of a workflow: never less than it can call, and as a doubt where that is not sure. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { usualBaselines } from "../../../../src/evaluate/baselines/usual-baselines.js";
import { readWorkflow } from "../../../../src/workflow/reading/read-workflow.js";

const inWorkflow = (body: string, head = "agent, task") =>
  readWorkflow(`export default async function workflow(${head}) {\n${body}\n}\n`);
/** Calls as `name×times(n)`, with ? for what cannot be bounded. */
const short = (body: string, head?: string) => {
  const { calls, doubts } = inWorkflow(body, head);
  return [...calls.map(({ name, times, n }) => `${name}×${times ?? "?"}(${n ?? "?"})`), ...doubts].join(" ");
};

describe("readWorkflow", () => {
  it("reads the seed workflows without a doubt", () => {
    for (const kind of ["number", "choice", "text", "code"] as const) {
      for (const { source, title } of usualBaselines(kind, true)) {
        const { calls, doubts, fields } = readWorkflow(source);
        expect(doubts, title).toEqual([]);
        expect(calls.length, title).toBeGreaterThan(0);
        expect(
          calls.every(({ times }) => times !== null),
          title,
        ).toBe(true);
        expect(fields, title).toContain(kind === "code" ? "prompt" : "question");
      }
    }
    const votes = usualBaselines("number").find(({ name }) => name === "self-consistency");
    expect(readWorkflow(votes?.source ?? "").calls).toEqual([{ name: "text", line: 2, times: 1, n: 5 }]);
  });

  it.each([
    ["one call", 'await agent.text("a");', "text×1(1)"],
    [
      "two, in a condition",
      'if (a) await agent.text("a"); else await agent.weak.text("b", { n: 3 });',
      "text×1(1) weak.text×1(3)",
    ],
    ["no call", "agent.log(1); return 1;", ""],
    ["a counted loop", 'for (let i = 0; i < 3; i++) { await agent.text("a"); }', "text×3(1)"],
    ["without a block", 'for (let i = 1; i <= 4; i += 2) await agent.text("a");', "text×2(1)"],
    [
      "a bound that is a constant",
      'const N = 5;\nfor (let i = 0; i < N && !done; ++i) await agent.text("a");',
      "text×5(1)",
    ],
    [
      "nested loops",
      'for (let i = 0; i < 3; i++) for (let j = 0; j < 2; j++) { await agent.text("a", { n: 2 }); }',
      "text×6(2)",
    ],
    ["a literal list", 'for (const q of ["a", "b", "c"]) await agent.text(q);', "text×3(1)"],
    [
      "the replies of a call",
      'const ds = await agent.text("a", { n: 5 });\nfor (const d of ds) { await agent.text(d); }',
      "text×1(5) text×5(1)",
    ],
    [
      "map over replies",
      'const ds = await agent.text("a", { n: 4 });\nawait Promise.all(ds.map((d) => agent.text(d)));',
      "text×1(4) text×4(1)",
    ],
    [
      "map with a block",
      'await Promise.all(["a", "b"].map(async (d) => { const x = 1; await agent.text(d); }));',
      "text×2(1)",
    ],
    ["Array.from", 'await Promise.all(Array.from({ length: 3 }, () => agent.text("a")));', "text×3(1)"],
    ["after a loop", 'for (let i = 0; i < 9; i++) { x(); }\nawait agent.text("a");', "text×1(1)"],
    ["in the head of for-of", 'for (const x of await agent.text("a", { n: 2 })) { y(x); }', "text×1(2)"],
    ["in a template", 'const x = `a ${(await agent.text("a"))[0]} b`;', "text×1(1)"],
    [
      "in try and switch",
      'try { await agent.text("a"); } catch (e) { await agent.text("b"); }\nswitch (x) { case 1: await agent.text("c"); }',
      "text×1(1) text×1(1) text×1(1)",
    ],
    [
      "programs and tests",
      "const { failed } = await agent.test(p);\nawait agent.runPython(p, { stdin: s });",
      "test×1(1) runPython×1(1)",
    ],
    [
      "divisions and expressions between slashes",
      "const x = a[0] / 2; if (x) /agent.text(1)/.test(y); await agent.text(`a ${x / 2}`);",
      "text×1(1)",
    ],
    [
      "a name that only looks alike",
      "x.agent; const o = 'agent.text(1)'; // agent.text(2)\nreturn /agent.text(3)/;",
      "",
    ],
  ])("counts %s", (_, body, expected) => {
    expect(short(body)).toBe(expected);
  });

  it.each([
    ["while", 'while (x) { await agent.text("a"); }'],
    ["do", 'do { await agent.text("a"); } while (x);'],
    ["do without a block", 'do await agent.text("a"); while (x);'],
    ["a condition that calls", 'while ((await agent.text("a"))[0]) x();'],
    ["a condition of for that calls", 'for (let i = 0; (await agent.text("a"))[0]; i++) x();'],
    ["a bound that is not known", 'for (let i = 0; i < n; i++) await agent.text("a");'],
    ["a bound that is changed", 'let n = 3; n = 9;\nfor (let i = 0; i < n; i++) await agent.text("a");'],
    [
      "a bound hidden by a parameter",
      'const n = 3;\nconst f = (n) => { for (let i = 0; i < n; i++) agent.text("a"); };',
    ],
    ["a variable changed in the body", 'for (let i = 0; i < 3; i++) { await agent.text("a"); i--; }'],
    ["a variable changed by a pattern", 'for (let i = 0; i < 3; i++) { await agent.text("a"); [i] = [0]; }'],
    ["a condition with or", 'for (let i = 0; i < 3 || x; i++) await agent.text("a");'],
    ["a loop that counts down", 'for (let i = 3; i > 0; i--) await agent.text("a");'],
    ["a step of zero", 'for (let i = 0; i < 3; i += 0) await agent.text("a");'],
    ["a list that grows", 'const l = [1];\nfor (const x of l) { await agent.text("a"); l.push(1); }'],
    ["a list handed on", 'const l = [1];\ngrow(l);\nfor (const x of l) { await agent.text("a"); }'],
    ["a list with a spread", 'for (const x of [...y]) await agent.text("a");'],
    ["a longer index", 'const l = [1];\nl[5] = 1;\nfor (const x of l) await agent.text("a");'],
    ["an element's list", 'const l = [[1, 2, 3]];\nfor (const x of l[0]) await agent.text("a");'],
    ["a helper", "const ask = (q) => agent.text(q);\nawait ask(1); await ask(2);"],
    [
      "a declared helper",
      "async function ask(q) { return await agent.text(q); }\nawait ask(1); await ask(2);",
    ],
    [
      "a method",
      "const o = { async ask(q) { return await agent.text(q); } };\nawait o.ask(1); await o.ask(1);",
    ],
    ["a default of a parameter", 'const f = (x = agent.text("a")) => x;\nf(); f();'],
    ["a class", 'class A { x = agent.text("a"); }\nnew A(); new A();'],
    ["a callback of sort", 'const l = [1, 2];\nl.sort((a, b) => agent.text("a"));'],
    ["a second function of from", 'Array.from({ length: n }, () => agent.text("a"));'],
    ["else inside a loop", 'for (const x of y) if (x) { a(); } else await agent.text("a");'],
    ["catch inside a loop", 'for (const x of y) try { a(); } catch (e) { await agent.text("a"); }'],
    ["for await", 'for await (const x of y) await agent.text("a");'],
  ])("gives no bound for %s", (_, body) => {
    const { calls } = inWorkflow(body);
    expect(calls.map(({ times }) => times)).toEqual([null]);
  });

  it.each([
    ["an alias", "const a = agent;\na.text(1);", /agent in a way/],
    ["handing on", "await helper(agent);", /agent in a way/],
    ["a computed member", 'await agent["text"](1);', /agent in a way/],
    ["optional calls", "await agent?.text(1);", /agent in a way/],
    ["a method taken off", "const { text } = agent;", /agent in a way/],
    ["a bound method", "const t = agent.text.bind(agent);", /agent in a way/],
    ["eval", 'eval("agent.text(1)");', /uses eval/],
    ["constructors", '(() => {}).constructor("a");', /uses constructor/],
    ["arguments", "arguments[0].text(1);", /uses arguments/],
    ["escapes", "await \\u0061gent.text(1);", /written with escapes/],
    ["recursion", "return workflow(agent, task);", /calls itself/],
    ["an open string", "const x = 'a", /cannot be parsed \(line 2\)/],
    ["odd brackets", "x();\nx(];", /cannot be parsed \(line 3\)/],
    ["what a module may not hold", "with (agent) text(1);", /cannot be parsed \(line 2\)/],
    ["imports", 'await import("x");', /uses import/],
    ["brackets without end", "[".repeat(20_000), /nested too deeply/],
    ["templates in templates", "`${".repeat(20_000), /nested too deeply/],
    ["an endless sum", `return ${"1 + ".repeat(20_000)}1;`, /nested too deeply/],
  ])("doubts %s", (_, body, doubt) => {
    expect(inWorkflow(body).doubts.join("; ")).toMatch(doubt);
  });

  it("doubts parameters that are taken apart, and several workflows", () => {
    expect(inWorkflow("await text(1);", "{ text }, task").doubts).toEqual(["it takes the agent apart"]);
    const twice = "var workflow = (agent) => agent.text(1);";
    expect(readWorkflow(`${twice}\n${twice}`).doubts).toContain("there are several workflow functions");
    expect(readWorkflow("const x = 1;").doubts).toEqual(["its workflow function was not found"]);
    expect(readWorkflow("").doubts).toHaveLength(1);
  });

  it.each([
    ["an arrow", "export default async (agent, task) => (await agent.text(task.question))[0];"],
    ["an arrow with a block", "export default async (agent, task) => { return agent.text(task.question); };"],
    [
      "a bound arrow",
      "const workflow = async (agent, task) => agent.text(task.question);\nexport default workflow;",
    ],
    [
      "a bound function",
      "const workflow = async function (agent, task) { return agent.text(task.question); };",
    ],
    [
      "a declared one, exported later",
      "async function workflow(a, t) { return a.text(t.question); }\nexport default workflow;",
    ],
    ["a declared one", "async function workflow(agent, task) { return agent.text(task?.question); }"],
    [
      "one exported by a list",
      "async function main(agent, task) { return agent.text(task.question); }\nexport { main as default };",
    ],
  ])("finds %s", (_, source) => {
    expect(readWorkflow(source)).toEqual({
      calls: [{ name: "text", line: expect.any(Number), times: 1, n: 1 }],
      fields: ["question"],
      doubts: [],
    });
  });

  it("reads options, and says what is chosen while it runs", () => {
    const call = (options: string) => inWorkflow(`const n = 4;\nawait agent.text("a", ${options});`).calls[0];
    expect(call('{ role: "an editor", model: "big", maxTokens: 50, n }')).toMatchObject({
      ...{ role: "an editor", model: "big", maxTokens: 50, n: 4 },
    });
    expect(call('{ role: x, model: "a" + b, n: k, maxTokens: 2 * 3 }')).toMatchObject({
      ...{ role: null, model: null, n: null, maxTokens: null },
    });
    for (const hidden of ["options", "{ ...options }", "...rest", "{ [k]: 1 }"])
      expect(call(hidden), hidden).toMatchObject({ n: null, model: null });
    expect(call("{ temperature: 0 }")).toEqual({ name: "text", line: 3, times: 1, n: 1 });
  });

  it("tells which members of the task are used", () => {
    expect(inWorkflow("const { question, context: c } = task;\nreturn task.choices;").fields).toEqual([
      "choices",
      "context",
      "question",
    ]);
    expect(inWorkflow("return JSON.stringify(task);").fields).toBeNull();
    expect(inWorkflow("return task[key];").fields).toBeNull();
    expect(inWorkflow("const { id, ...rest } = task;").fields).toBeNull();
    expect(inWorkflow("return 1;", "agent").fields).toEqual([]);
    expect(inWorkflow("return question;", "agent, { question }").fields).toEqual(["question"]);
  });

  it("comes to an end on every hostile workflow, and on any cut of one", () => {
    const folder = new URL("../../../fixtures/hostile-js/", import.meta.url);
    const names = readdirSync(folder).filter((name) => name.endsWith(".js"));
    expect(names.length).toBeGreaterThan(50);
    for (const name of names) {
      const source = readFileSync(new URL(name, folder), "utf8").slice(0, 4000);
      for (let end = source.length; end > 0; end -= Math.ceil(source.length / 10))
        expect(readWorkflow(source.slice(0, end)).calls.length).toBeLessThan(500);
    }
  });

  it("reads the longest source in seconds", () => {
    const startedAt = process.cpuUsage();
    const { calls, doubts } = inWorkflow(
      `const N = 3;\n${"for (let i = 0; i < N; i++) agent.text(1, { n: N });\n".repeat(4500)}`,
    );
    expect([calls.length, doubts]).toEqual([4500, []]);
    // Quadratic behaviour would take minutes.
    expect(process.cpuUsage(startedAt).user / 1000).toBeLessThan(20_000);
  });
});
