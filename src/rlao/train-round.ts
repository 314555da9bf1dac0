/** @file The learning half of a round: recorded trajectories to weighted examples to an adapter. */
import { writeAtomic } from "../core/atomic-file.js";
import { InputError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { JsonlLog } from "../core/jsonl-log.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { TokenExample } from "../train/example.js";
import { DEFAULT_TRAIN_SETTINGS, type TrainSettings } from "../train/train-settings.js";
import type { TrainerResult } from "../train/trainer-protocol.js";
import { type DataCard, dataCard } from "./data-card.js";
import { defaultLearningRate } from "./default-learning-rate.js";
import type { LearnSession } from "./learn-session.js";
import { RoundFiles } from "./round-files.js";
import type { RoundRecord } from "./round-record.js";
import { selectSamples } from "./select-samples.js";
import { trainExamples } from "./train-adapter.js";
import { sampleExample } from "./trajectory-examples.js";
import { type TrajectorySample, trajectorySamples } from "./trajectory-samples.js";
import { weighSamples } from "./weigh-samples.js";

/** The adapter that is trained on from; undefined = a fresh one. */
export interface StartAdapter {
  path: string;
  hash: string;
}

export interface TrainedRound {
  card: DataCard;
  result: TrainerResult;
}

/**
 * Trains the adapter of a round on the trajectories of `rounds`, from `start` or afresh. Called again it goes on.
 * @throws {InputError} when no example is left
 */
export async function trainRound(
  session: LearnSession,
  files: RoundFiles,
  plans: readonly RoundRecord["plan"][],
  start: StartAdapter | undefined,
): Promise<TrainedRound> {
  const { config, emit, directory } = session;
  const { learn, reward = "accuracy" } = config;
  // A continued adapter has learned the rounds before already; a fresh one needs them all.
  const first = learn.start === "base" ? 1 : files.round;
  const chosen: TrajectorySample[][] = [];
  const played: TrajectorySample[][] = [];
  const sources: string[] = [];
  for (let round = first; round <= files.round; round++) {
    const own = new RoundFiles(directory.path, round);
    for (const { task } of (plans[round - 1] as RoundRecord["plan"]).episodes) {
      const { samples } = trajectorySamples(own.collected(task), undefined, reward);
      played.push(samples);
      chosen.push(selectSamples(samples, learn));
      sources.push(`round ${round}`);
    }
  }
  const shuffleSeed = seedFrom(config.seed, "shuffle", files.round);
  const weights = weighSamples(chosen, learn, reward, shuffleSeed);
  const examples: TokenExample[] = chosen.flatMap((samples, i) =>
    samples.map((sample, j) => sampleExample(sample, weights[i]?.[j] as number, sources[i] as string)),
  );
  if (examples.length === 0) {
    throw new InputError(`round ${files.round}: the filters leave no example`, {
      hint: "loosen --only-success, --until-last-reward, --keep-turns or --invalid",
    });
  }
  const card = dataCard(played, chosen, weights);
  await writeAtomic(files.card, `${JSON.stringify(card, null, 2)}\n`);
  emit({ type: "examples", round: files.round, card });
  const { log } = JsonlLog.open(files.trainLog);
  try {
    const result = await trainExamples({
      modelPath: session.modelPath,
      modelHash: session.modelHash,
      ...(session.baseName === undefined ? {} : { baseName: session.baseName }),
      outFolder: files.folder,
      name: String(files.round).padStart(2, "0"),
      settings: roundSettings(session, files.round, start),
      threads: session.threads,
      examples,
      rewards: chosen.flat().map((sample) => sample.reward),
      ...(start === undefined ? {} : { continueFrom: start.path, parentHash: start.hash }),
      onEvent: (event) => {
        log.append({ at: new Date().toISOString(), ...event });
        emit({ type: "train", round: files.round, event });
      },
      ...(session.signal ? { signal: session.signal } : {}),
    });
    return { card, result };
  } finally {
    log.close();
  }
}

/** Settings of the trainer for a round; its seed differs by round, so that data order does. */
function roundSettings(
  { config, parameterCount }: LearnSession,
  round: number,
  start: StartAdapter | undefined,
): TrainSettings {
  const { epochs, batchSize, learningRate = defaultLearningRate(parameterCount), rank, alpha } = config.learn;
  return {
    ...DEFAULT_TRAIN_SETTINGS,
    lora:
      start === undefined
        ? { ...DEFAULT_TRAIN_SETTINGS.lora, rank, alpha }
        : readGgufAdapter(start.path).config,
    epochs,
    batchSize,
    learningRate,
    seed: seedFrom(config.seed, "train", round),
  };
}
