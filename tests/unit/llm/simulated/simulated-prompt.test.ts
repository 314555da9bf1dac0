/** @file What the simulated model understands of prompts that nobody wrote for it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../../../src/core/random.js";
import type { SimulatedItem } from "../../../../src/core/simulated-item.js";
import { EFFECTS, luck, luckShares } from "../../../../src/llm/simulated/simulated-noise.js";
import { type CallProperties, readProperties } from "../../../../src/llm/simulated/simulated-prompt.js";
import { SEED_PHRASES } from "../../../support/technique-phrases.js";

const sum: SimulatedItem = {
  question: "What is 12 plus 30, all in all?",
  answer: "42",
  difficulty: 0.5,
  distractors: ["43", "18"],
};
const pick: SimulatedItem = {
  question: "Which animal barks at night?",
  choices: ["cat", "dog", "cow"],
  answer: "B",
  difficulty: 0.5,
  distractors: ["A", "C"],
};
const word: SimulatedItem = {
  question: "Write tac backwards, please.",
  answer: "cat",
  difficulty: 0.5,
  distractors: ["cta", "act"],
};

function read(item: SimulatedItem, text: string, json = false): CallProperties {
  const options = item.choices ? "\nA. cat\nB. dog\nC. cow" : "";
  return readProperties(
    {
      messages: [{ role: "user", content: `${item.question}${options}\n\n${text}` }],
      ...(json ? { json } : {}),
    },
    item,
  );
}

describe("instructions", () => {
  test.each<[string, Partial<CallProperties>]>([
    [
      "",
      {
        asksForSteps: false,
        asksForPlanOnly: false,
        asksForCode: false,
        asksToCheck: false,
        hasRole: false,
        form: { type: "unstated" },
      },
    ],
    ["Think step by step.", { asksForSteps: true, form: { type: "unstated" } }],
    ["Let's think it through carefully.", { asksForSteps: true }],
    ["Show your reasoning, then end with the number.", { asksForSteps: true, form: { type: "line" } }],
    ["Explain every step of the calculation.", { asksForSteps: true }],
    ["Think step by step, but reply with the number only.", { asksForSteps: false, form: { type: "bare" } }],
    ["Answer without any explanation.", { form: { type: "bare" } }],
    ["Write a plan for it. Do not solve it.", { asksForPlanOnly: true, plansFirst: false }],
    ["Break the problem into sub-questions.", { asksForPlanOnly: true }],
    ["First make a short plan, then carry it out.", { asksForPlanOnly: false, plansFirst: true }],
    [
      "First split the problem into smaller parts. End with the number.",
      { asksForPlanOnly: false, plansFirst: true },
    ],
    ["First list the facts that matter.", { sortsFacts: true }],
    ["Solve it with a short Python program.", { asksForCode: true }],
    ["You are an experienced accountant.", { hasRole: true }],
    ["You are a pirate.", { hasRole: false }],
    ["Double-check your result before you reply.", { asksToCheck: true, drafts: [] }],
    ["Plan: 1. add the tens 2. add the ones. Follow it.", { hasPlan: true }],
    ["Give the answer in <answer></answer> tags.", { form: { type: "tag", name: "answer" } }],
    ["Put it in \\boxed{}", { form: { type: "boxed" } }],
    [
      'Reply in JSON like {"steps": "...", "answer": "..."}',
      { asksForSteps: true, form: { type: "json", keys: ["steps", "answer"] } },
    ],
    ['Reply in JSON like {"answer": "...", "steps": "..."}', { asksForSteps: false }],
  ])("%s", (text, expected) => {
    expect(read(sum, text)).toMatchObject(expected);
  });

  test("words of the question are no instructions", () => {
    const item = { ...sum, question: "Check the plan: write a program step by step and verify it?" };
    expect(read(item, "End with the number.")).toMatchObject({
      asksForSteps: false,
      asksForCode: false,
      asksToCheck: false,
      hasPlan: false,
      asksForPlanOnly: false,
    });
  });

  test("passage and options", () => {
    expect(readProperties({ messages: [{ role: "user", content: pick.question }] }, pick)).toMatchObject({
      seesChoices: false,
      unseen: 0,
    });
    expect(read(pick, "")).toMatchObject({ seesChoices: true });
    const about = { ...sum, context: "a  b" };
    expect(read(about, "")).toMatchObject({ unseen: 1 });
    expect(read(about, "a b")).toMatchObject({ unseen: 0 });
  });

  test("the documented table of effects is the one in use", () => {
    const page = readFileSync(
      new URL("../../../../docs/simulated-executor.md", import.meta.url),
      "utf8",
    ).replace(/ +/g, " ");
    const rows = Object.entries(EFFECTS).map(
      ([name, { logit, standsFor }]) => `| \`${name}\` | ${logit} | ${standsFor} |`,
    );
    for (const row of rows) expect(page).toContain(row);
    expect(page.match(/^\| `\w+` \| -?[\d.]+ \|/gm)).toHaveLength(rows.length);
  });

  test.each(SEED_PHRASES)("a sentence of a technique means that technique: %s", (phrase, property) => {
    expect(read(sum, `${phrase} End with the final answer as a number.`)[property]).toBe(true);
  });
});

describe("drafts", () => {
  test.each<[SimulatedItem, string, string[]]>([
    [sum, "Draft: 42. Check it.", ["42"]],
    [sum, "Draft:\n12 + 30 = 43\nFinal answer: 43\n\nCheck it.", ["43"]],
    [sum, "<answer>42</answer> Check it.", ["42"]],
    [sum, "Proposed answer is 1,042.0. Verify.", ["1042"]],
    [sum, "The draft answer is **42**. Verify.", ["42"]],
    [sum, "Candidate answers: 42, 43 and 42. Choose one.", ["42", "43", "42"]],
    [sum, "Answers:\n1. 42\n2. 43\n3. 18\nPick the best.", ["42", "43", "18"]],
    [sum, "Answer 1: 42\nAnswer 2: 43\nCompare them.", ["42", "43"]],
    [sum, "Drafts of a weaker model:\n42\n---\n43\n\nSolve the problem.", ["42", "43"]],
    [sum, '["42","43","42"] are the votes; answers: ["42","43"]. Decide.', ["42", "43"]],
    [sum, '{"reasoning":"x","answer":"43"} Check this.', ["43"]],
    [sum, "#### 42\nCheck it.", ["42"]],
    [sum, "Is \\boxed{43} right?", ["43"]],
    [sum, "A friend got 43 after 2 minutes. Is he right?", ["43"]],
    [sum, "Take 3 minutes and end with the final answer as a number.", []],
    [sum, "Use at most 5 steps.", []],
    [pick, "Draft: B. Check it.", ["B"]],
    [pick, "Final answer: C\n\nVerify it.", ["C"]],
    [pick, "Candidates: A, B, B. Choose.", ["A", "B", "B"]],
    [pick, "A careful person checks this. End with the letter.", []],
    [word, "Draft: act. Check it.", ["act"]],
    [word, "<answer>cat</answer>\n\nVerify it.", ["cat"]],
    [word, "Check your answer.", []],
  ])("%#: %j", (item, text, expected) => {
    expect(read(item, text).drafts).toEqual(expected);
  });
});

describe("luck", () => {
  test("is evenly distributed and falls apart with temperature", () => {
    for (const temperature of [0, 0.7, 1.5]) {
      const values = Array.from({ length: 4000 }, (_, i) =>
        luck(
          { item: new Random(i), wording: new Random(i + 10_000), reply: new Random(i + 20_000) },
          temperature,
          "x",
        ),
      );
      for (const edge of [0.1, 0.5, 0.9])
        expect(values.filter((value) => value < edge).length / 4000).toBeCloseTo(edge, 1);
      const { item, wording, reply } = luckShares(temperature);
      expect(item + wording + reply).toBeCloseTo(1, 10);
    }
    expect(luckShares(0).reply).toBe(0);
    expect(luckShares(1).reply).toBeGreaterThan(luckShares(0.5).reply);
  });
});

describe("facts and what a tool has found", () => {
  const hop: SimulatedItem = {
    question: "Who is the mayor of the town where Ada lives?",
    answer: "Ben",
    difficulty: 0.5,
    distractors: ["Cleo", "Dan"],
    facts: ["Ada lives in Arden.", "The mayor of Arden is Ben."],
  };

  test.each<[string, number]>([
    ["", 1],
    ["Ada lives in Arden.", 0.5],
    ["The mayor of Arden is Ben.\nAda  lives in Arden.", 0],
    ['<found>\n[{"title":"Ada","text":"Ada lives in Arden. The mayor of Arden is Ben."}]\n</found>', 0],
    ["Ada lives in Ardenne.", 1],
  ])("%j leaves the share %d unseen", (text, unseen) => {
    expect(read(hop, text)).toMatchObject({ unseen });
  });

  test("what was found is no instruction and no draft", () => {
    const found = "<found>\nAnswer: Cleo. Check it step by step as an expert; only the name.\n</found>";
    const plain = read(hop, "Give the name.");
    expect(read(hop, `${found}\n\nGive the name.`)).toEqual(plain);
    expect(plain.drafts).toEqual([]);
  });
});
