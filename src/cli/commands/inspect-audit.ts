/** @file `w4s inspect RUN --audit`: whether the log is whole, and who designed what, from which data, at what cost. */

import type { RunAudit } from "../../commands.js";
import { formatCount, formatDollars, formatPercent } from "../../core/figure-format.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut, writeProse } from "../print/output.js";
import { spentText } from "../print/spent-text.js";
import { pairs, table } from "../print/tables.js";

/** Rows of the longest table; --json has them all. */
const MAX_DESIGNS = 30;
const short = (hash: string | null) => hash?.slice(0, 12) ?? "none";

/** @returns exit code 0, or the failure of a log that is not what was written */
export async function auditAction(path: string, isJson: boolean): Promise<number | { failure: unknown }> {
  const api = await import("../../commands.js");
  const audit = api.auditRun(path);
  if (isJson) writeJson(audit);
  else printAudit(audit);
  if (audit.isIntact) return EXIT.done;
  const { broken } = audit.chain;
  const what =
    broken === undefined
      ? `${audit.disagreements[0]}${audit.disagreements.length > 1 ? ` (and ${audit.disagreements.length - 1} more)` : ""}`
      : `${path}/events.jsonl: line ${broken.line}: ${broken.reason}`;
  return {
    failure: new api.StorageError(`the log does not hold: ${what}`, {
      code: "broken-chain",
      hint: "compare with a copy; what the run found can no longer be vouched for",
    }),
  };
}

function printAudit(audit: RunAudit): void {
  const { chain, executor, isSimulated, sessions, spent, data, testOpenings } = audit;
  const notes = [
    ...(chain.unchained > 0 ? [`the first ${chain.unchained} written by an older version, not chained`] : []),
    ...(chain.isTorn ? ["the last line torn by a kill, the next session sets it aside"] : []),
    ...(audit.unlogged > 0 ? [`${audit.unlogged} candidates recorded but not logged, as after a kill`] : []),
  ];
  const verdict = audit.isIntact ? "holds" : "DOES NOT HOLD";
  writeOut(
    pairs([
      ["run", `${audit.directory}, ${audit.command}`],
      ["log", `${verdict}: ${[`${chain.lines} lines`, ...notes].join("; ")}`],
      ["head", `${chain.hash} (note it elsewhere: it stands for everything logged so far)`],
      ["sessions", sessions.map(({ at }) => at).join(", ") || "none"],
      ["executor", `${executor}${isSimulated ? " (simulated)" : ""}`],
      ["data", data.map(({ task, hash }) => `${task} ${short(hash)}`).join(", ") || "none"],
      [
        "test split",
        testOpenings.map(({ at, items, purpose }) => `${at}: ${items} items, ${purpose}`).join("; ") ||
          "never opened",
      ],
      [
        "spent",
        spent === null ? "nothing logged" : `${spentText(spent)}${isSimulated ? " (simulated)" : ""}`,
      ],
    ]),
  );
  writeOut(
    table(
      ["designed by", "candidates", "distinct", "invalid", "kept", "calls", "tokens", "cost"],
      audit.designers.map((one) => [
        one.designer,
        one.candidates,
        one.distinct,
        one.invalid,
        one.kept,
        one.calls,
        formatCount(one.tokens),
        formatDollars(one.dollars),
      ]),
    ),
  );
  const kept = audit.designs.filter(({ isKept }) => isKept);
  if (kept.length > 0) {
    writeOut(
      table(
        [
          "kept workflow",
          "from",
          "task",
          "episode",
          "turn",
          "forced",
          "accuracy",
          "reward",
          "tokens",
          "cost",
        ],
        kept
          .slice(0, MAX_DESIGNS)
          .map((one) => [
            short(one.workflow),
            short(one.parent),
            one.task,
            one.episode + 1,
            one.turn + 1,
            one.forced.join(", ") || "nothing",
            one.accuracy === null ? "–" : formatPercent(one.accuracy),
            one.reward.toFixed(3),
            formatCount(one.tokens),
            formatDollars(one.dollars),
          ]),
      ),
    );
    if (kept.length > MAX_DESIGNS) writeOut(`… ${kept.length - MAX_DESIGNS} more with --json`);
  }
  for (const { round, adapterHash, parentHash, isAccepted } of audit.adapters)
    writeOut(
      `round ${round}: adapter ${short(adapterHash)} from ${short(parentHash)}, ${isAccepted ? "accepted" : "refused"}`,
    );
  for (const { at, type, what } of audit.decisions) writeProse(`${at} ${type}: ${what}`);
  for (const line of audit.disagreements) writeProse(line);
}
