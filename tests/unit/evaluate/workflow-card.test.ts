/** @file Cards of workflows: the sentences people decide by, and their worst cases. */
import { describe, expect, it } from "vitest";
import { usualBaselines } from "../../../src/evaluate/baselines/usual-baselines.js";
import { cardContext } from "../../../src/evaluate/card-context.js";
import {
  type CardContext,
  cardMarkdown,
  cardText,
  workflowCard,
} from "../../../src/evaluate/workflow-card.js";

const PRICE = { inputPerMillion: 1, outputPerMillion: 10 };
const context: CardContext = {
  executor: "openai:https://api.example/v1#big",
  isSimulated: false,
  price: PRICE,
  aliases: {
    small: { id: "https://small.example, mini", price: { inputPerMillion: 0, outputPerMillion: 1 } },
  },
  modelCalls: 20,
  toolCalls: 20,
  maxTokens: 500,
};
const card = (body: string, more: Partial<CardContext> = {}) =>
  workflowCard(`export default async function workflow(agent, task) {\n${body}\n}`, { ...context, ...more });

describe("workflowCard", () => {
  it("says what a plain vote calls, costs at most and sends", () => {
    const found = card(
      'const rs = await agent.text(`${task.question}`, { n: 5, role: "an exact accountant" });\nreturn vote(rs);',
    );
    expect(found.worstCase).toEqual({
      ...{ modelCalls: 1, toolCalls: 0, isQuota: false, replies: 5, replyTokens: 2500 },
      replyDollars: 0.025,
    });
    expect(cardText(found)).toMatchInlineSnapshot(`
      "Workflow f9d23d5dd665
      What it calls
        Line 2 asks the executor (agent.text): at most once, 5 replies, in the role “an exact accountant”.
      At most, each time it runs (a robot's: once a control step)
        1 model call (the quota is 20).
        5 replies with 2500 tokens together; $0.025 for these. Prompts are paid on top: how long they are depends on the input.
      What it sends out
        To the executor openai:https://api.example/v1#big: its own texts, of the input task.question, and what earlier replies, programs or tests said.
      How sure this is
        Read from its source, which was not run for this. Branches count as if all were taken.
      "
    `);
  });

  it("multiplies loops, counts a second try of agent.json, and takes each model's own price", () => {
    const { worstCase } = card(
      'for (let i = 0; i < 3; i++) { await agent.json("a", ["b"], { n: 2, maxTokens: 100 }); }\nawait agent.text("c", { model: "small" });\nawait agent.weak.text("d", { n: 4 });',
    );
    // 3 × 2 replies asked twice, 100 tokens each; one of the small model and four of the local one, 500 each.
    expect(worstCase).toMatchObject({
      modelCalls: 5,
      isQuota: false,
      replies: 12 + 1 + 4,
      replyTokens: 1200 + 2500,
    });
    expect(worstCase.replyDollars).toBeCloseTo((1200 * 10 + 500 * 1) / 1e6);
  });

  it("falls back on the quota where no bound can be read, or more than the quota is", () => {
    for (const body of [
      'while (x) await agent.text("a");',
      'for (let i = 0; i < 90; i++) await agent.text("a");',
    ]) {
      const found = card(body);
      expect(found.worstCase).toMatchObject({
        modelCalls: 20,
        isQuota: true,
        replies: 20,
        replyTokens: 10_000,
      });
      expect(cardText(found)).toContain("20 model calls – the quota of the run");
    }
    const hidden = card("const a = agent;\na.text(1);");
    // Any call at all, 16 replies of JSON each asked twice.
    expect(hidden.worstCase).toMatchObject({ modelCalls: 20, toolCalls: 20, isQuota: true, replies: 640 });
    expect(cardText(hidden)).toMatch(
      /Not everything can be read.*in a way that cannot be followed \(line 2\)/,
    );
    expect(cardText(hidden)).toContain("small (https://small.example, mini)");
  });

  it("knows no cost where a price is unknown, and none where only the local model is asked", () => {
    expect(card('await agent.text("a");', { price: null }).worstCase.replyDollars).toBeNull();
    expect(cardText(card('await agent.text("a");', { price: null }))).toContain("what they cost is unknown");
    const local = card("await agent.weak.text(task.question);", { price: null });
    expect(local.worstCase.replyDollars).toBe(0);
    expect(cardText(local)).toContain("Nothing: it asks no model but the local one");
    expect(card('await agent.text("a", { model: x });').worstCase.replyDollars).toBeCloseTo(0.005);
  });

  it("says that nothing leaves the machine with local executors, and labels simulated figures", () => {
    const simulated = cardContext({ executor: "simulated" });
    const text = cardText(
      workflowCard(usualBaselines("number")[0]!.source, simulated, {
        calls: 1,
        tokens: 80,
        dollars: 0.001,
        inputs: 9,
      }),
    );
    expect(text).toContain("nothing leaves it");
    expect(text).toMatch(/1\.0 calls, 80 tokens and .* over 9 inputs \(simulated executor\)/);
    expect(text).toContain("simulated for these");
  });

  it("cannot be made to say something else by what a workflow holds", () => {
    const found = card('await agent.text("a", { role: "# Safe\\n\\n**Nothing** [x](y) <b>" });');
    expect(found.reading.calls[0]?.role).toBeNull();
    const quoted = card("await agent.text('a', { role: '**Safe** [x](y) <b>' });");
    expect(cardMarkdown(quoted, "A # title\nwith lines")).toContain("\\*\\*Safe\\*\\* \\[x\\](y) \\<b\\>");
    expect(cardMarkdown(quoted, "A # title\nwith lines")).toMatch(/^# A \\# title with lines\n/);
  });

  it("reads what older or odd configurations hold", () => {
    expect(cardContext({})).toMatchObject({ modelCalls: 20, maxTokens: 2048, price: null, aliases: {} });
    const odd = { executors: { a: { url: "no url", model: "m" } } } as Parameters<typeof cardContext>[0];
    expect(cardContext(odd).aliases.a?.id).toBe("no url, m");
    const priced = { executor: "a", executors: { a: { url: "https://x.example", model: "m", ...PRICE } } };
    expect(cardContext(priced).price).toEqual(PRICE);
  });
});
