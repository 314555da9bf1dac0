/** @file Child processes of this test process, read from /proc: Linux only. */
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
