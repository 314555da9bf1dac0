/** @file `w4s run`: inputs through a workflow. */
import { dirname } from "node:path";
import { Command } from "commander";
import type { Sample, Score, Task, TaskOpener, WorkflowAnswer } from "../../commands.js";
import { counted, formatDollars } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { answerAll } from "../answer-all.js";
import { configOfRun } from "../config-of-run.js";
import { EXIT } from "../exit-code.js";
import { repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { reportError } from "../report-error.js";
import { addRunFlags, MODEL_FLAGS } from "../run-flags.js";
import { type InputFlags, type RunInput, readInputs } from "../run-inputs.js";
import { workflowPath } from "./eval.js";

const EXAMPLES = `
Examples:
  $ w4s run best-workflow.js --question "A pen costs 3, how much are 12?" \\
      --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b

  Fields as JSON, from a file or from stdin:
  $ echo '{"question": "Which is a fruit?", "choices": ["apple", "chair"]}' | w4s run best-workflow.js --input -

  Many inputs: one JSON object a line in, one a line out, in their order
  $ w4s run latest --input tickets.jsonl --concurrency 4 > answers.jsonl

  One item of a dataset, scored:
  $ w4s run runs/RUN --task word-problems --item word-problems/validation/0001 --executor simulated

A run brings its models along: they are used where no flag, variable or configuration here names an executor.
The answer goes to stdout. Exit code 5 when the workflow itself fails or the executor gives no usable reply, 4 when the executor
cannot be used as it is set up.`;

type Api = typeof import("../../commands.js");
type ScoredAnswer = WorkflowAnswer & { score?: Score };

interface RunCommandFlags extends InputFlags {
  item?: string | undefined;
}

export function command(): Command {
  const command = new Command("run")
    .description("Runs inputs through a workflow in the sandbox and prints their answers.")
    .argument("<workflow>", "workflow file, or a run: its directory, its name, or latest")
    .option("--question <text>", "the question")
    .option("--context <text>", "a passage to read")
    .option("--choice <text>", "an answer to choose from; repeat it", repeated, [])
    .option("--input <file>", "a JSON object with question, context, choices, or one a line; - reads stdin")
    .option("--item <id>", "an item of --task, from train or validation");
  addRunFlags(command, ["task", "judge", "concurrency", "runsRoot", ...MODEL_FLAGS]);
  return complete(command, runAction, { examples: EXAMPLES });
}

const runAction: ActionBody = async ({ isJson, watch, command }, name = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<RunCommandFlags>();
  const path = await workflowPath(command, name);
  const config = await configOfRun(command, path === name ? undefined : dirname(path));
  const { source, carried: parts } = api.readWorkflowFile(path);
  await using tasks = new api.TaskOpener(config, api.resolveModel);
  const item = flags.item === undefined ? undefined : await findItem(api, tasks, config.task, flags.item);
  const { inputs, isMany } = item ? { inputs: [], isMany: false } : readInputs(flags);
  for (const message of api.configWarnings(config, process.env)) writeErr(`warning: ${message}`);
  const { signal } = watch;
  await using runner = await api.WorkflowRunner.open(config, {
    resolveModelFile: api.resolveModel,
    programs: tasks.programs,
    onWarning: (message) => writeErr(`warning: ${message}`),
    signal,
  });
  tasks.bindJudge({ config, ...runner.meter });
  const answer = (input: RunInput) => runner.run(source, input, { signal, parts });
  if (isMany)
    return await answerAll(inputs, answer, {
      ...{ isJson, isLoss: api.isLoss, concurrency: config.concurrency, stopSignal: watch.stopSignal },
    });
  let result: ScoredAnswer;
  try {
    result = item
      ? await runner.play(source, item.sample, item.task.scorer, { signal, parts })
      : await answer(inputs[0] as RunInput);
  } catch (error) {
    if (!api.isLoss(error)) throw error;
    reportError(error, { isJson, isDebug: false, command: "run" });
    return EXIT.failedSamples;
  }
  if (isJson) writeJson(result);
  else {
    printAnswer(result);
    const drawing = api.drawRobotRun(result.score?.details);
    if (drawing !== undefined) writeErr(drawing);
  }
  return result.status === "ok" ? EXIT.done : EXIT.failedSamples;
};

/** The test split stays closed: a single look at it would not be counted. */
async function findItem(
  api: Api,
  tasks: TaskOpener,
  name: string,
  id: string,
): Promise<{ task: Task; sample: Sample }> {
  const task = await tasks.load(name);
  let known = `${task.name}/validation/0001`;
  for (const split of task.splits) {
    if (split === "test") continue;
    const samples = await task.load(split);
    const sample = samples.find((candidate) => candidate.id === id);
    known = samples[0]?.id ?? known;
    if (sample) return { task, sample };
  }
  throw new api.InputError(`${task.name} has no item ${JSON.stringify(id)} in train or validation`, {
    hint: `ids look like ${known}; the test split stays closed here`,
  });
}

/** The answer on stdout, what it took on stderr. */
export function printAnswer({ score, ...result }: ScoredAnswer): void {
  if (result.log !== "") writeErr(`log of the workflow:\n${result.log}`);
  for (const [role, usage] of Object.entries(result.usage)) {
    const tokens = usage.promptTokens + usage.completionTokens;
    writeErr(`${role}: ${counted(usage.calls, "call")}, ${tokens} tokens, ${formatDollars(usage.dollars)}`);
  }
  for (const { tool, bytes, error, milliseconds } of result.tools)
    writeErr(`tool ${tool}: ${error ?? `${bytes} bytes`}, ${milliseconds} ms`);
  if (score) writeErr(`score ${score.value}${score.details ? `: ${score.extracted}` : ""}`);
  if (result.status === "ok") {
    writeOut(
      typeof result.answer === "string" ? result.answer : (JSON.stringify(result.answer, null, 2) ?? "null"),
    );
  } else {
    writeErr(
      `the workflow ended as ${result.status}: ${result.error ?? ""}; correct its source and run it again`,
    );
  }
}
