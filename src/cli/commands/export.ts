/** @file `w4s export`: found workflows as files without w4s, adapters for other runtimes, trajectories for other trainers. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { AdapterFormat, DatasetFormat, TrainerName, WeightType, WorkflowForm } from "../../commands.js";
import { WEIGHTING_NAMES, type WeightingName } from "../../config/objectives.js";
import { type ActionBody, complete } from "../action.js";
import { adapterAndBase } from "../config-of-run.js";
import { EXIT } from "../exit-code.js";
import { flagOf, number } from "../flag-values.js";
import { writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { addRunFlags, configSources } from "../run-flags.js";
import { workflowPath } from "./eval.js";

const WORKFLOW_FORMS = ["ts", "python", "promptfoo", "card"];
const ADAPTER_FORMATS = ["gguf", "peft", "merged"];
const DATASET_FORMATS = ["messages", "resampled", "kto", "dpo"];
const TRAINERS = ["trl", "mlx"];

const EXAMPLES = `
Examples:
  $ w4s export runs/RUN --to ts --out workflow.mjs          (plain Node runs it; workflow.ts for tsx)
  $ w4s export latest --to python --out workflow.py
  $ w4s export runs/RUN --to promptfoo --out promptfooconfig.yaml
  $ w4s export runs/RUN --to card --out card.md
  $ w4s export adapter-lora-<hash>.gguf --to merged --base smollm2-135m --type Q8_0 --out merged.gguf
  $ w4s export latest --to merged --out merged.gguf                 (the last adapter of a learning run)
  $ w4s export adapter-lora-<hash>.gguf --to peft --base smollm2-135m --out peft/
  $ w4s export runs/RUN --to dpo --out pairs.jsonl
  $ w4s export runs/RUN --to messages --weighting advantage --out rows.jsonl
  $ w4s export runs/RUN --to trl --weighting advantage --out hand-over/   (rows.jsonl and train.py)
  $ w4s export runs/RUN --to prompts --redact emails,keys --out prompts.jsonl

Workflows of a run (its directory, its name, or latest) or a .js file: ts and python (one file on the openai package, without
w4s), promptfoo (its validation items as tests), card (Markdown). More: docs/export.md.
Adapters: gguf (llama.cpp), peft (PEFT, vLLM, Transformers), merged (a whole model; Ollama, LM Studio).
Prompts: what a run sent to its executor and aliases, one call a line, redacted on request.
Trajectories: messages (rows with a weight), resampled (rows drawn by weight), kto, dpo. Weights: docs/learning.md.
Other trainers: trl (PyTorch), mlx (mlx-lm): rows with weights, and a script with the weighted loss; w4s import takes the adapter.`;

interface ExportFlags {
  to: string;
  out: string;
  base?: string | undefined;
  type?: WeightType | undefined;
  weighting?: WeightingName | undefined;
  weightTemperature?: number | undefined;
  weightCap?: number | undefined;
  rewardTemperature?: number | undefined;
  seed?: number | undefined;
  /** No list where the flag is not given: it has the name of a setting of w4s serve. */
  redact?: string[] | undefined;
  force?: boolean | undefined;
}

export function command(): Command {
  const command = new Command("export")
    .description(
      "Writes a found workflow as one file without w4s, an adapter as GGUF, PEFT or merged model, or training data.",
    )
    .argument(
      "<source>",
      "run (directory, name or latest), workflow file, GGUF adapter, or trajectories.jsonl",
    )
    .addOption(
      new Option("--to <form>", "what to write")
        .choices([...WORKFLOW_FORMS, ...ADAPTER_FORMATS, ...DATASET_FORMATS, ...TRAINERS, "prompts"])
        .makeOptionMandatory(),
    )
    .requiredOption("--out <path>", "file to write (a folder for peft, trl and mlx)")
    .option(
      "--base <model>",
      "for adapters: GGUF file or name of the model it was trained on (default: that of its run)",
    )
    .addOption(new Option("--type <type>", "of the numbers").choices(["F32", "F16", "Q8_0"]))
    .addOption(
      new Option("--weighting <kind>", "for messages, resampled, trl and mlx (default: exponential)").choices(
        WEIGHTING_NAMES,
      ),
    )
    .option("--weight-temperature <T>", "T of the weights (default: 0.4, for shrunk rewards 0.04)", number)
    .option("--weight-cap <w>", "largest weight (default: 12, for exponential 12.2)", number)
    .addOption(new Option("--reward-temperature <T>").argParser(number).hideHelp())
    .option("--seed <n>", "for resampled (default: 0)", wholeNumber)
    .option(
      "--redact <list>",
      "for prompts: emails, keys, numbers, by commas, or one /pattern/; repeat it",
      redactions,
    )
    .option("--force", "write over what is there");
  addRunFlags(command, ["runsRoot"]);
  return complete(command, exportAction, { examples: EXAMPLES });
}

const exportAction: ActionBody = async ({ isJson, command }, source = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<ExportFlags>();
  const { to, out, base, type, seed, force = false } = flags;
  refuseForeignFlags(api, to, flags);
  if (WORKFLOW_FORMS.includes(to)) {
    const defaults = { task: "none", executor: "simulated" };
    const config = api.loadRunConfig({ ...configSources(command), defaults });
    await using tasks = new api.TaskOpener(config, api.resolveModel);
    const { paths, warnings } = await api.exportWorkflow(await workflowPath(command, source), out, {
      form: to as WorkflowForm,
      force,
      loadItems: async (name) => {
        const task = await tasks.load(name);
        return { task, items: await task.load("validation") };
      },
    });
    for (const message of warnings) writeErr(`note: ${message}`);
    if (isJson) writeJson({ path: out, paths, warnings });
    else for (const path of paths) writeOut(path);
    return EXIT.done;
  }
  if (to === "prompts") {
    const { redact = [] } = flags;
    const { rows, redacted } = await api.exportPrompts(source, out, { redact, force });
    const taken = Object.entries(redacted).map(([kind, count]) => `${count} ${kind}`);
    if (isJson) writeJson({ path: out, rows, redacted });
    else writeProse(`${out}: ${rows} prompts${taken.length > 0 ? `, taken out: ${taken.join(", ")}` : ""}`);
    return EXIT.done;
  }
  // The former name of the flag comes last.
  const temperature = flags.weightTemperature ?? flags.rewardTemperature;
  const weighting = { kind: flags.weighting ?? "exponential", temperature, cap: flags.weightCap } as const;
  if (TRAINERS.includes(to)) {
    const trainer = to as TrainerName;
    const { rows, paths } = await api.exportForTrainer(source, out, { trainer, weighting, force });
    if (isJson) writeJson({ path: out, paths, rows });
    else for (const path of paths) writeOut(path);
    return EXIT.done;
  }
  if (DATASET_FORMATS.includes(to)) {
    const rows = await api.exportDataset(source, out, {
      format: to as DatasetFormat,
      weighting,
      seed,
      force,
    });
    if (isJson) writeJson({ path: out, rows });
    else writeOut(`${out}: ${rows} rows`);
    return EXIT.done;
  }
  const trained = await adapterAndBase(command, source, base);
  const { fit } = await api.exportAdapter({
    adapterPath: trained.adapterPath,
    basePath: await api.resolveModel(trained.base),
    format: to as AdapterFormat,
    outPath: out,
    force,
    type,
  });
  if (fit === "fits another base")
    writeErr(
      `warning: ${trained.adapterPath} was trained on another file than ${trained.base}, of the same sizes`,
    );
  if (isJson) writeJson({ path: out, fit });
  else writeOut(out);
  return EXIT.done;
};

/** Flags that would be passed over in silence. */
function refuseForeignFlags(api: typeof import("../../commands.js"), to: string, flags: ExportFlags): void {
  if (to !== "prompts" && flags.redact !== undefined)
    throw new api.ConfigError(`--redact does nothing with --to ${to}`, { hint: "leave it out" });
  const isData = DATASET_FORMATS.includes(to) || TRAINERS.includes(to);
  const hasWeights = to === "messages" || to === "resampled" || TRAINERS.includes(to);
  const ofAdapters = ["base", "type"] as const;
  const ofWeights = ["weighting", "weightTemperature", "weightCap"] as const;
  const ofData = [...ofWeights, "rewardTemperature", "seed"] as const;
  const foreign: readonly (keyof ExportFlags)[] =
    to === "prompts" || WORKFLOW_FORMS.includes(to)
      ? [...ofAdapters, ...ofData]
      : !isData
        ? ofData
        : hasWeights
          ? ofAdapters
          : [...ofAdapters, ...ofWeights];
  const given = foreign.find((name) => flags[name] !== undefined);
  const useless = to !== "resampled" && flags.seed !== undefined ? "seed" : given;
  if (useless === undefined) return;
  throw new api.ConfigError(`${flagOf(useless)} does nothing with --to ${to}`, { hint: "leave it out" });
}

/** A pattern may hold commas; a list of kinds is split at them. */
function redactions(value: string, all: string[] = []): string[] {
  return [...all, ...(value.startsWith("/") ? [value] : value.split(",").map((name) => name.trim()))];
}

function wholeNumber(text: string): number {
  const value = number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("must be a whole number");
  return value;
}
