/** @file Plays command lines one after another in one process: what the built command does, without starting anew for each. */
import { runCli } from "../../dist/cli/program.js";

const streams = { stdout: process.stdout, stderr: process.stderr };
/** Listeners that a command adds and a process that ends takes with it. */
const EVENTS = ["uncaughtException", "unhandledRejection", "SIGINT", "SIGTERM", "SIGHUP"];

process.on("message", ({ words, cwd, env }) => {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.exitCode = undefined;
  const told = { stdout: "", stderr: "" };
  for (const [name, stream] of Object.entries(streams)) {
    stream.write = (chunk, ...rest) => {
      told[name] += chunk.toString();
      rest.at(-1)?.();
      return true;
    };
  }
  process.exit = (code = process.exitCode ?? 0) => {
    process.exit = () => {};
    for (const event of EVENTS) process.removeAllListeners(event);
    for (const stream of Object.values(streams)) stream.removeAllListeners("error");
    process.send({ code, signal: null, ...told });
  };
  void runCli(words);
});
process.send("ready");
