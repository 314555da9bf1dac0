/** @file Prompts of a run as rows, and what redaction takes out of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { exportPrompts } from "../../../src/learn/export-prompts.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";
import { textRedaction } from "../../../src/llm/text-redaction.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

describe("textRedaction", () => {
  it.each<[string, string, string]>([
    ["emails", "Write to anna.b+x@mail.example.org, now", "Write to [email], now"],
    ["emails", "a@b is none, ä.ö@über.example is", "a@b is none, [email] is"],
    ["keys", "key sk-proj_abcdefghij1234", "key [key]"],
    ["keys", "Authorization: Bearer abc.def-ghi_jkl", "Authorization: [key]"],
    ["keys", "AKIAABCDEFGHIJKLMNOP and eyJhbGciOi.eyJzdWIi.sig-1", "[key] and [key]"],
    ["keys", "0123456789abcdef0123456789abcdef is long, abcdef012 is not", "[key] is long, abcdef012 is not"],
    ["keys", "a-very-long-but-harmless-compound-word-here", "a-very-long-but-harmless-compound-word-here"],
    [
      "numbers",
      "12 of 3,456.78 on 2026-01-02, call 030/123 456",
      "[number] of [number] on [number], call [number]",
    ],
    ["/patient \\w+/i", "Patient Smith", "[redacted]"],
    ["/x*/", "abc", "abc"],
  ])("%s in %j", (kind, text, expected) => {
    expect(textRedaction([kind]).redact(text)).toBe(expected);
  });

  it("applies all in order and counts them", () => {
    const redaction = textRedaction(["emails", "numbers"]);
    expect(redaction.redact("a1@b2.example, 5")).toBe("[email], [number]");
    expect(redaction.counts).toEqual({ emails: 1, numbers: 1 });
  });

  it.each([["email"], [""], ["/("], ["/(/"], ["/a/g"]])("refuses %j", (name) => {
    expect(() => textRedaction([name])).toThrow(/neither a kind nor a pattern/);
  });
});

describe("exportPrompts", () => {
  async function run(): Promise<string> {
    const directory = folder();
    using store = CallStore.open(join(directory, "calls.db"));
    const meter = (role: string) =>
      new MeteredModel({
        ...{ role, store, budget: new Budget(), seed: 1 },
        model: new MockChatModel(() => "fine", { id: `mock:${role}` }),
      });
    const ask = (role: string, content: string) =>
      meter(role).chat({ messages: [{ role: "user", content }], temperature: 0 }, { occurrence: 0 });
    await ask("executor", "Mail ann@mail.example, 5 times");
    await ask("weak", "stays here");
    await ask("critic", "second");
    await ask("executor", "Mail ann@mail.example, 5 times");
    return directory;
  }

  it("writes what was sent, once for each paid call, without the local model", async () => {
    const directory = await run();
    const out = join(directory, "prompts.jsonl");
    expect(await exportPrompts(directory, out)).toEqual({ rows: 2, redacted: {} });
    const rows = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toEqual([
      {
        ...{ role: "executor", model: "mock:executor", temperature: 0 },
        messages: [{ role: "user", content: "Mail ann@mail.example, 5 times" }],
      },
      {
        role: "critic",
        model: "mock:critic",
        temperature: 0,
        messages: [{ role: "user", content: "second" }],
      },
    ]);
    await expect(exportPrompts(directory, out)).rejects.toThrow(/exists already/);
    const redact = ["emails", "numbers"];
    expect(await exportPrompts(directory, out, { redact, force: true })).toEqual({
      rows: 2,
      redacted: { emails: 1, numbers: 1 },
    });
    expect(readFileSync(out, "utf8")).toContain("Mail [email], [number] times");
    expect(readFileSync(out, "utf8")).not.toContain("ann@");
  });

  it("refuses what holds no prompts", async () => {
    await expect(exportPrompts(folder(), join(folder(), "x"))).rejects.toThrow(/holds no prompts/);
    const directory = folder();
    CallStore.open(join(directory, "calls.db")).close();
    await expect(exportPrompts(directory, join(directory, "x"))).rejects.toThrow(/holds no prompts/);
  });
});
