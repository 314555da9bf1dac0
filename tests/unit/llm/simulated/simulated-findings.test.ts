/** @file Noisy measurements in items: what the simulated model understands, answers, and makes of findings in a prompt. */
import { describe, expect, test } from "vitest";
import type { SimulatedItem } from "../../../../src/core/simulated-item.js";
import { SimulatedChatModel } from "../../../../src/llm/simulated/simulated-chat-model.js";
import { readProperties } from "../../../../src/llm/simulated/simulated-prompt.js";

const RIGHT = "Free cells: north 2, east 3, south 0, west 1";
const WRONG = "Free cells: north 2, east 4, south 0, west 1";
const item = (name: string): SimulatedItem => ({
  question: `World ${name}: readings north 2 2 3; east 3 4 3. Which command comes next?`,
  answer: "east 3",
  difficulty: 0.5,
  distractors: ["east 4", "north 2", "west 1"],
  steps: [RIGHT, "next straight leg = east 3"],
  findings: RIGHT,
  misfindings: [WRONG],
});
const read = (words: string, one = item("a")) =>
  readProperties({ messages: [{ role: "user", content: `${one.question}\n\n${words}` }] }, one);

const ONLY = "Read the sensors. Only the free cells, no command yet.";
const FORMAT = "Give the next command inside <answer></answer>.";

describe("properties", () => {
  test.each([
    [FORMAT, { readsFindings: false, asksForFindingsOnly: false, givenFindings: undefined }],
    [
      `First read the sensors, by the middle one of their readings. ${FORMAT}`,
      { readsFindings: true, asksForFindingsOnly: false },
    ],
    [
      `First work out the free cells from the sensor readings. ${FORMAT}`,
      { readsFindings: true, asksForFindingsOnly: false },
    ],
    [ONLY, { readsFindings: true, asksForFindingsOnly: true }],
    [`What the sensors say:\n${RIGHT}\n\n${FORMAT}`, { givenFindings: "right", drafts: [] }],
    [`What the sensors say:\n${WRONG}\n\n${FORMAT}`, { givenFindings: "wrong", drafts: [] }],
    [
      `${RIGHT}\n\nDraft:\n<answer>east 4</answer>\n\nCheck this draft. ${FORMAT}`,
      { givenFindings: "right", drafts: ["east 4"] },
    ],
  ])("%j", (words, expected) => {
    expect(read(words)).toMatchObject(expected);
  });

  test("an item without measurements has none of these properties, whatever the prompt says", () => {
    const { findings: _, misfindings: __, ...plain } = item("a");
    expect(read(`${ONLY} ${RIGHT}`, plain)).toMatchObject({
      readsFindings: false,
      asksForFindingsOnly: false,
      givenFindings: undefined,
    });
  });
});

describe("replies", () => {
  const names = Array.from({ length: 300 }, (_, index) => `w${index}`);
  const model = new SimulatedChatModel({ seed: 2 });
  model.register(names.map(item));
  const shareOf = async (words: string, isRight: (text: string) => boolean) => {
    const right = await Promise.all(
      names.map(async (name) => {
        const { texts } = await model.chat({
          messages: [{ role: "user", content: `${item(name).question}\n\n${words}` }],
        });
        return isRight(texts[0] as string);
      }),
    );
    return right.filter(Boolean).length / names.length;
  };
  const isRight = (text: string) => text.includes("<answer>east 3</answer>");

  test("findings alone are more often right than a command; right ones help, wrong ones lead astray", async () => {
    const findings = await shareOf(ONLY, (text) => text === RIGHT);
    expect(await shareOf(ONLY, (text) => text === RIGHT || text === WRONG)).toBe(1);
    const direct = await shareOf(FORMAT, isRight);
    const told = await shareOf(`First read the sensors. ${FORMAT}`, isRight);
    const helped = await shareOf(`What the sensors say: ${RIGHT}\n\n${FORMAT}`, isRight);
    const misled = await shareOf(`What the sensors say: ${WRONG}\n\n${FORMAT}`, isRight);
    expect(findings).toBeGreaterThan(direct + 0.15);
    expect(told).toBeGreaterThan(direct + 0.05);
    expect(helped).toBeGreaterThan(told);
    expect(misled).toBeLessThan(direct);
  });

  test("a JSON key for the sensors holds findings", async () => {
    const { texts } = await model.chat({
      messages: [
        {
          role: "user",
          content: `${item("w2").question} Reply as JSON: {"sensors": "...", "answer": "..."}`,
        },
      ],
      json: true,
    });
    expect([RIGHT, WRONG]).toContain(JSON.parse(texts[0] as string).sensors);
  });
});
