/** @file `w4s serve`: found workflows behind an OpenAI-compatible endpoint. */
import { dirname } from "node:path";
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { configOfRun } from "../config-of-run.js";
import { EXIT } from "../exit-code.js";
import { repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { addRunFlags, configSources, MODEL_FLAGS, SERVE_FLAGS } from "../run-flags.js";
import { watchService } from "../watch-signals.js";
import { workflowPath } from "./eval.js";

const EXAMPLES = `
Examples:
  $ w4s serve runs/RUN --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini --day-dollars 5
  $ curl http://127.0.0.1:8484/v1/chat/completions -H "content-type: application/json" \\
      -d '{"model": "RUN", "messages": [{"role": "user", "content": "How much is 3 x 4?"}]}'

  Two workflows as two models, for other machines, with keys:
  $ w4s serve --new-key alice --keys keys.json
  $ w4s serve runs/A runs/B --as sums --as words --host 0.0.0.0 --keys keys.json

  As a tool of programs that speak the Model Context Protocol, at http://127.0.0.1:8484/mcp, or started by them:
  $ w4s serve runs/RUN --mcp
  $ w4s serve runs/RUN --mcp stdio

http://127.0.0.1:8484/ is a page to try it. Signals: SIGTERM and Ctrl-C finish what runs (at most 10 s) and end with exit code 0,
SIGHUP reads workflows and keys again; changed files are noticed too.`;

interface ServeFlags {
  as: string[];
  newKey?: string | undefined;
}

export function command(): Command {
  const serve = new Command("serve")
    .description("Answers chat completions with found workflows, on this machine or, with keys, for others.")
    .argument("[workflows...]", "workflow files, or runs: a directory, a name, or latest; each is a model")
    .option("--as <name>", "name of a workflow as a model, in their order; repeat it", repeated, [])
    .option("--new-key <name>", "make a key, add its hash to --keys, print it once, and end");
  addRunFlags(serve, [...SERVE_FLAGS, "concurrency", ...MODEL_FLAGS]);
  return complete(serve, serveAction, { examples: EXAMPLES, listen: watchService });
}

const serveAction: ActionBody = async ({ isJson, watch, command }, ...paths) => {
  const api = await import("../../commands.js");
  const { as: names, newKey } = command.opts<ServeFlags>();
  if (newKey !== undefined) {
    // A key needs no models.
    const defaults = { task: "input", executor: "simulated" };
    const file = api.loadRunConfig({ ...configSources(command), defaults }).serve?.keys;
    if (file === undefined)
      throw new api.ConfigError("--new-key keeps the hash of the key in a file, and none is named", {
        hint: "add --keys FILE",
      });
    const key = await api.addKey(file, newKey);
    if (isJson) writeJson({ name: newKey, key, file });
    else {
      writeErr(`key of ${newKey}, which is shown this once; its hash is in ${file}:`);
      writeOut(key);
    }
    return EXIT.done;
  }
  if (paths.length === 0)
    throw new api.ConfigError("there is nothing to serve", { hint: "name a run or a workflow file" });
  if (names.length > paths.length)
    throw new api.ConfigError(`${names.length} names for ${paths.length} workflows`, {
      hint: "give --as at most once for each workflow",
    });
  const files = await Promise.all(paths.map((path) => workflowPath(command, path)));
  // A name that is wrong is told before settings that are missing.
  for (const file of files) api.readWorkflowFile(file);
  const run = files.find((file, index) => file !== paths[index]);
  const config = await configOfRun(command, run === undefined ? undefined : dirname(run));
  for (const message of api.configWarnings(config, process.env)) writeErr(`warning: ${message}`);
  await using tasks = new api.TaskOpener(config, api.resolveModel);
  const server = await (await api.loadServer()).startServer(config, {
    workflows: files.map((path, index) => ({ path, name: names[index] })),
    resolveModelFile: api.resolveModel,
    programs: tasks.programs,
    onWarning: (message) => writeErr(`warning: ${message}`),
    onNotice: (message) => writeErr(message),
    signal: watch.signal,
  });
  const { url, models, ended } = server;
  // Where stdout is the protocol's, only it is written there.
  if (ended) writeErr(`MCP on stdin and stdout serves ${models.join(", ")}`);
  else if (isJson) writeJson({ url, models });
  else writeProse(servingText(server));
  watch.onHangup = () => server.reload();
  if (!watch.stopSignal.aborted)
    await new Promise<void>((resolve) => {
      watch.stopSignal.addEventListener("abort", () => resolve(), { once: true });
      void ended?.then(resolve);
    });
  await server.stop(watch.signal);
  return EXIT.done;
};

/** Where the workflows are, and under which names. */
export function servingText({ url, models }: { url: string; models: readonly string[] }): string {
  return `${url} serves ${models.join(", ")}`;
}
