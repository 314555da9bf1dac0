/** @file How the candidates of a turn are dealt: a policy that draws gets a card for none, one that writes does not. */
import { describe, expect, it } from "vitest";
import { drawCandidates } from "../../../src/design/draw-candidates.js";
import type { EpisodeParts } from "../../../src/design/episode-parts.js";
import type { CandidateDraw, Policy } from "../../../src/design/policy.js";
import { RandomPolicy } from "../../../src/design/random-policy.js";
import { techniqueNames } from "../../../src/workflow/techniques.js";

const OFFERS = new Set(["runPython"]);
const NAMES = techniqueNames({ answer: "number", offers: OFFERS, description: "Sums." });

/** Draws of the candidates of one turn, as the policy was asked for them. */
async function asked(drawsForced: boolean, explore: number): Promise<CandidateDraw[]> {
  const draws: CandidateDraw[] = [];
  const policy = new RandomPolicy();
  const act: Policy["act"] = async (prompt, wanted, options) => {
    draws.push(...wanted);
    return await policy.act(prompt, wanted, options);
  };
  const parts = {
    policy: { ...{ info: policy.info, style: policy.style, canForce: true, drawsForced }, act },
    log: { actions: () => undefined, append: () => undefined, file: "log" },
    ...{ card: { answer: "number", description: "Sums." }, offers: OFFERS, tools: [], models: [] },
    validation: [{ id: "a", question: "1 + 1", answers: ["2"], meta: {} }],
    draws: { ...{ drawSeed: 5, turns: 1, candidates: NAMES.length + 1, temperature: 0.8, explore } },
    write: (ask: () => Promise<unknown>) => ask(),
    emit: () => undefined,
    signal: new AbortController().signal,
  };
  await drawCandidates(parts as unknown as EpisodeParts, { episode: 0, turn: 0 }, []);
  return draws;
}

describe("drawCandidates", () => {
  it("deals one plain candidate a deck where candidates are drawn", async () => {
    const draws = await asked(true, 1);
    expect(draws.filter(({ isPlain }) => isPlain)).toHaveLength(1);
    expect(draws.filter(({ forced }) => forced.length === 0)).toHaveLength(1);
  });

  it("forces techniques on all that a model writes, and none where nothing is explored", async () => {
    const draws = await asked(false, 1);
    expect(draws.filter(({ forced, isPlain }) => isPlain || forced.length === 0)).toEqual([]);
    const free = await asked(true, 0);
    expect(free.filter(({ forced, isPlain }) => isPlain || forced.length > 0)).toEqual([]);
  });
});
