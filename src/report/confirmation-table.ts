/** @file The finalists on the items that nothing was chosen by, in full. */
import { formatPercent as percent } from "../core/figure-format.js";
import { differenceCells } from "./difference-cells.js";
import { count, interval } from "./figure-format.js";
import type { ReportTable } from "./report-table.js";
import type { RunReport } from "./run-report.js";

export function confirmationTable({ confirmation, isSimulated }: RunReport): ReportTable | null {
  if (confirmation === null) return null;
  const { items, against, sentence, rows } = confirmation;
  return {
    id: "confirmation-table",
    title: `Confirmation${isSimulated ? ", simulated" : ""}`,
    note: `On ${items} validation items that nothing was chosen by: ${sentence}. The lead is over ${against} on items that both met there, with a paired 95 % bootstrap interval and the sign-flip test. The estimate is over all items of the search and of the confirmation, shrunk by how much the workflows differ, with its 95 % interval.`,
    head: [
      "workflow",
      "accuracy there",
      "n",
      "lead, points",
      "95 % interval",
      "p",
      "pairs",
      "estimate",
      "95 % interval",
      "n of all",
    ],
    rows: rows.map(({ title, accuracy, n, lead, estimate }) => [
      title,
      n === 0 ? "not met" : percent(accuracy),
      count(n),
      ...(lead ? differenceCells(lead) : ["–", "–", "–", "–"]),
      ...(estimate
        ? [
            { text: percent(estimate.accuracy), bar: { value: estimate.accuracy, ...estimate.interval } },
            interval(estimate.interval),
            count(estimate.n),
          ]
        : ["–", "–", "–"]),
    ]),
  };
}
