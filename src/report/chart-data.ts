/** @file What each chart of the page draws. */

import type { ReportFigures, Stat } from "./report-figures.js";
import type { RunReport } from "./run-report.js";

export interface ChartLine {
  label: string;
  /** One per x; null leaves a gap. */
  values: (number | null)[];
  /** Interval around the line, where there is one. */
  low?: (number | null)[] | undefined;
  high?: (number | null)[] | undefined;
  /** Which of the page's line colours. */
  colour: number;
  isDashed?: boolean | undefined;
}

export interface ChartData {
  id: string;
  title: string;
  /** Said to screen readers in place of the picture. */
  summary: string;
  xLabel: string;
  x: number[];
  /** Shown as percent on a scale that begins at 0. */
  isShare: boolean;
  lines: ChartLine[];
}

/** Other runs that a chart shows: of more, nobody could tell the lines apart. */
export const OVERLAYS = 2;

/** @param others - runs whose lines are laid over, dashed: the first of them, as many as OVERLAYS */
export function chartData(
  report: RunReport,
  figures: ReportFigures,
  others: readonly { report: RunReport; figures: ReportFigures }[] = [],
): ChartData[] {
  const { series, seriesOver } = figures;
  const overlays = others.slice(0, OVERLAYS).filter((other) => other.figures.seriesOver === seriesOver);
  const x = [
    ...new Set([...series, ...overlays.flatMap((other) => other.figures.series)].map(({ at }) => at)),
  ].sort((a, b) => a - b);
  const charts: ChartData[] = [];
  if (series.length > 0) {
    const lines = (label: string, colour: number, pick: PickStat): ChartLine[] => {
      const own = statLine(x, figures, pick);
      if (overlays.length === 0) return [{ ...own, label, colour }];
      return [
        { ...own, label: `${label}, ${report.name}`, colour },
        ...overlays.map((other, index) => ({
          values: statLine(x, other.figures, pick).values,
          label: `${label}, ${other.report.name}`,
          // The chart has two colours of its own; the second run takes the others.
          colour: (colour + 2 * index) % LINE_COLOURS,
          isDashed: true,
        })),
      ];
    };
    charts.push({
      id: "chart-accuracy",
      title:
        seriesOver === "round" ? "Accuracy while collecting, by round" : "Accuracy on validation by turn",
      summary: spoken("Mean accuracy", seriesOver, figures, (point) => point.accuracy),
      xLabel: seriesOver,
      x,
      isShare: true,
      lines: [
        ...lines("mean of scored candidates", 0, (point) => point.accuracy),
        ...lines("best so far", 1, (point) => point.best),
      ],
    });
    charts.push({
      id: "chart-reward",
      title: seriesOver === "round" ? "Reward while collecting, by round" : "Reward by turn",
      summary: spoken("Mean reward", seriesOver, figures, (point) => point.reward),
      xLabel: seriesOver,
      x,
      isShare: false,
      lines: lines("mean reward", 2, (point) => point.reward),
    });
  }
  return [judgedChart(figures), ...charts, lossChart(report)].filter((chart) => chart !== null);
}

type PickStat = (point: ReportFigures["series"][number]) => Stat | null;

function statLine(x: readonly number[], { series }: ReportFigures, pick: PickStat) {
  return banded(
    x.map((at) => {
      const point = series.find((one) => one.at === at);
      return point ? pick(point) : null;
    }),
  );
}

function banded(stats: readonly (Stat | null)[]): Pick<ChartLine, "values" | "low" | "high"> {
  return {
    values: stats.map((stat) => stat?.mean ?? null),
    low: stats.map((stat) => stat?.interval?.low ?? null),
    high: stats.map((stat) => stat?.interval?.high ?? null),
  };
}

function spoken(what: string, over: string, { series }: ReportFigures, pick: PickStat): string {
  const said = series.flatMap((point) => {
    const stat = pick(point);
    return stat ? [`${over} ${point.at}: ${stat.mean.toFixed(2)}`] : [];
  });
  return `${what}. ${said.join(", ")}. The table below has all numbers.`;
}

/** The answer to whether it learned: the base at 0, then the adapter of each round. */
function judgedChart({ judged }: ReportFigures): ChartData | null {
  if (judged.length < 2) return null;
  const said = judged.map(
    ({ round, reward }) => `${round === 0 ? "base" : `round ${round}`}: ${reward.mean.toFixed(2)}`,
  );
  return {
    id: "chart-judged",
    title: "Designs of each adapter, judged (0 = base)",
    summary: `Mean accuracy of judged designs. ${said.join(", ")}. The tables under Rounds have the differences.`,
    xLabel: "round",
    x: judged.map(({ round }) => round),
    isShare: true,
    lines: [
      { label: "mean of its candidates", colour: 0, ...banded(judged.map(({ reward }) => reward)) },
      { label: "best of an episode", colour: 1, ...banded(judged.map(({ best }) => best)) },
    ],
  };
}

/** Losses of all rounds one after the other, each its own line. */
function lossChart({ rounds }: RunReport): ChartData | null {
  const trained = rounds
    .flatMap(({ round, losses, members }) => [
      { label: `round ${round}`, losses },
      ...members.map(({ name, losses: own }) => ({ label: `round ${round}, ${name}`, losses: own })),
    ])
    .filter(({ losses }) => losses.length > 1);
  if (trained.length === 0) return null;
  const total = trained.reduce((sum, { losses }) => sum + losses.length, 0);
  const x = Array.from({ length: total }, (_, index) => index + 1);
  let start = 0;
  const lines = trained.map(({ label, losses }, index) => {
    const from = start;
    start += losses.length;
    return {
      label,
      values: x.map((_, at) => losses[at - from]?.loss ?? null),
      colour: index % LINE_COLOURS,
    };
  });
  const ends = trained.map(
    ({ label, losses }) => `${label}: ${losses[0]?.loss.toFixed(2)} to ${losses.at(-1)?.loss.toFixed(2)}`,
  );
  return {
    id: "chart-loss",
    title: "Training loss by update",
    summary: `Weighted loss of the updates of each round. ${ends.join(", ")}.`,
    xLabel: "update, rounds one after the other",
    x,
    isShare: false,
    lines,
  };
}

/** Line colours that the page's style has. */
export const LINE_COLOURS = 4;
