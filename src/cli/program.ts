/** @file The table of commands. A command's module, and with it the library, is loaded only when it is asked for. */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../core/package-file.js";
import { flushSpans } from "../core/telemetry/flush-spans.js";
import { guardStreams, outputWidth, writeErr, writeOut } from "./print/output.js";
import { wrapHelp } from "./print/wrap-words.js";
import { reportError } from "./report-error.js";

type LazyCommand = readonly [summary: string, load: () => Promise<{ command(): Command }>];

/** In the order of the help text. */
const COMMANDS: Readonly<Record<string, LazyCommand>> = {
  demo: ["the whole loop offline in about two minutes", () => import("./commands/demo.js")],
  learn: ["rounds of collecting and training", () => import("./commands/learn.js")],
  optimize: ["design a workflow for a task and test it", () => import("./commands/optimize.js")],
  collect: ["play episodes and record them for training", () => import("./commands/collect.js")],
  train: ["train a LoRA adapter on recorded runs or chat lines", () => import("./commands/train.js")],
  export: [
    "found workflows without w4s, adapters for other runtimes, training data",
    () => import("./commands/export.js"),
  ],
  relabel: ["compute recorded rewards anew", () => import("./commands/relabel.js")],
  rollback: ["go on from an earlier round", () => import("./commands/rollback.js")],
  import: ["an adapter of another tool, to train on from", () => import("./commands/import.js")],
  eval: ["score workflows and baselines on a split", () => import("./commands/eval.js")],
  runs: ["list the runs that are here", () => import("./commands/runs.js")],
  report: ["show a run as one HTML page", () => import("./commands/report.js")],
  run: ["run inputs through a workflow", () => import("./commands/run.js")],
  serve: [
    "answer other programs with found workflows, as an OpenAI-compatible server",
    () => import("./commands/serve.js"),
  ],
  worker: [
    "run workflows on items for runs on other machines, from a queue",
    () => import("./commands/worker.js"),
  ],
  models: ["list and fetch local models", () => import("./commands/models.js")],
  data: ["list, check and import datasets", () => import("./commands/data.js")],
  bench: ["measure this machine", () => import("./commands/bench.js")],
  doctor: ["check this machine and its settings", () => import("./commands/doctor.js")],
  init: ["write a commented w4s.config.yaml", () => import("./commands/init.js")],
  score: ["log-probabilities of a text, by our forward pass", () => import("./commands/score.js")],
  completion: ["Tab completion for bash, zsh and fish", () => import("./commands/completion.js")],
  inspect: ["show a GGUF file, a trajectory or a run", () => import("./commands/inspect.js")],
};

const EXAMPLES = `
Examples:
  $ w4s doctor
  $ w4s models pull qwen2.5-coder-0.5b
  $ w4s optimize --task gsm8k --model qwen2.5-coder-0.5b \\
      --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini --max-dollars 2

"w4s COMMAND --help" tells more. Results go to stdout, progress to stderr.
Exit codes: 0 done, 1 bug, 2 usage, 3 bad input file, 4 executor unusable, 5 too many failed samples,
6 storage, 7 run in use, 8 budget spent, 9 below --min-score, 130 interrupted (143, 129: by signal).`;

/** The program with the one command that `argv` names in full, and only the names of the others. */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command("w4s")
    .description("A weak local model learns to design workflows for a strong remote model.")
    .version(packageVersion(), "-V, --version", "print the version")
    .addHelpText("after", () => wrapHelp(EXAMPLES, outputWidth()))
    .exitOverride();
  const words = argv.filter((word) => !word.startsWith("-"));
  const asked = words[0] === "help" ? words[1] : words[0];
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const command = name === asked ? (await load()).command() : new Command(name);
    program.addCommand(tuned(command.summary(summary)));
  }
  return program;
}

/** Settings that commander does not hand down to commands added as objects. */
function tuned(command: Command): Command {
  command
    .exitOverride((error) => {
      // The page that helps is the one of the command that refused.
      throw Object.assign(error, { command: pathOf(command) });
    })
    // Descriptions are wrapped in what long names leave of 80 columns.
    .configureHelp({ minWidthToWrap: 20 })
    .showSuggestionAfterError(true)
    .showHelpAfterError(false);
  for (const child of command.commands) tuned(child);
  return command;
}

/** The words that call a command, without the program's name. */
function pathOf(command: Command): string {
  return command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Runs a command line and ends the process with its exit code. */
export async function runCli(words: readonly string[]): Promise<void> {
  guardStreams();
  const argv = arrange(words);
  const options = {
    isJson: argv.includes("--json"),
    isDebug: argv.includes("--debug"),
    command: argv[0] ?? "",
  };
  const onBug = (error: unknown) => process.exit(reportError(error, options));
  process.on("uncaughtException", onBug);
  process.on("unhandledRejection", onBug);
  try {
    if (argv[0] === COMPLETE) await printCompletions(argv.slice(1));
    else await play(argv);
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    if (!isHelp) process.exitCode = reportError(error, options);
  }
  await new Promise((resolve) => process.stdout.write("", resolve));
  await flushSpans();
  process.exit();
}

async function play(argv: readonly string[]): Promise<void> {
  const program = await buildProgram(argv);
  const isAsked = argv.length > 1 && argv.at(-1) === "--help";
  // Help on what is no command: commander says so, with what may have been meant.
  const line = isAsked && !isCommand(program, argv.slice(0, -1)) ? argv.slice(0, -1) : argv;
  // Commander's own error text is kept for reportError, which prints every error in one form.
  const writers = {
    writeErr: (text: string) => void (text.startsWith("error:") || writeErr(text)),
    // Columns of the screen, as tables have them; else commander's own default.
    getOutHelpWidth: () => (Number.isFinite(outputWidth()) ? outputWidth() : 80),
  };
  for (const command of allCommands(program)) command.configureOutput(writers);
  await program.parseAsync([...line], { from: "user" });
}

/** Whether the words before all flags call a command, as far as they are no arguments of one. */
function isCommand(program: Command, words: readonly string[]): boolean {
  let at = program;
  for (const word of words) {
    if (word.startsWith("-") || at.commands.length === 0) return true;
    const next = at.commands.find((child) => child.name() === word);
    if (!next) return false;
    at = next;
  }
  return true;
}

/** Called by the scripts of `w4s completion` with the words of a line, the last one unfinished. */
const COMPLETE = "__complete";

async function printCompletions(words: readonly string[]): Promise<void> {
  const { completeWords } = await import("./complete-words.js");
  const { knownNames } = await import("./known-names.js");
  const found = await completeWords(await buildProgram(words.slice(0, -1)), words, knownNames);
  if (found.length > 0) writeOut(found.join("\n"));
}

/** No words at all ask for help, and `help` for the page of all words behind it; --json and --debug may stand before the command too. */
export function arrange(words: readonly string[]): string[] {
  if (words.length === 0) return ["--help"];
  if (words[0] === "help" && words.length > 1) return [...words.slice(1), "--help"];
  const start = words.findIndex((word) => word !== "--json" && word !== "--debug");
  return start <= 0 ? [...words] : [...words.slice(start), ...words.slice(0, start)];
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => allCommands(child as Command))];
}
