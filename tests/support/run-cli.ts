/** @file Runs the built command as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface CliResult {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** No file may grow beyond this: writes fail as they do on a full disk, but for the error's number. Needs bash. */
  fileLimitKiB?: number;
  /** Sees the process, to send signals. */
  onStart?: (child: ChildProcess) => void;
}

/** Nothing of the caller's environment but PATH and HOME reaches the command. */
export function environmentOf(more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", CI: "1", ...more };
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const words = [process.execPath, `${ROOT}/dist/cli/main.js`, ...args];
    const limited = ["bash", "-c", `ulimit -f ${options.fileLimitKiB}; exec "$@"`, "bash", ...words];
    const [program = "", ...rest] = options.fileLimitKiB === undefined ? words : limited;
    const child = spawn(program, rest, {
      cwd: options.cwd ?? ROOT,
      env: environmentOf(options.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    options.onStart?.(child);
  });
}
