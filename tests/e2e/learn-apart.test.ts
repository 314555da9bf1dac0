/** @file Policies that play each on its own learn to the end. */
import { describe, expect, it } from "vitest";
import { useTeamBench } from "../support/team-bench.js";

const { finish, recordsOf, expectOwnAdapters } = useTeamBench();

describe("decentralised", () => {
  it("lets each play on its own, and shows it what the other found", async () => {
    const { summary } = await finish(
      "apart",
      "--collaboration",
      "decentralised",
      "--rounds",
      "2",
      "--seed",
      "3",
    );
    const members = expectOwnAdapters("apart", summary);
    expect(members.map(({ name }) => name)).toEqual(["one", "two"]);
    const [first] = summary.rounds as { best: { policy: string; accuracy: number; hash: string }[] }[];
    const texts = new Set<string>();
    const improved: boolean[] = [];
    for (const [name, other] of [
      ["one", "two"],
      ["two", "one"],
    ]) {
      const before = recordsOf("apart", `01/collect-counting@${name}.jsonl`);
      expect(before.actions.every(({ policy }) => policy === name)).toBe(true);
      texts.add(before.actions.map(({ text }) => text).join("\n"));
      const [opening] = before.turns;
      const found = first?.best.find(({ policy }) => policy === other);
      const [turn] = recordsOf("apart", `02/collect-counting@${name}.jsonl`).turns;
      // Round 1 knew the baselines only; round 2 starts from the best of them and of the other's find.
      const baseline = opening?.history.best ?? 0;
      expect(turn?.history.best).toBe(Math.max(baseline, found?.accuracy ?? 0));
      improved.push((found?.accuracy ?? 0) > baseline);
      if (improved.at(-1)) expect(turn?.parentHash).toBe(found?.hash);
    }
    expect(improved, "the seed must make at least one exchange matter").toContain(true);
    // Equal models draw from different seeds.
    expect(texts.size).toBe(2);
    // Judged together.
    const judged = recordsOf("apart", "02/judge-new-swaps.jsonl");
    expect(judged.actions.map(({ policy }) => policy)).toEqual(["one", "two", "one", "two"]);
  });
});
