/** @file The designer without a model: valid, reproducible, as forced, and uniform over techniques. */
import { describe, expect, it } from "vitest";
import { RandomPolicy } from "../../../src/design/random-policy.js";
import { extractWorkflow } from "../../../src/workflow/reading/extract-workflow.js";
import { parseModule } from "../../../src/workflow/reading/parse-module.js";
import { detectTechniques, techniqueNames } from "../../../src/workflow/techniques.js";

const SPACE = { answer: "number", offers: new Set(["weak"]), tools: [], hasContext: false } as const;
const draws = (count: number, forced: readonly string[] = []) =>
  Array.from({ length: count }, (_, seed) => ({ seed, temperature: 0.8, forced }));

async function sources(count: number, forced?: readonly string[]): Promise<string[]> {
  const { actions } = await new RandomPolicy().act([], draws(count, forced), SPACE);
  return actions.map(({ text }) => {
    const found = extractWorkflow(text);
    if (!("source" in found)) throw new Error(`no workflow in ${text}`);
    parseModule(found.source);
    return found.source;
  });
}

describe("RandomPolicy", () => {
  it("writes workflows that differ, the same for the same seeds", async () => {
    const written = await sources(200);
    expect(new Set(written).size).toBeGreaterThan(150);
    expect(await sources(200)).toEqual(written);
  });

  it("keeps to the techniques that are forced", async () => {
    for (const source of await sources(50, ["check-draft"])) {
      expect(detectTechniques(source)).toContain("check-draft");
    }
  });

  it("writes a plain call where none is wanted", async () => {
    const plain = draws(20).map((draw) => ({ ...draw, isPlain: true }));
    const { actions } = await new RandomPolicy().act([], plain, SPACE);
    expect(actions.flatMap(({ text }) => detectTechniques(text))).toEqual([]);
  });

  it("uses few techniques, now and then none", async () => {
    const counts = (await sources(300)).map((source) => detectTechniques(source).length);
    // Two of one to three in the mean, and what these are written with.
    expect(counts.reduce((sum, count) => sum + count, 0) / counts.length).toBeLessThan(3);
    expect(counts).toContain(0);
  });

  it("uses every technique of the task, each in a fair share", async () => {
    const names = techniqueNames(SPACE);
    const used = (await sources(600)).map((source) => new Set(detectTechniques(source)));
    for (const name of names) {
      const share = used.filter((set) => set.has(name)).length / used.length;
      // One to three of the names are forced: a uniform draw alone gives each at least 1/names.
      expect(share, name).toBeGreaterThan(1 / names.length / 2);
    }
  });
});
