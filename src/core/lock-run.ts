/** @file One process per run directory, also when several take over a stale lock at the same moment. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { messageOf, RunInUseError, StorageError } from "./errors.js";

/*
 * Every contender writes a file of its own, `lock-<id>`, and then looks at the others. Who sees no living other adds
 * `lock-<id>.held` and has the lock; who sees a held one fails; two that only want step back for a random moment and
 * try again. Of two contenders the one that writes later always sees the earlier one's file, which stays until the
 * release (a rename could be missed by a directory listing), so two can never both hold. Files of dead processes are
 * removed by name, and no name is ever used twice: removing a stale lock can never remove a fresh one, which is what
 * goes wrong when all share one file.
 */

interface LockOwner {
  pid: number;
  /** Kernel start time of the process, so that a reused pid is not taken for the owner; "" where unknown. */
  startedAt: string;
  host: string;
}

interface Contender {
  file: string;
  isHeld: boolean;
  /** Undefined for a file that is not ours. */
  owner: LockOwner | undefined;
}

const FILE_NAME = /^lock-[0-9a-f]{16}$/;
/** With pauses of up to 25 ms each, two contenders stay level in all of them once in many millions of times. */
const MAX_ATTEMPTS = 60;

/** Field 22 of /proc/PID/stat: start time in clock ticks since boot. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** "unknown" where the pid is alive but may belong to another process by now. */
function stateOf(owner: LockOwner): "running" | "dead" | "unknown" {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  const start = processStart(owner.pid);
  if (start === "" || owner.startedAt === "") return "unknown";
  return start === owner.startedAt ? "running" : "dead";
}

/**
 * Takes the lock of a run directory; returns the release function.
 * A lock whose process is dead is taken over: `onTakeover` gets one line for the log.
 * @param options.force - take the lock of another host, or of a process that cannot be told from its pid's next owner;
 *   never the lock of a process that is known to run
 * @throws {RunInUseError} when another live process, or another host, holds it.
 * @throws {StorageError} when the directory cannot be written.
 */
export function lockRun(
  directory: string,
  options: { force?: boolean | undefined; onTakeover?: ((message: string) => void) | undefined } = {},
): () => void {
  const me: LockOwner = { pid: process.pid, startedAt: processStart(process.pid), host: hostname() };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const held = tryOnce(directory, me, options);
      if (held) return releaseOf(held);
      pause(1 + (randomBytes(1)[0] as number) / 10);
    }
  } catch (error) {
    if (error instanceof RunInUseError) throw error;
    throw new StorageError(`cannot lock ${directory}: ${messageOf(error)}`, {
      hint: "choose a folder that can be written with --runs-root",
      cause: error,
    });
  }
  throw new RunInUseError(`${directory} is being locked by another process right now`, { hint: "try again" });
}

/** Whether another living process works there; one that cannot be told from its pid's next owner counts. */
export function isLocked(directory: string): boolean {
  return contenders(directory).some(({ isHeld, owner }) => {
    const isHere = owner?.host === hostname();
    return isHeld && owner !== undefined && (!isHere || stateOf(owner) !== "dead");
  });
}

/** The file held, or undefined when another contender was seen at the same moment. */
function tryOnce(
  directory: string,
  me: LockOwner,
  options: { force?: boolean | undefined; onTakeover?: ((message: string) => void) | undefined },
): string | undefined {
  const id = randomBytes(8).toString("hex");
  const mine = join(directory, `lock-${id}`);
  // Written under another name first: a contender that is seen is always complete.
  const draft = join(directory, `.lock-${id}.draft`);
  writeFileSync(draft, JSON.stringify(me), { flag: "wx", mode: 0o600 });
  renameSync(draft, mine);
  try {
    for (const other of contenders(directory)) {
      if (other.file === mine) continue;
      if (isStale(other, me, options.force ?? false)) {
        remove(other.file);
        if (other.isHeld) options.onTakeover?.(takeoverLine(other.owner, me));
      } else if (other.isHeld) {
        throw inUse(directory, other.owner, me);
      } else {
        remove(mine);
        return undefined;
      }
    }
    writeFileSync(`${mine}.held`, "", { mode: 0o600 });
    return mine;
  } catch (error) {
    remove(mine);
    throw error;
  }
}

/** Function that gives the lock back; it also runs when the process exits in an orderly way. */
function releaseOf(file: string): () => void {
  const release = (): void => {
    process.off("exit", release);
    remove(file);
  };
  process.on("exit", release);
  return release;
}

function remove(file: string): void {
  rmSync(`${file}.held`, { force: true });
  rmSync(file, { force: true });
}

function contenders(directory: string): Contender[] {
  const found: Contender[] = [];
  for (const name of readdirSync(directory)) {
    if (!FILE_NAME.test(name)) continue;
    const file = join(directory, name);
    try {
      found.push({ file, isHeld: existsSync(`${file}.held`), owner: parseOwner(readFileSync(file, "utf8")) });
    } catch (error) {
      // Gone since the listing: given up or released. Whoever left it is no rival any more.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return found;
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<LockOwner> | null;
    if (typeof owner?.pid === "number" && typeof owner.host === "string") {
      return { pid: owner.pid, host: owner.host, startedAt: owner.startedAt ?? "" };
    }
  } catch {
    // Not written by us in one piece: nobody holds it.
  }
  return undefined;
}

function isStale(other: Contender, me: LockOwner, force: boolean): boolean {
  if (!other.owner) return true;
  if (other.owner.host !== me.host) return force;
  const state = stateOf(other.owner);
  return state === "dead" || (state === "unknown" && force && other.isHeld);
}

function takeoverLine(owner: LockOwner | undefined, me: LockOwner): string {
  const who = owner
    ? `process ${owner.pid}${owner.host === me.host ? "" : ` on ${owner.host}`}`
    : "a process";
  return `took over the lock of ${who}, which ended abruptly`;
}

function inUse(directory: string, owner: LockOwner | undefined, me: LockOwner): RunInUseError {
  const isForeign = owner !== undefined && owner.host !== me.host;
  return new RunInUseError(
    `${directory} is in use by process ${owner?.pid ?? "?"} on ${owner?.host ?? "?"}`,
    {
      hint: isForeign
        ? "stop that process, or pass --force-unlock if it is gone"
        : "wait for it to end, or choose another --run",
    },
  );
}

/** Blocks for some milliseconds: a lock is taken once, before anything else of a run is going on. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
