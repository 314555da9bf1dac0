/** @file Runs command lines in a few processes that stay: for many short commands, most of whose time goes into starting Node. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import PQueue from "p-queue";
import { afterAll } from "vitest";
import { type CliOptions, type CliResult, environmentOf, ROOT } from "./run-cli.js";

const CHILD = fileURLToPath(new URL("./cli-host-child.mjs", import.meta.url));

/**
 * Takes the place of runCli() in a test file where nothing depends on the start and the end of a process.
 * @param processes - most commands at once
 */
export function useCliHost(
  processes = 1,
): (words: readonly string[], options?: Pick<CliOptions, "cwd" | "env">) => Promise<CliResult> {
  const queue = new PQueue({ concurrency: processes });
  const idle: ChildProcess[] = [];
  afterAll(() => {
    for (const child of idle) child.kill("SIGKILL");
  });
  return (words, { cwd = ROOT, env } = {}) =>
    queue.add(async () => {
      const child = idle.pop() ?? (await start());
      child.send({ words, cwd, env: environmentOf(env) });
      const result = (await nextMessage(child)) as CliResult;
      idle.push(child);
      return result;
    });
}

async function start(): Promise<ChildProcess> {
  const child = fork(CHILD, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
  await nextMessage(child);
  return child;
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`the process of the commands ended (${code ?? signal})`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message);
    });
  });
}
