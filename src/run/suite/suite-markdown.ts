/** @file suite.md: what a suite found, to be read in the run directory. */
import type { SuiteResult } from "./suite-result.js";
import { type SuiteTable, suiteTables } from "./suite-tables.js";

/** Markdown without times and paths: the same result gives the same text. */
export function suiteMarkdown(result: SuiteResult): string {
  const { suite, executor, weak, split, suiteTasks, isComplete, warnings, spent } = result;
  const lines = [
    `# Suite ${line(suite)}`,
    "",
    `Strong model ${line(executor)}, weak model ${line(weak ?? "none")}; ${split} items of ${suiteTasks
      .map(({ name, n }) => `${line(name)} (${n})`)
      .join(", ")}.`,
    "`w4s eval --suite suite.resolved.yaml` gives these tables again.",
    ...(isComplete ? [] : ["", "**Not finished:** the same command goes on."]),
    ...warnings.flatMap((message) => ["", `> ${line(message)}`]),
    ...suiteTables(result).flatMap((table) => ["", ...tableLines(table)]),
    "",
    `Paid in all: ${spent.calls} calls, ${spent.tokens} tokens.`,
  ];
  return `${lines.join("\n")}\n`;
}

function tableLines({ title, head, rows, notes }: SuiteTable): string[] {
  const cells = (row: readonly string[]) => `| ${row.map(line).join(" | ")} |`;
  return [
    `## ${line(title)}`,
    "",
    cells(head),
    `|${head.map(() => " --- ").join("|")}|`,
    ...rows.map(cells),
    ...notes.flatMap((note) => ["", line(note)]),
  ];
}

/** One line of plain text: names may come from files of strangers. */
function line(text: string): string {
  return text.replace(/[\x00-\x1f\x7f\u2028\u2029]+/g, " ").replace(/([\\`*_[\]<>|#])/g, "\\$1");
}
