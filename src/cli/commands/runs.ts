/** @file `w4s runs`: the runs that are here. */
import { Command } from "commander";
import type { ListedRun } from "../../commands.js";
import { formatCount, formatDollars, formatPercent } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";
import { table } from "../print/tables.js";
import { addRunFlags } from "../run-flags.js";
import { runsRootOf } from "../runs-root.js";

const EXAMPLES = `
Examples:
  $ w4s runs
  $ w4s report latest
  $ w4s inspect optimize-tickets-1a2b3c4d

report, inspect, run and eval take the name of a run as it stands here, its path, or "latest".`;

export function command(): Command {
  const runs = new Command("runs").description(
    "Lists the runs below the folder of runs, the one that was at work last first.",
  );
  addRunFlags(runs, ["runsRoot"]);
  return complete(runs, runsAction, { examples: EXAMPLES });
}

const runsAction: ActionBody = async ({ isJson, command }) => {
  const { listRuns } = await import("../../commands.js");
  const root = await runsRootOf(command);
  const runs = await listRuns(root);
  if (isJson) writeJson({ runsRoot: root, runs });
  else
    writeOut(
      runs.length === 0
        ? `no runs below ${root}; w4s optimize, collect, eval and learn write some`
        : runsTable(runs),
    );
  return EXIT.done;
};

export function runsTable(runs: readonly ListedRun[]): string {
  return table(
    ["run", "what", "last at work", "state", "best", "spent"],
    runs.map(({ name, command, task, isSimulated, endedAt, state, reason, best, spent }) => [
      name,
      `${command} ${task}${isSimulated ? " (simulated)" : ""}`,
      endedAt === null ? "–" : endedAt.slice(0, 16).replace("T", " "),
      reason === null ? state : `${state}: ${reason}`,
      best === null ? "–" : `${formatPercent(best.accuracy)} on ${best.split}`,
      spent === null
        ? "–"
        : spent.dollars
          ? formatDollars(spent.dollars)
          : `${formatCount(spent.tokens)} tokens`,
    ]),
  );
}
