/** @file `w4s doctor`: is everything here that a run needs, and does it really work? */
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { adviseOn, checkHealth, findingsTable } from "../check-health.js";
import { NO_TASK } from "../check-task.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";
import { addRunFlags, configSources } from "../run-flags.js";

const EXAMPLES = `
Examples:
  $ w4s doctor
  $ w4s doctor --model qwen2.5-coder-0.5b --executor openai:http://127.0.0.1:8080/v1 --executor-model NAME

Nothing is paid: the endpoint is only asked for its list of models.
Exit code 0 when nothing failed, else that of the first failure (2 setup, 3 model, 4 endpoint, 6 disk).`;

export function command(): Command {
  const doctor = new Command("doctor").description(
    "Checks Node, native packages, sandbox, model, threads, memory, disk, key and endpoint.",
  );
  addRunFlags(doctor, [
    "task",
    "model",
    "adapter",
    "gpu",
    "threads",
    "executor",
    "executorModel",
    "apiKeyEnv",
    "budget.dollars",
    "price.inputPerMillion",
    "price.outputPerMillion",
    "runsRoot",
  ]);
  return complete(doctor, doctorAction, { examples: EXAMPLES });
}

const doctorAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const config = api.loadRunConfig({
    ...configSources(command),
    // No run is started: whoever has no task or executor yet can still ask for a check.
    defaults: { task: NO_TASK, executor: "simulated" },
  });
  const { findings, exitCode } = await checkHealth(api, config, { watch, isQuiet: isJson });
  if (isJson) writeJson({ ok: exitCode === EXIT.done, findings });
  else writeOut(findingsTable(findings));
  adviseOn(findings);
  return exitCode;
};
