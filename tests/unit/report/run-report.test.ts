/** @file Reading a run for reports, and its figures: compared with sums done by hand or another way. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError, StorageError } from "../../../src/core/errors.js";
import { namedBaselines } from "../../../src/evaluate/baselines/named-baselines.js";
import type { StoredCandidate } from "../../../src/records/read-turns.js";
import { readTrajectory } from "../../../src/records/trajectory.js";
import { chartData } from "../../../src/report/chart-data.js";
import { htmlReport } from "../../../src/report/html-report.js";
import { reportFigures } from "../../../src/report/report-figures.js";
import { readRunReport } from "../../../src/report/run-report.js";
import { ANSWER_KINDS } from "../../../src/workflow/answer-kind.js";
import { workflowHash } from "../../../src/workflow/workflow-hash.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { addRounds, episodeScore, makeLearnRun, makeRun } from "./made-run.js";

const folder = useTemporaryFolder();

describe("readRunReport", () => {
  it("reads what readTrajectory reads, candidate by candidate", async () => {
    const run = join(folder(), "run");
    const count = makeRun(run, { episodes: 3 });
    const report = await readRunReport(run);
    const records = readTrajectory(join(run, "trajectories.jsonl"));
    const candidates = records.flatMap((record) => (record.kind === "turn" ? record.candidates : []));
    const actions = records.flatMap((record) => (record.kind === "actions" ? record.actions : []));
    const found = report.turns.flatMap((turn) => turn.candidates);
    expect(found).toHaveLength(count);
    for (const [index, candidate] of candidates.entries()) expect(found[index]).toMatchObject(candidate);
    expect(found.map(({ reply }) => reply)).toEqual(actions.map(({ text }) => text));
    expect(found.every(({ written, meanLogProb }) => written === 8 && meanLogProb === -0.5)).toBe(true);
    expect(new Set(found.map(({ id }) => id)).size).toBe(count);
    expect(found[0]?.id).toBe("e1.t1.c1");
    expect(report.turns[0]?.prompts[0]).toMatchObject({ name: "turn", tokens: 8 });
    expect(report).toMatchObject({
      name: "run",
      command: "optimize",
      isSimulated: true,
      isComplete: true,
      spent: { calls: 120, tokens: 34_000, dollars: 0.25 },
      events: { sessions: 1, testOpenings: [{ items: 10 }], startedAt: "2026-01-02T03:04:00.000Z" },
    });
  });

  it("splits lines at line feeds only, as the log writes them", async () => {
    const run = join(folder(), "run");
    const count = makeRun(run, { text: (place) => `a\u2028b\u2029c\rd ${place}` });
    expect((await readRunReport(run)).turns.flatMap((turn) => turn.candidates)).toHaveLength(count);
  });

  it("reports a run that is not finished or whose last line is torn", async () => {
    const run = join(folder(), "run");
    makeRun(run, { hasSummary: false });
    const path = join(run, "trajectories.jsonl");
    truncateSync(path, readFileSync(path).length - 10);
    const report = await readRunReport(run);
    expect(report).toMatchObject({ isComplete: null, best: null, rows: [], spent: { calls: 120 } });
    expect(report.turns).toHaveLength(3);
    expect(reportFigures(report).headline).toBeNull();
  });

  it("names a damaged line, also the last one", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    const path = join(run, "trajectories.jsonl");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(/"reward":\d/, '"reward":7'));
    await expect(readRunReport(run)).rejects.toThrow(/trajectories\.jsonl: line \d+ is damaged/);
    writeFileSync(path, `${text}{"kind":"turn","sum":"00000000"}\n`);
    await expect(readRunReport(run)).rejects.toThrow(StorageError);
  });

  it("refuses what is no run, and names the field that does not fit", async () => {
    await expect(readRunReport(join(folder(), "nowhere"))).rejects.toThrow(/no run\.json/);
    const run = join(folder(), "run");
    makeRun(run);
    const summary = JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));
    summary.validation[0].accuracy = "high";
    writeFileSync(join(run, "summary.json"), JSON.stringify(summary));
    await expect(readRunReport(run)).rejects.toThrow(/summary\.json: validation\.0\.accuracy/);
    await expect(readRunReport(run)).rejects.toThrow(InputError);
    writeFileSync(join(run, "summary.json"), "{");
    await expect(readRunReport(run)).rejects.toThrow(/summary\.json is damaged/);
  });

  it("needs no trajectory: a run of `eval` has none", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    rmSync(join(run, "trajectories.jsonl"));
    const summary = JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));
    const { validation, test, spent, ...rest } = summary;
    const evaluated = {
      ...rest,
      command: "eval",
      differences: [],
      rows: [...validation, ...test],
      spent: { a: spent, b: spent },
    };
    writeFileSync(join(run, "summary.json"), JSON.stringify(evaluated));
    const report = await readRunReport(run);
    expect(report.rows).toHaveLength(4);
    expect(report.spent).toEqual({ calls: 240, tokens: 68_000, dollars: 0.5 });
    expect(reportFigures(report)).toMatchObject({
      series: [],
      candidates: { count: 0 },
      headline: { split: "test" },
    });
  });

  it("takes no reward of a candidate that lost its samples, and the level on common samples where some were lost", async () => {
    const run = join(folder(), "run");
    makeRun(run, { episodes: 1, turns: 1 });
    const report = await readRunReport(run);
    const [turn] = report.turns as [(typeof report.turns)[number]];
    const [a, b, c] = turn.candidates as [StoredCandidate, StoredCandidate, StoredCandidate];
    Object.assign(turn.history, { best: 0 });
    Object.assign(a, { outcome: "lost", reward: 9, accuracy: 1 });
    Object.assign(b, { outcome: "scored", reward: 0.2, accuracy: 0.9, commonAccuracy: 0.4 });
    Object.assign(c, { outcome: "scored", reward: 0.4, accuracy: 0.3 });
    for (const one of [a, b, c]) Object.assign(one, { forced: [], repairOf: null });
    const figures = reportFigures(report);
    expect(figures.candidates.meanReward).toBeCloseTo(0.3, 12);
    expect(figures.outcomes.groups[0]?.reward).toBeCloseTo(0.3, 12);
    expect(figures.series[0]?.best.mean).toBeCloseTo(0.4, 12);
  });

  it("reads rounds, and updates that a resumed run did twice once", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    addRounds(run);
    const log = join(run, "rounds", "01", "train.jsonl");
    appendFileSync(log, `${readFileSync(log, "utf8").split("\n")[3]}\n{"type":"step","step"`);
    mkdirSync(join(run, "rounds", "03"));
    const { rounds } = await readRunReport(run);
    expect(
      rounds.map(({ round, record, losses }) => [round, record?.isAccepted ?? null, losses.length]),
    ).toEqual([
      [1, true, 4],
      [2, false, 4],
      [3, null, 0],
    ]);
    expect(rounds[0]?.losses[3]).toEqual({ step: 4, loss: 1.2 });
  });

  it("reads the losses of every policy of a team, and draws a line for each", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    addRounds(run);
    const first = join(run, "rounds", "01");
    const log = readFileSync(join(first, "train.jsonl"), "utf8");
    rmSync(join(first, "train.jsonl"));
    for (const name of ["critic", "proposer"]) {
      mkdirSync(join(first, name));
      writeFileSync(join(first, name, "train.jsonl"), log);
    }
    mkdirSync(join(first, "without-a-log"));
    const report = await readRunReport(run);
    const [team, alone] = report.rounds;
    expect(team?.losses).toEqual([]);
    expect(team?.members.map(({ name, losses }) => [name, losses.length])).toEqual([
      ["critic", 4],
      ["proposer", 4],
    ]);
    expect(alone?.members).toEqual([]);
    const chart = chartData(report, reportFigures(report)).find(({ id }) => id === "chart-loss");
    expect(chart?.lines.map(({ label }) => label)).toEqual([
      "round 1, critic",
      "round 1, proposer",
      "round 2",
    ]);
  });
});

describe("the baselines of a report", () => {
  it("are those of every kind of answer, texts included", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    const { baselines } = await readRunReport(run);
    for (const kind of ANSWER_KINDS) {
      for (const { source, title } of namedBaselines(kind, false))
        expect(baselines[workflowHash(source)], kind).toEqual({ title, source });
    }
  });
});

describe("a run of learn", () => {
  it("is read with its rounds as they were written, and figures go by round", async () => {
    const run = join(folder(), "run");
    makeLearnRun(run, { episodes: 3 });
    const report = await readRunReport(run);
    expect(report).toMatchObject({
      task: "plain 0",
      policy: "plain 2",
      breakEven: { "plain 0: plain 14": 77 },
      learned: { isHeldBack: true, judgeTasks: ["plain 0 held back"], base: { meanReward: 0.3 } },
    });
    const ids = report.turns.flatMap(({ candidates }) => candidates.map(({ id }) => id));
    expect(ids).toHaveLength(36);
    expect(new Set(ids).size).toBe(36);
    expect(ids[0]).toBe("r1.made.e1.t1.c1");
    const figures = reportFigures(report);
    expect(figures.seriesOver).toBe("round");
    expect(figures.episodes).toBe(6);
    // Both rounds hold the same trajectories here.
    const [first, second] = figures.series;
    expect(second?.reward.mean).toBe(first?.reward.mean);
    expect(figures.judged.map(({ round, reward }) => [round, reward.mean])).toEqual([
      [0, expect.closeTo(0.3, 12)],
      [1, expect.closeTo(0.45, 12)],
      [2, expect.closeTo(0.45, 12)],
    ]);
    expect(figures.headline?.split).toBe("test");
    expect(report.card).not.toBeNull();
    expect(htmlReport(report)).toContain('<h3 id="best-workflow">');
  });
});

describe("reportFigures", () => {
  it("counts as one does by hand", async () => {
    const run = join(folder(), "run");
    makeRun(run, { episodes: 4, candidates: 5, seed: 7 });
    const report = await readRunReport(run);
    const figures = reportFigures(report);
    const all = report.turns.flatMap((turn) => turn.candidates.map((candidate) => ({ turn, ...candidate })));
    const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;

    expect(figures.candidates).toMatchObject({
      count: 40,
      valid: all.filter((c) => c.outcome !== "invalid").length,
    });
    expect(figures.seriesOver).toBe("turn");
    expect(figures.series.map(({ at, candidates }) => [at, candidates])).toEqual([
      [1, 20],
      [2, 20],
    ]);
    for (const point of figures.series) {
      const own = all.filter(({ turn }) => turn.turn + 1 === point.at);
      expect(point.reward.mean).toBeCloseTo(mean(own.map(({ reward }) => reward)), 12);
      const scored = own.flatMap(({ outcome, accuracy }) => (outcome === "scored" ? [accuracy ?? 0] : []));
      expect(point.accuracy?.mean).toBeCloseTo(mean(scored), 12);
      expect(point.accuracy?.n).toBe(scored.length);
      for (const stat of [point.reward, point.accuracy, point.best]) {
        expect(stat?.interval?.low).toBeLessThanOrEqual(stat?.mean ?? 0);
        expect(stat?.interval?.high).toBeGreaterThanOrEqual(stat?.mean ?? 1);
      }
      const bests = report.turns
        .filter(({ turn }) => turn + 1 === point.at)
        .map(({ history, candidates }) =>
          Math.max(history.best, ...candidates.map(({ accuracy }) => accuracy ?? 0)),
        );
      expect(point.best.mean).toBeCloseTo(mean(bests), 12);
    }
    // Best so far never falls.
    expect(figures.series[1]?.best.mean).toBeGreaterThanOrEqual(figures.series[0]?.best.mean ?? 1);

    const { outcomes } = figures;
    const cells = Object.values(outcomes.counts).flatMap((row) => Object.values(row));
    expect(cells.reduce((sum, value) => sum + value, 0)).toBe(40);
    expect(outcomes.counts.invalid).toEqual({ "plain 8": all.filter((c) => c.outcome === "invalid").length });
    // Messages differ in a line number only, so they are one.
    expect(outcomes.messages).toHaveLength(1);
    expect(outcomes.messages[0]).toMatchObject({
      count: outcomes.counts.invalid["plain 8"],
      status: "plain 8",
    });
    expect(outcomes.groups.map(({ count }) => count).reduce((sum, value) => sum + value, 0)).toBe(40);
    expect(figures.techniques).toMatchObject([{ name: "plain 7", count: 40, share: 1, rewardWithout: null }]);
    expect(figures.headline).toMatchObject({
      split: "test",
      best: { accuracy: 0.7 },
      rival: { accuracy: 0.45 },
    });
  });

  it("gives the same numbers for the same seed, whatever the order of episodes", async () => {
    const run = join(folder(), "run");
    makeRun(run, { episodes: 3 });
    const report = await readRunReport(run);
    expect(reportFigures(report, 3)).toEqual(reportFigures(report, 3));
    const turned = reportFigures({ ...report, turns: [...report.turns].reverse() }, 3);
    const means = (figures: typeof turned) =>
      figures.series.map(({ reward, best }) => [reward.mean, best.mean]);
    expect(means(turned)).toEqual(means(reportFigures(report, 3)));
  });

  it("puts judged rounds beside the base", async () => {
    const run = join(folder(), "run");
    makeRun(run);
    addRounds(run);
    const report = await readRunReport(run);
    expect(reportFigures(report).judged.map(({ round }) => round)).toEqual([1, 2]);
    const learned = {
      base: null,
      baseEpisodes: [episodeScore("a", 0.2), episodeScore("b", 0.4)],
      trained: null,
      difference: null,
      judgeTasks: ["a", "b"],
      isHeldBack: true,
    };
    const [base] = reportFigures({ ...report, learned }).judged;
    expect(base).toMatchObject({ round: 0, reward: { n: 2 }, best: { mean: 0.75 } });
    expect(base?.reward.mean).toBeCloseTo(0.3, 12);
  });
});
