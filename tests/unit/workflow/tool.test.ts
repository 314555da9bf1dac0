import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError } from "../../../src/core/errors.js";
import { checkTools, type Tool, toolCard, toolSet } from "../../../src/workflow/tool.js";
import { toolLookups } from "../../../src/workflow/tool-lookups.js";
import { fillableKeys, questionInput, schemaText } from "../../../src/workflow/tool-schema.js";
import { apiText } from "../../../src/workflow/workflow-api.js";

const good = {
  name: "search",
  description: "Finds texts.",
  input: z.object({ query: z.string() }),
  run: () => 1,
};

function cardOf(input: z.ZodType) {
  return toolCard({ name: "t", description: "d", input, run: () => 1 });
}

describe("checkTools", () => {
  it("accepts tools, and names that only look odd", () => {
    expect(
      checkTools([good, { ...good, name: "a.b-c_9", maxCalls: 2, timeoutMs: 5, resultBytes: 16 }], "t"),
    ).toHaveLength(2);
  });

  it.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /no list of tools/],
    ["no tools", [], /no list of tools/],
    ["one tool alone", good, /no list of tools/],
    ["too many", Array.from({ length: 33 }, (_, i) => ({ ...good, name: `t${i}` })), /more than 32/],
    ["null", [null], /entry 1 is no tool/],
    ["no name", [{ ...good, name: undefined }], /the name of entry 1/],
    ["a path as name", [{ ...good, name: "../x" }], /the name "\.\.\/x"/],
    ["a name with quotes", [{ ...good, name: 'a", b' }], /the name "a\\", b"/],
    ["a name with a line break", [{ ...good, name: "a\n" }], /the name/],
    ["an accented name", [{ ...good, name: "étude" }], /the name "étude"/],
    ["an empty name", [{ ...good, name: "" }], /the name ""/],
    ["a long name", [{ ...good, name: "a".repeat(65) }], /the name/],
    ["two of one name", [good, { ...good }], /two tools are called search/],
    ["no description", [{ ...good, description: " " }], /tool search: description/],
    ["a long description", [{ ...good, description: "x".repeat(401) }], /1–400 characters/],
    ["no function", [{ ...good, run: "x" }], /run is no function/],
    ["no schema", [{ ...good, input: undefined }], /input is no schema/],
    ["a JSON schema", [{ ...good, input: { type: "object" } }], /input is no schema of zod 4/],
    ["zod 3", [{ ...good, input: { _def: {}, safeParseAsync: () => 1 } }], /zod 4/],
    ["an unknown member", [{ ...good, timeout: 5 }], /unknown member "timeout"/],
    [
      "a limit out of range",
      [{ ...good, timeoutMs: 0 }],
      /timeoutMs must be a whole number from 1 to 600000/,
    ],
    ["a limit that is no number", [{ ...good, maxCalls: "3" }], /maxCalls must be/],
  ])("refuses %s", (_name, value, message) => {
    expect(() => checkTools(value, "tools.mjs")).toThrow(ConfigError);
    expect(() => checkTools(value, "tools.mjs")).toThrow(message);
    expect(() => checkTools(value, "tools.mjs")).toThrow(/^tools\.mjs: /);
  });

  it("the hash of tools given as objects follows their text", () => {
    const hash = (tool: Partial<Tool>) => toolSet([{ ...good, ...tool } as Tool]).hash;
    expect(hash({})).toBe(hash({}));
    expect(
      new Set([hash({}), hash({ run: () => 2 }), hash({ description: "x" }), hash({ input: z.string() })])
        .size,
    ).toBe(4);
  });
});

describe("the input of a tool", () => {
  it.each<[z.ZodType, string, unknown, unknown]>([
    [z.string(), "string", [["task.question"]], undefined],
    [
      z.object({ query: z.string(), limit: z.number().optional() }),
      "{ query: string, limit?: number }",
      [["{ "], ["query: "], ["task.question"], [" }"]],
      ["query"],
    ],
    [
      z.object({ query: z.string(), scope: z.enum(["a", "b"]), top: z.int().min(2).max(4) }),
      '{ query: string, scope: "a" | "b", top: number }',
      [
        ["{ "],
        ["query: "],
        ["task.question"],
        [", scope: "],
        ['"a"', '"b"'],
        [", top: "],
        ["2", "3"],
        [" }"],
      ],
      undefined,
    ],
    [z.object({ column: z.enum(["ph", "mass"]) }), '{ column: "ph" | "mass" }', undefined, ["column"]],
    [z.object({}), "{}", [["{}"]], undefined],
    [z.object({ ids: z.array(z.string()) }), "{ ids: string[] }", undefined, undefined],
    [z.object({ at: z.iso.date() }), "{ at: string }", undefined, ["at"]],
    [z.object({ "odd key": z.string() }), '{ "odd key": string }', undefined, undefined],
    [z.union([z.string(), z.number()]), "string | number", undefined, undefined],
    [z.object({ q: z.string().default("x") }), "{ q?: string }", undefined, undefined],
  ])("case %#", (schema, text, direct, keys) => {
    const { input } = cardOf(schema);
    expect(schemaText(input)).toBe(text);
    expect(questionInput(input)).toEqual(direct);
    expect(fillableKeys(input)).toEqual(keys);
  });

  it("what cannot be said as JSON schema is unknown, and long ones are cut", () => {
    expect(schemaText(cardOf(z.object({ f: z.custom() })).input)).toContain("f");
    const wide = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`member${i}`, z.string()]));
    expect(schemaText(cardOf(z.object(wide)).input)).toHaveLength(241);
  });
});

describe("tools in prompts and in the grammar", () => {
  const odd = toolCard({ ...good, name: "odd", description: "Says `x`,\n${y} \\ z." });

  it("each is named with what it takes, where agent.tool is offered", () => {
    for (const style of ["full", "compact"] as const) {
      const text = apiText({ offers: new Set(["tool"]), tools: [toolCard(good)], style });
      expect(text).toContain('- "search" { query: string }: Finds texts.');
      expect(apiText({ offers: new Set(), tools: [toolCard(good)], style })).not.toContain("search");
    }
  });

  it("a description cannot break out of the source it stands in", () => {
    const lookups = toolLookups({ answer: "number", tools: [odd] }).map((pieces) =>
      pieces.map(([text]) => text).join(""),
    );
    expect(lookups).toHaveLength(2);
    const prompts: string[] = [];
    for (const source of lookups) {
      const body = source.replaceAll("await ", "");
      const agent = {
        json: (prompt: string) => {
          prompts.push(prompt);
          return { query: "q" };
        },
        tool: (name: string, input: unknown) => {
          expect(name).toBe("odd");
          expect(Object.keys(input as object)).toEqual(["query"]);
        },
      };
      new Function("agent", "task", body)(agent, { question: "why?" });
    }
    expect(prompts[0]).toContain("Says `x`, ${y} \\ z.");
    expect(prompts[0]).toContain("why?");
  });
});
