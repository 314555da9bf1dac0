/** @file How a failed command must look: its exit code, and a last line of stderr that says what and what to do. */
import { expect } from "vitest";
import type { CliResult } from "./run-cli.js";

export function lastLine(result: CliResult): string {
  return result.stderr.trimEnd().split("\n").at(-1) ?? "";
}

/** Checks code and last line, and that no stack trace is shown; on a mismatch the whole of stderr is printed. */
export function expectFailure(result: CliResult, code: number, message: RegExp): void {
  expect(`exit ${result.code}\n${result.stderr}`).toMatch(new RegExp(`^exit ${code}\n`));
  expect(lastLine(result)).toMatch(message);
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
}
