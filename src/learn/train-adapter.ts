/** @file From recorded runs or chat lines to an adapter file: `w4s train`. */

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type LearnSettings, learnSchema } from "../config/learn-schema.js";
import type { RewardName, RewardWeights } from "../config/reward-shares.js";
import { ConfigError, InputError, messageOf, StorageError } from "../core/errors.js";
import { hashFile } from "../core/file-hash.js";
import { lockRun } from "../core/lock-run.js";
import { Random } from "../core/random.js";
import { rangeOf } from "../core/range-of.js";
import { mean } from "../core/statistics.js";
import { readLoadableModel } from "../formats/gguf/gguf-loadable.js";
import { stringValue } from "../formats/gguf/gguf-metadata.js";
import type { ComputeDevice } from "../graph/compute-device.js";
import { requireDevice } from "../graph/open-device.js";
import { defaultThreads, LocalModel } from "../llm/local/local-model.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { checkAdapterSizes } from "../lora/check-adapter-sizes.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { AdapterOrigin } from "../lora/lora-adapter.js";
import type { TokenExample } from "../train/data/example.js";
import { writeExamples } from "../train/data/example-file.js";
import type { TrainEvent } from "../train/loop/train-event.js";
import { runTrainer } from "../train/process/run-trainer.js";
import type { TrainerResult } from "../train/process/trainer-protocol.js";
import { checkTrainSettings, type TrainSettings } from "../train/train-settings.js";
import { readModel } from "../transformer/read-model.js";
import type { WeightCache } from "../transformer/weight-plan.js";
import { adapterSettings, type TrainingKeys } from "./adapter-settings.js";
import { chatExamples, type ReplySpan } from "./examples/chat-examples.js";
import { type LeftOut, leaveOut } from "./examples/leave-out.js";
import { type RewardedExample, refuseUnleashed } from "./examples/objectives.js";
import {
  type ExampleSettings,
  type TrajectoryExamples,
  trajectoryExamples,
} from "./examples/trajectory-examples.js";
import { weighRewards } from "./examples/weigh-samples.js";

/** Model, examples (recorded runs or chat lines) and settings of an adapter to train. */
export interface TrainAdapterOptions {
  /** Base model file. */
  modelPath: string;
  /** Run directories or trajectories.jsonl files; or, instead, a chat JSONL file. */
  from?: readonly string[] | undefined;
  /** Computes rewards anew from the recorded scores. Default: the recorded rewards. */
  reward?: RewardName | undefined;
  /** Weights of the composite reward. Default: accuracy 1, efficiency 0.2. */
  rewardWeights?: RewardWeights | undefined;
  /** JSONL file of lines `{messages, reward or weight, task}`, instead of `from`; all but the messages may be left out. */
  chatPath?: string | undefined;
  /** Assistant messages of a chat line that are learnt: the last one, or all. Default last. */
  spans?: ReplySpan | undefined;
  /** Keys of the `learn` section: filters of recorded runs, objective and weights, how the adapter is trained. */
  selection?: Partial<ExampleSettings & TrainingKeys & Pick<LearnSettings, "lightShare">> | undefined;
  /** Settings other than those of rounds: 3 epochs, rank 16, alpha 32, a learning rate by the model's size. */
  settings?: Partial<TrainSettings> | undefined;
  /** Adapter to train on from; its rank, alpha and targets are used. */
  continueFrom?: string | undefined;
  /** Folder for examples.jsonl, checkpoints and the adapter. The same command on the same folder goes on. */
  outFolder: string;
  /** Threads of the trainer. Default: 1 for models of a few megabytes, else the available cores, at most 8. */
  threads?: number | undefined;
  /** What the trainer computes on; where it does not work, the CPU. Default cpu. */
  device?: ComputeDevice | undefined;
  /** Form of the base weights in memory. Default auto: by the memory that is free. */
  weights?: WeightCache | "auto" | undefined;
  /** Memory the trainer may take, bytes. Default: 70 % of what is free. */
  memoryLimitBytes?: number | undefined;
  /** Updates between checkpoints. Default 10. */
  checkpointEvery?: number | undefined;
  onEvent?: ((event: TrainEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface TrainAdapterResult extends TrainerResult {
  examples: number;
  leftOut: LeftOut;
  settings: TrainSettings;
}

const ROUNDS = learnSchema.parse({});

/**
 * Trains a LoRA adapter on recorded runs or chat lines, weighted by reward, in a process of its own.
 * @returns where the adapter is, losses by update, examples, settings
 * @throws {ConfigError} on settings out of range or a folder of another run
 * @throws {InputError | UnsupportedModelError} on files that cannot be used, before anything is trained
 * @throws {TrainingDivergedError} when loss or gradients are not finite; checkpoints are kept
 */
export async function trainAdapter(options: TrainAdapterOptions): Promise<TrainAdapterResult> {
  const { modelPath, outFolder, from = [], chatPath, reward } = options;
  const selection = { ...ROUNDS, ...options.selection };
  if ((from.length === 0) === (chatPath === undefined)) {
    throw new ConfigError("training needs examples: either recorded runs or a chat file", {
      hint: "w4s train --from runs/RUN, or w4s train --chat FILE.jsonl",
    });
  }
  const initial = options.continueFrom === undefined ? undefined : readGgufAdapter(options.continueFrom);
  const header = readLoadableModel(modelPath);
  const parameterCount = header.tensors.reduce((sum, { elementCount }) => sum + elementCount, 0);
  const settings: TrainSettings = {
    ...adapterSettings(selection, parameterCount),
    ...options.settings,
    ...(initial && { lora: initial.config }),
  };
  checkTrainSettings(settings);
  requireDevice(options.device);
  const { objective, weighting: kind, lightShare } = selection;
  refuseUnleashed({ objective, kind }, settings.klPenalty);
  const { config } = readModel(header);
  if (initial !== undefined) checkAdapterSizes(options.continueFrom ?? "", initial, config);
  const threads = options.threads ?? defaultThreads(header.fileSize);
  let found: TrajectoryExamples;
  const model = await LocalModel.load({ modelPath, gpu: "off", threads });
  const { modelHash } = model.info;
  try {
    if (chatPath !== undefined) {
      const { endToken } = model.info;
      if (endToken === undefined)
        throw new InputError(`${modelPath} names no end-of-turn token`, {
          hint: "train on recorded runs instead",
        });
      const random = new Random(settings.seed).derive("shuffled");
      const weigh = (rows: readonly RewardedExample[]) => weighRewards(rows, selection, reward, random);
      found = await chatExamples(chatPath, model, { weigh, spans: options.spans ?? "last", endToken });
    } else {
      const { rewardWeights } = options;
      found = trajectoryExamples(from, model.info, selection, reward, rewardWeights, settings.seed);
    }
  } finally {
    await model.close();
  }
  if (found.examples.length === 0) {
    throw new InputError("the filters leave no example", {
      hint: "loosen --only-success, --until-last-reward, --keep-turns or --invalid",
    });
  }
  const { stays, leftOut } = leaveOut(found.examples, settings, { lightShare });
  found = { ...found, examples: found.examples.filter((_, i) => stays[i]) };
  makeFolder(outFolder);
  const unlock = lockRun(outFolder, {
    onTakeover: (message) => options.onEvent?.({ type: "warning", message }),
  });
  try {
    const baseName = stringValue(header.metadata, "general.name");
    const result = await trainExamples({
      ...options,
      settings,
      modelHash,
      threads,
      ...found,
      baseName,
      parentHash: initial && adapterHash(initial),
    });
    return { ...result, examples: found.examples.length, leftOut, settings };
  } finally {
    unlock();
  }
}

/** Examples that are ready, and where they go. */
export interface TrainExamplesOptions
  extends Pick<
    TrainAdapterOptions,
    | "modelPath"
    | "outFolder"
    | "continueFrom"
    | "threads"
    | "device"
    | "weights"
    | "memoryLimitBytes"
    | "checkpointEvery"
    | "onEvent"
    | "signal"
  > {
  settings: TrainSettings;
  modelHash: string;
  /** As the model's file names itself. */
  baseName?: string | undefined;
  /** Hash of the adapter trained on from. */
  parentHash?: string | undefined;
  examples: readonly TokenExample[];
  /** Rewards of the examples, for the adapter's origin. */
  rewards: readonly number[];
  /** Adapter file: `<outFolder>/adapter-<name>-<hash>.gguf`. Default lora. */
  name?: string | undefined;
  /** More about where the adapter comes from, kept in its metadata. */
  origin?: Partial<AdapterOrigin> | undefined;
}

/** Writes examples.jsonl and trains in a process of its own; the same call on the same folder goes on. */
export async function trainExamples(options: TrainExamplesOptions): Promise<TrainerResult> {
  const { modelPath, modelHash, outFolder, settings, baseName, parentHash, continueFrom } = options;
  const examplesPath = join(outFolder, "examples.jsonl");
  await writeExamples(examplesPath, options.examples);
  const dataHash = await hashFile(examplesPath);
  return runTrainer(
    {
      modelPath,
      modelHash,
      examplesPath,
      dataHash,
      settings,
      initialPath: continueFrom,
      checkpointFolder: join(outFolder, "checkpoints"),
      checkpointEvery: options.checkpointEvery ?? 10,
      outFolder,
      name: options.name ?? "lora",
      origin: {
        baseHash: modelHash,
        baseName,
        dataHash,
        parentHash,
        trainConfig: JSON.stringify(settings),
        rewards: JSON.stringify(summary(options.rewards)),
        ...options.origin,
      },
      threads: options.threads ?? defaultThreads(statSync(modelPath).size),
      device: options.device,
      weights: options.weights ?? "auto",
      memoryLimitBytes: options.memoryLimitBytes,
    },
    {
      onEvent: options.onEvent,
      signal: options.signal,
    },
  );
}

function summary(rewards: readonly number[]) {
  if (rewards.length === 0) return { count: 0 };
  return { count: rewards.length, mean: mean(rewards), ...rangeOf(rewards) };
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
