/** @file The few figures a report begins with. */

import {
  formatDollars as dollars,
  formatDuration as duration,
  FEWEST_FOR_INTERVAL,
  formatProbability,
  formatPercent as percent,
} from "../core/figure-format.js";
import { count, decimal, interval, points } from "./figure-format.js";
import type { ReportFigures } from "./report-figures.js";
import type { RunReport } from "./run-report.js";

export interface KeyFigure {
  label: string;
  value: string;
  detail: string;
}

export function keyFigures(report: RunReport, figures: ReportFigures): KeyFigure[] {
  const list: KeyFigure[] = [];
  const simulated = report.isSimulated ? ", simulated" : "";
  const { headline, candidates, series } = figures;
  if (headline) {
    const { best, rival, split } = headline;
    list.push({
      label: `${rowName(best.name)} on ${split}${simulated}`,
      value: percent(best.accuracy),
      detail: `${interval(best.interval)}, n = ${best.n}${best.errors > 0 ? `, ${best.errors} lost` : ""}: ${best.title}`,
    });
    const paired = report.comparisons.find((one) => one.split === split);
    if (paired) {
      list.push({
        label: `Against the best baseline${simulated}`,
        value: `${points(paired.difference)} points`,
        detail: `${paired.against}, ${paired.n < FEWEST_FOR_INTERVAL ? "" : `${points(paired.low)} to ${points(paired.high)} `}on ${paired.n} samples that both have, p = ${formatProbability(paired.pValue)}`,
      });
    } else if (rival) {
      const isApart = best.interval.low > rival.interval.high || rival.interval.low > best.interval.high;
      list.push({
        label: `Against the next best${simulated}`,
        value: `${points(best.accuracy - rival.accuracy)} points`,
        detail: `${rival.title}, ${percent(rival.accuracy)}; the intervals ${isApart ? "do not overlap" : "overlap"}`,
      });
    }
  }
  const judged = report.rounds.flatMap(({ record }) => (record?.againstBase ? [record] : [])).at(-1);
  const difference = report.learned?.difference ?? judged?.againstBase;
  if (difference) {
    const { mean, interval } = difference.meanReward;
    const each = (difference.each ?? []).map(points).join(", ");
    const range =
      difference.pairs < FEWEST_FOR_INTERVAL
        ? `too few for an interval${each === "" ? "" : `: ${each}`}`
        : `${points(interval.low)} to ${points(interval.high)}`;
    const place = report.learned && !report.learned.isHeldBack ? ", on tasks it was trained on" : "";
    list.push({
      label: `${report.learned?.difference ? "Trained model" : "Last adapter"} against the base${simulated}`,
      value: `${points(mean)} points`,
      detail: `mean accuracy of its designs, ${range}, ${difference.pairs} pairs of episodes${place}`,
    });
  }
  if (candidates.count > 0) {
    list.push({
      label: "Candidates",
      value: count(candidates.count),
      detail: `${percent(candidates.valid / candidates.count)} valid, ${count(candidates.distinct)} distinct, ${count(figures.episodes)} episodes`,
    });
    const first = series[0];
    const last = series.at(-1);
    if (first && last) {
      list.push({
        label: `Mean reward by ${figures.seriesOver}`,
        value:
          first === last
            ? decimal(first.reward.mean)
            : `${decimal(first.reward.mean)} → ${decimal(last.reward.mean)}`,
        detail:
          first === last
            ? `over ${count(candidates.count)} candidates`
            : `${figures.seriesOver} ${first.at} to ${last.at}; all candidates ${decimal(candidates.meanReward)}`,
      });
    }
  }
  if (report.spent) {
    const { calls, tokens, dollars: money } = report.spent;
    const isPriced = money !== null && money > 0;
    const rest = isPriced ? `, ${count(tokens)} tokens` : money === null ? ", price unknown" : "";
    list.push({
      label: `Spent${simulated}`,
      value: isPriced ? dollars(money) : `${count(tokens)} tokens`,
      detail: `${count(calls)} paid calls${rest}`,
    });
  }
  const saves = Object.entries(report.breakEven).filter(([, samples]) => samples !== null);
  if (Object.keys(report.breakEven).length > 0) {
    const soonest = saves.sort(([, a], [, b]) => (a ?? 0) - (b ?? 0))[0];
    list.push({
      label: "Break-even",
      value: soonest ? `${count(soonest[1] ?? 0)} samples` : "never",
      detail: soonest
        ? `against ${soonest[0]}`
        : "the best workflow is no better than the baselines, or costs no less than any of them",
    });
  }
  const { startedAt, workedMs, sessions, testOpenings } = report.events;
  if (startedAt) {
    const opened =
      testOpenings.length === 0 ? "test split not opened" : `test split opened ${times(testOpenings.length)}`;
    list.push({
      label: "Time",
      value: duration(workedMs),
      detail: `${sessions > 1 ? `${sessions} sessions, pauses between them left out; ` : ""}${opened}`,
    });
  }
  return list;
}

function times(number: number): string {
  return number === 1 ? "once" : `${number} times`;
}

function rowName(name: string): string {
  if (name === "best") return "Best workflow";
  return name === "trained" ? "Best design of the trained model" : "Best row";
}
