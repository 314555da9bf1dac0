/** @file A pool of warm, killable sandbox processes. */
import { availableParallelism } from "node:os";
import { W4sError } from "../../core/errors.js";
import { ChildExitError, ManagedChild } from "../../core/managed-child.js";
import { childModule } from "../../core/package-file.js";
import type { ToChild, ToParent } from "./sandbox-protocol.js";

/** V8's own heap in a child; the guest's memory is wasm memory and has its own cap. */
const CHILD_HEAP_MIB = 128;

/** One process and whoever listens to it now. */
export class SandboxChild<To extends object = ToChild, From = ToParent> {
  readonly process: ManagedChild;
  onMessage: ((message: From) => void) | undefined;
  /** A warm process outlives its runs by far: each that listened to the end itself would be kept until then. */
  onExit: ((exit: ChildExitError) => void) | undefined;

  constructor(process: ManagedChild) {
    this.process = process;
    void process.exited.then((exit) => this.onExit?.(exit));
    process.onMessage((message) => this.onMessage?.(message as From));
  }

  post(message: To): void {
    this.process.post(message);
  }
}

/**
 * Processes that start at the same time. A start is all computation: more of them than cores only come later, and work
 * that is short may be done by the first ones before the last would be there.
 */
const STARTS_AT_ONCE = Math.max(1, availableParallelism());

interface Waiter<Child> {
  resolve(child: Child): void;
  reject(error: unknown): void;
}

/**
 * Processes are started when first needed, kept while idle without holding the parent, and replaced when spent. Beyond the
 * first ones the pool grows only while more wait than half a start's time has served: short runs, such as those on a
 * simulated model, are over sooner on a few processes than many have started.
 */
export class ChildPool<To extends object = ToChild, From = ToParent> {
  readonly size: number;
  /** Nothing is handed out any more. */
  isClosed = false;
  readonly #idle: SandboxChild<To, From>[] = [];
  readonly #all = new Set<SandboxChild<To, From>>();
  readonly #waiters: Waiter<SandboxChild<To, From>>[] = [];
  readonly #startProcess: () => Promise<ManagedChild>;
  #starting = 0;
  /** How long the last start took. */
  #startMs = 0;
  /** Handed out since the pool was last looked at. */
  #served = 0;
  #growth: NodeJS.Timeout | undefined;
  readonly #pending = new Set<Promise<unknown>>();

  /**
   * @param size - most processes at once. Default: cores, at most 4.
   * @param startProcess - starts one; tried twice. Default: the JavaScript sandbox.
   */
  constructor(size = Math.min(availableParallelism(), 4), startProcess = startSandbox) {
    this.size = size;
    this.#startProcess = startProcess;
  }

  /** A process for one run; waits while all are busy. */
  async take(signal?: AbortSignal): Promise<SandboxChild<To, From>> {
    if (this.isClosed) throw closedError();
    signal?.throwIfAborted();
    const idle = this.#takeIdle();
    if (idle) return idle;
    return await new Promise<SandboxChild<To, From>>((resolve, reject) => {
      const leave = () => {
        const index = this.#waiters.indexOf(waiter);
        if (index >= 0) this.#waiters.splice(index, 1);
        reject(signal?.reason);
      };
      const waiter: Waiter<SandboxChild<To, From>> = {
        resolve(child) {
          signal?.removeEventListener("abort", leave);
          resolve(child);
        },
        reject(error) {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiters.push(waiter);
      this.#grow();
    });
  }

  /**
   * Gives a process back. One that must not be used again is killed, and replaced in the background where somebody waits or
   * none would be ready for the next: replacing each would end a burst of work with starts for nobody.
   */
  release(child: SandboxChild<To, From>, isReusable: boolean): void {
    child.onMessage = undefined;
    child.onExit = undefined;
    if (isReusable && child.process.isAlive && !this.isClosed) {
      const waiter = this.#waiters.shift();
      if (waiter) {
        this.#served++;
        waiter.resolve(child);
        return;
      }
      child.process.ref(false);
      this.#idle.push(child);
      return;
    }
    this.#all.delete(child);
    this.#track(child.process.kill());
    const isWanted = this.#waiters.length > this.#starting || this.#idle.length + this.#starting === 0;
    if (!this.isClosed && isWanted) this.#start();
  }

  /** Kills every process; nothing is left when it resolves. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.#growth);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
    const children = [...this.#all];
    this.#all.clear();
    this.#idle.length = 0;
    await Promise.all([...children.map((child) => child.process.kill()), ...this.#pending]);
  }

  #takeIdle(): SandboxChild<To, From> | undefined {
    for (let child = this.#idle.pop(); child; child = this.#idle.pop()) {
      if (child.process.isAlive) {
        child.process.ref(true);
        return child;
      }
      this.#all.delete(child);
    }
    return undefined;
  }

  /** Starts what is missing: at once while there is no process, else when those that wait are not served soon. */
  #grow(): void {
    if (this.#all.size === 0) {
      this.#startMissing();
      return;
    }
    if (this.#growth !== undefined || this.#all.size + this.#starting >= this.size) return;
    this.#served = 0;
    this.#growth = setTimeout(() => {
      this.#growth = undefined;
      if (this.#waiters.length > this.#served) this.#startMissing();
      if (this.#waiters.length > 0) this.#grow();
    }, this.#startMs / 2);
  }

  #startMissing(): void {
    const most = Math.min(this.#waiters.length, STARTS_AT_ONCE, this.size - this.#all.size);
    while (this.#starting < most) this.#start();
  }

  #start(): void {
    if (this.#all.size + this.#starting >= this.size) return;
    this.#starting++;
    this.#track(this.#startOne());
  }

  async #startOne(): Promise<void> {
    try {
      const startedAt = performance.now();
      const process = await startTwice(this.#startProcess);
      this.#startMs = performance.now() - startedAt;
      this.#starting--;
      if (this.isClosed) {
        await process.kill();
        return;
      }
      const child = new SandboxChild<To, From>(process);
      this.#all.add(child);
      void process.exited.then(() => this.#all.delete(child));
      process.ref(true);
      this.release(child, true);
      if (this.#waiters.length > 0) this.#grow();
    } catch (error) {
      this.#starting--;
      // Without processes nobody would ever be served: tell the first in line.
      this.#waiters.shift()?.reject(error);
      // The next in line gets a try of its own, so that nobody waits for a process that will never come.
      if (this.#all.size === 0) this.#startMissing();
    }
  }

  #track(work: Promise<unknown>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }
}

/** One retry: a machine short of memory may kill a process that has just begun. */
async function startTwice(start: () => Promise<ManagedChild>): Promise<ManagedChild> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof ChildExitError)) throw error;
    return await start();
  }
}

async function startSandbox(): Promise<ManagedChild> {
  return await ManagedChild.start(childModule("workflow/sandbox/sandbox-child.js"), {
    name: "sandbox",
    execArgv: [
      `--max-old-space-size=${CHILD_HEAP_MIB}`,
      "--expose-gc",
      "--disallow-code-generation-from-strings",
    ],
    env: { TZ: "UTC" },
  });
}

function closedError(): W4sError {
  return new W4sError("sandbox-closed", "the sandbox was closed");
}
