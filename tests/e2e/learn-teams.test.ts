/** @file Policies that plan for another, or play each on its own, learn to the end; killed in between as if they had not been. */
import { describe, expect, it } from "vitest";
import { strategyLine } from "../../src/workflow/strategy-grammar.js";
import { TECHNIQUES } from "../../src/workflow/techniques.js";
import { dyingAt, killAtEach } from "../support/kill-moments.js";
import { runCli } from "../support/run-cli.js";
import { type Member, useTeamBench } from "../support/team-bench.js";

/** In the middle of what the writer wrote, between the trainings, and in the second of them. */
const KILLED_AT = [
  "half rounds/01/collect-counting.jsonl:2",
  "before rounds/01/writer/examples.jsonl",
  "after rounds/01/writer/train.jsonl:2",
];
const { learn, finish, recordsOf, expectOwnAdapters, pathOf } = useTeamBench();

describe("hierarchical", () => {
  it("writes under a planned line; killed in between, it ends as if it had not been", async () => {
    const flags = ["--collaboration", "hierarchical", "--explore", "0.5", "--eval-episodes", "0"];
    const { summary } = await finish("planned", ...flags);
    const members = expectOwnAdapters("planned", summary);
    expect(members.map(({ name }) => name)).toEqual(["planner", "writer"]);
    const { actions, turns } = recordsOf("planned", "01/collect-counting.jsonl");
    const prompts = new Set(actions.map(({ promptTokens }) => promptTokens?.join()));
    expect(prompts.size).toBeGreaterThan(1);
    expect(turns[0]?.candidates).toHaveLength(4);
    for (const { policy, helpers = [], forced } of actions) {
      expect(policy).toBe("writer");
      expect(helpers.map(({ policy, kind }) => `${policy} ${kind}`)).toEqual(["planner strategy"]);
      // Forced techniques leave the planner no choice; else it takes what one workflow can use together.
      const names = TECHNIQUES.filter(({ meaning }) => helpers[0]?.text.split("; ").includes(meaning)).map(
        ({ name }) => name,
      );
      expect(strategyLine(names)).toBe(helpers[0]?.text);
      if (forced.length > 0) expect(strategyLine(forced)).toBe(helpers[0]?.text);
      expect(names.length).toBeGreaterThan(0);
    }
    const moments = KILLED_AT.map((moment) => ({ moment }));
    const { died } = await killAtEach(moments, (left) =>
      runCli(learn("killed", ...flags), { env: dyingAt(pathOf("killed"), left) }),
    );
    expect(died).toEqual(moments);
    const again = (await finish("killed", ...flags)).summary;
    expect(again.rounds[0].members.map(({ adapterHash }: Member) => adapterHash)).toEqual(
      members.map(({ adapterHash }) => adapterHash),
    );
  });
});

describe("decentralised", () => {
  it("lets each play on its own, and shows it what the other found", async () => {
    const { summary } = await finish("apart", "--collaboration", "decentralised", "--rounds", "2");
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
