/** @file The second wall around memory: the resident size of a sandbox process, watched from outside. */
import { readFile } from "node:fs/promises";

/** Node itself, the engine's code and strings on their way, on top of the guest's memory. */
const PROCESS_OVERHEAD_BYTES = 192 * 1024 * 1024;
const INTERVAL_MS = 100;
const PAGE_BYTES = 4096;

/**
 * Calls `onExceeded` once when the process holds more than the guest may plus what Node needs. Linux only: elsewhere the
 * cap of the wasm memory is the only wall.
 * @returns stops watching
 */
export function watchMemory(pid: number, memoryBytes: number, onExceeded: () => void): () => void {
  if (process.platform !== "linux") return () => {};
  const limit = memoryBytes + PROCESS_OVERHEAD_BYTES;
  let isStopped = false;
  const timer = setInterval(() => {
    void readFile(`/proc/${pid}/statm`, "utf8").then(
      (text) => {
        const resident = Number(text.split(" ")[1]) * PAGE_BYTES;
        if (isStopped || !(resident > limit)) return;
        stop();
        onExceeded();
      },
      () => {},
    );
  }, INTERVAL_MS);
  timer.unref();
  const stop = () => {
    isStopped = true;
    clearInterval(timer);
  };
  return stop;
}
