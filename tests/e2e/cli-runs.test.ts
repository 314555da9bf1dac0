/** @file What a run leaves at the command line: exit codes 5 to 9, signals, streams, and nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { lockRun } from "../../src/core/lock-run.js";
import { expectFailure, lastLine } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { completion, type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { type CliOptions, type CliResult, runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const mainModule = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const KEY = "canary-9f8e7d6c5b4a";

let work: string;
let server: FakeOpenAI;

beforeAll(async () => {
  work = folder();
  server = await startFakeOpenAI({ apiKey: KEY, reply: () => "the answer is 5" });
});
afterAll(async () => server.close());

/** Most commands need no process of their own; those that get a signal do. */
const runInHost = useCliHost();
/** Runs in the temporary folder, so that no run directory lands in the repository. */
const w4s = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  (options.onStart ? runCli : runInHost)(args, { cwd: work, ...options });

const SIMULATED = ["--task", "word-problems", "--executor", "simulated"];
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
};

describe("results and state", () => {
  const small = (run: string) => [
    "eval",
    ...SIMULATED,
    "--validation-limit",
    "4",
    "--run",
    join(work, "runs", run),
  ];

  it("exit 9 below --min-score, with the result on stdout", async () => {
    const workflow = file("w.js", "export default async function workflow() { return 'no number'; }\n");
    const result = await w4s([...small("score"), workflow, "--no-baselines", "--min-score", "0.5"]);
    expectFailure(result, 9, /0\.0%, below --min-score 0\.5/);
    expect(result.stdout).toContain("simulated");
  });

  it("exit 5 when the workflow of `run` fails, 0 with the answer on stdout when it works", async () => {
    const broken = file(
      "w.js",
      "export default async function workflow() { throw new Error('\\u001b[2J oops'); }\n",
    );
    const result = await w4s(["run", broken, "--question", "?", "--executor", "simulated"]);
    expectFailure(result, 5, /the workflow ended as threw: .*oops/);
    expect(result.stderr).not.toContain("\u001b");
    const good = file(
      "w.js",
      "export default async function workflow(agent, task) { return task.question.length; }\n",
    );
    expect(await w4s(["run", good, "--question", "four", "--executor", "simulated"])).toMatchObject({
      code: 0,
      stdout: "4\n",
    });
  });

  it("runs a workflow on a code item: its own tests and the private ones of the item", async () => {
    // Right for the public tests of the item, wrong for a private one.
    const program = `def stack_boxes(boxes):\n    return 3 if len(boxes) == 3 else 1\n`;
    const tested = file(
      "w.js",
      `export default async function workflow(agent) {
        const program = ${JSON.stringify(program)};
        const { passed, failed } = await agent.test(program);
        return passed === 2 && failed === 0 ? program : "no program";
      }\n`,
    );
    const args = ["run", tested, "--task", "code-tasks", "--item", "code-tasks/validation/0001", "--json"];
    const result = await w4s(
      [...args, "--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model"],
      { env: { OPENAI_API_KEY: KEY } },
    );
    expect(result.code, result.stderr).toBe(0);
    const { answer, score } = JSON.parse(result.stdout);
    expect(answer).toBe(program);
    expect(score).toMatchObject({ value: 0, isCorrect: false });
  });

  it("exit 6 when the run directory cannot be made", async () => {
    const result = await w4s(["eval", ...SIMULATED, "--runs-root", file("occupied", "")]);
    expectFailure(result, 6, /occupied/);
  });

  it("exit 6 for a damaged trajectory, by line", async () => {
    const path = join(folder(), "trajectories.jsonl");
    writeFileSync(path, '{"kind":"header","sum":"00000000"}\n{"kind":"turn","sum":"00000000"}\n');
    expectFailure(await w4s(["inspect", path]), 6, /line 1 is damaged/);
  });

  it("exit 7 while another process works in the run directory, naming it", async () => {
    const release = lockRun(join(work, "runs", "busy"));
    try {
      expectFailure(await w4s(small("busy")), 7, new RegExp(`in use by process ${process.pid}`));
    } finally {
      release();
    }
    expect((await w4s(small("busy"))).code).toBe(0);
  });

  it("exit 2 when a run is continued with other settings", async () => {
    expect((await w4s(small("changed"))).code).toBe(0);
    expectFailure(await w4s([...small("changed"), "--seed", "5"]), 2, /other settings \(seed: 0 → 5/);
  });

  it("exit 8 when the budget is spent; what was done is kept and the same command goes on", async () => {
    const budget = [
      "eval",
      "--task",
      "word-problems",
      "--executor",
      `openai:${server.baseUrl}`,
      "--executor-model",
      "fake-model",
    ];
    const command = [...budget, "--validation-limit", "4", "--run", join(work, "runs", "budget")];
    const env = { OPENAI_API_KEY: KEY };
    const stopped = await w4s([...command, "--max-calls", "3"], { env });
    expectFailure(stopped, 8, /budget spent: \d+ of 3 calls; raise --max-calls/);
    const paid = server.chats.length;
    const finished = await w4s(command, { env });
    expect(finished.code).toBe(0);
    const keys = server.chats.map(({ body }) => JSON.stringify(body));
    expect(server.chats.length).toBeGreaterThan(paid);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("leaves no lock and no draft behind", () => {
    const runs = join(work, "runs");
    const left = readdirSync(runs).flatMap((run) =>
      readdirSync(join(runs, run)).filter((name) => /lock|draft|\.tmp/.test(name)),
    );
    expect(left).toEqual([]);
  });
});

describe("signals", () => {
  /** A server that answers nothing until it is told to, so that a signal finds calls in flight, and a run against it. */
  async function heldRun() {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let onSecondCall = () => {};
    const reply = JSON.stringify(completion("fake-model", ["the answer is 5"]));
    const held = await startFakeOpenAI({
      intercept: (request, count) => {
        if (!request.path.endsWith("/chat/completions")) return undefined;
        if (count === 2) onSecondCall();
        return async ({ response }) => {
          await answered;
          response.writeHead(200, { "content-type": "application/json" }).end(reply);
        };
      },
    });
    const run = join(folder(), "run");
    const remote = ["--executor", `openai:${held.baseUrl}`, "--executor-model", "fake-model"];
    const command = ["eval", "--task", "word-problems", ...remote, "--validation-limit", "8", "--run", run];
    /** Sends a signal at the second call; `onFirst` sees that the command has understood a Ctrl-C. */
    const interrupt = (signal: NodeJS.Signals, onFirst: (child: ChildProcess) => void) =>
      w4s(command, {
        onStart: (child) => {
          onSecondCall = () => child.kill(signal);
          let stderr = "";
          child.stderr?.on("data", (chunk: Buffer) => {
            const isNew = !stderr.includes(AGAIN);
            stderr += chunk.toString();
            if (isNew && stderr.includes(AGAIN)) onFirst(child);
          });
        },
      });
    return { answer, held, run, command, interrupt };
  }

  const AGAIN = "again to stop now";
  const locksIn = (run: string) => readdirSync(run).filter((name) => name.includes("lock"));

  it("one Ctrl-C finishes what is in flight; the same command goes on and pays nothing again", async () => {
    const { answer, held, run, command, interrupt } = await heldRun();
    try {
      const result = await interrupt("SIGINT", answer);
      expect(result.code, result.stderr).toBe(130);
      expect(lastLine(result)).toMatch(/interrupted; run the same command again to go on/);
      expect(locksIn(run)).toEqual([]);
      const paid = held.chats.length;
      const resumed = await w4s(command);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(held.chats.length).toBeGreaterThan(paid);
      const asked = held.chats.map(({ body }) => JSON.stringify(body));
      expect(new Set(asked).size).toBe(asked.length);
    } finally {
      await held.close();
    }
  });

  it.each<[string, NodeJS.Signals, number]>([
    ["two Ctrl-C", "SIGINT", 130],
    ["SIGTERM", "SIGTERM", 143],
    ["SIGHUP", "SIGHUP", 129],
  ])("%s stops at once: exit code of the signal, calls kept, no lock left", async (_name, signal, code) => {
    const { held, run, interrupt } = await heldRun();
    try {
      const result = await interrupt(signal, (child) => child.kill(signal));
      expect(result.code, result.stderr).toBe(code);
      expect(existsSync(join(run, "calls.db"))).toBe(true);
      expect(locksIn(run)).toEqual([]);
    } finally {
      await held.close();
    }
  });
});

describe("commands that look", () => {
  it("inspect shows a model, a run and nothing that steers the terminal", async () => {
    const tiny = makeTinyGguf(join(folder(), "tiny.gguf"), {
      chatTemplate: "{{ '\u001b[2J' }}{{ messages[0].content }}",
    });
    const model = await w4s(["inspect", tiny]);
    expect([model.code, model.stdout.includes("\u001b")]).toEqual([0, false]);
    expect(model.stdout).toContain("architecture llama");
    const json = JSON.parse((await w4s(["inspect", tiny, "--json"])).stdout);
    const parameters = json.tensors.reduce(
      (sum: number, { dimensions }: { dimensions: number[] }) => sum + dimensions.reduce((a, b) => a * b, 1),
      0,
    );
    expect(json.parameterCount).toBe(parameters);

    const run = join(work, "runs", "looked-at");
    const command = ["eval", ...SIMULATED, "--validation-limit", "4", "--run", run];
    expect((await w4s(command)).code).toBe(0);
    const shown = await w4s(["inspect", run]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/command +eval, finished/);
    expect(shown.stdout).toMatch(/executor +simulated\S* \(simulated\)/);
  });

  it("doctor checks everything, ends with the code of the first failure, and pays nothing", async () => {
    const local = ["--gpu", "off", "--threads", "1", "--model", "/nowhere/x.gguf"];
    const remote = ["--executor", "openai:http://127.0.0.1:1/v1", "--executor-model", "m"];
    const result = await w4s(["doctor", "--json", ...local, ...remote]);
    const findings = JSON.parse(result.stdout).findings as {
      check: string;
      status: string;
      detail: string;
    }[];
    const status = Object.fromEntries(findings.map((finding) => [finding.check, finding.status]));
    expect(status).toMatchObject({
      "Node.js": "ok",
      "sandbox and store": "ok",
      "llama.cpp": "ok",
      "weak model": "failed",
      endpoint: "failed",
    });
    expectFailure(result, 3, /^weak model: .*nowhere/);
    const fine = await w4s(["doctor", "--gpu", "off", "--threads", "1"]);
    expect(fine.code, fine.stderr).toBe(0);
    expect(fine.stdout).toContain("llama.cpp");
  });
});

describe("streams", () => {
  it("ends quietly when nobody reads stdout", async () => {
    const child = spawn(process.execPath, [mainModule, "eval", "--help"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk);
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("prints no colour and no spinner when it is no terminal", async () => {
    const result = await w4s(["data", "list"]);
    expect(result.code).toBe(0);
    expect(result.stdout + result.stderr).not.toContain("\u001b");
    expect(result.stdout).toContain("word-problems");
  });
});
