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
  $ w4s report logs --out logs.html    # what a server was asked: the folder of w4s serve --log

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
    .argument(
      "<run>",
      "run of optimize, collect, eval or learn: its directory, its name, or latest; or the log of a server: its folder",
    )
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
  if (api.serveLogFiles(name).length > 0) return await reportLog(name, { ...flags, isJson });
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

/** The log of a server; the page goes beside it. */
async function reportLog(
  folder: string,
  { text, out, compare, isJson }: ReportFlags & { isJson: boolean },
): Promise<number> {
  const api = await import("../../commands.js");
  if (compare.length > 0)
    throw new api.ConfigError("the log of a server is compared with no run", { hint: "leave --compare out" });
  const log = api.readServeLog(folder);
  const tables = api.serveLogTables(log);
  const page = out !== undefined || !(text || isJson) ? (out ?? join(folder, "report.html")) : null;
  if (page !== null) await api.writeReport(page, api.serveLogPage(log));
  if (isJson) writeJson({ name: log.name, unreadable: log.unreadable, tables, page });
  else if (text) for (const one of tables) printTable(one, api.cellText);
  else writeOut(`${page}: ${log.requests.length} requests`);
  return EXIT.done;
}

/** The figures and tables of a report on stdout. */
export function printReport(
  { title, notices, keyFigures, card, tables }: TextReport,
  { cardText, cellText }: Pick<typeof import("../../commands.js"), "cardText" | "cellText">,
): void {
  writeProse(`${title}\n\n`);
  for (const notice of notices) writeProse(`note: ${notice}`);
  writeOut(`\n${pairs(keyFigures.map(({ label, value, detail }) => [label, `${value} (${detail})`]))}`);
  if (card) writeProse(`\nThe best workflow in words\n${cardText(card)}`);
  for (const one of tables) printTable(one, cellText);
}

function printTable(
  { title, note, head, rows }: TextReport["tables"][number],
  cellText: typeof import("../../commands.js").cellText,
): void {
  writeProse(`\n${title}${note ? `\n${note}` : ""}`);
  writeOut(
    table(
      head,
      rows.map((row) => row.map(cellText)),
    ),
  );
}
