/** @file The trainer process: onnxruntime blocks its thread while it runs, so it has a process of its own. */

import { InternalError, messageOf, W4sError } from "../../core/errors.js";
import { serveParent } from "../../core/serve-parent.js";
import { openDevice, type UsedDevice } from "../../graph/open-device.js";
import { readGgufAdapter } from "../../lora/gguf-adapter.js";
import { saveAdapter } from "../../lora/save-adapter.js";
import { readExamples } from "../data/example-file.js";
import { trainLora } from "../train-lora.js";
import { SHARED_HEAP } from "./trainer-heap.js";
import type { TrainerCommand, TrainerMessage, TrainerOrder, TrainerResult } from "./trainer-protocol.js";

/** Sent between two products: a child that says nothing for long is stuck. */
const HEARTBEAT_MS = 5000;

const abort = new AbortController();

async function train(order: TrainerOrder, send: (message: TrainerMessage) => void): Promise<TrainerResult> {
  const { examplesPath, initialPath, outFolder, name, origin, threads, device, deviceReason, ...given } =
    order;
  const opened = await openDevice({ threads, device, sessionOptions: SHARED_HEAP });
  const { backend } = opened;
  const used: UsedDevice = { device: opened.device, reason: opened.reason ?? deviceReason };
  send({ type: "event", event: { type: "device", ...used } });
  const result = await trainLora({
    ...given,
    examples: readExamples(examplesPath),
    backend,
    signal: abort.signal,
    onEvent: (event) => send({ type: "event", event }),
    initial: initialPath === undefined ? undefined : readGgufAdapter(initialPath),
  });
  const adapter = { ...result.adapter, origin: { ...result.adapter.origin, ...origin } };
  const { graphs, partial } = backend.placement;
  const shared =
    partial === 0 ? undefined : `the CPU did ops that it lacks, in ${partial} of ${graphs} graphs`;
  return {
    adapterPath: await saveAdapter(outFolder, name, adapter),
    device: used.device,
    deviceReason: used.reason ?? shared,
    losses: [...result.losses],
    sameExamples: result.sameExamples,
    steps: result.steps,
    trainedTokens: result.trainedTokens,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

serveParent((raw, reply) => {
  const send = (message: TrainerMessage) => reply(message);
  const command = raw as TrainerCommand;
  if (command.type === "abort") {
    abort.abort();
    return;
  }
  const heartbeat = setInterval(() => send({ type: "alive" }), HEARTBEAT_MS);
  train(command.order, send)
    .then(
      (result) => send({ type: "done", result }),
      (error: unknown) => {
        const typed = W4sError.is(error)
          ? error
          : new InternalError(`the trainer failed: ${messageOf(error)}`, { cause: error });
        send({ type: "error", error: typed.toJson() });
      },
    )
    .finally(() => clearInterval(heartbeat));
});
