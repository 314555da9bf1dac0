/** @file From recorded runs or chat lines to an adapter file: `w4s train`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, InputError, messageOf, StorageError } from "../core/errors.js";
import { hashFile } from "../core/file-hash.js";
import { lockRun } from "../core/run-lock.js";
import type { GgufHeader } from "../formats/gguf-contents.js";
import { readLoadableModel } from "../formats/gguf-loadable.js";
import { integerValue, stringValue } from "../formats/gguf-metadata.js";
import { defaultThreads, LocalModel } from "../llm/local-model.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { checkAdapterSizes } from "../lora/check-adapter-sizes.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import type { TokenExample } from "../train/example.js";
import { writeExamples } from "../train/example-file.js";
import type { RewardWeightOptions } from "../train/example-weights.js";
import { runTrainer } from "../train/run-trainer.js";
import type { TrainEvent } from "../train/train-event.js";
import { checkTrainSettings, DEFAULT_TRAIN_SETTINGS, type TrainSettings } from "../train/train-settings.js";
import type { TrainerResult } from "../train/trainer-protocol.js";
import { readModel } from "../transformer/read-model.js";
import type { WeightCache } from "../transformer/weight-plan.js";
import { chatExamples, type ReplySpan } from "./chat-examples.js";
import { trajectoryExamples } from "./trajectory-examples.js";

export interface TrainAdapterOptions {
  /** Base model file. */
  modelPath: string;
  /** Run directories or trajectories.jsonl files; or, instead, a chat JSONL file. */
  from?: readonly string[];
  chatPath?: string;
  /** Of chat lines. Default last. */
  spans?: ReplySpan;
  /** How rewards become weights. Default exponential, temperature 0.4. */
  weighting?: RewardWeightOptions;
  settings?: Partial<TrainSettings>;
  /** Adapter to train on from; its rank, alpha and targets are used. */
  continueFrom?: string;
  /** Holds examples.jsonl, checkpoints and the adapter. The same command on the same folder goes on. */
  outFolder: string;
  threads?: number;
  weights?: WeightCache | "auto";
  memoryLimitBytes?: number;
  /** Updates between checkpoints. Default 10. */
  checkpointEvery?: number;
  onEvent?: (event: TrainEvent) => void;
  signal?: AbortSignal;
}

export interface TrainAdapterResult extends TrainerResult {
  examples: number;
  settings: TrainSettings;
}

const DEFAULT_WEIGHTING: RewardWeightOptions = { kind: "exponential" };

/**
 * @throws {ConfigError} on settings out of range or a folder of another run
 * @throws {InputError | UnsupportedModelError} on files that cannot be used, before anything is trained
 * @throws {TrainingDivergedError} when loss or gradients are not finite; checkpoints are kept
 */
export async function trainAdapter(options: TrainAdapterOptions): Promise<TrainAdapterResult> {
  const { modelPath, outFolder, from = [], chatPath, weighting = DEFAULT_WEIGHTING } = options;
  if ((from.length === 0) === (chatPath === undefined)) {
    throw new ConfigError("training needs examples: either recorded runs or a chat file", {
      hint: "w4s train --from runs/RUN, or w4s train --chat FILE.jsonl",
    });
  }
  const initial = options.continueFrom === undefined ? undefined : readGgufAdapter(options.continueFrom);
  const settings: TrainSettings = {
    ...DEFAULT_TRAIN_SETTINGS,
    ...options.settings,
    ...(initial === undefined ? {} : { lora: initial.config }),
  };
  checkTrainSettings(settings);
  const header = readLoadableModel(modelPath);
  const { config } = readModel(header);
  if (initial !== undefined) checkAdapterSizes(options.continueFrom ?? "", initial, config);
  const threads = options.threads ?? defaultThreads();
  const found: { examples: TokenExample[]; rewards: number[] } = { examples: [], rewards: [] };
  const model = await LocalModel.load({ modelPath, gpu: "off", threads });
  const { modelHash } = model.info;
  try {
    if (chatPath !== undefined) {
      const endToken =
        integerValue(header.metadata, "tokenizer.ggml.eot_token_id") ??
        integerValue(header.metadata, "tokenizer.ggml.eos_token_id");
      if (endToken === undefined)
        throw new InputError(`${modelPath} names no end-of-turn token`, {
          hint: "train on recorded runs instead",
        });
      Object.assign(
        found,
        await chatExamples(chatPath, model, { weighting, spans: options.spans ?? "last", endToken }),
      );
    }
    for (const run of from) {
      const { examples, rewards } = trajectoryExamples(run, model.info, weighting);
      found.examples.push(...examples.map((one) => ({ ...one, group: `${run} ${one.group}` })));
      found.rewards.push(...rewards);
    }
  } finally {
    await model.close();
  }
  makeFolder(outFolder);
  const unlock = lockRun(outFolder, {
    onTakeover: (message) => options.onEvent?.({ type: "warning", message }),
  });
  try {
    return await trainInFolder(options, { settings, header, modelHash, threads, initial, ...found });
  } finally {
    unlock();
  }
}

interface PreparedTraining {
  settings: TrainSettings;
  header: GgufHeader;
  modelHash: string;
  threads: number;
  initial: LoraAdapter | undefined;
  examples: TokenExample[];
  rewards: number[];
}

async function trainInFolder(
  options: TrainAdapterOptions,
  prepared: PreparedTraining,
): Promise<TrainAdapterResult> {
  const { modelPath, outFolder } = options;
  const { settings, header, modelHash, threads, initial } = prepared;
  const examplesPath = join(outFolder, "examples.jsonl");
  await writeExamples(examplesPath, prepared.examples);
  const baseName = stringValue(header.metadata, "general.name");
  const result = await runTrainer(
    {
      modelPath,
      modelHash,
      examplesPath,
      dataHash: await hashFile(examplesPath),
      settings,
      ...(options.continueFrom === undefined ? {} : { initialPath: options.continueFrom }),
      checkpointFolder: join(outFolder, "checkpoints"),
      checkpointEvery: options.checkpointEvery ?? 10,
      outFolder,
      name: "lora",
      origin: {
        baseHash: modelHash,
        ...(baseName === undefined ? {} : { baseName }),
        dataHash: await hashFile(examplesPath),
        ...(initial === undefined ? {} : { parentHash: adapterHash(initial) }),
        trainConfig: JSON.stringify(settings),
        rewards: JSON.stringify(summary(prepared.rewards)),
      },
      threads,
      weights: options.weights ?? "auto",
      ...(options.memoryLimitBytes === undefined ? {} : { memoryLimitBytes: options.memoryLimitBytes }),
    },
    {
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  return { ...result, examples: prepared.examples.length, settings };
}

function summary(rewards: readonly number[]) {
  if (rewards.length === 0) return { count: 0 };
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return { count: rewards.length, mean, lowest: Math.min(...rewards), highest: Math.max(...rewards) };
}

function makeFolder(path: string): void {
  try {
    mkdirSync(join(path, "checkpoints"), { recursive: true });
  } catch (error) {
    throw new StorageError(`cannot make ${path}: ${messageOf(error)}`, {
      hint: "choose another --out",
      cause: error,
    });
  }
}
