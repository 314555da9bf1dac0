/** @file Tables on what became of the candidates. */

import { cut, FEWEST_FOR_INTERVAL, formatPercent as percent } from "../core/figure-format.js";
import { change, count, decimal, tone } from "./figure-format.js";
import type { ReportFigures, Stat } from "./report-figures.js";
import type { Cell, ReportTable } from "./report-table.js";

export function outcomeTables(figures: ReportFigures): (ReportTable | null)[] {
  return [outcomeTable(figures), groupTable(figures), messageTable(figures), techniqueTable(figures)];
}

function outcomeTable({ outcomes, candidates }: ReportFigures): ReportTable | null {
  if (candidates.count === 0) return null;
  const meaning = {
    scored: "scored on the whole validation set",
    "screened-out": "screened out after the small set",
    invalid: "invalid: failed the quick check",
    lost: "not compared: the executor lost too many samples",
  };
  const rows = (Object.keys(meaning) as (keyof typeof meaning)[]).flatMap((outcome): Cell[][] => {
    const own = outcomes.counts[outcome];
    const sum = Object.values(own).reduce((all, value) => all + value, 0);
    if (outcome === "lost" && sum === 0) return [];
    return [
      [
        meaning[outcome],
        ...outcomes.statuses.map((status) => own[status] ?? 0),
        {
          text: `${count(sum)} (${percent(sum / candidates.count)})`,
          bar: { value: sum / candidates.count },
        },
      ],
    ];
  });
  return {
    id: "outcome-table",
    title: "What became of the candidates",
    note: "Rows: how far a candidate came. Columns: how its quick check, or the reading of its source, ended.",
    head: ["outcome", ...outcomes.statuses, "all"],
    rows,
  };
}

function groupTable({ outcomes }: ReportFigures): ReportTable {
  return {
    id: "group-table",
    title: "Free and forced candidates",
    note: "Free candidates show what the weak model does by itself; forced ones had to use techniques drawn by chance.",
    head: ["candidates", "number", "valid", "mean reward", "mean accuracy"],
    rows: outcomes.groups.map((group) => [
      group.name,
      count(group.count),
      { text: percent(group.validShare), bar: { value: group.validShare } },
      decimal(group.reward),
      group.accuracy === null ? "none scored" : percent(group.accuracy),
    ]),
  };
}

function messageTable({ outcomes }: ReportFigures): ReportTable {
  return {
    id: "message-table",
    title: "Most frequent failures",
    note: "Messages that differ only in numbers count as one.",
    head: ["message", "status", "candidates", "example"],
    rows: outcomes.messages.map(({ message, status, count: number, example }) => [
      cut(message, 240),
      status,
      count(number),
      { text: example, candidate: example },
    ]),
  };
}

function techniqueTable({ techniques }: ReportFigures): ReportTable {
  const share = (value: number | null) => (value === null ? "none" : percent(value));
  return {
    id: "technique-table",
    title: "Techniques",
    note: "Recognised in the source by patterns, so a hint and no proof; candidates with a technique differ from the others in more than that. The effect is the mean reward with it minus without it, within turns that have both, where the same workflow was changed; its 95 % bootstrap interval draws episodes first.",
    head: [
      "technique",
      "candidates",
      "share",
      "effect on the reward",
      "turns",
      "reward with",
      "without",
      "accuracy with",
      "without",
    ],
    rows: techniques.map((technique) => [
      technique.name,
      count(technique.count),
      { text: percent(technique.share), bar: { value: technique.share } },
      ...effectCells(technique.effect),
      decimal(technique.rewardWith),
      technique.rewardWithout === null ? "none" : decimal(technique.rewardWithout),
      share(technique.accuracyWith),
      share(technique.accuracyWithout),
    ]),
  };
}

/** Its interval only where there are enough turns for one. */
function effectCells(effect: Stat | null): Cell[] {
  if (effect === null) return ["none", 0];
  const { mean, interval, n } = effect;
  if (interval === null || n < FEWEST_FOR_INTERVAL) return [change(mean), n];
  const { low, high } = interval;
  return [{ text: `${change(mean)} [${change(low)}, ${change(high)}]`, ...tone(low, high) }, n];
}
