/** @file The nano model as it is shipped: the file the card tells of, loadable, and writing valid workflows unaided. */
import { readFileSync, statSync } from "node:fs";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Tokenizer } from "../../scripts/nano/bpe.mjs";
import { CORPUS_VERSION, HELD_OUT_FAMILIES, makeCorpus } from "../../scripts/nano/corpus.mjs";
import { sha256 } from "../../src/core/hash.js";
import { LocalPolicy } from "../../src/design/policy.js";
import { stringsValue } from "../../src/formats/gguf/gguf-metadata.js";
import { readGgufHeader } from "../../src/formats/gguf/read-gguf-header.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { extractWorkflow } from "../../src/workflow/reading/extract-workflow.js";
import { detectTechniques } from "../../src/workflow/techniques.js";

const FOLDER = new URL("../../models/nano/", import.meta.url);
const MODEL = new URL("nano.gguf", FOLDER).pathname;
const MAX_BYTES = 8 * 1024 * 1024;
/** Pairs from here on are never trained on. */
const HELD_OUT_FROM = 10_000_000;
/** Prompts times candidates: 20 draws. */
const PROMPTS = 4;
const CANDIDATES = 5;
/** What is promised; measured validity is far above, so that 20 draws do not fall below it by chance. */
const MIN_VALIDITY = 0.8;
const MIN_DISTINCT = 0.5;
/** Of the training's replies; a model that learnt nothing has a perplexity in the hundreds. */
const MAX_REPLY_PERPLEXITY = 2;

const RECORD = JSON.parse(readFileSync(new URL("training.json", FOLDER), "utf8"));
/** What is promised of a model that has seen prompts and designs of today; `make nano` makes one. */
const isOfToday = RECORD.corpusVersion === CORPUS_VERSION;
const WHY = isOfToday
  ? ""
  : ` (skipped: trained on corpus ${RECORD.corpusVersion}, which is ${CORPUS_VERSION} now)`;

let model: LocalModel;
beforeAll(async () => {
  model = await LocalModel.load({ modelPath: MODEL, gpu: "off", threads: 1 });
});
afterAll(() => model.close());

function heldOutPairs(count: number) {
  return [...makeCorpus({ seed: 1, count, from: HELD_OUT_FROM, families: "held-out" })];
}

describe("models/nano", () => {
  test("the card and the training record tell of this very file", () => {
    const hash = sha256(readFileSync(MODEL));
    expect(RECORD.modelHash).toBe(hash);
    expect(readFileSync(new URL("README.md", FOLDER), "utf8")).toContain(hash);
    expect(statSync(MODEL).size).toBeLessThanOrEqual(MAX_BYTES);
    expect(model.info.modelHash).toBe(hash);
  });

  test("has 1 to 4 million weights and a template of its own", async () => {
    expect(model.info.parameterCount).toBeGreaterThan(1e6);
    expect(model.info.parameterCount).toBeLessThan(4e6);
    const { text } = await model.renderPrompt([{ role: "user", content: "Hello" }]);
    expect(text).toBe("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
  });

  test("llama.cpp splits texts as the tokenizer it was trained with", async () => {
    const { metadata } = readGgufHeader(MODEL);
    const merges = stringsValue(metadata, "tokenizer.ggml.merges")!.map(
      (merge) => merge.split(" ") as [string, string],
    );
    const tokenizer = new Tokenizer(stringsValue(metadata, "tokenizer.ggml.tokens")!, merges);
    const texts = [...makeCorpus({ seed: 77, count: 60 }), ...heldOutPairs(20)]
      .flatMap(({ messages, reply }) => [messages[0]!.content, reply])
      .concat(["", " ", "\n\n\n", "1234567 and 12,345.678", "Größe 日本 😀 ½", "a\tb\r\nc"]);
    for (const text of texts) expect(await model.tokenize(text, false), text).toEqual(tokenizer.encode(text));
  });

  test.skipIf(!isOfToday)(`predicts held-out replies${WHY}`, async () => {
    let loss = 0;
    let count = 0;
    for (const { messages, reply } of heldOutPairs(10)) {
      const { tokens: prompt } = await model.renderPrompt(messages);
      const logProbs = await model.scoreTokens([...prompt, ...(await model.tokenize(reply, false))]);
      for (const value of logProbs.slice(prompt.length - 1)) {
        loss -= value;
        count++;
      }
    }
    expect(Math.exp(loss / count)).toBeLessThan(MAX_REPLY_PERPLEXITY);
  });
});

describe("free drawing on families the corpus never showed", () => {
  test.skipIf(!isOfToday)(
    `20 replies without a grammar: valid, different, and mostly plain${WHY}`,
    async () => {
      const policy = new LocalPolicy(model, { style: "compact", grammar: "none" });
      const sources: string[] = [];
      const pairs = heldOutPairs(40).filter(
        ({ messages, space }) => messages.length === 1 && !space.offers.has("weak"),
      );
      expect(new Set(pairs.map(({ task }) => task)).size).toBe(HELD_OUT_FAMILIES.length);
      for (const [index, { messages, space }] of pairs.slice(0, PROMPTS).entries()) {
        const draws = Array.from({ length: CANDIDATES }, (_, candidate) => ({
          seed: index * 100 + candidate,
          temperature: 0.8,
          forced: [],
        }));
        const { actions } = await policy.act(messages, draws, {
          answer: space.answer,
          offers: space.offers,
          hasContext: space.context,
        });
        for (const { text } of actions) {
          const extracted = extractWorkflow(text);
          if (extracted.ok && parses(extracted.source)) sources.push(extracted.source);
        }
      }
      const draws = PROMPTS * CANDIDATES;
      expect(sources.length / draws).toBeGreaterThanOrEqual(MIN_VALIDITY);
      expect(new Set(sources).size / draws).toBeGreaterThanOrEqual(MIN_DISTINCT);
      // Headroom: left alone it seldom asks for steps, so that rewards have something to teach.
      const withSteps = sources.filter((source) => detectTechniques(source).includes("steps"));
      expect(withSteps.length / sources.length).toBeLessThan(0.5);
    },
  );
});

function parses(source: string): boolean {
  try {
    new Script(source.replace("export default ", ""));
    return true;
  } catch {
    return false;
  }
}

test("asked without a workflow to change, it writes the program alone", async () => {
  const [pair] = heldOutPairs(40).filter(({ messages }) => messages.length === 1);
  const { messages, space } = pair!;
  const options = { answer: space.answer, offers: space.offers, hasContext: space.context };
  const draws = [0, 1].map((seed) => ({ seed, temperature: 0.8, forced: [] }));
  for (const [style, start] of [
    ["task", /^```js\nexport default/],
    ["compact", /^[A-Z][^\n]+\.\n```js\nexport default/],
  ] as const) {
    const { actions } = await new LocalPolicy(model, { style }).act(messages, draws, options);
    for (const { text } of actions) expect(text).toMatch(start);
  }
});
