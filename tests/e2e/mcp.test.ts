/** @file Tools of real MCP servers in the built command: over stdio and HTTP, what a changed or lost server leads to, and what stays behind: nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { environmentOf, ROOT, runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const everything = join(ROOT, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const odd = fileURLToPath(new URL("../support/odd-mcp-server.mjs", import.meta.url));

const WORKFLOW = `export default async (agent) => ({ answer: {
  sum: await agent.tool("get-sum", { a: 2, b: 3 }),
  weather: await agent.tool("get-structured-content", { location: "Chicago" }),
  wrong: await agent.tool("get-sum", { a: "two", b: 3 }).catch((error) => error.message),
} })`;
const ONLY = ["get-sum", "get-structured-content"];

/** A folder with a workflow and a configuration. */
function folderWith(workflow: string, entry: object): string {
  const cwd = newFolder();
  writeFileSync(join(cwd, "w.js"), workflow);
  writeFileSync(
    join(cwd, "w4s.config.yaml"),
    stringify({ executor: "simulated", weak: "none", tools: { mcp: [entry] } }),
  );
  return cwd;
}

/** Processes whose command line holds a text. */
function running(text: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let http: ChildProcess | undefined;
afterAll(() => {
  http?.kill("SIGKILL");
});

describe("tools of the protocol's own example server", () => {
  const answer = {
    sum: "The sum of 2 and 3 is 5.",
    weather: {
      temperature: expect.any(Number),
      conditions: expect.any(String),
      humidity: expect.any(Number),
    },
    wrong: expect.stringMatching(
      /the input of tool get-sum is wrong: a: .*it takes \{ a: number, b: number \}/,
    ),
  };

  it("over stdio", async () => {
    // A mark of its own on the command line, to look for what stays behind.
    const mark = `mark-${process.pid}`;
    const cwd = folderWith(WORKFLOW, {
      command: "node",
      args: [everything, "stdio", mark],
      env: [],
      only: ONLY,
    });
    const { code, stdout, stderr } = await runCli(["run", "w.js", "--question", "?"], { cwd });
    expect(stderr).toContain("tool get-sum: 26 bytes");
    expect(JSON.parse(stdout)).toEqual(answer);
    expect(code).toBe(0);
    expect(running(mark)).toEqual([]);
  });

  it("over HTTP; a server that is gone ends the command with 4", async () => {
    const port = await freePort();
    http = spawn(process.execPath, [everything, "streamableHttp"], {
      env: environmentOf({ PORT: String(port) }),
      stdio: "ignore",
    });
    const url = `http://127.0.0.1:${port}/mcp`;
    while (!(await fetch(url).catch(() => undefined)))
      await new Promise((resolve) => setTimeout(resolve, 20));
    const cwd = folderWith(WORKFLOW, { url, only: ONLY });
    const well = await runCli(["run", "w.js", "--question", "?"], { cwd });
    expect(JSON.parse(well.stdout)).toEqual(answer);
    http.kill("SIGKILL");
    const lost = await runCli(["run", "w.js", "--question", "?"], { cwd });
    expect(lost.code).toBe(4);
    expect(lost.stderr).toContain(`MCP server ${url} cannot be used: fetch failed: connect ECONNREFUSED`);
  });
});

describe("servers that change or fail", () => {
  it("other names between two sessions of a run are named", async () => {
    const entry = { command: "node", args: [odd, "renames"] };
    const cwd = folderWith("export default async () => 1", entry);
    const words = [
      "eval",
      "w.js",
      "--task",
      "swaps",
      "--validation-limit",
      "1",
      "--run",
      "one",
      "--baselines",
      "direct",
    ];
    const first = await runCli(words, { cwd });
    expect(first.stderr).not.toContain("mcpTools");
    expect(first.code).toBe(0);
    const second = await runCli(words, { cwd });
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(
      /started with other settings \(mcpTools: \["p\d+"\] → \["p\d+"\]; toolsHash: /,
    );
  });

  it("one that dies at the start, or is not installed, says so with the code of its kind", async () => {
    const dead = folderWith(WORKFLOW, { command: "node", args: [odd, "dies-at-start"] });
    const died = await runCli(["run", "w.js", "--question", "?"], { cwd: dead });
    expect([died.code, died.stderr]).toEqual([4, expect.stringContaining("no licence found")]);
    const none = folderWith(WORKFLOW, { command: "no-such-server" });
    const missing = await runCli(["run", "w.js", "--question", "?"], { cwd: none });
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining("there is no command no-such-server"),
    ]);
  });
});

describe("w4s serve --mcp stdio", () => {
  it("answers on stdout, where nothing else is written, and ends with its input", async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, "twice.js"),
      "export default async (agent, task) => task.question + task.question;",
    );
    const words = ["serve", "twice.js", "--mcp", "stdio", "--executor", "simulated", "--json"];
    const child = spawn(process.execPath, [`${ROOT}/dist/cli/main.js`, ...words], {
      cwd,
      env: environmentOf(),
    });
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const clientInfo = { name: "test", version: "1" };
    const requests = [
      {
        id: 1,
        method: "initialize",
        params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo },
      },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/list" },
      { id: 3, method: "tools/call", params: { name: "twice", arguments: { question: "ab" } } },
    ];
    child.stdin.end(
      requests.map((request) => `${JSON.stringify({ jsonrpc: "2.0", ...request })}\n`).join(""),
    );
    expect(await once(child, "close")).toEqual([0, null]);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([
      { id: 1, result: { serverInfo: { name: "w4s" } } },
      { id: 2, result: { tools: [{ name: "twice" }] } },
      { id: 3, result: { content: [{ type: "text", text: "abab" }] } },
    ]);
  });
});
