/** @file A time limit that does not count the time in which the machine was too busy to run a process. */
import { readdir, readFile } from "node:fs/promises";

/**
 * Milliseconds that the threads of these processes have stood ready without being run, since they began. Linux only:
 * elsewhere 0.
 */
async function waitedMs(pids: readonly number[]): Promise<number> {
  const waits = await Promise.all(
    pids.map(async (pid) => {
      try {
        const threads = await readdir(`/proc/${pid}/task`);
        const texts = await Promise.all(
          threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8")),
        );
        // Time on a processor, time waiting for one (both in nanoseconds), number of turns.
        return texts.reduce((sum, text) => sum + Number(text.split(" ")[1]) / 1e6, 0);
      } catch {
        return 0;
      }
    }),
  );
  return waits.reduce((sum, wait) => sum + wait, 0);
}

/**
 * Calls `onTimeout` once after `limitMs`, plus what these processes lost to others meanwhile, at most `busyMs`.
 * @param waited - time lost by processes since they began, in milliseconds; replaced in tests
 * @returns stops the clock
 */
export function patientTimeout(
  pids: readonly number[],
  limitMs: number,
  busyMs: number,
  onTimeout: () => void,
  waited = waitedMs,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let granted = 0;
  const isPatient = busyMs > 0;
  const before = isPatient ? waited(pids) : Promise.resolve(0);
  const expire = async () => {
    const lost = isPatient ? (await waited(pids)) - (await before) : 0;
    if (isStopped) return;
    const more = Math.min(lost, busyMs) - granted;
    // Less than a moment is no reason to go on.
    if (more < MOMENT_MS) onTimeout();
    else {
      granted += more;
      timer = setTimeout(() => void expire(), more);
    }
  };
  timer = setTimeout(() => void expire(), limitMs);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

const MOMENT_MS = 20;
