/** @file The numbers of a report without the page: for terminals and machines. */

import type { WorkflowCard } from "../evaluate/workflow-card.js";
import { compareTables, compareWarnings } from "./compare-tables.js";
import { type KeyFigure, keyFigures } from "./key-figures.js";
import { type ReportFigures, reportFigures } from "./report-figures.js";
import type { ReportTable } from "./report-table.js";
import { reportTables } from "./report-tables.js";
import type { RunReport } from "./run-report.js";

/** Output of --json: figures as numbers, without the texts of candidates. */
export interface ReportJson extends Omit<RunReport, "turns" | "baselines" | "name" | "replays"> {
  run: string;
  figures: ReportFigures;
  turns: {
    file: string;
    episode: number;
    turn: number;
    kept: number | null;
    candidates: { id: string; outcome: string; status: string; accuracy: number | null; reward: number }[];
  }[];
  /** Runs that it was compared with, as they were asked for. */
  compared: { run: string; figures: ReportFigures; rows: RunReport["rows"] }[];
}

export interface TextReport {
  title: string;
  /** Warnings that a reader must know first, such as simulation. */
  notices: string[];
  keyFigures: KeyFigure[];
  tables: ReportTable[];
  /** Card of the best workflow; null where there is none. */
  card: WorkflowCard | null;
  json: ReportJson;
}

/** @param options.seed - of the bootstrap intervals; 0 by default */
export function textReport(
  report: RunReport,
  options: { compare?: readonly RunReport[] | undefined; seed?: number } = {},
): TextReport {
  const { compare = [], seed = 0 } = options;
  const figures = reportFigures(report, seed);
  const others = compare.map((one) => ({ report: one, figures: reportFigures(one, seed) }));
  const tables = reportTables(report, figures);
  const { turns, baselines: _, replays: __, name, ...rest } = report;
  return {
    title: `${report.command} on ${report.task}, ${name}`,
    notices: [
      ...(report.isSimulated
        ? ["the executor is simulated: all its accuracies, rewards, calls and tokens are simulated"]
        : []),
      ...report.warnings.filter((warning) => !warning.includes("simulated")),
      ...compareWarnings({ report, figures }, others),
    ],
    keyFigures: keyFigures(report, figures),
    tables: [
      ...(others.length > 0 ? compareTables({ report, figures }, others) : []),
      ...Object.values(tables).flat(),
    ],
    card: report.card,
    json: {
      run: name,
      ...rest,
      figures,
      turns: turns.map(({ source, episode, turn, kept, candidates }) => ({
        file: source.file,
        episode,
        turn,
        kept,
        candidates: candidates.map(({ id, outcome, status, accuracy, reward }) => ({
          id,
          outcome,
          status,
          accuracy,
          reward,
        })),
      })),
      compared: others.map((one) => ({ run: one.report.name, figures: one.figures, rows: one.report.rows })),
    },
  };
}
