/** @file Who is asked what in a team, in which order, and what the actions say about it. */
import { describe, expect, it } from "vitest";
import type { ActOptions, CandidateDraw, Policy } from "../../../src/design/policy.js";
import type { PromptStyle } from "../../../src/design/policy-state.js";
import { TeamPolicy } from "../../../src/design/team-policy.js";
import type { ChatMessage } from "../../../src/llm/chat-model.js";

interface Call {
  member: string;
  prompt: ChatMessage[];
  draws: CandidateDraw[];
  options: ActOptions;
}

/** Answers with its name, the form and the seed; its prompt tokens are the prompt's length and its own number. */
function fakePolicy(
  member: string,
  calls: Call[],
  more: {
    number?: number;
    style?: PromptStyle;
    canForce?: boolean;
    reply?: (draw: CandidateDraw) => string;
  } = {},
): Policy {
  const { number = 1, style = "compact", canForce = true } = more;
  return {
    info: {
      id: `id-${member}`,
      modelHash: `model-${member}`,
      tokenizerHash: `tokenizer-${number}`,
      templateHash: "template",
      adapterHash: null,
      device: "CPU",
    },
    style,
    canForce,
    act: async (prompt, draws, options) => {
      calls.push({ member, prompt: [...prompt], draws: [...draws], options });
      const length = prompt.reduce((sum, { content }) => sum + content.length, 0);
      return {
        promptTokens: [number, length],
        actions: draws.map((draw) => ({
          text: more.reply?.(draw) ?? `${member} ${options.form ?? "workflow"} ${draw.seed}`,
          tokens: [number, draw.seed],
          finishReason: "stop",
        })),
      };
    },
  };
}

const PROMPT: ChatMessage[] = [{ role: "user", content: "Design a workflow." }];
const OPTIONS: ActOptions = { answer: "number", offers: new Set(), hasContext: false, session: "turn-0-0" };
const draws = (...seeds: number[]): CandidateDraw[] =>
  seeds.map((seed) => ({ seed, temperature: 0.8, forced: seed % 2 === 0 ? ["steps"] : [] }));

describe("ensemble", () => {
  it("deals the draws in turn, and gives the actions in the order of the draws", async () => {
    const calls: Call[] = [];
    const team = new TeamPolicy("ensemble", [
      { name: "a", policy: fakePolicy("a", calls) },
      { name: "b", policy: fakePolicy("b", calls), hotter: 0.3 },
    ]);
    const { promptTokens, actions } = await team.act(PROMPT, draws(1, 2, 3, 4, 5), OPTIONS);
    expect(calls.map(({ member, draws }) => [member, draws.map(({ seed }) => seed)])).toEqual([
      ["a", [1, 3, 5]],
      ["b", [2, 4]],
    ]);
    expect(actions.map(({ policy, text }) => [policy, text])).toEqual([
      ["a", "a workflow 1"],
      ["b", "b workflow 2"],
      ["a", "a workflow 3"],
      ["b", "b workflow 4"],
      ["a", "a workflow 5"],
    ]);
    // Equal prompts are not stored with every action.
    expect(
      actions.every((action) => action.promptTokens === undefined && action.messages === undefined),
    ).toBe(true);
    expect(promptTokens).toEqual([1, PROMPT[0]?.content.length]);
    expect(calls[1]?.draws.map(({ temperature }) => temperature)).toEqual([1.1, 1.1]);
    expect(actions.map(({ temperature }) => temperature)).toEqual([
      undefined,
      1.1,
      undefined,
      1.1,
      undefined,
    ]);
  });

  it("keeps the prompt of a member with another tokenizer beside its action", async () => {
    const team = new TeamPolicy("ensemble", [
      { name: "a", policy: fakePolicy("a", []) },
      { name: "b", policy: fakePolicy("b", [], { number: 2 }), temperature: 0.2 },
    ]);
    const { actions } = await team.act(PROMPT, draws(1, 2), OPTIONS);
    expect(actions.map((action) => action.promptTokens?.[0])).toEqual([undefined, 2]);
    expect(actions[1]?.temperature).toBe(0.2);
  });

  it("asks nobody who has no draw, and stays within the hottest temperature", async () => {
    const calls: Call[] = [];
    const team = new TeamPolicy("ensemble", [
      { name: "a", policy: fakePolicy("a", calls), hotter: 1.9 },
      { name: "b", policy: fakePolicy("b", calls) },
    ]);
    await team.act(PROMPT, draws(1), OPTIONS);
    expect(calls.map(({ member }) => member)).toEqual(["a"]);
    expect(calls[0]?.draws[0]?.temperature).toBe(2);
  });

  it("lets a member repair what it wrote", async () => {
    const calls: Call[] = [];
    const team = new TeamPolicy("ensemble", [
      { name: "a", policy: fakePolicy("a", calls) },
      { name: "b", policy: fakePolicy("b", calls) },
    ]);
    const { actions } = await team.act(PROMPT, draws(7), { ...OPTIONS, author: "b" });
    expect(calls.map(({ member }) => member)).toEqual(["b"]);
    expect(actions[0]?.policy).toBe("b");
    expect(calls[0]?.options).not.toHaveProperty("author");
  });
});

describe("proposer-critic", () => {
  const newTeam = (calls: Call[]) =>
    new TeamPolicy("proposer-critic", [
      { name: "p", policy: fakePolicy("p", calls) },
      {
        name: "c",
        policy: fakePolicy("c", calls, { canForce: false, reply: () => "Say `only` the number.\n" }),
      },
    ]);

  it("reviews every draft and makes the revision the action", async () => {
    const calls: Call[] = [];
    const { promptTokens, actions } = await newTeam(calls).act(PROMPT, draws(2, 3), OPTIONS);
    expect(calls.map(({ member, options }) => `${member} ${options.form ?? "workflow"}`)).toEqual([
      "p workflow",
      "c sentence",
      "p workflow",
      "c sentence",
      "p workflow",
    ]);
    const [draft, review, revision] = calls;
    expect(draft?.draws.map(({ seed }) => seed)).toEqual([2, 3]);
    // The critic sees the draft; the proposer sees draft and review, as quoted data.
    expect(review?.prompt.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(review?.prompt[1]?.content).toBe("p workflow 2");
    expect(review?.draws[0]?.forced).toEqual([]);
    expect(revision?.prompt.slice(0, 2)).toEqual([...PROMPT, { role: "assistant", content: "p workflow 2" }]);
    expect(revision?.prompt[2]?.content).toContain('"Say \\u0060only\\u0060 the number."');
    // The revision is drawn anew, with the techniques of the draft.
    expect(revision?.draws[0]?.forced).toEqual(["steps"]);
    expect(revision?.draws[0]?.seed).not.toBe(2);
    expect(actions.map(({ policy, text }) => [policy, text])).toEqual([
      ["p", `p workflow ${calls[2]?.draws[0]?.seed}`],
      ["p", `p workflow ${calls[4]?.draws[0]?.seed}`],
    ]);
    for (const { helpers } of actions)
      expect(helpers?.map(({ policy, kind }) => [policy, kind])).toEqual([
        ["p", "draft"],
        ["c", "review"],
      ]);
    expect(actions[1]?.helpers?.[0]).toEqual({
      policy: "p",
      kind: "draft",
      promptTokens: [1, PROMPT[0]?.content.length],
      text: "p workflow 3",
      tokens: [1, 3],
    });
    // Each action has the prompt with its own draft.
    expect(actions[0]?.promptTokens).toBeUndefined();
    expect(promptTokens[1]).toBeGreaterThan(PROMPT[0]?.content.length as number);
    expect(actions.map(({ messages }) => messages)).toEqual([calls[2]?.prompt, calls[4]?.prompt]);
  });

  it("repairs without another review, and only the proposer must honour forced techniques", async () => {
    const calls: Call[] = [];
    const team = newTeam(calls);
    const { actions } = await team.act(PROMPT, draws(7), { ...OPTIONS, author: "p" });
    expect(calls.map(({ member }) => member)).toEqual(["p"]);
    expect(actions[0]?.helpers).toBeUndefined();
    expect(team.canForce).toBe(true);
  });
});

describe("hierarchical", () => {
  it("plans a line per draw, and writes once per distinct line", async () => {
    const calls: Call[] = [];
    const team = new TeamPolicy("hierarchical", [
      {
        name: "planner",
        policy: fakePolicy("planner", calls, {
          canForce: false,
          reply: ({ forced }) => (forced.length > 0 ? "steps" : "vote"),
        }),
      },
      { name: "writer", policy: fakePolicy("writer", calls) },
    ]);
    const { actions } = await team.act(PROMPT, draws(2, 3, 4), OPTIONS);
    const [plan, ...writing] = calls;
    expect(plan?.options.form).toBe("strategy");
    expect(plan?.draws.map(({ forced }) => forced)).toEqual([["steps"], [], ["steps"]]);
    expect(plan?.prompt).toHaveLength(1);
    expect(plan?.prompt[0]?.content).toMatch(/^Design a workflow\.\n\nDo not write the program yet\./);
    expect(writing.map(({ draws }) => draws.map(({ seed }) => seed))).toEqual([[2, 4], [3]]);
    expect(writing.map(({ prompt }) => prompt[0]?.content)).toEqual([
      'Design a workflow.\n\nTechniques to use: "steps"',
      'Design a workflow.\n\nTechniques to use: "vote"',
    ]);
    expect(actions.map(({ policy, text, helpers }) => [policy, text, helpers?.[0]?.text])).toEqual([
      ["writer", "writer workflow 2", "steps"],
      ["writer", "writer workflow 3", "vote"],
      ["writer", "writer workflow 4", "steps"],
    ]);
    // Two draws share a prompt, the third has a shorter one of its own.
    expect(actions.map((action) => action.promptTokens !== undefined)).toEqual([false, true, false]);
    expect(actions[1]?.helpers?.[0]).toMatchObject({ policy: "planner", kind: "strategy" });
    expect(team.canForce).toBe(true);
  });
});

describe("a team as a policy", () => {
  it("names its members, takes the shorter prompts, and forces only what all writers can", () => {
    const team = new TeamPolicy("ensemble", [
      { name: "a", policy: fakePolicy("a", [], { style: "full", canForce: false }) },
      { name: "b", policy: fakePolicy("b", []) },
    ]);
    expect(team.style).toBe("compact");
    expect(team.canForce).toBe(false);
    expect(team.info.id).toBe("ensemble(id-a, id-b)");
    expect(team.info.modelHash).toBe("model-a");
    expect(team.info.members?.map(({ name, modelHash }) => [name, modelHash])).toEqual([
      ["a", "model-a"],
      ["b", "model-b"],
    ]);
  });

  it.each([
    ["ensemble", 0],
    ["proposer-critic", 1],
    ["hierarchical", 3],
  ] as const)("%s refuses %i members", (kind, count) => {
    const members = Array.from({ length: count }, (_, i) => ({ name: `m${i}`, policy: fakePolicy("m", []) }));
    expect(() => new TeamPolicy(kind, members)).toThrow(RangeError);
  });
});
