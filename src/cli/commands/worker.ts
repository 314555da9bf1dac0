/** @file `w4s worker`: run workflows on items for runs that were started elsewhere with --queue. */
import { Command } from "commander";
import type { QueueWorker } from "../../commands.js";
import { QUEUE_TOKEN_VARIABLE } from "../../config/queue-url.js";
import { counted } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { addRunFlags, configSources, MODEL_FLAGS, QUEUE_FLAGS } from "../run-flags.js";
import { watchWorker } from "../watch-signals.js";

const EXAMPLES = `
Examples:
  $ export OPENAI_API_KEY=…    # the worker's own: no key is ever in the queue
  $ w4s worker --queue redis://127.0.0.1:6379 --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini
  $ w4s optimize --task gsm8k --model smollm2-135m --queue redis://127.0.0.1:6379 \\
      --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini

A worker takes the jobs of every run whose models it has, by address and name, and says why it refuses others.
W4S_QUEUE_PASSWORD is the queue's password; W4S_QUEUE_TOKEN a secret that both sides share, without which a worker
runs no tools that come with a run. SIGTERM and Ctrl-C finish the samples in hand; again to stop now.
docs/workers.md: Docker Compose, Kubernetes Jobs, SLURM.`;

/** Settings that decide results come with the jobs. */
const OF_RUNS = new Set([
  ...["maxTokens", "limits.wallMs", "limits.modelCalls", "rulesFile", "seed", "cache"],
  ...["budget.dollars", "budget.tokens", "budget.calls", "budget.minutes"],
  ...["price.inputPerMillion", "price.outputPerMillion", "price.cachedInputPerMillion"],
]);

interface WorkerFlags {
  name?: string | undefined;
  /** False with --no-python. */
  python: boolean;
  untilIdle?: string | undefined;
}

export function command(): Command {
  const worker = new Command("worker").description(
    "Runs workflows on items for runs that were started elsewhere with --queue; its own keys stay with it.",
  );
  addRunFlags(worker, [...QUEUE_FLAGS, ...MODEL_FLAGS.filter((path) => !OF_RUNS.has(path)), "concurrency"]);
  worker
    .option("--name <name>", "name of this worker in messages; default: host and process")
    .option("--no-python", "take no jobs whose workflows may run Python")
    .option("--until-idle <seconds>", "end after this time without work; default: never");
  return complete(worker, workerAction, { examples: EXAMPLES, listen: watchWorker });
}

const workerAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const { name, python, untilIdle } = command.opts<WorkerFlags>();
  const sources = configSources(command);
  // What is asked comes with the jobs; a queue that is missing or wrong is told before an executor is asked for.
  const defaults = { task: "input" };
  const { queue: url } = api.loadRunConfig({ ...sources, defaults: { ...defaults, executor: "simulated" } });
  if (url === undefined)
    throw new api.ConfigError("no queue was named", {
      hint: "add --queue redis://HOST:PORT, or set W4S_QUEUE",
    });
  const idleSeconds = untilIdle === undefined ? undefined : Number(untilIdle);
  if (idleSeconds !== undefined && !(untilIdle?.trim() !== "" && idleSeconds >= 0 && idleSeconds <= 1e6))
    throw new api.ConfigError(`--until-idle: "${untilIdle}" must be a number of seconds from 0 to 1000000`);
  if (name !== undefined && !/^[A-Za-z0-9][\w.-]{0,99}$/.test(name))
    throw new api.ConfigError(
      `--name: ${JSON.stringify(name.slice(0, 100))} must be letters, digits, dots and dashes`,
    );
  const config = api.loadRunConfig({ ...sources, defaults });
  for (const message of api.configWarnings(config, process.env)) writeErr(`warning: ${message}`);
  await using worker = await api.QueueWorker.open(config, {
    ...{ url, name, hasPython: python, token: process.env[QUEUE_TOKEN_VARIABLE] },
    idleMs: idleSeconds === undefined ? undefined : idleSeconds * 1000,
    resolveModelFile: api.resolveModel,
    onNotice: writeErr,
    stopSignal: watch.stopSignal,
    signal: watch.signal,
  });
  writeErr(workerText(worker.card));
  const result = await worker.work();
  if (isJson) writeJson(result);
  else
    writeOut(
      `${counted(result.jobs, "job")} in ${result.batches} ${result.batches === 1 ? "batch" : "batches"}`,
    );
  return EXIT.done;
};

/** Who takes jobs here, and for which models. */
export function workerText({ name, models, hasPython }: QueueWorker["card"]): string {
  const offered = Object.entries(models).map(([alias, id]) => `${alias} ${id}`);
  return `worker ${name}: ${offered.join(", ")}${hasPython ? ", Python" : ""}`;
}
