/** @file Every way in which policies learn together, as a process and to the end: own adapters, own examples, resumed runs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type ActionsRecord, readTrajectory, type TurnRecord } from "../../src/records/trajectory.js";
import { readExamples } from "../../src/train/data/example-file.js";
import { strategyLine } from "../../src/workflow/strategy-grammar.js";
import { TECHNIQUES } from "../../src/workflow/techniques.js";
import { expectFailure } from "../support/cli-expect.js";
import { dyingAt, killAtEach } from "../support/kill-moments.js";
import { withoutPrograms } from "../support/no-programs.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

/** In the middle of what the writer wrote, between the trainings, and in the second of them. */
const KILLED_AT = [
  "half rounds/01/collect-counting.jsonl:2",
  "before rounds/01/writer/examples.jsonl",
  "after rounds/01/writer/train.jsonl:2",
];
const newFolder = useTemporaryFolder();
let folder: string;
let model: string;

beforeAll(() => {
  folder = newFolder();
  model = makeTinyDesigner(join(folder, "tiny.gguf"));
});

function learn(run: string, ...more: string[]): string[] {
  return [
    "learn",
    ...["--task", "counting", "--held-back", "swaps", "--model", model, "--gpu", "off", "--threads", "1"],
    ...["--executor", "simulated", "--rounds", "1", "--episodes", "1", "--turns", "1", "--candidates", "4"],
    ...["--eval-episodes", "1", "--validation-limit", "6", "--screen", "0", "--test-limit", "0"],
    ...["--max-repairs", "0", "--prompt-style", "compact", "--rank", "2", "--epochs", "1"],
    ...[
      "--accept",
      "always",
      "--explore",
      "1",
      ...withoutPrograms(folder),
      "--run",
      join(folder, run),
      ...more,
    ],
  ];
}

async function finish(run: string, ...more: string[]) {
  const result = await runCli(learn(run, ...more));
  expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
  return { ...result, summary: JSON.parse(readFileSync(join(folder, run, "summary.json"), "utf8")) };
}

function recordsOf(run: string, file: string) {
  const records = readTrajectory(join(folder, run, "rounds", file));
  return {
    header: records.find((record) => record.kind === "header"),
    actions: records.flatMap((record) =>
      record.kind === "actions" ? (record as ActionsRecord).actions : [],
    ),
    turns: records.filter((record): record is TurnRecord => record.kind === "turn"),
  };
}

interface Member {
  name: string;
  adapter: string;
  adapterHash: string;
  parentHash: string | null;
  examples: number;
}

/** Trained adapters exist, differ from each other, and are what the summary says is in force. */
function expectOwnAdapters(run: string, summary: { rounds: { members: Member[] }[]; members: Member[] }) {
  const last = summary.rounds.at(-1)?.members ?? [];
  for (const { adapter } of last) expect(existsSync(join(folder, run, adapter)), adapter).toBe(true);
  const hashes = last.map(({ adapterHash }) => adapterHash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(summary.members.map(({ name }) => name)).toEqual(last.map(({ name }) => name));
  return last;
}

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
      const examples = readExamples(join(folder, "ensemble/rounds/02", name, "examples.jsonl"));
      const own = actions.filter(({ policy }) => policy === name).map(({ tokens }) => tokens.join());
      expect(examples.length).toBeGreaterThan(0);
      for (const { tokens } of examples)
        expect(own.some((text) => Array.from(tokens).join().endsWith(text))).toBe(true);
    }
    expect(stdout).toMatch(/one \d+\.\d+ → \d+\.\d+, two \d+\.\d+ → \d+\.\d+/);
    const lineage = await runCli(["inspect", join(folder, "ensemble", members[1]?.adapter ?? "")]);
    expect(lineage.stdout).toContain((members[1]?.parentHash ?? "").slice(0, 12));
  });
});

describe("proposer-critic", () => {
  it("revises every draft once, with policies of the configuration", async () => {
    const home = join(folder, "home");
    mkdirSync(home);
    const config = join(home, "w4s.config.yaml");
    writeFileSync(config, "policies:\n  writes: {}\n  reviews: { temperature: 0.3, train: false }\n");
    const { summary } = await finish(
      "critic",
      ...["--config", config, "--collaboration", "proposer-critic", "--candidates", "2"],
    );
    // The critic is not trained: no adapter of its own.
    expect(expectOwnAdapters("critic", summary).map(({ name }) => name)).toEqual(["writes"]);
    expect(existsSync(join(folder, "critic/rounds/01/reviews"))).toBe(false);
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
      runCli(learn("killed", ...flags), { env: dyingAt(join(folder, "killed"), left) }),
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
