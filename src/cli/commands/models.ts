/** @file `w4s models`: list and fetch local models. */

import { Command } from "commander";
import type { listModels } from "../../commands.js";
import { formatBytes } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";
import { pullProgress } from "../print/pull-progress.js";
import { table } from "../print/tables.js";

const PULL_EXAMPLES = `
Examples:
  $ w4s models pull smollm2-135m
  $ HF_ENDPOINT=https://hub.example.com w4s models pull qwen2.5-coder-0.5b

The Hugging Face Hub comes first (HF_ENDPOINT, HF_TOKEN, HF_HOME are honoured), then mirrors.
Every source must end in the same SHA-256. An interrupted download goes on where it stopped.`;

export function command(): Command {
  const models = new Command("models").description("Weak local models: GGUF files in $W4S_HOME/models.");
  const list = new Command("list").description("Models that --model can name, and which of them are here.");
  const pull = new Command("pull")
    .description("Fetches a model, or continues to.")
    .argument("<name>", "a name of `w4s models list`")
    .option("--yes", "accept the licence of a model that asks for it");
  const path = new Command("path")
    .description("Prints where a model lies.")
    .argument("<name>", "a name or a file");
  models.addCommand(complete(list, listAction, { hasConfig: false }));
  models.addCommand(complete(pull, pullAction, { examples: PULL_EXAMPLES, hasConfig: false }));
  models.addCommand(complete(path, pathAction, { hasConfig: false }));
  return models;
}

const pathAction: ActionBody = async ({ isJson }, name = "") => {
  const { resolveModel } = await import("../../commands.js");
  const path = await resolveModel(name);
  if (isJson) writeJson({ name, path });
  else writeOut(path);
  return EXIT.done;
};

const listAction: ActionBody = async ({ isJson }) => {
  const { listModels } = await import("../../commands.js");
  const models = listModels();
  if (isJson) {
    writeJson({ models });
    return EXIT.done;
  }
  writeOut(modelsTable(models));
  return EXIT.done;
};

export function modelsTable(models: ReturnType<typeof listModels>): string {
  return table(
    ["name", "what", "kind", "size", "here", "licence"],
    models.map(({ name, title, kind, bytes, isInstalled, license }) => [
      name,
      title,
      kind,
      formatBytes(bytes),
      isInstalled ? "yes" : "no",
      license,
    ]),
  );
}

const pullAction: ActionBody = async ({ isJson, watch, command }, name = "") => {
  const { pullModel } = await import("../../commands.js");
  const { yes } = command.opts<{ yes?: boolean }>();
  const path = await pullModel(name, {
    onProgress: pullProgress(),
    // A download has nothing to finish first: what has arrived is kept.
    signal: watch.stopSignal,
    yes,
  });
  if (isJson) writeJson({ name, path });
  else writeOut(path);
  return EXIT.done;
};
