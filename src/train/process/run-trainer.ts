/** @file A training run seen from outside: starts the process, passes events on, gives its errors their classes back. */

import { W4sError } from "../../core/errors.js";
import { ChildExitError, ManagedChild } from "../../core/managed-child.js";
import { childModule } from "../../core/package-file.js";
import type { UsedDevice } from "../../graph/open-device.js";
import type { TrainEvent } from "../loop/train-event.js";
import { HEAP_ENVIRONMENT } from "./trainer-heap.js";
import type { TrainerMessage, TrainerOrder, TrainerResult } from "./trainer-protocol.js";

export interface RunTrainerOptions {
  onEvent?: ((event: TrainEvent) => void) | undefined;
  /** Stops the run; what the last checkpoint holds is kept. */
  signal?: AbortSignal | undefined;
}

/** A process that says nothing for this long is ended. */
const SILENCE_MS = 600_000;
/** After an abort the running product is awaited this long. */
const ABORT_GRACE_MS = 30_000;

/**
 * Trains in a child process. A run that was ended before goes on from its last checkpoint; a child that dies is
 * replaced as long as each one gets further than the one before.
 * @throws {InputError | ConfigError | UnsupportedModelError | StorageError | TrainingDivergedError} as trainLora()
 * @throws {W4sError} "trainer-died" when two in a row die without a finished update; checkpoints are kept
 */
export async function runTrainer(
  given: TrainerOrder,
  options: RunTrainerOptions = {},
): Promise<TrainerResult> {
  let order = given;
  let device: UsedDevice | undefined;
  let stepsSeen = 0;
  for (let fruitless = 0; ; ) {
    const before = stepsSeen;
    const onEvent = (event: TrainEvent) => {
      if (event.type === "step") stepsSeen = Math.max(stepsSeen, event.step);
      if (event.type === "device") {
        // Told again only by a process that took another one.
        if (device?.device === event.device) return;
        device = event;
      }
      options.onEvent?.(event);
    };
    try {
      return await runChild(order, { ...options, onEvent });
    } catch (error) {
      if (!(error instanceof ChildExitError)) throw error;
      // A driver may end a process instead of refusing.
      if (device === undefined && (order.device ?? "cpu") !== "cpu") {
        order = {
          ...order,
          device: "cpu",
          deviceReason: `the trainer died at its first graph: ${error.message}`,
        };
        continue;
      }
      fruitless = stepsSeen > before ? 0 : fruitless + 1;
      if (fruitless > 1) {
        throw new W4sError("trainer-died", `training ended: ${error.message}`, {
          hint: "run the same command again to go on from the last checkpoint; if memory was short, add --weights streamed",
          cause: error,
        });
      }
      options.onEvent?.({ type: "warning", message: `${error.message}; going on from the last checkpoint` });
    }
  }
}

/** Where drivers of a GPU are looked for; children are given no other environment. */
function driverEnvironment(): Record<string, string | undefined> {
  const names = [
    ...["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES", "XDG_RUNTIME_DIR"],
    ...["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"],
  ];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function runChild(order: TrainerOrder, options: RunTrainerOptions): Promise<TrainerResult> {
  const { signal, onEvent = () => {} } = options;
  signal?.throwIfAborted();
  const child = await ManagedChild.start(childModule("train/process/trainer-child.js"), {
    name: "trainer",
    env: { ...HEAP_ENVIRONMENT, ...((order.device ?? "cpu") === "cpu" ? {} : driverEnvironment()) },
  });
  let silence: NodeJS.Timeout | undefined;
  let grace: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<TrainerResult>((resolve, reject) => {
      const dead = new ChildExitError(`trainer (silent for ${SILENCE_MS} ms)`, null, "SIGKILL", "");
      silence = setTimeout(() => reject(dead), SILENCE_MS);
      onAbort = () => {
        child.post({ type: "abort" });
        grace = setTimeout(() => reject(signal?.reason), ABORT_GRACE_MS);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      void child.exited.then(reject);
      child.onMessage((raw) => {
        const message = raw as TrainerMessage;
        silence?.refresh();
        if (message.type === "event") onEvent(message.event);
        if (message.type === "done") resolve(message.result);
        if (message.type === "error")
          reject(signal?.aborted ? signal.reason : W4sError.fromJson(message.error));
      });
      child.post({ type: "train", order });
    });
  } finally {
    clearTimeout(silence);
    clearTimeout(grace);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    await child.kill();
  }
}
