/** @file Runs that version 0.1 left on disk: read, reported, inspected and audited by this one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/hash.js";
import { adapterLineage } from "../../../src/records/adapter-lineage.js";
import { auditRun } from "../../../src/records/audit-run.js";
import { readRun } from "../../../src/records/read-run.js";
import { readSummary } from "../../../src/records/run-summary.js";
import { htmlReport } from "../../../src/report/html-report.js";
import { readRunReport } from "../../../src/report/run-report.js";
import { textReport } from "../../../src/report/text-report.js";

const runs = fileURLToPath(new URL("../../fixtures/runs-0.1", import.meta.url));
const COMMANDS = ["optimize", "collect", "learn", "eval", "suite"] as const;

/** What stands in their files, counted by hand. */
const HOLDS = {
  optimize: {
    command: "optimize",
    task: "shopping",
    turns: 2,
    candidates: 9,
    rounds: 0,
    rows: 10,
    designs: 9,
  },
  collect: { command: "collect", task: "counting", turns: 2, candidates: 9, rounds: 0, rows: 4, designs: 9 },
  learn: { command: "learn", task: "counting", turns: 2, candidates: 6, rounds: 2, rows: 5, designs: 15 },
  eval: { command: "eval", task: "shopping", turns: 0, candidates: 0, rounds: 0, rows: 5, designs: 0 },
  suite: { command: "eval", task: "suite small", turns: 0, candidates: 0, rounds: 0, rows: 2, designs: 2 },
};

describe.each(COMMANDS)("a stored run of %s", (name) => {
  const directory = join(runs, name);

  it("is read", async () => {
    const { designs: _, ...told } = HOLDS[name];
    const run = await readRun(directory);
    const { command, task, turns, rounds, rows, isSimulated, isComplete } = run;
    expect({
      command,
      task,
      turns: turns.length,
      candidates: turns.flatMap((turn) => turn.candidates).length,
      rounds: rounds.length,
      rows: rows.length,
    }).toEqual(told);
    expect({ isSimulated, isComplete, sessions: run.events.sessions }).toEqual({
      isSimulated: true,
      isComplete: true,
      sessions: 1,
    });
    expect(run.spent?.calls).toBeGreaterThan(0);
    expect(run.ledger.map(({ role }) => role)).toContain("executor");
  });

  it("is reported", async () => {
    const report = await readRunReport(directory);
    const text = textReport(report);
    expect(text.title).toContain(HOLDS[name].command);
    expect(text.tables.map(({ id }) => id)).toContain("results-table");
    const page = htmlReport(report);
    expect(page).toContain("simulated executor");
    expect(page.includes('id="best-workflow"')).toBe(name !== "eval" && name !== "suite");
  });

  it("is audited", () => {
    const audit = auditRun(directory);
    expect(audit).toMatchObject({ isIntact: true, disagreements: [], unlogged: 0, isSimulated: true });
    expect(audit.designs).toHaveLength(HOLDS[name].designs);
  });
});

describe("the best workflow of a stored run of learn", () => {
  it("is read from best-workflow.js, which is all that version 0.1 kept of it", async () => {
    const source = readFileSync(join(runs, "learn", "best-workflow.js"), "utf8");
    const summary = JSON.parse(readFileSync(join(runs, "learn", "summary.json"), "utf8"));
    expect(summary.best).toBeUndefined();
    expect(readSummary(join(runs, "learn"))).toMatchObject({ best: { source, hash: sha256(source) } });
    const report = await readRunReport(join(runs, "learn"));
    expect(report.rows.find(({ name }) => name === "trained")?.workflowHash).toBe(report.best?.hash);
    // With what was measured of it on test.
    expect(JSON.stringify(report.card)).toContain("4 inputs");
  });
});

describe("adapters of a stored run of learn", () => {
  it("know each other", () => {
    const adapter = join(runs, "learn", "rounds", "02", "adapter-02-552cafb5b35e.gguf");
    expect(adapterLineage(adapter)).toHaveLength(2);
  });
});
