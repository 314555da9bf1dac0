/** @file `w4s run`: one input through a workflow. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { formatDollars } from "../../core/figure-format.js";
import type {
  ProgramRunner,
  RunConfig,
  Sample,
  Score,
  Task,
  VisibleTask,
  WorkflowAnswer,
} from "../../index.js";
import { type ActionBody, action } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { addCommonFlags, addRunFlags, configSources, MODEL_FLAGS } from "../run-flags.js";
import { workflowPath } from "./eval.js";

const EXAMPLES = `
Examples:
  $ w4s run best-workflow.js --question "A pen costs 3, how much are 12?" \\
      --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b

  Fields as JSON, from a file or from stdin:
  $ echo '{"question": "Which is a fruit?", "choices": ["apple", "chair"]}' | w4s run best-workflow.js --input -

  One item of a dataset, scored:
  $ w4s run runs/RUN --task word-problems --item word-problems/validation/0001 --executor simulated

The answer goes to stdout. Exit code 5 when the workflow itself fails.`;

type Api = typeof import("../../index.js");
type Input = Omit<VisibleTask, "id"> & { id?: string };

interface Item {
  task: Task;
  sample: Sample;
}

type ScoredAnswer = WorkflowAnswer & { score?: Score };

interface RunCommandFlags {
  question?: string;
  context?: string;
  choice: string[];
  input?: string;
  item?: string;
}

export function command(): Command {
  const command = new Command("run")
    .description("Runs one input through a workflow in the sandbox and prints its answer.")
    .argument("<workflow>", "workflow file or run directory")
    .option("--question <text>", "the question")
    .option("--context <text>", "a passage to read")
    .option(
      "--choice <text>",
      "an answer to choose from; repeat it",
      (text: string, all: string[]) => [...all, text],
      [],
    )
    .option("--input <file>", "a JSON object with question, context, choices; - reads stdin")
    .option("--item <id>", "an item of --task, from train or validation");
  addRunFlags(command, ["task", ...MODEL_FLAGS]);
  return addCommonFlags(command).addHelpText("after", EXAMPLES).action(action(runAction));
}

const runAction: ActionBody = async ({ isJson, watch, command }, path = "") => {
  const api = await import("../../index.js");
  const flags = command.opts<RunCommandFlags>();
  const config = api.loadRunConfig({
    ...configSources(command),
    // A single input needs no dataset.
    defaults: { task: "input" },
  });
  const { source } = api.readWorkflowFile(workflowPath(path));
  // Starts no process before a program runs.
  await using programs = api.programSandbox();
  const item = flags.item === undefined ? undefined : await findItem(api, config, flags.item, programs);
  const input = item ? api.visibleTask(item.sample) : readInput(api, flags);
  for (const message of api.configWarnings(config, process.env)) writeErr(`warning: ${message}`);
  const result = await runOnce(api, config, source, { input, item, programs }, watch.signal);
  if (isJson) writeJson(result);
  else {
    print(result);
    const drawing = api.drawRobotRun(result.score?.details);
    if (drawing !== undefined) writeErr(drawing);
  }
  return result.status === "ok" ? EXIT.done : EXIT.failedSamples;
};

async function runOnce(
  api: Api,
  config: RunConfig,
  source: string,
  { input, item, programs }: { input: Input; item: Item | undefined; programs: ProgramRunner },
  signal: AbortSignal,
): Promise<ScoredAnswer> {
  const localModels = new Map();
  const context = {
    config,
    localModels,
    resolveModelFile: api.resolveModel,
    onWarning: (message: string) => writeErr(`warning: ${message}`),
  };
  const open: { close(): Promise<void> }[] = [];
  const listeners: ((sample: Sample) => void)[] = [];
  const build = async (spec: string, make = api.buildExecutor) => {
    const built = await make(spec, context);
    open.push(built.model);
    listeners.push((sample) => built.onSample(sample));
    return built;
  };
  try {
    const executor = await build(config.executor);
    await executor.model.preflight?.(signal);
    const aliases: Record<string, (typeof executor)["model"]> = {};
    const aliasPrices: Record<string, NonNullable<(typeof executor)["price"]>> = {};
    for (const alias of Object.keys(config.executors)) {
      const { model, price } = await build(alias);
      aliases[alias] = model;
      if (price) aliasPrices[alias] = price;
    }
    const { weak: named = "policy" } = config;
    const weakName = named === "policy" ? config.model : named === "none" ? undefined : named;
    const weak = weakName === undefined ? undefined : (await build(weakName, api.buildWeakModel)).model;
    const tools = config.tools === undefined ? undefined : await api.loadTools(config.tools);
    const rules = config.rulesFile === undefined ? undefined : api.Rules.load(config.rulesFile);
    const { budget, limits } = rules?.tighten(config) ?? config;
    const runner = new api.WorkflowRunner({
      executor: executor.model,
      aliases,
      aliasPrices,
      budget,
      limits,
      rules,
      maxTokens: config.maxTokens,
      seed: config.seed,
      programs,
      ...(weak ? { weak } : {}),
      ...(tools ? { tools } : {}),
      ...(config.cache === undefined ? {} : { cachePath: join(config.cache, "calls.db") }),
      ...(executor.price ? { price: executor.price } : {}),
    });
    open.push(runner);
    if (!item) return await runner.run(source, input, { signal });
    const onSample = (sample: Sample) => {
      for (const listener of listeners) listener(sample);
    };
    return await runner.play(source, item.sample, item.task.scorer, { signal, onSample });
  } finally {
    for (const part of open.reverse()) await part.close();
    for (const model of localModels.values()) await model.close();
  }
}

/** The test split stays closed: a single look at it would not be counted. */
async function findItem(api: Api, config: RunConfig, id: string, programs: ProgramRunner): Promise<Item> {
  const task = await api.loadTask(config.task, {
    allowOverlap: config.allowOverlap,
    skipBad: config.skipBad,
    programs,
    openEmbedder: () => api.openEmbedder(api.resolveModel, config.threads),
  });
  for (const split of task.splits) {
    if (split === "test") continue;
    const sample = (await task.load(split)).find((candidate) => candidate.id === id);
    if (sample) return { task, sample };
  }
  throw new api.InputError(`${task.name} has no item ${JSON.stringify(id)} in train or validation`, {
    hint: "ids look like word-problems/validation/0001; the test split stays closed here",
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
      ...(context === undefined ? {} : { context }),
      ...(choice.length > 0 ? { choices: choice } : {}),
    };
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(input === "-" ? 0 : input, "utf8"));
  } catch (error) {
    throw new api.InputError(`cannot read the input ${input}: ${api.messageOf(error)}`, {
      hint: 'give a JSON object such as {"question": "…"}',
      cause: error,
    });
  }
  return checkInput(api, value, input);
}

const TEXT_FIELDS = new Set(["id", "question", "context", "prompt", "entryPoint"]);
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
