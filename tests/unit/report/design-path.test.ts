/** @file The way to the best workflow, the effect of techniques, and the confirmation, against made runs. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { StoredTurn } from "../../../src/records/read-turns.js";
import { designPath, pathTable } from "../../../src/report/design-path.js";
import { htmlReport } from "../../../src/report/html-report.js";
import { reportFigures } from "../../../src/report/report-figures.js";
import { cellText } from "../../../src/report/report-table.js";
import { type RunReport, readRunReport } from "../../../src/report/run-report.js";
import { textReport } from "../../../src/report/text-report.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { makeRun } from "./made-run.js";

const folder = useTemporaryFolder();

/** A run of two turns whose second turn changed what the first one kept; the best is from the second. */
async function twoSteps(): Promise<RunReport> {
  const run = join(folder(), "run");
  makeRun(run, { episodes: 1, turns: 2, candidates: 3 });
  const report = await readRunReport(run);
  const [baseline = ""] = Object.keys(report.baselines);
  const [first, second] = report.turns as [StoredTurn, StoredTurn];
  Object.assign(first, {
    parentHash: baseline,
    kept: 1,
    history: { best: 0.25, previous: 0.25, sampleCount: 8 },
  });
  Object.assign(first.candidates[1]!, {
    ...{ workflowHash: "a".repeat(64), source: "one;\ntwo;\n", outcome: "scored", accuracy: 0.5, reward: 1 },
    techniques: ["steps"],
  });
  Object.assign(second, {
    parentHash: "a".repeat(64),
    history: { best: 0.5, previous: 0.5, sampleCount: 8 },
  });
  Object.assign(second.candidates[2]!, {
    ...{ workflowHash: "b".repeat(64), source: "one;\nthree;\n<four>;\n", outcome: "scored", accuracy: 0.75 },
    ...{ reward: 2, techniques: ["steps", "votes"] },
  });
  const best = {
    title: "episode 1, turn 2",
    hash: "b".repeat(64),
    source: "one;\nthree;\n<four>;\n",
    isBaseline: false,
  };
  return { ...report, best };
}

describe("the way to the best workflow", () => {
  it("goes from a baseline through each change that was kept, with what it brought", async () => {
    const report = await twoSteps();
    const [baseline = ""] = Object.keys(report.baselines);
    const title = report.baselines[baseline]?.title;
    expect(pathTable(report)?.rows.map((row) => row.map(cellText).slice(0, 7))).toEqual([
      ["e1.t1.c2", title, "25.0%", "50.0%", "+25.0", "1.00", "steps"],
      ["e1.t2.c3", "e1.t1.c2", "50.0%", "75.0%", "+25.0", "2.00", "steps, votes"],
    ]);
    expect(cellText(pathTable(report)?.rows[1]?.[7] ?? "")).toBe("+2 −1");
    const page = htmlReport(report);
    expect(page).toContain('<section id="path"');
    expect(page).toContain('<span class="added">+ &lt;four&gt;;\n</span>');
    expect(page).toContain(`From ${title} to episode 1, turn 2, 2 changes.`);
  });

  it("is not shown for a baseline, or for a workflow that nobody in the run wrote", async () => {
    const report = await twoSteps();
    const best = report.best!;
    expect(pathTable({ ...report, best: { ...best, isBaseline: true } })).toBeNull();
    expect(pathTable({ ...report, best: { ...best, hash: "c".repeat(64) } })).toBeNull();
    expect(pathTable({ ...report, best: null })).toBeNull();
    expect(htmlReport({ ...report, best: null })).not.toContain('<section id="path"');
  });

  it("ends where two workflows were written from each other, and where the first source is unknown", async () => {
    const report = await twoSteps();
    const [first] = report.turns as [StoredTurn];
    first.parentHash = "b".repeat(64);
    expect(designPath(report)?.steps.map(({ title }) => title)).toEqual(["e1.t1.c2", "e1.t2.c3"]);
    first.parentHash = "d".repeat(64);
    expect(designPath(report)?.first).toBeNull();
    expect(cellText(pathTable(report)?.rows[0]?.[1] ?? "")).toBe("d".repeat(12));
    expect(htmlReport(report)).not.toContain("The whole difference");
  });
});

describe("the effect of a technique", () => {
  it("is the mean over turns that have candidates with and without it", async () => {
    const run = join(folder(), "run");
    makeRun(run, { episodes: 5, turns: 2, candidates: 3 });
    const report = await readRunReport(run);
    for (const [index, turn] of report.turns.entries()) {
      for (const candidate of turn.candidates)
        Object.assign(candidate, { outcome: "scored", techniques: [], reward: 0 });
      // In the first turn nobody has it, in all others one of three, and it brings 0.5 more, by turns 0.3.
      if (index > 0)
        Object.assign(turn.candidates[0]!, { techniques: ["votes"], reward: index % 2 ? 0.5 : 0.3 });
      Object.assign(turn.candidates[1]!, { reward: 0.2 });
    }
    const [technique] = reportFigures(report).techniques;
    expect(technique).toMatchObject({ name: "votes", count: 9, effect: { n: 9 } });
    expect(technique?.effect?.mean).toBeCloseTo((5 * 0.4 + 4 * 0.2) / 9, 12);
    const row = textReport(report).tables.find(({ id }) => id === "technique-table")?.rows[0];
    expect(row?.[3]).toMatchObject({
      text: expect.stringMatching(/^\+0\.31 \[\+0\.2\d, \+0\.\d\d\]$/),
      tone: "good",
    });
    // Too few turns for an interval.
    const short = { ...report, turns: report.turns.slice(0, 4) };
    const few = textReport(short).tables.find(({ id }) => id === "technique-table")?.rows[0];
    expect(few?.slice(3, 5).map(cellText)).toEqual(["+0.33", "3"]);
  });
});

describe("the confirmation", () => {
  it("is shown with every row, lead and estimate", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    const lead = { difference: 0.25, low: 0.1, high: 0.4, pValue: 0.01, n: 12 };
    const estimate = { accuracy: 0.7, interval: { low: 0.6, high: 0.8 }, n: 40 };
    const report: RunReport = {
      ...(await readRunReport(run)),
      confirmation: {
        items: 12,
        against: "direct",
        isConfirmed: true,
        sentence: "the design is better",
        rows: [
          { title: "direct", hash: "a", n: 12, accuracy: 0.5, estimate },
          { title: "a design", hash: "b", n: 12, accuracy: 0.75, lead, estimate },
          { title: "unmet", hash: "c", n: 0, accuracy: 0 },
        ],
      },
    };
    const table = textReport(report).tables.find(({ id }) => id === "confirmation-table");
    expect(table?.note).toContain("On 12 validation items that nothing was chosen by: the design is better.");
    expect(table?.rows.map((row) => row.map(cellText))).toEqual([
      ["direct", "50.0%", "12", "–", "–", "–", "–", "70.0%", "60.0 to 80.0%", "40"],
      ["a design", "75.0%", "12", "+25.0", "+10.0 to +40.0", "0.010", "12", "70.0%", "60.0 to 80.0%", "40"],
      ["unmet", "not met", "0", "–", "–", "–", "–", "–", "–", "–"],
    ]);
    expect((await readRunReport(run)).confirmation).toBeNull();
  });
});
