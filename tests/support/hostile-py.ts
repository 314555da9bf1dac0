/** @file Reads and judges hostile programs: `# MUST kind|kind: why` in the first line. */
import type { ProgramCheck } from "../../src/core/program-runner.js";

/** What the checker asks of every file (hostile/README.md). */
export const HOSTILE_TESTS = ["assert add(2, 3) == 5", "assert add(-1, 1) == 0"];

/** Low, so that the suite is quick: programs that never end compute as long as this (hostile/README.md allows 3 s after start-up). */
export const HOSTILE_WALL_MS = 1_000;

const KIND_OF_STATUS: Record<ProgramCheck["status"], string> = {
  passed: "pass",
  failed: "fail",
  "timed-out": "timeout",
  "out-of-memory": "memory",
  "too-big": "toobig",
};

/** Why a check breaks the file's MUST line, or undefined when it holds. */
export function judgeCheck(source: string, check: ProgramCheck): string | undefined {
  const must = /^# MUST ([^:]+?):/.exec(source)?.[1];
  if (must === undefined) return "no MUST line";
  if (JSON.stringify(check).includes("ESCAPED")) return "the text ESCAPED is in the record";
  const kind = KIND_OF_STATUS[check.status];
  if (must.split("|").some((allowed) => allowed.trim() === kind)) return undefined;
  return `must be ${must}, is ${kind} (${check.errors.join("; ").slice(0, 300)})`;
}
