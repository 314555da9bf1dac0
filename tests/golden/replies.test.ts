/** @file Real replies of small models: what the readers of workflows and of scorers find is what a careful person reads. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseKeys } from "../../src/core/reply/parse-keys.js";
import { readMarks } from "../../src/core/reply/reply-readers.js";
import { choiceScorer } from "../../src/tasks/scorers/choice-scorer.js";
import { exactNumberScorer } from "../../src/tasks/scorers/exact-number-scorer.js";
import { isSameExpression } from "../../src/tasks/scorers/expression-scorer.js";
import { programOf } from "../../src/tasks/scorers/program-of.js";
import { choice, code, number } from "../../src/workflow/sandbox/guest-helpers.js";
import { QuickJsSandbox } from "../../src/workflow/sandbox/quickjs-sandbox.js";

interface RecordedReply {
  model: string;
  kind: "number" | "choice" | "code" | "json" | "expression";
  question: string;
  choices?: string[];
  keys?: string[];
  temperature: number;
  isCut: boolean;
  reply: string;
  /** The final answer as read by hand; null = the reply gives none. Of an expression: what is marked as the answer. */
  reading: unknown;
}

const replies = readFileSync(new URL("replies.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as RecordedReply);

/** What a workflow's helper makes of a reply; null for none. */
function found({ kind, reply, isCut, choices, keys = [] }: RecordedReply): unknown {
  switch (kind) {
    case "number":
      return number(reply, isCut) === "" ? null : number(reply, isCut);
    case "choice":
      return choice(reply, choices, isCut) || null;
    case "code":
      return code(reply, isCut) || null;
    case "json":
      return parseKeys(reply, keys, isCut) ?? null;
    case "expression":
      return readMarks(reply, isCut)[0] ?? null;
  }
}

function isRight(item: RecordedReply): boolean {
  const value = found(item);
  if (item.kind !== "expression" || value === null || item.reading === null)
    return JSON.stringify(value) === JSON.stringify(item.reading);
  return isSameExpression(value as string, item.reading as string);
}

describe("recorded replies", () => {
  it("are many, of three models and all kinds", () => {
    expect(replies.length).toBeGreaterThanOrEqual(200);
    expect(new Set(replies.map(({ model }) => model)).size).toBe(3);
    expect(new Set(replies.map(({ kind }) => kind)).size).toBe(5);
    expect(replies.filter(({ isCut }) => isCut).length).toBeGreaterThan(30);
    expect(replies.filter(({ reading }) => reading !== null).length).toBeGreaterThan(100);
  });

  it("are read as a careful person reads them, 99 in 100", () => {
    const wrong = replies.filter((item) => !isRight(item));
    const shown = wrong.map((item) => ({
      model: item.model,
      question: item.question,
      isCut: item.isCut,
      reading: item.reading,
      found: found(item),
    }));
    expect(wrong.length / replies.length, JSON.stringify(shown, null, 1)).toBeLessThanOrEqual(0.01);
  });

  it("are read alike by helper and scorer", () => {
    for (const { kind, reply, choices = ["w", "x", "y", "z"] } of replies) {
      const sample = { id: "s", question: "q", answers: [String(number(reply))], meta: {}, choices };
      if (kind === "number") {
        const score = exactNumberScorer().score(reply, sample);
        expect(score.extracted === "", reply).toBe(number(reply) === "");
        if (number(reply) !== "") expect(score.isCorrect, reply).toBe(true);
      } else if (kind === "choice") {
        expect(choiceScorer().score(reply, sample).extracted, reply).toBe(choice(reply, choices));
      } else if (kind === "code") {
        expect(programOf(reply, {}) ?? "", reply).toBe(code(reply));
      }
    }
  });

  it("are read alike in the sandbox", async () => {
    await using sandbox = new QuickJsSandbox({ processes: 1 });
    const source = `export default (agent, { id, list }) => list.map(({ reply, choices, isCut }) =>
      id === "number" ? number(reply, isCut) : id === "choice" ? choice(reply, choices, isCut) : code(reply, isCut));`;
    const host = { call: async () => null, offers: new Set<string>() };
    for (const id of ["number", "choice", "code"]) {
      const list = replies.filter(({ kind }) => kind === id);
      const run = await sandbox.run(source, { id, list }, host, { seed: 1 });
      const answer = list.map((item) => found(item) ?? "");
      expect(run).toMatchObject({ status: "ok", answer });
    }
  });
});
