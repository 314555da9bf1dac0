/** @file Every error in one form: the last line of stderr says what, where and what to do. */
import { CommanderError } from "commander";
import { EXIT, exitCodeOf } from "./exit-code.js";
import { visibleLine, writeErr, writeJson } from "./print/output.js";

export interface ErrorReport {
  code: string;
  message: string;
  hint: string;
}

/** Description of an error, as text and as the `error` member of the JSON output. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof CommanderError) {
    if (error.code === "commander.help") {
      return { code: "usage", message: "a subcommand is missing", hint: "choose one of those above" };
    }
    const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
    const { command = "" } = error as { command?: string };
    const near = more.join(" ").replace(/[()]/g, "") || fieldHint(first);
    const page = `see w4s ${command}${command && " "}--help`;
    return {
      code: "usage",
      message: first,
      hint: near && command ? `${near} Or ${page}` : near || page,
    };
  }
  const { message, code, hint } = (error ?? {}) as { message?: unknown; code?: unknown; hint?: unknown };
  const isAbort = error instanceof Error && error.name === "AbortError";
  return {
    code: isAbort ? "interrupted" : typeof code === "string" ? code : "bug",
    message: isAbort ? "interrupted" : typeof message === "string" ? message : String(error),
    hint:
      typeof hint === "string"
        ? hint
        : isAbort
          ? "run the same command again to go on"
          : typeof code === "string" && code.startsWith("model-")
            ? "run the same command again; where it stays, look at the model's server and its settings"
            : exitCodeOf(error) === EXIT.bug
              ? "run again with --debug for the place, and report it if it stays"
              : "correct it and run the same command again",
  };
}

/** A field of a dataset given as if it were a flag. */
function fieldHint(message: string): string | undefined {
  const field = /unknown option '--(question|answer|context|choices|id|solution)\b/.exec(message)?.[1];
  return field && `A column is mapped by --field ${field}=NAME.`;
}

/** Prints an error and returns its exit code. */
export function reportError(
  error: unknown,
  options: { isJson: boolean; isDebug: boolean; command: string; interruptCode?: number | undefined },
): number {
  const exitCode = exitCodeOf(error, options.interruptCode);
  const report = describeError(error);
  if (options.isDebug && error instanceof Error) writeErr(stackOf(error));
  if (options.isJson) writeJson({ error: report });
  if (exitCode === EXIT.bug) writeErr(`w4s ${options.command} met a bug of its own:`);
  writeErr(visibleLine(`${report.message}${report.hint === "" ? "" : `; ${report.hint}`}`));
  return exitCode;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
