/** @file `w4s init`: write a commented configuration. */
import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { askSettings } from "../ask-settings.js";
import { adviseOn, checkHealth, findingsTable } from "../check-health.js";
import { checkPrice, checkTask } from "../check-task.js";
import { EXIT } from "../exit-code.js";
import { initContext } from "../init-context.js";
import { isInteractive, writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { addRunFlags, flagName, readRunFlags } from "../run-flags.js";

const EXAMPLES = `
Examples:
  $ w4s init
  $ w4s init --task gsm8k --model qwen2.5-coder-0.5b \\
      --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b --max-dollars 2 --yes

Asks for what no flag has given when a person is there; --yes takes the proposals: your newest dataset in this folder or in datasets/, and
for it the server of OPENAI_BASE_URL (model OPENAI_MODEL), OpenAI where OPENAI_API_KEY is set, else a model on this machine. Ends with the
checks of w4s doctor, which pay one token at most; the file is written whatever they find of machine and server.`;

export function command(): Command {
  const init = new Command("init")
    .description("Writes a commented w4s.config.yaml with every key, its range and its default.")
    .option("--output <file>", "where to write", "w4s.config.yaml")
    .option("--force", "overwrite an existing file")
    .option("--yes", "do not ask")
    .option("--no-check", "leave out the checks of w4s doctor");
  addRunFlags(init, [
    "task",
    "model",
    "executor",
    "executorModel",
    "apiKeyEnv",
    "budget.dollars",
    "price.inputPerMillion",
    "price.outputPerMillion",
  ]);
  return complete(init, initAction, { examples: EXAMPLES, hasConfig: false });
}

interface InitFlags {
  output: string;
  force?: boolean | undefined;
  yes?: boolean | undefined;
  check: boolean;
}

const initAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const { output, force, yes, check } = command.opts<InitFlags>();
  const exists = () =>
    new api.ConfigError(`${output} exists already`, {
      hint: "pass --force to overwrite it, or --output FILE",
    });
  if (existsSync(output) && !force) throw exists();
  const isAsking = !yes && !isJson && process.stdin.isTTY && isInteractive();
  const reader = isAsking ? createInterface({ input: process.stdin, output: process.stderr }) : undefined;
  let settings: Record<string, unknown>;
  try {
    settings = await askSettings(
      readRunFlags(command),
      async (prompt) => (reader === undefined ? "" : reader.question(prompt, { signal: watch.stopSignal })),
      initContext(api, process.env, writeErr),
    );
  } finally {
    reader?.close();
  }
  // Checked before it is written: a file that the next command refuses helps nobody.
  const config = api.loadRunConfig({
    env: {},
    hasFile: false,
    flags: new Map(),
    defaults: settings,
    flagName,
  });
  await checkTask(api, config);
  const price = await checkPrice(api, config, check ? watch.signal : undefined);
  try {
    writeFileSync(output, api.configExample(settings), { flag: force ? "w" : "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw exists();
    throw new api.StorageError(`cannot write ${output}: ${api.messageOf(error)}`, {
      hint: "choose another place with --output",
      cause: error,
    });
  }
  const health = check ? await checkHealth(api, config, { watch, isQuiet: isJson }) : undefined;
  if (isJson) writeJson({ written: output, settings, price, findings: health?.findings });
  else {
    if (health) writeOut(findingsTable(health.findings));
    const other = output === api.CONFIG_FILE ? "" : ` --config ${output}`;
    const next = `${(health?.exitCode ?? 0) === 0 ? "optimize --dry-run" : "doctor"}${other}`;
    writeProse(`executor ${config.executor}; price: ${price}`);
    writeOut(`wrote ${output}; next: w4s ${next}`);
  }
  if (health) adviseOn(health.findings);
  return EXIT.done;
};
