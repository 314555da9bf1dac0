/** @file The server as a process: it starts, answers, survives SIGKILL with nothing half-written, and ends when asked to. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JsonlLog } from "../../src/core/jsonl-log.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, faults, startFakeOpenAI } from "../support/fake-openai-server.js";
import { environmentOf, ROOT } from "../support/run-cli.js";
import { ECHO } from "../support/served.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const runCli = useCliHost();
let fake: FakeOpenAI;
beforeAll(async () => {
  fake = await startFakeOpenAI();
});
afterAll(async () => {
  await fake.close();
});

/** A started server with the address that it printed. */
async function serve(cwd: string): Promise<{ child: ChildProcess; url: string; stderr: () => string }> {
  const words = ["serve", "echo.js", "--port", "0", "--log", "log", "--executor", `openai:${fake.baseUrl}`];
  const child = spawn(
    process.execPath,
    [`${ROOT}/dist/cli/main.js`, ...words, "--executor-model", "fake-model"],
    // A group of its own, as service managers make one.
    { cwd, env: environmentOf(), stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return { child, url: /^(\S+) serves echo$/.exec(line)?.[1] ?? line, stderr: () => stderr };
}

async function ask(url: string, question: string): Promise<string> {
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: question }] }),
  });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]!.message.content;
}

describe("w4s serve", () => {
  it("answers, is killed and starts again, takes up a change on SIGHUP, and ends with 0 on SIGTERM", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "echo.js"), ECHO);
    const first = await serve(cwd);
    expect(await ask(first.url, "one")).toBe("reply to: one");
    fake.queue(() => void first.child.kill("SIGKILL"));
    await expect(ask(first.url, "lost")).rejects.toThrow();

    const second = await serve(cwd);
    writeFileSync(join(cwd, "echo.js"), 'export default async (agent, task) => "new " + task.question;');
    second.child.kill("SIGHUP");
    while (!second.stderr().includes("echo is now")) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ask(second.url, "two")).toBe("new two");
    writeFileSync(join(cwd, "echo.js"), ECHO);
    second.child.kill("SIGHUP");
    while (second.stderr().split("echo is now").length < 3)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const running = new Promise<void>((resolve) => {
      fake.queue(async ({ response }) => {
        resolve();
        await new Promise((later) => setTimeout(later, 500));
        const choices = [
          { index: 0, message: { role: "assistant", content: "late" }, finish_reason: "stop" },
        ];
        await faults.status(200, { choices })({ response } as never);
      });
    });
    const last = ask(second.url, "three");
    await running;
    const ended = once(second.child, "exit");
    // The whole group gets it, sandboxes included.
    process.kill(-second.child.pid!, "SIGTERM");
    expect(await last).toBe("late");
    expect(await ended).toEqual([0, null]);

    const log = join(cwd, "log");
    const answers = readdirSync(log).filter((name) => name.startsWith("answers-"));
    const read = answers.map((name) => JsonlLog.read(join(log, name)));
    expect(read.flatMap(({ records }) => records.map(({ question }) => question))).toEqual([
      "one",
      "two",
      "three",
    ]);
    expect(read.every(({ tornAt }) => tornAt === undefined)).toBe(true);
    const parts = ["train", "validation", "test"];
    const splits = parts.flatMap((name) => ["--split", `${name}=1`]);
    const flags = ["--kind", "text", "--field", "context=context", "--drop-duplicates", ...splits];
    const imported = await runCli(["data", "import", join(log, answers[0]!), "asked", ...flags], { cwd });
    expect(imported.code, imported.stderr).toBe(0);
    const items = parts.flatMap((split) =>
      readFileSync(join(cwd, "asked", `${split}.jsonl`), "utf8")
        .trim()
        .split("\n"),
    );
    expect(items.join("\n")).toContain("reply to: one");
  });

  it("refuses what it cannot serve, and says what to do", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "echo.js"), ECHO);
    const { port } = new URL(fake.baseUrl);
    const executor = ["--executor", `openai:${fake.baseUrl}`, "--executor-model", "m"];
    const cases: [code: number, text: string, args: string[]][] = [
      [2, "nothing to serve", executor],
      [3, "cannot read the workflow nosuch.js", ["nosuch.js"]],
      [3, "holds no best-workflow.js", [".", ...executor]],
      [2, "listens there already", ["echo.js", "--port", port, ...executor]],
      [2, "unknown option", ["echo.js", "--prot", "1", ...executor]],
    ];
    const results = await Promise.all(cases.map(([, , args]) => runCli(["serve", ...args], { cwd })));
    for (const [index, [code, text]] of cases.entries()) {
      expect(results[index]!.stderr).toContain(text);
      expect(results[index]!.code, text).toBe(code);
    }
    const worker = await runCli(["worker"], { cwd });
    expect([worker.code, worker.stderr]).toEqual([2, expect.stringContaining("no queue was named")]);
    const made = await runCli(["serve", "--new-key", "ada", "--keys", "keys.json"], { cwd });
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^w4s-[\w-]{43}\n$/)]);
    expect(readFileSync(join(cwd, "keys.json"), "utf8")).not.toContain(made.stdout.trim().slice(4));
  });
});
