/** @file A worker in a process of its own that is taken for dead soon, so that a test can kill it and wait seconds only. */
import { parseRunConfig } from "../../dist/config/config-layers.js";
import { QueueWorker } from "../../dist/run/worker/queue-worker.js";

const [, , url, executor, lockMs] = process.argv;
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const config = parseRunConfig({ task: "input", executor, executorModel: "fake", concurrency: 2 });
const worker = await QueueWorker.open(config, {
  ...{ url, lockMs: Number(lockMs), hasPython: false },
  onNotice: (message) => process.stderr.write(`${message}\n`),
  ...{ stopSignal: stop.signal, signal: new AbortController().signal },
});
process.stdout.write("ready\n");
await worker.work();
await worker[Symbol.asyncDispose]();
process.exit();
