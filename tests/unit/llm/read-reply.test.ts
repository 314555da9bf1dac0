/** @file Thinking taken out of replies in the marks of several models, and what an empty rest is called. */
import { describe, expect, test } from "vitest";
import { readReply } from "../../../src/llm/read-reply.js";

describe("text after the thinking", () => {
  test.each([
    ["opened and closed", "<think>\nmaybe 81\n</think>\n\nIt is 18.", "It is 18."],
    ["never opened", "maybe 81?\n</think>\nIt is 18.", "It is 18."],
    ["closed twice", "<think>81</think> no <think>80</think>It is 18.", "It is 18."],
    ["opened and closed empty", "<think>\n\n</think>\n\n18", "18"],
    ["capitals", "<THINK>81</THINK>18", "18"],
    ["Claude's prompts", "<thinking>81</thinking>\n18", "18"],
    ["Seed", "<seed:think>81</seed:think>18", "18"],
    ["Mistral", "[THINK]81[/THINK]18", "18"],
    ["Kimi", "◁think▷81◁/think▷18", "18"],
    [
      "gpt-oss",
      "<|channel|>analysis<|message|>81<|end|><|start|>assistant<|channel|>final<|message|>18",
      "18",
    ],
    ["code inside and outside", "<think>```js\nold()\n```</think>\n```js\nnew()\n```", "```js\nnew()\n```"],
  ])("%s", (_name, raw, text) => {
    const read = readReply(raw, "stop");
    expect([read.text, read.problem]).toEqual([text, undefined]);
    expect(read.thought).toContain(raw.slice(0, 5));
  });

  test.each([
    "It is 18.",
    " 18\n",
    "I think </ think> of 18",
    'Say "<think>" aloud: 18',
    "if (a < think) 18",
  ])("no thinking in %j", (raw) => {
    expect(readReply(raw, "stop")).toEqual({ text: raw, thought: undefined, finishReason: "stop" });
  });

  test("thinking that came beside the text is kept too", () => {
    expect(readReply("<think>b</think>18", "stop", "a").thought).toBe("a<think>b</think>");
  });

  test("an answer before thinking that is cut stays", () => {
    expect(readReply("It is 18.\n<think>or is", "length")).toMatchObject({
      text: "It is 18.",
      thought: "<think>or is",
      finishReason: "length",
    });
  });
});

describe("no text", () => {
  test.each([
    ["<think>maybe 81", "length", "", "length", /think/],
    ["", "length", "maybe 81", "length", /reason/],
    ["", "length", "", "length", /empty/],
    ["<think>maybe 81</think>\n", "length", "", "length", /think/],
    ["<think>maybe 81", "stop", "", "empty", /reason/],
    [" \n", "stop", "It is 18.", "empty", /only reasoning/],
    ["", "unknown", "", "empty", /nothing/],
  ] as const)("%j ended by %s with reasoning %j is %s", (raw, finish, reasoning, kind, message) => {
    const { text, problem } = readReply(raw, finish, reasoning);
    expect(text).toBe("");
    expect(problem?.kind).toBe(kind);
    expect(problem?.message).toMatch(message);
  });
});
