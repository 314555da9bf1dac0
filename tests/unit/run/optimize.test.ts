/** @file What a search concludes: the winner, test opened once for it, the paired difference to the best baseline. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { readEvents } from "../../../src/records/read-events.js";
import { readSummary } from "../../../src/records/run-summary.js";
import { evaluate } from "../../../src/run/evaluate.js";
import { collect, optimize } from "../../../src/run/optimize.js";
import {
  replyNamed,
  ScriptedPolicy,
  type Table,
  TableRunner,
  workflowNamed,
} from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

/** Position of a sample among those of its split, in the order they were first asked. */
function positions(): (sample: string) => number {
  const seen = new Map<string, string[]>();
  return (sample) => {
    const split = sample.split("/").slice(0, -1).join("/");
    const known = seen.get(split) ?? [];
    seen.set(split, known);
    if (!known.includes(sample)) known.push(sample);
    return known.indexOf(sample);
  };
}

function config(run: string, changes: Record<string, unknown> = {}) {
  return parseRunConfig({
    ...{ task: "word-problems", executor: "simulated", weak: "none", baselines: "direct" },
    ...{ episodes: 1, turns: 1, candidates: 2, maxRepairs: 0, explore: 0, screen: 0, run },
    ...{ validationLimit: 12, testLimit: 12, seed: 3, ...changes },
  });
}

async function search(run: string, table: Table, changes: Record<string, unknown> = {}) {
  return await optimize(config(run, changes), {
    policy: new ScriptedPolicy(["a", "b"].map(replyNamed)),
    runner: () => new TableRunner(table),
  });
}

describe("optimize", () => {
  it("ends with exit 5's error and no winner where nothing can be compared", async () => {
    const run = folder();
    let count = 0;
    const result = await search(run, () => (count++ % 4 === 0 ? "error" : 1));
    expect(result).toMatchObject({
      isComplete: false,
      best: null,
      test: [],
      stoppedBy: { code: "lost-samples" },
    });
    expect(String(result.stoppedBy)).toContain("at least 25.0% of its samples");
    expect(result.validation[0]).toMatchObject({ n: 9, errors: 3, failures: [{ what: "lost", count: 3 }] });
  });

  it("lets random draws design where no model is named, and asks for one where an adapter is, or to record", async () => {
    const hooks = { runner: () => new TableRunner(() => 1) };
    const result = await optimize(config(folder(), { testLimit: 0 }), hooks);
    expect(result).toMatchObject({ policy: "random", isComplete: true, candidates: { validShare: 1 } });
    await expect(optimize(config(folder(), { adapter: "mine.gguf" }), hooks)).rejects.toThrow(
      /no weak model/,
    );
    await expect(collect(config(folder()), hooks)).rejects.toThrow(/no weak model/);
  });

  it("tells the paired difference to the baseline that was best on validation", async () => {
    const at = positions();
    const table: Table = (name, sample) => Number(at(sample) < ({ baseline: 6, a: 10, b: 3 }[name] ?? 0));
    const result = await search(folder(), table);
    expect(result.best?.source).toContain('"a"');
    expect(result.comparisons).toMatchObject([
      { split: "validation", against: "executor alone, direct", n: 12 },
      { split: "test", against: "executor alone, direct", n: 12 },
    ]);
    for (const { difference, low, high, pValue } of result.comparisons ?? []) {
      expect(difference).toBeCloseTo(4 / 12);
      expect(low).toBeLessThan(difference);
      expect(high).toBeGreaterThan(difference);
      // Four pairs differ, all one way: 2 of the 16 sign patterns are as far.
      expect(pValue).toBe(2 / 16);
    }
    expect(readSummary(result.directory)).toMatchObject({ comparisons: result.comparisons });
  });

  it("stays with the workflow that test was opened for, and says where filled samples would choose another", async () => {
    const run = folder();
    const at = positions();
    let isDown = true;
    // b would be the best, but two of its samples are lost at first.
    const table: Table = (name, sample) => {
      const i = at(sample);
      if (name === "b") return isDown && i > 9 ? "error" : 1;
      return Number(i < (name === "a" ? 8 : 4));
    };
    const first = await search(run, table);
    expect(first.best?.source).toContain('"a"');
    expect(first.warnings.join("\n")).toContain("1 candidates were left out of their turn");
    isDown = false;
    const second = await search(run, table);
    expect(second.best).toEqual(first.best);
    expect(second.test.find(({ name }) => name === "best")?.workflowHash).toBe(first.best?.hash);
    const [said] = second.warnings;
    expect(said).toMatch(
      /^since lost samples were filled, .*candidate 2 is the best on validation, 100\.0% against 66\.7% on 12 samples that both have; test was opened for .*candidate 1 and stays with it$/,
    );
    expect(readSummary(run)?.warnings).toContain(said);
    const events = await readEvents(join(run, "events.jsonl"));
    expect(events.warnings).toContain(said);
    expect(events.testOpenings.map(({ purpose }) => purpose)).toEqual(
      Array(2).fill(`best workflow ${first.best?.hash.slice(0, 12)} and baselines`),
    );
    expect(readFileSync(join(run, "best-workflow.js"), "utf8")).toBe(first.best?.source);
  });

  it("chooses what filled samples show while test has not been opened", async () => {
    const run = folder();
    const at = positions();
    let isDown = true;
    const table: Table = (name, sample) =>
      name === "b" && isDown && at(sample) > 9 ? "error" : Number(at(sample) < (name === "b" ? 12 : 4));
    expect((await search(run, table, { testLimit: 0 })).best?.source).not.toContain('"b"');
    isDown = false;
    expect((await search(run, table, { testLimit: 0 })).best?.source).toContain('"b"');
  });
});

describe("optimize with a race", () => {
  // 36 items: 24 to race over, 12 that only the confirmation meets.
  const race = { screen: 3, validationLimit: 36, testLimit: 0, candidates: 2 };
  const byItem = (shares: Record<string, number>): Table => {
    const at = positions();
    return (name, sample) => Number((at(sample) * 7) % 12 < 12 * (shares[name] ?? 0));
  };

  it("ends with the design that the confirmation bears out, and is the same when it is taken up", async () => {
    const run = folder();
    const first = await search(run, byItem({ baseline: 0.4, a: 1, b: 0 }), race);
    expect(first.best?.source).toContain('"a"');
    expect(first.confirmation).toMatchObject({
      items: 12,
      isConfirmed: true,
      against: "executor alone, direct",
    });
    const [baseline, best] = first.validation;
    expect(baseline?.n).toBeGreaterThanOrEqual(16);
    // Shrunk: the mean of its items is 1.
    expect(best?.n).toBeGreaterThan(3);
    expect(best?.accuracy).toBeLessThan(1);
    expect(first.confirmation?.rows[1]?.estimate?.accuracy).toBe(best?.accuracy);
    expect(readSummary(run)).toMatchObject({
      confirmation: JSON.parse(JSON.stringify(first.confirmation)),
    });
    const second = await search(run, byItem({ baseline: 0.4, a: 1, b: 0 }), race);
    expect(second.resultHash).toBe(first.resultHash);
    expect(second.confirmation).toEqual(first.confirmation);
    await expect(search(run, () => 1, { ...race, validationLimit: 30 })).rejects.toThrow(
      "validationLimit: 36 → 30",
    );
  });

  it("returns the baseline where no design beats it on items that nothing was chosen by, and says so", async () => {
    const at = positions();
    // Good on what it races over, and no better than the baseline on the rest.
    const table: Table = (name, sample) => Number(name === "a" ? at(sample) < 16 : (at(sample) * 7) % 12 < 6);
    const run = folder();
    const result = await search(run, table, race);
    expect(result.best).toMatchObject({ isBaseline: true, title: "executor alone, direct" });
    expect(result.confirmation?.isConfirmed).toBe(false);
    expect(result.warnings).toContain(
      "no design is probably better than executor alone, direct by all its items, and by those kept for the confirmation, so the baseline is the result",
    );
    expect(readFileSync(join(run, "best-workflow.js"), "utf8")).toBe(result.best?.source);
  });

  it("keeps nothing for a confirmation where the items are too few, and says so", async () => {
    const result = await search(folder(), byItem({ baseline: 0.4, a: 1 }), { ...race, validationLimit: 12 });
    expect(result.best?.source).toContain('"a"');
    expect(result.confirmation).toBeUndefined();
    expect(result.warnings.join("\n")).toContain(
      "12 validation items are too few to keep some for a confirmation",
    );
  });
});

describe("evaluate", () => {
  it("ten epochs of the same replies give the interval, and the difference, of ten items", async () => {
    const table: Table = (name, sample) => Number(at(sample) < (name === "a" ? 6 : 3));
    const at = positions();
    const workflows = [{ name: "a.js", source: workflowNamed("a") }];
    const found = [];
    for (const epochs of [1, 10]) {
      const result = await evaluate(
        config(folder(), { validationLimit: 10 }),
        { workflows, split: "validation", epochs },
        { runner: () => new TableRunner(table) },
      );
      found.push({
        rows: result.rows.map(({ n, accuracy, interval }) => ({ n, accuracy, interval })),
        differences: result.differences,
      });
    }
    const [once, often] = found;
    expect(often).toEqual(once);
    expect(often?.differences[0]).toMatchObject({ n: 10, pValue: 0.25 });
    expect(often?.rows.at(-1)).toMatchObject({ n: 10, accuracy: 0.6 });
  });

  it("two names of one model are told apart in rows, differences and spending", async () => {
    const result = await evaluate(
      config(join(folder(), "run"), { validationLimit: 2 }),
      {
        workflows: [{ name: "a.js", source: workflowNamed("a") }],
        split: "validation",
        otherExecutors: ["simulated:0"],
      },
      { runner: () => new TableRunner(() => 1) },
    );
    const executors = [...new Set(result.rows.map(({ executor }) => executor))];
    expect(executors).toHaveLength(2);
    expect(executors[1]).toBe(`${executors[0]} (simulated:0)`);
    expect(result.differences.map(({ executor }) => executor)).toEqual(executors);
    expect(Object.keys(result.spent)).toEqual(executors);
  });

  it("an executor that is named twice is asked once", async () => {
    const result = await evaluate(
      config(folder(), { validationLimit: 2 }),
      { workflows: [], split: "validation", otherExecutors: ["simulated"] },
      { runner: () => new TableRunner(() => 1) },
    );
    expect(result.rows).toHaveLength(1);
    expect(result.directories).toHaveLength(1);
  });
});
