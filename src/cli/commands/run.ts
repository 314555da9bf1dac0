/** @file `w4s run`: one input through a workflow. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { Sample, Score, Task, TaskOpener, VisibleTask, WorkflowAnswer } from "../../commands.js";
import { formatDollars } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { reportError } from "../report-error.js";
import { addRunFlags, configSources, MODEL_FLAGS } from "../run-flags.js";
import { workflowPath } from "./eval.js";

const EXAMPLES = `
Examples:
  $ w4s run best-workflow.js --question "A pen costs 3, how much are 12?" \\
      --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b

  Fields as JSON, from a file or from stdin:
  $ echo '{"question": "Which is a fruit?", "choices": ["apple", "chair"]}' | w4s run best-workflow.js --input -

  One item of a dataset, scored:
  $ w4s run runs/RUN --task word-problems --item word-problems/validation/0001 --executor simulated

The answer goes to stdout. Exit code 5 when the workflow itself fails or the executor gives no usable reply, 4 when the executor
cannot be used as it is set up.`;

type Api = typeof import("../../commands.js");
type Input = Omit<VisibleTask, "id"> & { id?: string };

type ScoredAnswer = WorkflowAnswer & { score?: Score };

interface RunCommandFlags {
  question?: string | undefined;
  context?: string | undefined;
  choice: string[];
  input?: string | undefined;
  item?: string | undefined;
}

export function command(): Command {
  const command = new Command("run")
    .description("Runs one input through a workflow in the sandbox and prints its answer.")
    .argument("<workflow>", "workflow file or run directory")
    .option("--question <text>", "the question")
    .option("--context <text>", "a passage to read")
    .option("--choice <text>", "an answer to choose from; repeat it", repeated, [])
    .option("--input <file>", "a JSON object with question, context, choices; - reads stdin")
    .option("--item <id>", "an item of --task, from train or validation");
  addRunFlags(command, ["task", "judge", ...MODEL_FLAGS]);
  return complete(command, runAction, { examples: EXAMPLES });
}

const runAction: ActionBody = async ({ isJson, watch, command }, path = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<RunCommandFlags>();
  const config = api.loadRunConfig({
    ...configSources(command),
    // A single input needs no dataset.
    defaults: { task: "input" },
  });
  const { source, carried: parts } = api.readWorkflowFile(workflowPath(path));
  await using tasks = new api.TaskOpener(config, api.resolveModel);
  const item = flags.item === undefined ? undefined : await findItem(api, tasks, config.task, flags.item);
  const input = item ? api.visibleTask(item.sample) : readInput(api, flags);
  for (const message of api.configWarnings(config, process.env)) writeErr(`warning: ${message}`);
  const { signal } = watch;
  await using runner = await api.WorkflowRunner.open(config, {
    resolveModelFile: api.resolveModel,
    programs: tasks.programs,
    onWarning: (message) => writeErr(`warning: ${message}`),
    signal,
  });
  tasks.bindJudge({ config, ...runner.meter });
  let result: ScoredAnswer;
  try {
    result = item
      ? await runner.play(source, item.sample, item.task.scorer, { signal, parts })
      : await runner.run(source, input, { signal, parts });
  } catch (error) {
    if (!api.isLoss(error)) throw error;
    reportError(error, { isJson, isDebug: false, command: "run" });
    return EXIT.failedSamples;
  }
  if (isJson) writeJson(result);
  else {
    print(result);
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

function readInput(api: Api, { question, context, choice, input }: RunCommandFlags): Input {
  if (input === undefined) {
    if (question === undefined) {
      throw new api.ConfigError("there is no input", {
        hint: "give --question TEXT, --input FILE or --item ID",
      });
    }
    return {
      question,
      context,
      choices: choice.length > 0 ? choice : undefined,
    };
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(input === "-" ? 0 : input, "utf8").replace(/^\ufeff/, ""));
  } catch (error) {
    throw new api.InputError(`cannot read the input ${input}: ${api.messageOf(error)}`, {
      hint: 'give a JSON object such as {"question": "…"}',
      cause: error,
    });
  }
  return checkInput(api, value, input);
}

const TEXT_FIELDS = new Set(["id", "question", "context", "prompt", "entryPoint", "instruction"]);
const LIST_FIELDS = new Set(["choices", "publicTests"]);

function checkInput(api: Api, value: unknown, name: string): Input {
  const fail = (what: string) =>
    new api.InputError(`${name}: ${what}`, { hint: 'give a JSON object such as {"question": "…"}' });
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("not a JSON object");
  for (const [key, member] of Object.entries(value)) {
    if (TEXT_FIELDS.has(key)) {
      if (typeof member !== "string") throw fail(`field ${key} is no string`);
    } else if (!LIST_FIELDS.has(key)) throw fail(`unknown field ${JSON.stringify(key)}`);
    else if (!Array.isArray(member) || member.some((text) => typeof text !== "string")) {
      throw fail(`field ${key} is no list of strings`);
    }
  }
  if (typeof (value as { question?: unknown }).question !== "string") throw fail("field question is missing");
  return value as Input;
}

function print({ score, ...result }: ScoredAnswer): void {
  if (result.log !== "") writeErr(`log of the workflow:\n${result.log}`);
  for (const [role, usage] of Object.entries(result.usage)) {
    const tokens = usage.promptTokens + usage.completionTokens;
    writeErr(`${role}: ${usage.calls} calls, ${tokens} tokens, ${formatDollars(usage.dollars)}`);
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
