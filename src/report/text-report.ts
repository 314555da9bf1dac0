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
  compared: { run: string; figures: ReportFigures; rows: RunReport["rows"] } | null;
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
  options: { compare?: RunReport | undefined; seed?: number } = {},
): TextReport {
  const { compare, seed = 0 } = options;
  const figures = reportFigures(report, seed);
  const other = compare ? { report: compare, figures: reportFigures(compare, seed) } : undefined;
  const tables = reportTables(report, figures);
  const { turns, baselines: _, replays: __, name, ...rest } = report;
  return {
    title: `${report.command} on ${report.task}, ${name}`,
    notices: [
      ...(report.isSimulated
        ? ["the executor is simulated: all its accuracies, rewards, calls and tokens are simulated"]
        : []),
      ...report.warnings.filter((warning) => !warning.includes("simulated")),
      ...(other ? compareWarnings({ report, figures }, other) : []),
    ],
    keyFigures: keyFigures(report, figures),
    tables: [...(other ? compareTables({ report, figures }, other) : []), ...Object.values(tables).flat()],
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
      compared: other ? { run: other.report.name, figures: other.figures, rows: other.report.rows } : null,
    },
  };
}
