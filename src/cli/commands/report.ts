/** @file `w4s report RUN`: a run as one HTML page, as tables, or as JSON. */
import { join } from "node:path";
import { Command } from "commander";
import type { TextReport } from "../../commands.js";
import { formatBytes } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { pairs, table } from "../print/tables.js";
import { addRunFlags } from "../run-flags.js";
import { namedRunOf } from "../runs-root.js";

const EXAMPLES = `
Examples:
  $ w4s report latest
  $ w4s report runs/RUN --compare runs/OTHER --compare runs/THIRD --out three.html
  $ w4s report runs/RUN --text

The page needs nothing else: it opens from disk, loads nothing and sends nothing. Unfinished runs can be reported too.`;

interface ReportFlags {
  compare: readonly string[];
  text?: boolean | undefined;
  out?: string | undefined;
  seed: string;
}

export function command(): Command {
  const report = new Command("report")
    .description("Writes a run as one self-contained HTML page, or prints its numbers.")
    .argument("<run>", "run of optimize, collect, eval or learn: its directory, its name, or latest")
    .option("--compare <run>", "another run to show beside it; repeat it", repeated, [])
    .option("--text", "print tables instead of writing a page")
    .option("--out <file>", "where the page goes (default: report.html in the run directory)")
    .option("--seed <n>", "draws the candidates shown in full where a run has too many", "0");
  addRunFlags(report, ["runsRoot"]);
  return complete(report, reportAction, { examples: EXAMPLES });
}

const reportAction: ActionBody = async ({ isJson, command }, name = "") => {
  const flags = command.opts<ReportFlags>();
  const api = await import("../../commands.js");
  const seed = Number(flags.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new api.ConfigError(`--seed ${flags.seed} is no whole number`, { hint: "give a number from 0" });
  const directory = await namedRunOf(command, name);
  const report = await api.readRunReport(directory);
  const compare = await Promise.all(
    flags.compare.map(async (other) => api.readRunReport(await namedRunOf(command, other))),
  );
  // Printing alone writes nothing.
  const isPage = flags.out !== undefined || !(flags.text || isJson);
  const path = flags.out ?? join(directory, "report.html");
  let bytes = 0;
  if (isPage) {
    const page = api.htmlReport(report, { seed, compare });
    bytes = Buffer.byteLength(page);
    await api.writeReport(path, page);
  }
  const text = api.textReport(report, { seed, compare });
  if (isJson) {
    writeJson({ ...text.json, page: isPage ? path : null });
  } else if (flags.text) {
    printReport(text, api);
  }
  if (isPage && !isJson) {
    if (flags.text) writeErr(`${path}: ${formatBytes(bytes)}`);
    else writeOut(`${path}: ${formatBytes(bytes)}`);
  }
  return EXIT.done;
};

/** The figures and tables of a report on stdout. */
export function printReport(
  { title, notices, keyFigures, card, tables }: TextReport,
  { cardText, cellText }: Pick<typeof import("../../commands.js"), "cardText" | "cellText">,
): void {
  writeProse(`${title}\n\n`);
  for (const notice of notices) writeProse(`note: ${notice}`);
  writeOut(`\n${pairs(keyFigures.map(({ label, value, detail }) => [label, `${value} (${detail})`]))}`);
  if (card) writeProse(`\nThe best workflow in words\n${cardText(card)}`);
  for (const { title: name, note, head, rows } of tables) {
    writeProse(`\n${name}${note ? `\n${note}` : ""}`);
    writeOut(
      table(
        head,
        rows.map((row) => row.map(cellText)),
      ),
    );
  }
}
