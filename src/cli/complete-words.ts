/** @file What may stand at the end of a command line that is being typed, from commander's own tree of commands. */
import type { Command, Option } from "commander";
import { SETTINGS } from "../config/settings.js";
import { RUN_FLAGS } from "./run-flags.js";

/** Names that only a look at the disk tells. */
export type NameKind = "datasets" | "models" | "runs";

/** Flags and arguments whose values have names. */
const NAMED_FLAGS: Readonly<Record<string, NameKind>> = {
  ...{ "--task": "datasets", "--held-back": "datasets", "--model": "models", "--base": "models" },
  ...{ "--run": "runs", "--compare": "runs", "--from": "runs" },
};
const NAMED_ARGUMENTS: Readonly<Record<string, NameKind>> = {
  ...{ report: "runs", inspect: "runs", run: "runs", eval: "runs", rollback: "runs", relabel: "runs" },
  ...{ pull: "models", path: "models" },
};

/**
 * @param program - with the command that the words name loaded in full
 * @param words - of the command line, the last of them unfinished, maybe empty
 * @param namesOf - the names of a kind
 * @returns the words that fit; none: a file may stand there
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  namesOf: (kind: NameKind) => Promise<readonly string[]>,
): Promise<string[]> {
  const typed = words.at(-1) ?? "";
  let command = program;
  let open: Option | undefined;
  for (const word of words.slice(0, -1)) {
    // A word behind a flag that takes a value is that value.
    if (open) open = undefined;
    else if (word.startsWith("-")) open = optionOf(command, word);
    else
      command = (command.commands.find((child) => child.name() === word) as Command | undefined) ?? command;
  }
  const found = await candidates(command, open, typed, namesOf);
  return [...new Set(found)].filter((word) => word.startsWith(typed));
}

async function candidates(
  command: Command,
  open: Option | undefined,
  typed: string,
  namesOf: (kind: NameKind) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (open) {
    const named = NAMED_FLAGS[open.long ?? ""];
    return open.argChoices ?? choicesOf(open) ?? (named ? await namesOf(named) : []);
  }
  if (typed.startsWith("-"))
    return [...command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : [])), "--help"];
  if (command.commands.length > 0) return command.commands.map((child) => child.name());
  const kind = NAMED_ARGUMENTS[command.name()];
  if (kind === undefined) return [];
  return [...(await namesOf(kind)), ...(kind === "runs" ? ["latest"] : [])];
}

/** An option that still waits for its value; undefined for switches, unknown flags and `--flag=value`. */
function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short, required }) => required && (long === word || short === word));
}

/** Choices of a setting, which are in its help and not in commander's option. */
function choicesOf({ long }: Option): readonly string[] | undefined {
  const path = Object.keys(RUN_FLAGS).find((key) => RUN_FLAGS[key]?.split(" ")[0] === long);
  return path === undefined ? undefined : SETTINGS.get(path)?.choices?.map(String);
}
