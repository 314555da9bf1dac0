/** @file The table of faults in code and the one in docs say the same, of every kind of failed call. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ModelCallError } from "../../../src/core/errors.js";
import { asSetupFault, faultClassOf, isLoss } from "../../../src/llm/fault-class.js";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const marked = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

it("docs name the class of every kind", () => {
  const union = /type ModelCallErrorKind =([^;]*);/.exec(read("src/core/errors.ts"))?.[1] ?? "";
  const told = read("docs/writing-workflows.md")
    .split("\n")
    .flatMap((line) => {
      const [, what = "", fault = ""] = /^\| (.*?) +\| (executor|set-up) +\|/.exec(line) ?? [];
      return marked(what, /`([a-z-]+)`/g).map((kind) => [kind, fault.replace("-", "")] as const);
    });
  const kinds = marked(union, /"([a-z-]+)"/g);
  expect(told.map(([kind]) => kind).sort()).toEqual(kinds.sort());
  for (const [kind, fault] of told) expect(`${kind} ${faultClassOf("error", kind)}`).toBe(`${kind} ${fault}`);
});

describe("faultClassOf", () => {
  it.each([
    ["ok", undefined, undefined],
    ["timed-out", undefined, "workflow"],
    ["threw", "refused", "workflow"],
    ["error", undefined, "executor"],
    ["error", "quota", "setup"],
  ])("a run that ends as %s with %s is of class %s", (status, fault, expected) => {
    expect(faultClassOf(status, fault)).toBe(expected);
  });
});

it("a fault of the set-up stops the run, keeps what was billed and says what to do", () => {
  const usage = { promptTokens: 20, completionTokens: 512 };
  const error = new ModelCallError("length", "cut", { usage });
  expect(isLoss(error)).toBe(true);
  const fault = asSetupFault(error, "always: ");
  expect(isLoss(fault)).toBe(false);
  expect(fault).toMatchObject({
    message: "always: cut",
    usage,
    hint: expect.stringContaining("raise maxTokens"),
  });
});
