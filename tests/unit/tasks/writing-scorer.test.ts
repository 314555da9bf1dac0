/** @file Metric writing: parts and weights with made-up embeddings, bands with the real ones where they are here, the dataset. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigError, InputError } from "../../../src/core/errors.js";
import type { TextEmbedder } from "../../../src/core/text-embedder.js";
import { openEmbedder } from "../../../src/evaluate/open-embedder.js";
import { listModels, resolveModel } from "../../../src/hub/model-hub.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import { parseSampleLine } from "../../../src/tasks/reading/parse-sample-line.js";
import {
  COHERENCE_BAND,
  inBand,
  RELEVANCE_BAND,
  WRITING_WEIGHTS,
} from "../../../src/tasks/scorers/writing-scorer.js";
import type { Sample } from "../../../src/tasks/task.js";
import { visibleTask } from "../../../src/tasks/visible-task.js";

const folder = fileURLToPath(new URL("../../../datasets/creative-writing", import.meta.url));
const rules = { kind: "text", metric: "writing" } as const;
const sampleOf = (constraints: Record<string, unknown>, question = "Write it."): Sample =>
  parseSampleLine(JSON.stringify({ id: "w/1", question, constraints }), rules);

/** Vectors of length 1 at given angles: the cosine of two texts is that of the difference. */
function embedderAt(angleOf: (text: string) => number): TextEmbedder & { seen: string[][] } {
  const seen: string[][] = [];
  return {
    id: "made up",
    seen,
    async embed(texts) {
      seen.push([...texts]);
      return texts.map((text) => new Float32Array([Math.cos(angleOf(text)), Math.sin(angleOf(text))]));
    },
    close: async () => {},
  };
}

describe("the score", () => {
  const sample = sampleOf({ form: "story", sentences: 2, require: ["oar"] }, "A boat.");

  test("without embeddings it is the share of constraints, and says so", async () => {
    const scorer = makeScorer("writing");
    expect(scorer.components).toEqual(["constraints"]);
    expect(await scorer.score("One. Two with an oar.", sample)).toEqual({
      value: 1,
      isCorrect: true,
      extracted: "2 of 2 constraints kept; without embeddings: constraints alone",
      components: { constraints: 1 },
    });
    expect(await scorer.score("One. Two.", sample)).toMatchObject({
      value: 0.5,
      isCorrect: false,
      extracted:
        '1 of 2 constraints kept; not kept: with "oar" (it is missing); without embeddings: constraints alone',
    });
  });

  test("with embeddings it is the weighted mean, each part stored", async () => {
    // Sentences 60 degrees apart, the request as far from the whole: cosine 0.5 for both, inside both bands.
    const angle = Math.PI / 3;
    const embedder = embedderAt((text) => (text === "Two." ? angle : text === "A boat." ? angle : 0));
    const scorer = makeScorer("writing", {}, { embedder });
    const score = await scorer.score("One. Two.", sample);
    expect(score.components).toEqual({ constraints: 0.5, coherence: 1, relevance: 1 });
    expect(score.value).toBeCloseTo(0.5 * WRITING_WEIGHTS.constraints + 0.3, 10);
    expect(score.extracted).toContain("coherence 1.00; relevance 1.00");
    expect(embedder.seen).toEqual([["A boat.", "One. Two.", "One.", "Two."]]);
  });

  test("the same sentence again and again is not coherent, nor is an echo relevant", async () => {
    const scorer = makeScorer("writing", {}, { embedder: embedderAt(() => 0) });
    const score = await scorer.score("One. One.", sample);
    expect(score.components).toEqual({ constraints: 0.5, coherence: 0, relevance: 0 });
    expect(score.value).toBeCloseTo(0.35, 10);
  });

  test("one sentence has no coherence: its weight goes to the rest", async () => {
    const one = sampleOf({ form: "story", words: { min: 1 } });
    const scorer = makeScorer(
      "writing",
      {},
      { embedder: embedderAt((text) => (text === "Write it." ? Math.PI / 2 : 0)) },
    );
    const score = await scorer.score("Only this", one);
    expect(score.components).toEqual({ constraints: 1, relevance: 0 });
    expect(score.value).toBeCloseTo(0.7 / 0.85, 10);
  });

  test("a tune is scored by its constraints, without a call, and says so", async () => {
    const embedder = embedderAt(() => 0);
    const scorer = makeScorer("writing", {}, { embedder });
    const tune = sampleOf({ form: "tune", title: "A", tune: { key: "G" } });
    const score = await scorer.score("X:1\nT:A\nM:4/4\nL:1/4\nK:G\nGABc|]", tune);
    expect(score).toMatchObject({ value: 1, isCorrect: true, components: { constraints: 1 } });
    expect(score.extracted).toContain("a tune: constraints alone");
    expect(embedder.seen).toEqual([]);
  });

  test.each([
    ["", "no text"],
    [null, "no text"],
    [17, ""],
    [{ a: 1 }, "no text"],
    ["I'm sorry, I cannot help.", "refusal"],
  ])("%j never throws", async (answer, reason) => {
    const score = await makeScorer("writing").score(answer, sample);
    expect(score.value).toBeLessThan(1);
    expect(score.extracted).toContain(reason);
    if (reason !== "") expect(score.value).toBe(0);
  });

  test("what a score was made with is part of its name", () => {
    const names = [undefined, embedderAt(() => 0)].map(
      (embedder) => makeScorer("writing", {}, { embedder }).basis,
    );
    expect(names).toEqual(["writing-v1 without embeddings", "writing-v1 made up"]);
  });

  test("bands rise and fall in straight lines", () => {
    const band = { floor: 0, from: 0.2, to: 0.6, ceiling: 1 };
    expect([-1, 0, 0.1, 0.2, 0.4, 0.6, 0.8, 1].map((value) => inBand(value, band))).toEqual([
      0,
      0,
      0.5,
      1,
      1,
      1,
      expect.closeTo(0.5, 10),
      0,
    ]);
    for (const { floor, from, to, ceiling } of [COHERENCE_BAND, RELEVANCE_BAND])
      expect([...[floor, from, to, ceiling]].sort((a, b) => a - b)).toEqual([floor, from, to, ceiling]);
  });
});

describe("items", () => {
  test("constraints are needed, and stay with the scorer", () => {
    const sample = sampleOf({ form: "poem", lines: 3 });
    expect(sample.constraints).toEqual({ form: "poem", lines: { min: 3, max: 3 } });
    expect(visibleTask(sample)).toEqual({ id: "w/1", question: "Write it." });
    const bad = (line: Record<string, unknown>) => () =>
      parseSampleLine(JSON.stringify({ id: "a", question: "q", ...line }), rules);
    expect(bad({})).toThrow(/"constraints" is missing/);
    expect(bad({ constraints: { form: "poem", line: 3 } })).toThrow(/unknown field "line" in "constraints"/);
    expect(bad({ constraints: { form: "poem", lines: "three" } })).toThrow(/constraints.lines/);
    expect(bad({ constraints: { form: "poem", lines: 3 }, answer: "x" })).toThrow(/unknown field "answer"/);
  });

  test("the shipped dataset: 16 a split, every constraint said in the request", async () => {
    const task = await loadTask(folder);
    expect(task.notices?.join()).toContain("w4s models pull all-minilm-l6-v2");
    for (const split of ["train", "validation", "test"] as const) {
      const samples = await task.load(split);
      expect(samples).toHaveLength(16);
      for (const { question, constraints } of samples) {
        const {
          require = [],
          forbid = [],
          startsWith = "",
          endsWith = "",
          acrostic = "",
          tune,
          title = "",
        } = constraints!;
        for (const text of [
          ...require,
          ...forbid,
          startsWith,
          endsWith,
          acrostic,
          title,
          tune?.key ?? "",
          tune?.meter ?? "",
        ])
          expect(question).toContain(text);
      }
    }
  });

  test("requests are what the script makes of the subjects", () => {
    const lines = readFileSync(`${folder}/validation.jsonl`, "utf8").trim().split("\n");
    expect(
      new Set(lines.map((line) => (JSON.parse(line) as { meta: { form: string } }).meta.form)).size,
    ).toBe(3);
  });
});

describe("opening the embedding model", () => {
  test("absent: none; damaged: an error; a metric that needs none never asks", async () => {
    const absent = async () => {
      throw new InputError("not here", { code: "no-model" });
    };
    expect(await openEmbedder(absent)).toBeUndefined();
    expect(await openEmbedder(async () => "/nowhere/at-all")).toBeUndefined();
    const damaged = async () => {
      throw new InputError("damaged", { code: "damaged-model" });
    };
    await expect(openEmbedder(damaged)).rejects.toThrow("damaged");
    const swaps = fileURLToPath(new URL("../../../datasets/swaps", import.meta.url));
    await loadTask(swaps, {
      openEmbedder: async () => {
        throw new ConfigError("must not be asked");
      },
    });
  });
});

const STORY =
  "The ferryman pushed his oar into the dark river. From the far bank came a song he had not heard since he was a boy. " +
  "A stranger stood among the reeds and sang it to the water. The ferryman let the boat drift until the last note was gone. " +
  "Then he rowed the stranger across and asked for no coin.";
const JUMBLE =
  "The ferryman pushed his oar into the dark river. Interest rates fell by a quarter point on Tuesday. " +
  "Whisk three eggs with the sugar. Penguins cannot fly. The printer is out of cyan ink.";
const OFF_TOPIC =
  "The bank lowered its interest rates on Tuesday. Traders had expected the step for weeks. Shares of lenders fell at once. " +
  "The central bank said that inflation was under control. Analysts now expect another cut in spring.";
const isHere = listModels().some(({ name, isInstalled }) => name === "all-minilm-l6-v2" && isInstalled);

describe.skipIf(!isHere)(
  "real embeddings (skipped: w4s models pull all-minilm-l6-v2 has not been run)",
  () => {
    const sample = sampleOf(
      { form: "story", words: { min: 1 } },
      "Write a very short story about a ferryman who hears a stranger singing.",
    );

    test("a story hangs together, a jumble does not, another subject is not to the point, an echo neither", async () => {
      const scorer = makeScorer("writing", {}, { embedder: await openEmbedder(resolveModel, 1) });
      const partsOf = async (text: string) => (await scorer.score(text, sample)).components!;
      const [story, jumble, offTopic, loop, echo] = [
        await partsOf(STORY),
        await partsOf(JUMBLE),
        await partsOf(OFF_TOPIC),
        await partsOf("The river ran. ".repeat(8)),
        await partsOf(sample.question),
      ];
      expect(story.coherence).toBe(1);
      expect(story.relevance).toBe(1);
      expect(jumble.coherence).toBeLessThan(0.5);
      expect(offTopic.coherence).toBe(1);
      expect(offTopic.relevance).toBeLessThan(0.25);
      expect(loop.coherence).toBeLessThan(0.01);
      expect(echo.relevance).toBeLessThan(0.01);
      // The same text, the same figures.
      expect(await partsOf(STORY)).toEqual(story);
    });
  },
);
