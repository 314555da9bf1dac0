/** @file Servers of the Model Context Protocol as child processes: their environment, what goes wrong with them, and that none stays behind. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ConfigError, ModelCallError } from "../../../../src/core/errors.js";
import { McpServer, type McpServerOptions } from "../../../../src/evaluate/mcp/mcp-server.js";
import { watchdogScript } from "../../../../src/evaluate/mcp/stdio-transport.js";
import { childProcesses, isGroupAlive, untilNoChild } from "../../../support/child-processes.js";

const script = fileURLToPath(new URL("../../../support/odd-mcp-server.mjs", import.meta.url));
const never = () => new AbortController().signal;
/** The server that runs now. */
const pidOfServer = () => childProcesses(script)[0]!.pid;

function open(mode: string, options: McpServerOptions = {}, env?: string[]): Promise<McpServer> {
  return McpServer.open({ command: process.execPath, args: [script, mode], env }, options);
}
const say = (server: McpServer, text = "hi", signal = never()) => server.call("say", { text }, signal);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error("nothing failed");
    },
    (error: unknown) => error as Error,
  );

describe("a server as a child process", () => {
  it("gets the variables that are named and no other, PATH where none are", async () => {
    process.env.MCP_TEST_TOKEN = "secret";
    const envOf = async (env?: string[]) => {
      const server = await open("env", {}, env);
      const { content } = await say(server);
      await server.close();
      return JSON.parse((content[0] as { text: string }).text) as Record<string, string>;
    };
    expect(await envOf()).toEqual({ PATH: process.env.PATH });
    expect(await envOf(["MCP_TEST_TOKEN"])).toEqual({ MCP_TEST_TOKEN: "secret" });
    expect(await envOf([])).toEqual({});
    const missing = await failure(open("env", {}, ["MCP_TEST_UNSET"]));
    expect(missing).toBeInstanceOf(ConfigError);
    expect(missing.message).toContain("MCP_TEST_UNSET");
  });

  it("may greet on the wrong stream", async () => {
    const server = await open("greets");
    expect((await say(server)).content).toEqual([{ type: "text", text: "said hi" }]);
    await server.close();
  });

  it.each<[string, McpServerOptions, string, RegExp]>([
    ["dies-at-start", {}, "crashed", /exit code 3; no licence found/],
    [
      "greets-only",
      // Long enough for a process to start and write on a busy machine.
      { startMs: 4000 },
      "timeout",
      /no answer within 4000 ms; it wrote what is no message: usage: server FILE/,
    ],
    ["lists-forever", {}, "crashed", /more than 100 pages/],
  ])("%s: cannot be used, and says why", async (mode, options, kind, message) => {
    const error = await failure(open(mode, options));
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({ kind, isFatal: true, message: expect.stringMatching(message) });
    await untilNoChild(script);
  });

  it("a command that is not there is a mistake of the configuration", async () => {
    for (const command of ["no-such-command", "/no/such/command"])
      expect(await failure(McpServer.open({ command }))).toBeInstanceOf(ConfigError);
  });

  it("one that dies between or in calls is begun anew; one that a call kills each time is an error of the call", async () => {
    const server = await open("well");
    const error = await failure(say(server, "die"));
    expect(error).not.toBeInstanceOf(ModelCallError);
    expect(error.message).toMatch(/failed on this call, twice: it ended with exit code 7/);
    for (const { pid } of childProcesses(script)) process.kill(pid, "SIGKILL");
    const texts = await Promise.all(["a", "b"].map((text) => say(server, text)));
    expect(texts.map(({ content }) => content[0])).toMatchObject([{ text: "said a" }, { text: "said b" }]);
    expect(childProcesses(script).length).toBe(1);
    await server.close();
    await untilNoChild(script);
  });

  it("one that has other tools after it was begun anew ends the run", async () => {
    const server = await open("renames");
    const error = await failure(server.call(server.tools[0]!.name, { text: "x" }, never()));
    expect(error).toMatchObject({
      kind: "bad-reply",
      isFatal: true,
      message: expect.stringContaining("other tools"),
    });
    await server.close();
  });

  it.each<[string, RegExp]>([
    ["nonsense", /answered what is no result of a tool/],
    ["floods", /twice: it wrote more than \d+ bytes that nobody asked for/],
  ])("%s is an error of the call", async (mode, message) => {
    const server = await open(mode);
    expect(await failure(say(server))).toMatchObject({ message: expect.stringMatching(message) });
    await server.close();
  });

  it("one that floods without being asked is ended, and begun anew", async () => {
    const server = await open("floods-unasked");
    const pid = pidOfServer();
    while (childProcesses(script).some((child) => child.pid === pid))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await say(server)).content).toMatchObject([{ text: "said hi" }]);
    await server.close();
  });

  it("one that is slow is kept; one without sign of life is begun anew once, then ends the run", async () => {
    const soon = () => AbortSignal.timeout(30);
    const slow = await open("is-slow", { pingMs: 2_000 });
    const pid = pidOfServer();
    await failure(say(slow, "x", soon()));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(childProcesses(script).map((child) => child.pid)).toEqual([pid]);
    await slow.close();
    const server = await open("hangs", { pingMs: 50 });
    for (let round = 0; round < 2; round++) {
      // Begun anew in the second one.
      await server.version();
      expect((await failure(say(server, "x", soon()))).name).toBe("TimeoutError");
      await untilNoChild(script);
    }
    expect(await failure(say(server))).toMatchObject({ kind: "timeout", isFatal: true });
    await server.close();
  });

  it("one that ends neither with its input nor on SIGTERM is killed, with what it has started", async () => {
    const server = await open("clings");
    const pid = pidOfServer();
    await server.close();
    await untilNoChild(script);
    while (isGroupAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("one that clings ends also where its parent is killed", async () => {
    const code = `const { spawn } = require("node:child_process");
      console.log(spawn(process.execPath, [${JSON.stringify(script)}, "clings"], { detached: true, stdio: "pipe" }).pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "ignore"] });
    const group = await new Promise<number>((resolve) =>
      parent.stdout.once("data", (data) => resolve(Number(data))),
    );
    expect(isGroupAlive(group)).toBe(true);
    const watchdog = spawn("/bin/sh", ["-c", watchdogScript(parent.pid!, group)], {
      stdio: "ignore",
      detached: true,
    });
    parent.kill("SIGKILL");
    await new Promise((resolve) => watchdog.once("exit", resolve));
    while (isGroupAlive(group)) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});
