/** @file The updates of a training run: order of data, clipping, AdamW, checkpoints, held-out losses, early stop. */
import { TrainingDivergedError } from "../../core/errors.js";
import type { DataOrder } from "../data/data-position.js";
import type { SharedTrainSettings } from "../train-settings.js";
import { AdamW } from "./adamw.js";
import type { Checkpoint } from "./checkpoint.js";
import { newestValidCheckpoint, saveCheckpoint } from "./checkpoint-folder.js";
import { clipByGlobalNorm } from "./clip-by-global-norm.js";
import { checkSameRun, type RunIdentity } from "./run-identity.js";
import { makeSchedule } from "./schedule.js";
import type { TrainEvent, UpdateWork } from "./train-event.js";

export interface TrainingLoopOptions {
  /** Folder of checkpoints; training goes on from the newest one that is whole. None are kept without it. */
  checkpointFolder?: string | undefined;
  /** Updates between checkpoints, from 1; one is always written at the end. Default 10. */
  checkpointEvery?: number | undefined;
  onEvent?: ((event: TrainEvent) => void) | undefined;
  /** Stops after the running pass; what is done is kept in a checkpoint. */
  signal?: AbortSignal | undefined;
}

/** Parameters that train, and the data they train on. */
export interface TrainingTask {
  settings: SharedTrainSettings;
  order: DataOrder;
  /** Parameters and optimizer, changed in place. */
  state: Checkpoint;
  /** Parameters that weight decay touches. Default all. */
  decays?: ((name: string) => boolean) | undefined;
  /** Factor of the largest gradient norm. Default 1. */
  clipScale?: number | undefined;
  /** Adds the gradients of one update, counted from 0, to `sums`. */
  addGradients: (update: number, sums: ReadonlyMap<string, Float32Array>) => Promise<UpdateWork>;
  /** Loss of the examples held out; undefined where there are none. */
  heldOutLoss: (() => Promise<number>) | undefined;
}

export interface TrainingLoopResult {
  /** Those of the lowest held-out loss; where nothing is held out, the last ones. */
  parameters: Map<string, Float32Array>;
  /** Loss before every update. */
  losses: readonly number[];
  /** Updates done; fewer than planned after an early stop. */
  steps: number;
  /** Tokens computed in forward and backward passes, shared ones once. */
  trainedTokens: number;
}

const DEFAULT_CHECKPOINT_EVERY = 10;

/**
 * Does all updates that are left.
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the last checkpoint is kept
 */
export async function runUpdates(
  task: TrainingTask,
  options: TrainingLoopOptions,
): Promise<TrainingLoopResult> {
  const { onEvent = () => {}, signal, checkpointFolder } = options;
  const { checkpointEvery = DEFAULT_CHECKPOINT_EVERY } = options;
  const { settings, order, state, decays } = task;
  const { learningRate, weightDecay } = settings;
  const optimizer = new AdamW({ learningRate, weightDecay, decays });
  const warmupSteps = Math.round(settings.warmupShare * order.totalSteps);
  const schedule = makeSchedule(settings.schedule, order.totalSteps, warmupSteps);
  const losses = [...state.losses];
  const heldOutLosses = [...state.heldOutLosses];
  const sums = new Map([...state.parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  const save = async (update: number) => {
    if (checkpointFolder === undefined) return;
    const snapshot = { ...state, position: order.positionOf(update), losses: [...losses], heldOutLosses };
    const path = await saveCheckpoint(checkpointFolder, snapshot);
    onEvent({ type: "checkpoint", step: update, path });
  };
  let trainedTokens = 0;
  const started = performance.now();
  const first = state.optimizer.step;
  /** Loss of the examples held out, once for every finished epoch, also for one whose end a stop cut off. */
  const measureHeldOut = async (update: number) => {
    const isEpochEnd = update > 0 && update % order.stepsPerEpoch === 0;
    if (!isEpochEnd || task.heldOutLoss === undefined || heldOutLosses.at(-1)?.step === update) return;
    const loss = await task.heldOutLoss();
    // A run that was begun without keeping the best parameters ends with the last ones.
    const isKnown = heldOutLosses.length === 0 || state.best !== undefined;
    if (isKnown && loss < (state.best?.loss ?? Number.POSITIVE_INFINITY)) {
      const parameters = new Map([...state.parameters].map(([name, values]) => [name, values.slice()]));
      state.best = { step: update, loss, parameters };
    }
    heldOutLosses.push({ step: update, loss });
    onEvent({ type: "held-out", step: update, loss });
  };
  const doUpdate = async (update: number) => {
    signal?.throwIfAborted();
    const position = order.positionOf(update);
    for (const values of sums.values()) values.fill(0);
    const work = await task.addGradients(update, sums);
    const gradientNorm = clipByGlobalNorm(sums, settings.maxGradientNorm * (task.clipScale ?? 1));
    if (!Number.isFinite(work.loss) || !Number.isFinite(gradientNorm))
      throw new TrainingDivergedError(update, work.loss);
    const factor = schedule(update);
    optimizer.update(state.optimizer, state.parameters, sums, factor);
    losses.push(work.loss);
    trainedTokens += work.tokens;
    const elapsedMs = performance.now() - started;
    onEvent({
      type: "step",
      step: update + 1,
      totalSteps: order.totalSteps,
      epoch: position.epoch + 1,
      ...work,
      gradientNorm,
      learningRate: learningRate * factor,
      tokensPerSecond: (trainedTokens / elapsedMs) * 1000,
      leftMs: (elapsedMs / (update + 1 - first)) * (order.totalSteps - update - 1),
    });
  };
  try {
    await measureHeldOut(first);
    while (state.optimizer.step < order.totalSteps && !isStopped(heldOutLosses, settings.patience)) {
      await doUpdate(state.optimizer.step);
      const done = state.optimizer.step;
      await measureHeldOut(done);
      if (done % checkpointEvery === 0 && done < order.totalSteps) await save(done);
    }
  } catch (error) {
    // The optimiser changes parameters, moments and step at once, so a stop between updates loses none.
    if (signal?.aborted && state.optimizer.step > first) await save(state.optimizer.step);
    throw error;
  }
  const steps = state.optimizer.step;
  if (steps > first) await save(steps);
  const { best } = state;
  if (best !== undefined && best.step < steps) {
    const message = `what was learned is that of update ${best.step}, whose held-out loss of ${best.loss.toFixed(4)} is the lowest`;
    onEvent({ type: "warning", message });
  }
  return { parameters: best?.parameters ?? state.parameters, losses, steps, trainedTokens };
}

/**
 * The newest checkpoint that is whole, else a new state of these parameters, which are used as they are.
 * @throws {ConfigError | InputError} when the checkpoint is of another run
 */
export function startingState(
  { checkpointFolder, onEvent }: TrainingLoopOptions,
  identity: RunIdentity,
  seed: number,
  newParameters: () => Map<string, Float32Array>,
): Checkpoint {
  if (checkpointFolder !== undefined) {
    const { newest, bad } = newestValidCheckpoint(checkpointFolder);
    for (const { path, reason } of bad)
      onEvent?.({ type: "warning", message: `${path} was passed over: ${reason}` });
    if (newest !== undefined) {
      checkSameRun(newest.checkpoint.identity, identity);
      return newest.checkpoint;
    }
  }
  const parameters = newParameters();
  const optimizer = AdamW.init(parameters);
  const position = { epoch: 0, step: 0 };
  return { parameters, optimizer, position, seed, identity, losses: [], heldOutLosses: [] };
}

/** True when the last `patience` epochs brought nothing better than what was before them. */
function isStopped(losses: readonly { loss: number }[], patience: number): boolean {
  if (losses.length <= patience) return false;
  const values = losses.map(({ loss }) => loss);
  return Math.min(...values.slice(-patience)) >= Math.min(...values.slice(0, -patience));
}
