/**
 * @file A Model Context Protocol server as a child process of ours, which gets the environment it is given and nothing else.
 *
 * The SDK's own transport hands on HOME, USER and other variables whatever it is told, ends one process where servers are
 * started through several (npx), and waits seconds before it does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { messageOf } from "../../core/errors.js";

export interface StdioServer {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** What may come between two answers: more is no protocol. */
const MAX_UNASKED_BYTES = 32 * 1024 * 1024;
const MAX_TAIL = 2_000;
/** From one means of ending a server to the next: end of input, SIGTERM, SIGKILL. */
const GRACE_MS = 500;

/** Shell script that kills a process group once a process is gone. */
export function watchdogScript(pid: number, group: number): string {
  return `while kill -0 ${pid}; do sleep 1; done; kill -KILL -${group}`;
}

export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  readonly #server: StdioServer;
  #child: ChildProcess | undefined;
  #watchdog: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #pending: Buffer[] = [];
  #unasked = 0;
  #stderr = "";
  #nonsense: string | undefined;
  #end: string | undefined;

  constructor(server: StdioServer) {
    this.#server = server;
  }

  /** Why the server gives no answers, as far as it is known: how it ended, its last words, what else it said. */
  get trouble(): string {
    const lastWords = this.#stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
    const said = this.#nonsense === undefined ? "" : `it wrote what is no message: ${this.#nonsense}`;
    return [this.#end, said, lastWords].filter(Boolean).join("; ");
  }

  async start(): Promise<void> {
    const { command, args, env } = this.#server;
    // A group of its own: Ctrl-C is for us, and what the server starts ends with it.
    const child = spawn(command, args, { env, stdio: "pipe", detached: true });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#end ??= signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
        this.#killGroup("SIGKILL");
        this.#watchdog?.kill("SIGKILL");
        resolve();
        // Who left the group may hold the output open.
        setTimeout(() => child.stdout?.destroy(), GRACE_MS).unref();
      });
      // After the last output.
      child.once("close", () => this.onclose?.());
    });
    child.stdout!.on("data", (chunk: Buffer) => this.#read(chunk));
    child.stderr!.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-MAX_TAIL);
    });
    // A server that is gone is noticed by its exit.
    child.stdin!.on("error", () => {});
    child.stdout!.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.on("error", (error) => this.onerror?.(error));
    this.#watch(child.pid!);
  }

  /** Ends the server's group when this process is killed and cannot; servers should end with their input, and some do not. */
  #watch(group: number): void {
    const watchdog = spawn("/bin/sh", ["-c", watchdogScript(process.pid, group)], {
      env: {},
      stdio: "ignore",
      detached: true,
    });
    watchdog.on("error", () => {});
    watchdog.unref();
    this.#watchdog = watchdog;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#child === undefined || this.#end !== undefined) throw new Error("the server has ended");
    this.#child.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || this.#isGone(child)) return;
    child.stdin!.end();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, GRACE_MS);
      });
      await Promise.race([this.#exited, late]);
      clearTimeout(timer);
      if (this.#isGone(child)) return;
      this.#killGroup(signal);
    }
    await this.#exited;
  }

  #isGone({ exitCode, signalCode }: ChildProcess): boolean {
    return exitCode !== null || signalCode !== null;
  }

  #killGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#child!.pid!, signal);
    } catch {
      // There is no such group any more.
    }
  }

  #read(chunk: Buffer): void {
    this.#unasked += chunk.length;
    if (this.#unasked > MAX_UNASKED_BYTES) {
      this.#end ??= `it wrote more than ${MAX_UNASKED_BYTES} bytes that nobody asked for`;
      this.#child?.stdout?.destroy();
      this.#killGroup("SIGKILL");
      return;
    }
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...this.#pending, chunk.subarray(from, at)]).toString("utf8");
      this.#pending = [];
      from = at + 1;
      this.#receive(line);
    }
    if (from < chunk.length) this.#pending.push(chunk.subarray(from));
  }

  #receive(line: string): void {
    if (line.trim() === "") return;
    let message: JSONRPCMessage;
    try {
      message = JSON.parse(line) as JSONRPCMessage;
      if (typeof message !== "object" || message === null) throw new Error("no object");
    } catch {
      // Many servers greet on the wrong stream; the first such line explains a silence.
      this.#nonsense ??= messageOf(line, 120);
      return;
    }
    if ("result" in message || "error" in message) this.#unasked = 0;
    this.onmessage?.(message);
  }
}
