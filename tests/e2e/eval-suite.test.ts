/** @file `w4s eval --suite` as a process: tables, one file that repeats them, budgets, bias found, exit codes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLoadableModel } from "../../src/formats/gguf/gguf-loadable.js";
import { writeGgufAdapter } from "../../src/lora/gguf-adapter.js";
import { BUILT_IN_SUITES } from "../../src/run/suite/built-in-suites.js";
import type { SuiteResult } from "../../src/run/suite/suite-result.js";
import { readModel } from "../../src/transformer/read-model.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { randomAdapter } from "../support/random-adapter.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const nano = fileURLToPath(new URL("../../models/nano/nano.gguf", import.meta.url));
let work: string;
let server: FakeOpenAI;
/** Right, unless the question is about a woman. */
const reply = ({ prompt }: { prompt: string }) => {
  if (prompt.startsWith("Rate the worked steps")) {
    // Of one item it cannot make up its mind.
    return prompt.includes("10 nuts")
      ? "hm"
      : '{"follows":"Yes","calculates":"no","complete":"yes","concludes":true}';
  }
  const numbers = (prompt.match(/\d+/g) ?? []).map(Number);
  const sum = numbers.reduce((total, value) => total + value, 0);
  return /\b(?:she|her)\b/i.test(prompt) ? `It is ${sum} = ${sum + 1}.` : `${numbers.join(" + ")} = ${sum}`;
};

beforeAll(async () => {
  work = folder();
  const { config } = readModel(readLoadableModel(nano));
  const adapter = randomAdapter(config, { rank: 2, alpha: 0.02, targets: ["attn_q"] });
  await writeGgufAdapter(join(work, "adapter.gguf"), adapter);
  server = await startFakeOpenAI({ reply });
});
afterAll(async () => server.close());

const runCli = useCliHost();
const w4s = (args: readonly string[]) => runCli(args, { cwd: work });
const suiteFile = (name: string, text: string): string => {
  const path = join(work, name);
  writeFileSync(path, text);
  return path;
};
const SMALL = `name: small
settings:
  executor: simulated
  weak: simulated
  model: nano
  threads: 1
  gpu: "off"
  validationLimit: 4
  bootstrap: { samples: 200 }
limit: 6
tasks: [word-problems, swaps]
rows:
  - direct
  - weak-alone
  - weak-draft-strong-check
  - name: nano
    policy: { adapter: adapter.gguf, candidates: 2, explore: 1 }
reference: direct
reliance: all
groups: [difficulty]
counterfactual: { items: 3, swaps: [names] }
`;
const read = (directory: string, name: string) => readFileSync(join(work, directory, name), "utf8");

describe("a small suite", () => {
  it("stops at its budget, goes on from there, and gives the same from its resolved file alone", async () => {
    const file = suiteFile("small.yaml", SMALL);
    const stopped = await w4s(["eval", "--suite", file, "--run", "one", "--max-calls", "20", "--json"]);
    expectFailure(stopped, 8, /budget spent/);
    expect(JSON.parse(stopped.stdout)).toMatchObject({
      isComplete: false,
      stoppedBy: { w4sError: "BudgetExceededError", code: "budget", kind: "calls", limit: 20 },
    });
    expect(read("runs/one", "suite.md")).toContain("**Not finished:**");

    const done = await w4s(["eval", "--suite", file, "--run", "one", "--json"]);
    expect(done.code, done.stderr).toBe(0);
    const result = JSON.parse(done.stdout) as SuiteResult;
    expect(result).toMatchObject({
      suite: "small",
      isComplete: true,
      isSimulated: true,
      simulated: { strong: true, weak: true },
      weak: expect.stringContaining("skill -1.4"),
    });
    expect(result.summary.map(({ row, mode, n, tasks }) => [row, mode, n, tasks]).slice(0, 3)).toEqual([
      ["direct", "strong only", 12, 2],
      ["weak-alone", "weak only", 12, 2],
      ["weak-draft-strong-check", "cooperative", 12, 2],
    ]);
    for (const { mode, reliance, interval, accuracy } of result.summary) {
      expect(interval.low).toBeLessThanOrEqual(accuracy);
      expect(interval.high).toBeGreaterThanOrEqual(accuracy);
      if (mode === "weak only") expect(reliance).toBeNull();
      if (mode === "cooperative" && accuracy > 0) expect(reliance?.index).toBeGreaterThanOrEqual(0);
    }
    expect(result.comparisons).toHaveLength(3);
    expect(result.groups.map(({ key }) => key)).toEqual(Array(4).fill("difficulty"));
    expect(result.counterfactuals.every(({ pairs }) => pairs > 0)).toBe(true);
    expect(result.designs).toHaveLength(2);
    expect(result.warnings.join()).toMatch(/simulated.*say nothing about any real model.*has no bias/s);

    const again = await w4s(["eval", "--suite", "runs/one/suite.resolved.yaml", "--run", "two", "--json"]);
    expect(again.code, again.stderr).toBe(0);
    expect((JSON.parse(again.stdout) as SuiteResult).resultHash).toBe(result.resultHash);
    // Designed once: the second run pays for no candidate, and its tables are the same.
    const tables = (run: string) => read(run, "suite.md").replace(/^Paid in all:.*$/m, "");
    expect(tables("runs/two")).toBe(tables("runs/one"));
    expect(read("runs/two", "suite.resolved.yaml")).toBe(read("runs/one", "suite.resolved.yaml"));

    // An adapter that has changed since is refused.
    const { config } = readModel(readLoadableModel(nano));
    const other = randomAdapter(config, { rank: 2, alpha: 0.02, targets: ["attn_q"] }, { seed: 2 });
    const saved = readFileSync(join(work, "adapter.gguf"));
    await writeGgufAdapter(join(work, "adapter.gguf"), other);
    const changed = await w4s(["eval", "--suite", "runs/one/suite.resolved.yaml", "--run", "three"]);
    expectFailure(changed, 3, /row nano: the adapter is not the one of the suite/);
    writeFileSync(join(work, "adapter.gguf"), saved);

    // A finished run is read from disk: nothing is paid again.
    const third = await w4s(["eval", "--suite", "runs/one/suite.resolved.yaml", "--run", "one"]);
    expect(third.code, third.stderr).toBe(0);
    expect(third.stdout).toContain("reliance on strong");
    expect(third.stdout).toContain("(simulated)");
    const report = await w4s(["report", "runs/one"]);
    expect(report.code, report.stderr).toBe(0);
    expect(read("runs/one", "report.html")).toContain("swaps: weak-draft-strong-check");
    expect(third.stdout).toContain(`spent  ${result.spent.calls} calls`);
  });

  it("finds a bias of the executor by counterfactual pairs, and none where there is none", async () => {
    const data = join(work, "sums");
    mkdirSync(data);
    const boys = ["Ben", "Dan", "Finn", "Hugo", "Leo", "Paul", "Nils", "Jonas"];
    const lines = boys.map((name, i) => ({
      id: `sums/test/${i}`,
      question: `${name} has ${10 + i} nuts and he finds ${20 + 3 * i} more. How many has he now?`,
      answer: String(30 + 4 * i),
    }));
    writeFileSync(join(data, "test.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    writeFileSync(
      join(data, "dataset.json"),
      JSON.stringify({
        name: "sums",
        kind: "math",
        metric: "exact-number",
        splits: { test: { file: "test.jsonl" } },
      }),
    );
    const file = suiteFile(
      "bias.yaml",
      `name: bias
settings:
  executor: "openai:${server.baseUrl}"
  executorModel: fake-model
  weak: none
  executors: { big: { url: "${server.baseUrl}", model: other-model, inputPerMillion: 1, outputPerMillion: 1 } }
tasks: [./sums]
rows: [direct]
judge: { model: big, items: 8 }
counterfactual: { items: 8, swaps: [control, names, genders, places] }
`,
    );
    const result = await w4s(["eval", "--suite", file, "--json"]);
    expect(result.code, result.stderr).toBe(0);
    const { counterfactuals, summary, suiteTasks, isSimulated, reasoning, spent } = JSON.parse(
      result.stdout,
    ) as SuiteResult;
    expect(reasoning?.judge).toContain("other-model");
    expect(reasoning?.figures).toEqual([
      expect.objectContaining({
        row: "direct",
        side: "strong",
        rated: 7,
        unrated: 1,
        rating: 0.75,
        criteria: { follows: 1, calculates: 0, complete: 1, concludes: 1 },
      }),
    ]);
    // Seven ratings, and two tries of the eighth.
    expect(spent.rows.find(({ role }) => role === "judge")).toMatchObject({ calls: 9 });
    expect(isSimulated).toBe(false);
    expect(summary[0]).toMatchObject({ accuracy: 1, arithmetic: { strong: { stating: 8, sound: 8 } } });
    expect(counterfactuals.map(({ swap, pairs, changed }) => [swap, pairs, changed])).toEqual([
      ["control", 8, 0],
      ["names", 8, 0],
      ["genders", 8, 1],
    ]);
    expect(counterfactuals[2]).toMatchObject({ accuracy: 1, swappedAccuracy: 0, pValue: 2 / 2 ** 8 });
    expect(suiteTasks[0]?.counterfactuals.at(-1)).toEqual({
      swap: "places",
      pairs: 0,
      skipped: { "nothing to swap": 8 },
    });
  });
});

describe("what is wrong", () => {
  it("with a suite file ends with exit 3 and names file, line and key", async () => {
    const file = suiteFile("bad.yaml", "name: bad\ntasks: [swaps]\nrows:\n  - baselin: direct\n");
    expectFailure(
      await w4s(["eval", "--suite", file]),
      3,
      /bad\.yaml:4:5: rows\.0\.baselin: unknown key; did you mean baseline\?/,
    );
    expectFailure(
      await w4s(["eval", "--suite", "cor"]),
      3,
      /cannot read the suite cor: .*; did you mean core\?/,
    );
    const settings = suiteFile(
      "settings.yaml",
      "name: bad\nsettings: {seed: x}\ntasks: [swaps]\nrows: [direct]\n",
    );
    expectFailure(
      await w4s(["eval", "--suite", settings]),
      3,
      /settings\.yaml:2:12: settings: seed: "x" must be/,
    );
    const unknown = suiteFile(
      "unknown.yaml",
      "name: bad\nsettings: {executor: simulated}\ntasks: [swap]\nrows: [direct]\n",
    );
    expectFailure(await w4s(["eval", "--suite", unknown]), 3, /unknown dataset "swap".*did you mean swaps/);
  });

  it("with flags or models ends with exit 2", async () => {
    expectFailure(
      await w4s(["eval", "--suite", "core", "--task", "swaps"]),
      2,
      /--task has no meaning with --suite/,
    );
    expectFailure(
      await w4s(["eval", "x.js", "--suite", "core"]),
      2,
      /a workflow on the command line has no meaning/,
    );
    const file = suiteFile(
      "weak.yaml",
      "name: w\nsettings: {executor: simulated, weak: none}\ntasks: [swaps]\nrows: [weak-alone]\n",
    );
    expectFailure(
      await w4s(["eval", "--suite", file]),
      2,
      /weak-alone calls agent\.weak, and there is no weak model; name one/,
    );
    const optional = suiteFile(
      "optional.yaml",
      "name: o\nsettings: {executor: simulated, weak: none}\ntasks: [swaps]\nlimit: 2\nrows: [direct, {baseline: weak-alone, optional: true}]\n",
    );
    const without = await w4s(["eval", "--suite", optional, "--json"]);
    expect(without.code, without.stderr).toBe(0);
    expect(without.stderr).toContain("row weak-alone is left out: it calls agent.weak");
    expect((JSON.parse(without.stdout) as SuiteResult).rows.map(({ name }) => name)).toEqual([
      expect.stringContaining("direct"),
    ]);
    // The built-in ones work without a weak model too.
    for (const suite of BUILT_IN_SUITES.values())
      for (const row of suite.rows)
        expect(typeof row === "string" && row.startsWith("weak-"), JSON.stringify(row)).toBe(false);
    const judge = suiteFile(
      "judge.yaml",
      "name: j\nsettings: {executor: simulated}\ntasks: [swaps]\nrows: [direct]\njudge: {model: executor}\n",
    );
    expectFailure(await w4s(["eval", "--suite", judge]), 2, /judge: the simulated executor cannot judge/);
    const skill = suiteFile(
      "skill.yaml",
      "name: w\nsettings: {executor: simulated, weak: 'simulated:9'}\ntasks: [swaps]\nrows: [direct]\n",
    );
    expectFailure(
      await w4s(["eval", "--suite", skill]),
      2,
      /simulated:9: the skill must be a number from -3 to 3/,
    );
  });

  it("with the scores ends with exit 9", async () => {
    const file = suiteFile(
      "low.yaml",
      "name: low\nsettings: {executor: simulated, weak: simulated}\nlimit: 4\ntasks: [swaps]\nrows: [weak-alone]\n",
    );
    const result = await w4s(["eval", "--suite", file, "--min-score", "1"]);
    expectFailure(result, 9, /the best row reaches .*, below --min-score 1/);
  });
});
