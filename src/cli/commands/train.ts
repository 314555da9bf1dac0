/** @file `w4s train`: reward-weighted LoRA fine-tuning of a GGUF model on this machine. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { TrainAdapterOptions, TrainEvent } from "../../commands.js";
import { SETTINGS } from "../../config/settings.js";
import { formatCount, formatDuration } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { keptSettings } from "../config-of-run.js";
import { EXIT } from "../exit-code.js";
import { number, repeated, weightsOption } from "../flag-values.js";
import { deviceLine, leftOutText } from "../print/learn-printer.js";
import { isInteractive, writeErr, writeJson, writeOut, writeStatus } from "../print/output.js";
import { pairs } from "../print/tables.js";
import { addRunFlags, configSources, LEARN_FLAGS } from "../run-flags.js";
import { namedRunOf } from "../runs-root.js";

const EXAMPLES = `
Examples:
  $ w4s train --from latest --out adapters/first
  $ w4s train --model model.gguf --chat pairs.jsonl --epochs 1 --rank 8 --out adapters/chat
  $ w4s optimize … --adapter adapters/first/adapter-lora-<hash>.gguf

Chat lines: {"messages": [{"role": "user", …}, {"role": "assistant", …}], "weight": 1} or "reward" instead of weight.
The same command on the same --out goes on from its last checkpoint; a finished one writes the same adapter again.
Families: llama, qwen2, qwen3, gemma3, in any quantisation that w4s inspect calls readable.`;

/** Flags of `w4s learn` that mean the same here: which examples, how they weigh, how the adapter is trained. */
const SHARED = LEARN_FLAGS.slice(LEARN_FLAGS.indexOf("learn.keep"));

interface TrainFlags {
  from: string[];
  chat?: string | undefined;
  spans: "last" | "all";
  out: string;
  continue?: string | undefined;
  targets?: string | undefined;
  schedule?: "cosine" | "linear" | "constant" | undefined;
  normalisation?: "sample-mean" | "token-sum" | undefined;
  labelSmoothing?: number | undefined;
  dropout?: number | undefined;
  stopPromptGradient?: boolean | undefined;
  allowNegativeWeights?: boolean | undefined;
  weights: "auto" | "f32" | "f16" | "streamed";
  checkpointEvery?: number | undefined;
}

export function command(): Command {
  const train = new Command("train")
    .description("Trains a LoRA adapter on recorded runs or chat lines; each example counts by its reward.")
    .option(
      "--model <model>",
      "base: GGUF file, or a name of `w4s models list` (default: that of the configuration, else of the run)",
    )
    .option("--from <run>", "a run directory or trajectories.jsonl; repeat it", repeated, [])
    .option("--reward <name>", "compute rewards anew: discrete, relative-gain, accuracy, composite")
    .option("--reward-weights <list>", "of composite (default: accuracy=1,efficiency=0.2)")
    .option("--chat <file>", "chat JSONL instead of runs")
    .addOption(
      new Option("--spans <which>", "replies of a chat line that train")
        .choices(["last", "all"])
        .default("last"),
    )
    .requiredOption("--out <folder>", "for examples, checkpoints and the adapter")
    .option("--continue <adapter>", "train this GGUF adapter on")
    .option("--targets <names>", "matrices that get a pair, by commas (default: all of the model)")
    .addOption(
      new Option("--schedule <kind>", "learning rate over time").choices(["cosine", "linear", "constant"]),
    )
    .addOption(new Option("--normalisation <kind>", "of the loss").choices(["sample-mean", "token-sum"]))
    .option("--label-smoothing <share>", "of every target's probability, spread over the vocabulary", number)
    .option("--dropout <share>", "of the input of every pair, dropped in training (default: 0)", number)
    .option(
      "--stop-prompt-gradient",
      "count shared prompts as constants where an update takes several passes",
    )
    .option(
      "--allow-negative-weights",
      "let examples push their replies away; needs --kl or another --objective",
    )
    .option("--seed <n>", "of data order and new adapters (default: 0)")
    .addOption(weightsOption("base weights"))
    .option("--checkpoint-every <n>", "updates between checkpoints (default: 10)", integer)
    .option("--threads <n>", "CPU threads (default: the cores, at most 8)");
  return complete(addRunFlags(train, [...SHARED, "runsRoot"]), trainAction, { examples: EXAMPLES });
}

const trainAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const flags = command.opts<TrainFlags>();
  const sources = configSources(command);
  const config = api.loadRunConfig({
    ...sources,
    // Training asks no executor and solves no task.
    defaults: { task: "train", executor: "simulated" },
  });
  const { learn, reward, rewardWeights, seed, threads } = config;
  const from: string[] = [];
  for (const name of flags.from) from.push(await namedRunOf(command, name));
  const { rank } = learn;
  const { schedule, normalisation, labelSmoothing, dropout, stopPromptGradient } = flags;
  const { allowNegativeWeights } = flags;
  // Twice the rank, so that another rank alone does not change by how much an update is multiplied.
  const isAlphaGiven =
    sources.flags.has("learn.alpha") || learn.alpha !== SETTINGS.get("learn.alpha")?.default;
  const alpha = isAlphaGiven ? learn.alpha : 2 * rank;
  const targets = (flags.targets?.split(",").map((name) => name.trim()) ??
    api.LINEAR_NAMES) as typeof api.LINEAR_NAMES;
  const settings: NonNullable<TrainAdapterOptions["settings"]> = {
    lora: { rank, alpha, targets },
    seed,
    ...definedOnly({
      ...{ schedule, normalisation, labelSmoothing, dropout, stopPromptGradient },
      // An objective with negative weights says so itself.
      allowNegativeWeights: allowNegativeWeights || undefined,
    }),
  };
  const started = Date.now();
  const result = await api.trainAdapter({
    modelPath: await api.resolveModel(baseModel(api, config.model, from)),
    from,
    spans: flags.spans,
    selection: learn,
    settings,
    outFolder: flags.out,
    weights: flags.weights,
    onEvent: (event) => reportTraining(event),
    signal: watch.signal,
    chatPath: flags.chat,
    reward,
    rewardWeights,
    continueFrom: flags.continue,
    threads,
    device: learn.device,
    checkpointEvery: flags.checkpointEvery,
    memoryLimitBytes: learn.maxMemory && learn.maxMemory * 1e9,
  });
  if (isJson) {
    writeJson(result);
    return EXIT.done;
  }
  printTraining(result, Date.now() - started);
  return EXIT.done;
};

type Training = Awaited<ReturnType<typeof import("../../commands.js").trainAdapter>>;

/** What a training came to, on stdout. */
export function printTraining(result: Training, durationMs: number): void {
  const { sameExamples: loss } = result;
  writeOut(
    pairs([
      ["adapter", result.adapterPath],
      ["examples", `${result.examples}${leftOutText(result.leftOut)}, ${result.steps} updates`],
      [
        "loss",
        loss === undefined
          ? "–"
          : `${loss.before.toFixed(4)} before, ${loss.after.toFixed(4)} after, on the same examples (the first update's)`,
      ],
      ["trained", `${formatCount(result.trainedTokens)} tokens in ${formatDuration(durationMs)}`],
      ["device", deviceText(result)],
      // In the unit of the plan that was printed at the start.
      ["peak memory", `${(result.peakRssBytes / 1e9).toFixed(2)} GB`],
    ]),
  );
}

/** The device that computed, and why it is not the one asked for. */
function deviceText({ device = "cpu", deviceReason }: Pick<Training, "device" | "deviceReason">): string {
  return deviceReason === undefined ? device : `${device} (${deviceReason})`;
}

/** Name of the base: as it was given, else as the first of the runs had it, which is said. */
export function baseModel(
  { ConfigError }: Pick<typeof import("../../commands.js"), "ConfigError">,
  given: string | undefined,
  from: readonly string[],
): string {
  if (given !== undefined) return given;
  const kept = from.map((run) => keptSettings(run)?.model).find((name) => typeof name === "string");
  if (typeof kept !== "string")
    throw new ConfigError("no model to train was named", { hint: "add --model NAME|FILE (w4s models list)" });
  writeErr(`model ${kept}: the one this run was made with`);
  return kept;
}

/** Progress of a training on stderr. */
export function reportTraining(event: TrainEvent): void {
  switch (event.type) {
    case "plan": {
      writeErr(event.weights);
      writeErr(event.memory);
      const heldOut = event.heldOutExamples === 0 ? "" : `, ${event.heldOutExamples} held out`;
      const resumed = event.resumedAt === 0 ? "" : `, going on after ${event.resumedAt}`;
      writeErr(
        `${event.examples} examples${heldOut}, ${event.totalSteps} updates${resumed}, ${formatCount(event.parameterCount)} numbers to train`,
      );
      writeErr(`forecast, about: ${formatDuration(event.forecastMs)}`);
      for (const { index, removedTokens } of event.shortened)
        writeErr(`warning: ${removedTokens} tokens were cut from the prompt of example ${index}`);
      return;
    }
    case "device": {
      const line = deviceLine(event);
      if (line !== undefined) writeErr(line);
      return;
    }
    case "step": {
      const split =
        event.splitCount === 0
          ? ""
          : `, ${event.repeatedTokens} tokens computed again in ${event.splitCount} splits`;
      const stopped =
        event.stoppedTokens === undefined ? "" : `, no gradient through ${event.stoppedTokens} prompt tokens`;
      const apart = event.divergence === undefined ? "" : `KL ${event.divergence.toFixed(4)}, `;
      const line =
        `update ${event.step}/${event.totalSteps}, epoch ${event.epoch}: loss ${event.loss.toFixed(4)}, ${apart}` +
        `gradient ${event.gradientNorm.toPrecision(3)}, ${Math.round(event.tokensPerSecond)} tokens/s ` +
        `(${event.tokens} for ${event.plainTokens})${split}${stopped}, ${formatDuration(event.leftMs)} left`;
      if (isInteractive()) writeStatus(line, event.step === event.totalSteps);
      else writeErr(line);
      return;
    }
    case "held-out":
      writeErr(`held-out loss after ${event.step} updates: ${event.loss.toFixed(4)}`);
      return;
    case "warning":
      writeErr(`warning: ${event.message}`);
      return;
    case "checkpoint":
      return;
  }
}

/** Absent flags must not stand in the way of defaults. */
function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function integer(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("must be a whole number");
  return Number(text);
}
