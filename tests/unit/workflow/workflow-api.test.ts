import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCall } from "../../../src/workflow/sandbox/check-call.js";
import * as helpers from "../../../src/workflow/sandbox/guest-helpers.js";
import { API, apiText, callSignature, GLOBALS, offeredCalls } from "../../../src/workflow/workflow-api.js";
import { workflowTypes } from "../../support/workflow-types.js";

const ALL = new Set(["weak", "runPython", "test", "tool", "examples"]);

describe("checkCall", () => {
  it("accepts what the table says and gives clones", () => {
    const messages = [{ role: "user", content: "hi" }];
    const options = { n: 16, temperature: 2, role: "a judge", maxTokens: 4096, model: "big-1" };
    const [prompt, checked] = checkCall("text", [messages, options]);
    expect(prompt).toEqual(messages);
    expect(checked).toEqual(options);
    expect(prompt).not.toBe(messages);
    expect((prompt as object[])[0]).not.toBe(messages[0]);
    expect(checkCall("text", ["hi"])).toEqual(["hi"]);
    expect(checkCall("json", ["hi", ["a", "b"]])).toEqual(["hi", ["a", "b"]]);
    expect(checkCall("weak.json", ["hi", ["a"], { n: 1, temperature: 0 }])).toHaveLength(3);
    expect(checkCall("runPython", ["print(1)", { stdin: "" }])).toEqual(["print(1)", { stdin: "" }]);
    expect(checkCall("test", ["pass"])).toEqual(["pass"]);
    expect(checkCall("tool", ["search", { deep: [1] }])).toEqual(["search", { deep: [1] }]);
    expect(checkCall("tool", ["search"])).toEqual(["search", null]);
    expect(checkCall("examples", [16, { near: true, worked: false }])).toEqual([
      16,
      { near: true, worked: false },
    ]);
  });

  it.each([
    ["nothing", []],
    ["", ["x"]],
    ["__proto__", ["x"]],
    ["text", []],
    ["text", [null]],
    ["text", [" \n"]],
    ["text", [[]]],
    ["text", [Array.from({ length: 65 }, () => ({ role: "user", content: "x" }))]],
    ["text", [[{ role: "tool", content: "x" }]]],
    ["text", [[{ role: "user", content: "x", name: "y" }]]],
    ["text", [[{ role: "user", content: ["x"] }]]],
    ["text", ["x", 5]],
    ["text", ["x", []]],
    ["text", ["x", { n: 0 }]],
    ["text", ["x", { n: 1.5 }]],
    ["text", ["x", { n: 17 }]],
    ["text", ["x", { n: "2" }]],
    ["text", ["x", { temperature: -0.1 }]],
    ["text", ["x", { temperature: 2.1 }]],
    ["text", ["x", { maxTokens: 4097 }]],
    ["text", ["x", { role: "" }]],
    ["text", ["x", { role: "a\nb" }]],
    ["text", ["x", { role: "r".repeat(201) }]],
    ["text", ["x", { model: "http://x" }]],
    ["text", ["x", { baseUrl: "http://x" }]],
    ["text", ["x", {}, {}]],
    ["weak.text", ["x", { model: "big" }]],
    ["json", ["x"]],
    ["json", ["x", []]],
    ["json", ["x", ["a", "a"]]],
    ["json", ["x", ["__proto__"]]],
    ["json", ["x", [5]]],
    ["json", ["x", Array.from({ length: 33 }, (_, i) => `k${i}`)]],
    ["runPython", [5]],
    ["runPython", ["x", { stdin: 5 }]],
    ["test", ["x", {}]],
    ["examples", []],
    ["examples", [0]],
    ["examples", [1.5]],
    ["examples", [17]],
    ["examples", ["3"]],
    ["examples", [3, { near: 1 }]],
    ["examples", [3, { seed: 1 }]],
    ["tool", ["../x", {}]],
  ])("refuses %s(%j)", (name, args) => {
    expect(() => checkCall(name, args)).toThrow(/agent\./);
  });

  it("gives checked arguments or throws, whatever comes", () => {
    const names = fc.constantFrom(...API.map(({ name }) => name), "x");
    fc.assert(
      fc.property(names, fc.array(fc.jsonValue(), { maxLength: 4 }), (name, args) => {
        let checked: unknown[];
        try {
          checked = checkCall(name, args);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        // Checking again changes nothing.
        expect(checkCall(name, checked)).toEqual(checked);
      }),
    );
  });
});

describe("the API table", () => {
  it("names every offered call in prompts, and only these", () => {
    const full = apiText({ offers: ALL, style: "full" });
    for (const call of API) expect(full).toContain(callSignature(call));
    for (const { name } of GLOBALS) expect(full).toContain(`- ${name}`);
    const few = apiText({ offers: new Set(), style: "full" });
    expect(few).not.toMatch(/weak|runPython|agent\.test|agent\.tool/);
    const compact = apiText({ offers: new Set(["weak"]), style: "compact" });
    expect(compact).toMatch(/agent\.text\(.*n, temperature.*\)/);
    expect(compact).toContain("agent.weak.text(");
    // About four characters a token.
    expect(compact.length).toBeLessThan(900);
  });

  it("examples pass its own checks", () => {
    for (const { name, example, parameters } of API) {
      expect(example, name).toContain(`agent.${name}(`);
      expect(parameters.length).toBeGreaterThan(0);
      const calls: unknown[][] = [];
      const record = (...args: unknown[]) => {
        calls.push(args);
        return [{}];
      };
      const agent = { [name]: record, weak: { text: record, json: record } };
      const body = `{ ${example.replaceAll("await ", "")} }`;
      const task = { question: "q" };
      new Function("agent", "task", "reply", "code", "fewShot", body)(
        ...[agent, task, "r", () => "print(1)", () => ""],
      );
      expect(calls).toHaveLength(1);
      expect(() => checkCall(name, calls[0]!)).not.toThrow();
    }
  });

  it("lists exactly the functions that exist", () => {
    expect(GLOBALS.map(({ name }) => name).sort()).toEqual(Object.keys(helpers).sort());
    expect(offeredCalls(new Set())).toEqual(API.filter(({ offer }) => offer === undefined));
  });

  it("src/workflow.ts is up to date; a formatter may have changed its line breaks", () => {
    const committed = readFileSync(new URL("../../../src/workflow.ts", import.meta.url), "utf8");
    const plain = (text: string) => text.replace(/\s+/g, "").replaceAll(",)", ")");
    expect(plain(committed)).toBe(plain(workflowTypes()));
  });
});
