/** @file Child processes of this test process and what they do, read from /proc: Linux only. */
import { readdirSync, readFileSync } from "node:fs";

export interface FoundProcess {
  pid: number;
  command: string;
}

/** Children whose command line holds `text`. */
export function childProcesses(text: string): FoundProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = /\) \S (\d+) /.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        const isChild = Number(parent) === process.pid && command.includes(text);
        return isChild ? [{ pid: Number(name), command }] : [];
      } catch {
        // It ended while it was looked at.
        return [];
      }
    });
}

/** Whether a process of a group still runs; one that nobody has collected yet has ended. */
export function isGroupAlive(group: number): boolean {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((name) => {
      try {
        const [, state, found] = /\) (\S) \d+ (\d+) /.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
        return Number(found) === group && state !== "Z" && state !== "X";
      } catch {
        return false;
      }
    });
}

/** Waits until a process has computed for so long from now on: it is in the middle of its work, on a busy machine too. */
export async function untilComputed(pid: number, ms: number): Promise<void> {
  const computedMs = () => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    // User and system time, in hundredths of a second.
    return 10 * (Number(fields[11]) + Number(fields[12]));
  };
  const end = computedMs() + ms;
  while (computedMs() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until there is no child whose command line holds `text`. */
export async function untilNoChild(text: string): Promise<void> {
  while (childProcesses(text).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
