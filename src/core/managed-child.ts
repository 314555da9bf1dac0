/** @file A killable child of ours: no environment, JSON messages only, never outlives its parent. */
import { type ChildProcess, fork } from "node:child_process";
import { W4sError } from "./errors.js";

/** A child ended or fell silent; the supervisor replaces it and retries or fails one job, never the run. */
export class ChildExitError extends W4sError {
  readonly exitCode: number | null;
  readonly exitSignal: string | null;
  constructor(name: string, exitCode: number | null, exitSignal: string | null, stderrTail: string) {
    const how = exitSignal ? `killed by ${exitSignal}` : `exit code ${exitCode}`;
    super("child-exit", `the ${name} process ended (${how})${stderrTail ? `: ${stderrTail}` : ""}`);
    this.exitCode = exitCode;
    this.exitSignal = exitSignal;
  }
}

export interface ManagedChildOptions {
  /** Name of the child in messages: "sandbox", "model", "trainer". */
  name: string;
  /** Node flags such as --max-old-space-size=256. */
  execArgv?: string[] | undefined;
  /** Extra environment; only PATH-like values that native libraries need. Default: none but PATH. */
  env?: Record<string, string | undefined> | undefined;
  /** Deadline for the child's first "ready" message. Default 30 000. */
  startTimeoutMs?: number | undefined;
}

export class ManagedChild {
  readonly pid: number;
  /** Settles, never rejects, when the process is gone. */
  readonly exited: Promise<ChildExitError>;
  #process: ChildProcess;
  #isAlive = true;
  #stderrTail = "";
  #handler: ((message: unknown) => void) | undefined;

  private constructor(child: ChildProcess, name: string) {
    this.#process = child;
    this.pid = child.pid ?? -1;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderrTail = (this.#stderrTail + chunk.toString("utf8")).slice(-2000);
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        this.#isAlive = false;
        const tail = lastWords(this.#stderrTail);
        resolve(new ChildExitError(name, code, signal, tail));
      };
      child.once("exit", end);
      child.once("error", (error) => {
        this.#stderrTail += `\n${error.message}`;
        if (child.pid === undefined) end(null, null);
      });
    });
  }

  /**
   * Forks `modulePath` (from childModule()) and waits for its `serveParent()` to report ready.
   * @throws {ChildExitError} when it dies or stays silent before that.
   */
  static async start(modulePath: string, options: ManagedChildOptions): Promise<ManagedChild> {
    const process_ = fork(modulePath, [], {
      env: { PATH: process.env.PATH ?? "", ...options.env },
      execArgv: options.execArgv ?? [],
      serialization: "json",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const child = new ManagedChild(process_, options.name);
    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<true>((resolve) => {
      process_.once("message", () => resolve(true));
    });
    const silent = new Promise<"silent">((resolve) => {
      timer = setTimeout(() => resolve("silent"), options.startTimeoutMs ?? 30_000);
    });
    const first = await Promise.race([ready, child.exited, silent]);
    clearTimeout(timer);
    if (first === true) return child;
    await child.kill();
    throw first === "silent"
      ? new ChildExitError(options.name, null, null, "no sign of life at start")
      : first;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Sends one JSON message; messages to a dead child are dropped (its `exited` tells). */
  post(message: object): void {
    if (this.#isAlive && this.#process.connected) this.#process.send(message, () => {});
  }

  /** Sets who hears messages; takes the place of the one before. */
  onMessage(handler: (message: unknown) => void): void {
    if (!this.#handler) this.#process.on("message", (message) => this.#handler?.(message));
    this.#handler = handler;
  }

  /** While referenced a child keeps the parent's event loop alive; idle ones must not. */
  ref(isReferenced: boolean): void {
    const target = this.#process;
    const channel = target.channel as { ref?(): void; unref?(): void } | null | undefined;
    const stderr = target.stderr as { ref?(): void; unref?(): void } | null;
    for (const handle of [target, channel, stderr]) isReferenced ? handle?.ref?.() : handle?.unref?.();
  }

  /** SIGKILL, and waits until the process is gone. */
  async kill(): Promise<void> {
    if (this.#isAlive) {
      this.ref(true);
      this.#process.kill("SIGKILL");
    }
    await this.exited;
  }
}

/** What a child said of its end: the line that names an error, where there is one, for Node closes with its own version. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split("\n");
  const line = lines.findLast((one) => /^\w*Error\b/.test(one)) ?? lines.at(-1) ?? "";
  return line.slice(0, 300);
}
