/** @file What every command does around its own work: signals, errors, exit code. */
import type { Command } from "commander";
import { outputWidth } from "./print/output.js";
import { wrapHelp } from "./print/wrap-words.js";
import { reportError } from "./report-error.js";
import { type SignalWatch, watchSignals } from "./watch-signals.js";

export interface ActionContext {
  isJson: boolean;
  watch: SignalWatch;
  command: Command;
}

/** The work of a command. Returns its exit code, or an error that ended it early after its result was printed. */
export type ActionBody = (
  context: ActionContext,
  ...args: string[]
) => Promise<number | { failure: unknown }>;

/**
 * Gives a command its work and what every command has: machine-readable output, the place of an error.
 * @param options.examples - text below its help
 * @param options.hasConfig - whether it takes another configuration file. Default true
 * @param options.listen - what signals mean to it. Default: as to a run, which can go on later
 */
export function complete(
  command: Command,
  body: ActionBody,
  {
    examples = "",
    hasConfig = true,
    listen = watchSignals,
  }: { examples?: string; hasConfig?: boolean; listen?: () => SignalWatch } = {},
): Command {
  if (hasConfig)
    command.option("--config <file>", "configuration (default: w4s.config.yaml here, if present)");
  return command
    .option("--json", "one JSON object on stdout")
    .option("--debug", "show where an error came from")
    .addHelpText("after", () => wrapHelp(examples, outputWidth()))
    .action(action(body, listen));
}

/**
 * Wraps the work of a command for commander's `.action()`.
 * The positional arguments come as strings; a variadic one is spread.
 */
function action(body: ActionBody, listen: () => SignalWatch): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const { json, debug } = command.opts<{ json?: boolean; debug?: boolean }>();
    const watch = listen();
    const report = (error: unknown, isJson: boolean) => {
      const interruptCode = watch.exitCode();
      return reportError(error, {
        isJson,
        isDebug: debug ?? false,
        command: command.name(),
        interruptCode,
      });
    };
    try {
      const words = args
        .slice(0, -2)
        .flat()
        .filter((word): word is string => typeof word === "string");
      const outcome = await body({ isJson: json ?? false, watch, command }, ...words);
      // The result is on stdout already: a second JSON object must not follow it.
      process.exitCode = typeof outcome === "number" ? outcome : report(outcome.failure, false);
    } catch (error) {
      process.exitCode = report(error, json ?? false);
    } finally {
      watch.dispose();
    }
  };
}
