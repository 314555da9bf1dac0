/** @file `w4s init`: write a commented configuration. */
import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { type ActionBody, action } from "./action.js";
import { EXIT } from "./exit-code.js";
import { isInteractive, writeJson, writeOut } from "./output.js";
import { addCommonFlags, addRunFlags, flagName, readRunFlags } from "./run-flags.js";

const EXAMPLES = `
Examples:
  $ w4s init
  $ w4s init --task gsm8k --model qwen2.5-coder-0.5b \\
      --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b --yes

Asks for what no flag has given when a person is there; --yes takes the defaults.`;

/** Keys that are asked for, with what is suggested. */
const QUESTIONS = [
  ["task", "Dataset (name or folder)", "word-problems"],
  ["model", "Weak local model (name or GGUF file)", "smollm2-135m"],
  ["executor", "Strong model (openai:URL, local:NAME, simulated)", "simulated"],
  ["executorModel", "Model name on that server", ""],
] as const;

export function command(): Command {
  const init = new Command("init")
    .description("Writes a commented w4s.config.yaml with every key, its range and its default.")
    .option("--output <file>", "where to write", "w4s.config.yaml")
    .option("--force", "overwrite an existing file")
    .option("--yes", "do not ask");
  addRunFlags(init, ["task", "model", "executor", "executorModel", "apiKeyEnv"]);
  return addCommonFlags(init, { hasConfig: false }).addHelpText("after", EXAMPLES).action(action(initAction));
}

const initAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../index.js");
  const { output, force, yes } = command.opts<{ output: string; force?: boolean; yes?: boolean }>();
  const exists = () =>
    new api.ConfigError(`${output} exists already`, {
      hint: "pass --force to overwrite it, or --output FILE",
    });
  if (existsSync(output) && !force) throw exists();
  const given = new Map<string, unknown>(readRunFlags(command));
  const isAsking = !yes && !isJson && process.stdin.isTTY && isInteractive();
  const reader = isAsking ? createInterface({ input: process.stdin, output: process.stderr }) : undefined;
  try {
    for (const [key, question, suggestion] of QUESTIONS) {
      const isNeeded = key !== "executorModel" || String(given.get("executor")).startsWith("openai:");
      if (given.has(key) || !isNeeded) continue;
      const prompt = `${question}${suggestion ? ` [${suggestion}]` : ""}: `;
      const answer = reader ? (await reader.question(prompt, { signal: watch.stopSignal })).trim() : "";
      if (answer || suggestion) given.set(key, answer || suggestion);
    }
  } finally {
    reader?.close();
  }
  const settings = Object.fromEntries(given);
  // Checked before it is written: a file that the next command refuses helps nobody.
  api.loadRunConfig({ env: {}, cwd: "", flags: new Map(), defaults: settings, flagName });
  try {
    writeFileSync(output, api.configExample(settings), { flag: force ? "w" : "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw exists();
    throw new api.StorageError(`cannot write ${output}: ${api.messageOf(error)}`, {
      hint: "choose another place with --output",
      cause: error,
    });
  }
  if (isJson) writeJson({ written: output, settings });
  else writeOut(`wrote ${output}; next: w4s doctor, then w4s optimize --dry-run`);
  return EXIT.done;
};
