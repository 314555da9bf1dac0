/** @file Policies that plan for another learn to the end; killed in between as if they had not been. */
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
