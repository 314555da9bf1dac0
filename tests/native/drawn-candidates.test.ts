/** @file Forced candidates that are drawn and not written: of the same grammar, in the model's tokens, in their place. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalPolicy } from "../../src/design/policy.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { extractWorkflow } from "../../src/workflow/reading/extract-workflow.js";
import { detectTechniques } from "../../src/workflow/techniques.js";

const MODEL = new URL("../../models/nano/nano.gguf", import.meta.url).pathname;
const SPACE = { answer: "number", offers: new Set(["weak"]), tools: [], hasContext: false } as const;
const PROMPT = [{ role: "user", content: "Task: number answers." }] as const;

const draw = (seed: number, forced: readonly string[]) => ({ seed, temperature: 0.8, forced });
const DRAWS = [draw(1, ["steps"]), draw(2, []), draw(3, ["expert-role", "steps"]), draw(4, [])];

let model: LocalModel;
beforeAll(async () => {
  model = await LocalModel.load({ modelPath: MODEL, gpu: "off", threads: 1 });
});
afterAll(() => model.close());

describe("LocalPolicy with forcedBy draw", () => {
  test("draws the forced ones and lets the model write the others, in the order they were asked for", async () => {
    const policy = new LocalPolicy(model, { forcedBy: "draw" });
    const written = await new LocalPolicy(model).act(PROMPT, DRAWS, SPACE);
    const { promptTokens, actions } = await policy.act(PROMPT, DRAWS, SPACE);
    expect(promptTokens).toEqual(written.promptTokens);
    expect(actions).toHaveLength(DRAWS.length);
    for (const [i, { text, tokens, finishReason }] of actions.entries()) {
      expect(finishReason).toBe("stop");
      const found = extractWorkflow(text);
      if (!("source" in found)) throw new Error(`no workflow in ${text}`);
      for (const name of DRAWS[i]!.forced) expect(detectTechniques(found.source)).toContain(name);
      // A reply that was written ends with the same token as one that was drawn.
      expect(tokens.at(-1)).toBe(written.actions[i]!.tokens.at(-1));
      const own = await model.tokenize(text, false);
      if (DRAWS[i]!.forced.length > 0) expect(tokens.slice(0, -1)).toEqual(own);
    }
    // Without company of the forced ones the model may write others in near-ties; drawn ones depend on their seed alone.
    const [first] = (await policy.act(PROMPT, [DRAWS[0]!], SPACE)).actions;
    expect(first).toEqual(actions[0]);
    expect(actions[0]!.text).not.toBe(actions[2]!.text);
  });

  test("draws a plain one without any technique, and leaves one that is not forced to the model", async () => {
    const policy = new LocalPolicy(model, { forcedBy: "draw" });
    const [plain, written] = [{ ...draw(1, []), isPlain: true }, draw(1, [])];
    const { actions } = await policy.act(PROMPT, [plain, written], SPACE);
    const alone = await new LocalPolicy(model).act(PROMPT, [written], SPACE);
    expect(detectTechniques(actions[0]!.text)).toEqual([]);
    expect(actions[1]!.text).toBe(alone.actions[0]!.text);
  });

  test("has the prompt's tokens where nothing is left for the model to write", async () => {
    const policy = new LocalPolicy(model, { forcedBy: "draw" });
    const { promptTokens } = await policy.act(PROMPT, [DRAWS[0]!], SPACE);
    expect(promptTokens).toEqual((await model.renderPrompt(PROMPT)).tokens);
  });
});
