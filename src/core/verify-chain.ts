/** @file Follows the hashes of a chained log: each line carries that of the line before it. */
import { readFileSync } from "node:fs";
import { sha256 } from "./hash.js";
import { type ChainHead, decodeLine, PREVIOUS } from "./jsonl-log.js";

/** State of a chained log after a check of all its lines. */
export interface ChainReport extends ChainHead {
  /** Lines at its beginning that an older version wrote without a chain. */
  unchained: number;
  /** The last line was cut while it was written, by a kill; the next session sets it aside. */
  isTorn: boolean;
  /** The first line, from 1, at which the chain does not hold, and why. */
  broken?: { line: number; reason: string } | undefined;
}

/**
 * Follows the chain of a log from its beginning. It shows changed, moved, added and missing lines; a whole log that was
 * written anew shows only against a hash kept elsewhere.
 * @param genesis - what stands before the first line
 * @param kept - a head that was noted earlier: the log must reach it
 */
export function verifyChain(path: string, genesis: string, kept?: ChainHead): ChainReport {
  const lines = readFileSync(path, "utf8").split("\n");
  const last = lines.pop() ?? "";
  const report: ChainReport = { lines: 0, hash: genesis, unchained: 0, isTorn: last !== "" };
  for (const [index, line] of lines.entries()) {
    const record = decodeLine(line);
    if (record === undefined)
      return { ...report, broken: { line: index + 1, reason: "its checksum does not fit: it was changed" } };
    const previous = record[PREVIOUS];
    if (previous === undefined && report.unchained === index) report.unchained++;
    else if (previous !== report.hash) return { ...report, broken: missingLink(index, previous) };
    report.lines++;
    report.hash = sha256(line);
    if (kept?.lines === report.lines && kept.hash !== report.hash) {
      const reason = "its hash is not the one that was noted when the run ended: it was changed";
      return { ...report, broken: { line: report.lines, reason } };
    }
  }
  if (kept !== undefined && kept.lines > report.lines) {
    const reason = `lines are missing at the end: there were ${kept.lines} when the run ended`;
    return { ...report, broken: { line: report.lines + 1, reason } };
  }
  return report;
}

function missingLink(index: number, previous: unknown): { line: number; reason: string } {
  const line = index + 1;
  if (previous === undefined) return { line, reason: "it carries no hash of the line before" };
  if (index === 0)
    return {
      line,
      reason: "it does not follow from run.json: that was changed, or lines before it are missing",
    };
  return {
    line,
    reason: `it does not carry the hash of line ${index}: that was changed, or lines were moved, added or taken out here`,
  };
}
