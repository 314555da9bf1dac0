/** @file Tables on the rounds of `w4s learn`: the data, the training, the judgement. */

import {
  formatDuration as duration,
  FEWEST_FOR_INTERVAL,
  formatPercent as percent,
} from "../core/figure-format.js";
import type { LearnPhase, PolicyDifference, PolicyScore, RoundRecord } from "../records/round-record.js";
import { count, decimal, points, shortHash } from "./figure-format.js";
import type { Cell, ReportTable, RichCell } from "./report-table.js";
import type { RunReport } from "./run-report.js";

export function roundTables({ rounds, learned }: RunReport): ReportTable[] {
  const records = rounds.flatMap(({ record }) => record ?? []);
  const open = rounds.filter(({ record }) => record === null).map(({ round }) => round);
  if (records.length === 0) return [];
  return [
    policyTable(learned),
    judgementTable(records, open),
    dataTable(records),
    trainingTable(records),
    timeTable(records),
  ];
}

function policyTable(learned: RunReport["learned"]): ReportTable {
  const rows: Cell[][] = [];
  const add = (name: string, score: PolicyScore | null | undefined) => {
    if (!score) return;
    rows.push([
      name,
      { text: percent(score.meanReward), bar: { value: score.meanReward } },
      percent(score.best),
      percent(score.validShare),
      percent(score.distinctShare),
      count(score.executorTokensPerCandidate),
      score.episodes,
    ]);
  };
  add("base", learned?.base);
  add("trained", learned?.trained);
  add("random techniques", learned?.random);
  const subtract = (name: string, difference: PolicyDifference | null | undefined) => {
    if (!difference) return;
    const { meanReward, best, pairs } = difference;
    rows.push([
      `trained − ${name}, points`,
      statCell(meanReward, pairs),
      statCell(best, pairs),
      "",
      "",
      "",
      pairs,
    ]);
  };
  subtract("base", learned?.difference);
  subtract("random techniques", learned?.againstRandom);
  const tasks = learned?.judgeTasks.join(", ") ?? "";
  const held = learned?.isHeldBack ? "tasks that were held back from training" : "tasks it was trained on";
  return {
    id: "policy-table",
    title: "The weak model before and after",
    note: `Candidates without forced techniques on validation items of ${held}: ${tasks}. Reward is the mean accuracy of the candidates.`,
    head: ["policy", "mean reward", "best of episode", "valid", "distinct", "tokens a candidate", "episodes"],
    rows,
  };
}

function judgementTable(records: readonly RoundRecord[], open: readonly number[]): ReportTable {
  const unfinished = open.length === 0 ? "" : ` Not finished: round ${open.join(", ")}.`;
  return {
    id: "judgement-table",
    title: "New adapters, judged",
    note: `Judged on episodes that are never trained on, without forced techniques. Reward is the mean accuracy of the candidates; differences in points, over the same seeds; from ${FEWEST_FOR_INTERVAL} pairs on with 95 % intervals, coloured where they leave out 0.${unfinished}`,
    head: [
      "round",
      "adapter",
      "decision",
      "mean reward",
      "best of episode",
      "valid",
      "minus base",
      "minus previous",
      "pairs",
    ],
    rows: records.map((record): Cell[] => [
      record.round,
      shortHash(record.adapterHash),
      { text: decision(record.reason), tone: record.isAccepted ? undefined : "bad" },
      record.score ? percent(record.score.meanReward) : "not judged",
      record.score ? percent(record.score.best) : "not judged",
      record.score ? percent(record.score.validShare) : "not judged",
      record.againstBase ? statCell(record.againstBase.meanReward, record.againstBase.pairs) : "not judged",
      record.againstPrevious
        ? statCell(record.againstPrevious.meanReward, record.againstPrevious.pairs)
        : "not judged",
      record.againstBase?.pairs ?? "none",
    ]),
  };
}

/** The figures of the reason stand in the other columns. */
function decision(reason: string): string {
  return reason.split(/,? ?mean reward/)[0]?.replace(/:\s*$/, "") ?? reason;
}

function statCell(
  { mean, interval: { low, high } }: PolicyDifference["meanReward"],
  pairs: number,
): RichCell {
  if (pairs < FEWEST_FOR_INTERVAL || !Number.isFinite(low) || !Number.isFinite(high))
    return { text: points(mean) };
  const tone = low > 0 ? "good" : high < 0 ? "bad" : undefined;
  return {
    text: `${points(mean)} [${points(low)}, ${points(high)}]`,
    tone,
  };
}

function dataTable(records: readonly RoundRecord[]): ReportTable {
  return {
    id: "data-table",
    title: "What was trained on",
    head: [
      "round",
      "episodes",
      "candidates",
      "examples",
      "valid",
      "distinct",
      "mean reward",
      "tokens",
      "plan",
    ],
    rows: records.map(({ round, card, plan }): Cell[] => [
      round,
      plan.episodes.map(({ task, count: episodes }) => `${episodes} × ${task}`).join(", "),
      count(card.candidates),
      count(card.examples),
      percent(card.validShare),
      percent(card.distinctShare),
      decimal(card.rewards.mean, 3),
      `${count(card.promptTokens)} read, ${count(card.actionTokens)} written`,
      plan.reason,
    ]),
  };
}

function trainingTable(records: readonly RoundRecord[]): ReportTable {
  const loss = (value: number | null) => (value === null ? "none" : decimal(value, 3));
  const isSame = records.every(({ training }) => training.sameExamples !== undefined);
  return {
    id: "training-table",
    title: "Training",
    note: isSame
      ? "Losses of the same examples, those of the first update, before and after."
      : "Losses of the first and the last update, which have different examples: they tell little.",
    head: ["round", "updates", "loss before", "loss after", "tokens computed", "peak memory"],
    rows: records.map(({ round, training }): Cell[] => [
      round,
      count(training.steps),
      loss(training.sameExamples?.before ?? training.firstLoss),
      loss(training.sameExamples?.after ?? training.lastLoss),
      count(training.trainedTokens),
      `${count(training.peakRssBytes / 2 ** 20)} MiB`,
    ]),
  };
}

function timeTable(records: readonly RoundRecord[]): ReportTable {
  const phases = [...new Set(records.flatMap(({ seconds }) => Object.keys(seconds) as LearnPhase[]))];
  return {
    id: "time-table",
    title: "Time",
    head: ["round", ...phases],
    rows: records.map(({ round, seconds }): Cell[] => [
      round,
      ...phases.map((phase) => (seconds[phase] === undefined ? "none" : duration(seconds[phase] * 1000))),
    ]),
  };
}
