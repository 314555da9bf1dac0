/** @file Policies that write side by side or review each other learn to the end: own adapters, own examples, further rounds. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readExamples } from "../../src/train/data/example-file.js";
import { expectFailure } from "../support/cli-expect.js";
import { type Member, useTeamBench } from "../support/team-bench.js";

const { learn, runCli, finish, recordsOf, expectOwnAdapters, pathOf } = useTeamBench();

describe("ensemble", () => {
  it("deals candidates to both, trains each on its own, and goes on from its own adapter", async () => {
    const flags = ["--collaboration", "ensemble", "--eval-episodes", "0"];
    await finish("ensemble", ...flags);
    // A second round goes on where the first ended.
    const { summary, stdout } = await finish("ensemble", ...flags, "--rounds", "2");
    expect(summary.collaboration).toBe("ensemble");
    const members = expectOwnAdapters("ensemble", summary);
    expect(members.map(({ name }) => name)).toEqual(["one", "two"]);
    const before = summary.rounds[0].members as Member[];
    expect(members.map(({ parentHash }) => parentHash)).toEqual(before.map((one) => one.adapterHash));
    const { header, actions } = recordsOf("ensemble", "02/collect-counting.jsonl");
    expect(header?.policy.members?.map(({ name, adapterHash }) => [name, adapterHash !== null])).toEqual([
      ["one", true],
      ["two", true],
    ]);
    expect(actions.map(({ policy, temperature }) => [policy, temperature])).toEqual([
      ["one", 0.8],
      ["two", 1.1],
      ["one", 0.8],
      ["two", 1.1],
    ]);
    // What a member is trained on is what it wrote, token by token.
    for (const { name } of members) {
      const examples = readExamples(pathOf("ensemble/rounds/02", name, "examples.jsonl"));
      const own = actions.filter(({ policy }) => policy === name).map(({ tokens }) => tokens.join());
      expect(examples.length).toBeGreaterThan(0);
      for (const { tokens } of examples)
        expect(own.some((text) => Array.from(tokens).join().endsWith(text))).toBe(true);
    }
    expect(stdout).toMatch(/one \d+\.\d+ → \d+\.\d+, two \d+\.\d+ → \d+\.\d+/);
    const lineage = await runCli(["inspect", pathOf("ensemble", members[1]?.adapter ?? "")]);
    expect(lineage.stdout).toContain((members[1]?.parentHash ?? "").slice(0, 12));
  });
});

describe("proposer-critic", () => {
  it("revises every draft once, with policies of the configuration", async () => {
    const home = pathOf("home");
    mkdirSync(home);
    const config = join(home, "w4s.config.yaml");
    writeFileSync(config, "policies:\n  writes: {}\n  reviews: { temperature: 0.3, train: false }\n");
    const { summary } = await finish(
      "critic",
      ...["--config", config, "--collaboration", "proposer-critic", "--candidates", "2"],
    );
    // The critic is not trained: no adapter of its own.
    expect(expectOwnAdapters("critic", summary).map(({ name }) => name)).toEqual(["writes"]);
    expect(existsSync(pathOf("critic/rounds/01/reviews"))).toBe(false);
    const { actions } = recordsOf("critic", "01/collect-counting.jsonl");
    expect(actions).toHaveLength(2);
    for (const { policy, helpers = [] } of actions) {
      expect(policy).toBe("writes");
      expect(helpers.map(({ policy, kind }) => `${policy} ${kind}`)).toEqual([
        "writes draft",
        "reviews review",
      ]);
      expect(helpers[1]?.text).toMatch(/^[A-Z][\w ,'-]{20,140}\.$/);
      expect(helpers[1]?.tokens.length).toBeGreaterThan(0);
    }
    // Drafts and revisions are examples, reviews of another member are not.
    expect(summary.rounds[0].members[0].examples).toBe(4);
    const wrong = await runCli(learn("wrong", "--config", config));
    expectFailure(wrong, 2, /policies are named, but not how they work together/);
  });
});

describe("wrong input", () => {
  it.each([
    [["--collaboration", "team"], /--collaboration: .*must be one of single, ensemble/],
    [["--collaboration", "ensemble", "--adapter", "nowhere.gguf"], /nowhere\.gguf/],
  ])("%j", async (more, message) => {
    expectFailure(await runCli(learn("wrong", ...more)), more[1] === "team" ? 2 : 3, message);
  });

  it("refuses to go on in another mode", async () => {
    const changed = await runCli(learn("ensemble", "--collaboration", "hierarchical"));
    expectFailure(changed, 2, /was started with other settings/);
  });
});
