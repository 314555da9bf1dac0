/** @file Accuracy against cost in a report: the candidates of each task that were scored on the whole validation set, and the baselines. */
import { type ParetoView, paretoView } from "../evaluate/pareto-view.js";
import { levelOf } from "../records/trajectory.js";
import type { RunReport } from "./run-report.js";

export interface TaskPareto extends ParetoView {
  task: string;
}

/** One view a task, in the order of the run; none where nothing was scored. */
export function reportPareto({
  turns,
  rows,
  task,
}: Pick<RunReport, "turns" | "rows" | "task">): TaskPareto[] {
  const tasks = [...new Set(turns.map(({ source }) => source.task))];
  const names = tasks.length > 0 ? tasks : [task];
  return names.flatMap((name) => {
    // Only a run of one task says which task a row is about.
    const baselines = names.length > 1 ? [] : rows.filter(({ split }) => split === "validation");
    const designed = turns
      .filter(({ source }) => source.task === name)
      .flatMap(({ candidates }) => candidates)
      .flatMap((candidate) => {
        const { id: title, workflowHash: hash, n, tokens, dollars } = candidate;
        const accuracy = levelOf(candidate);
        if (accuracy === null || hash === null || n === 0) return [];
        return [
          { hash, title, accuracy, tokens: tokens / n, dollars: dollars === null ? null : dollars / n },
        ];
      });
    const known = baselines.map((row) => ({
      hash: row.workflowHash,
      title: row.title,
      accuracy: row.accuracy,
      tokens: row.tokensPerSample,
      dollars: row.dollarsPerSample,
    }));
    const view = paretoView([...designed, ...known]);
    return view.points.length > 1 ? [{ task: name, ...view }] : [];
  });
}
