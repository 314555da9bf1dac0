/** @file Faults of the executor at the command line: no score comes of them, and what can be done about them is said. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectFailure, lastLine } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import {
  completion,
  type FakeOpenAI,
  type FakeOpenAIOptions,
  faults,
  startFakeOpenAI,
} from "../support/fake-openai-server.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const ITEMS = 8;
const folder = useTemporaryFolder();
const runCli = useCliHost();
let sums: string;
let servers: FakeOpenAI[] = [];

beforeAll(() => {
  sums = folder();
  const lines = Array.from({ length: ITEMS }, (_, i) =>
    JSON.stringify({ id: `sums/validation/${i}`, question: `How much is ${i} plus 3?`, answer: `${i + 3}` }),
  );
  const text = `${lines.join("\n")}\n`;
  writeFileSync(join(sums, "validation.jsonl"), text);
  const sha256 = createHash("sha256").update(text).digest("hex");
  const splits = { validation: { file: "validation.jsonl", count: ITEMS, sha256 } };
  const about = { name: "sums", title: "Sums", kind: "math", metric: "exact-number", splits };
  writeFileSync(join(sums, "dataset.json"), JSON.stringify({ ...about, license: "CC0-1.0" }));
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

/** Adds the two numbers of the question. */
const add: NonNullable<FakeOpenAIOptions["reply"]> = ({ prompt }) => {
  const [, a, b] = /(\d+) plus (\d+)/.exec(prompt) ?? [];
  return `The answer is ${Number(a) + Number(b)}.`;
};

async function start(options: FakeOpenAIOptions = {}): Promise<string[]> {
  const server = await startFakeOpenAI({ reply: add, ...options });
  servers.push(server);
  return [
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--weak", "none"],
    ...["--price-input", "1", "--price-output", "1"],
  ];
}

/** Served `slots` at a time, `ms` each; all others stand in a queue. */
function queueOf(slots: number, ms: number): NonNullable<FakeOpenAIOptions["intercept"]> {
  const lanes = Array.from({ length: slots }, () => Promise.resolve());
  let next = 0;
  return (request) => {
    if (!request.path.endsWith("/chat/completions")) return undefined;
    const lane = next++ % slots;
    const turn = lanes[lane]!.then(() => new Promise<void>((resolve) => setTimeout(resolve, ms)));
    lanes[lane] = turn;
    return async (exchange) => {
      await turn;
      await faults.status(200, completion("fake-model", [add(request, 0)]))(exchange);
    };
  };
}

const workflow = (body: string): string => {
  const path = join(folder(), "workflow.js");
  writeFileSync(path, `export default async (agent, task) => { ${body} };\n`);
  return path;
};
const evaluate = (executor: readonly string[], ...more: string[]) =>
  runCli(["eval", "--task", sums, "--baselines", "direct", "--json", ...executor, ...more], {
    cwd: folder(),
  });
const rowsOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).rows;

const cut = (usage = 512) =>
  faults.status(200, {
    choices: [
      {
        index: 0,
        finish_reason: "length",
        message: { role: "assistant", content: "", reasoning_content: "hm" },
      },
    ],
    usage: { prompt_tokens: 20, completion_tokens: usage, total_tokens: 20 + usage },
  });

describe("a model that thinks past its reply limit", () => {
  it("ends eval with exit 4 and what to do, before all items are asked", async () => {
    const executor = await start({
      intercept: ({ path }) => (path.endsWith("completions") ? cut() : undefined),
    });
    const result = await evaluate(executor, "--concurrency", "1");
    expectFailure(result, 4, /no usable reply to all of the first 4 samples.*reasoning.*raise maxTokens/);
    expect(rowsOf(result)).toEqual([]);
  });
});

describe("a server that is slower than the limit of a run", () => {
  it("loses the samples, and a fast one later gives the real scores", async () => {
    const run = join(folder(), "run");
    const slow = { isSlow: true };
    const executor = await start({
      intercept: (request) =>
        slow.isSlow && request.path.endsWith("completions")
          ? async ({ response }) => await new Promise((resolve) => response.once("close", resolve))
          : undefined,
    });
    const limited = ["--sample-ms", "1500", "--run", run, "--validation-limit", "4"];
    const first = await evaluate(executor, ...limited);
    expect(first.code).toBe(5);
    expect(rowsOf(first)[0]).toMatchObject({ n: 0, errors: 4, statusCounts: { error: 4 } });
    expect(first.stderr).toMatch(
      /4 samples were lost \(executor: timeout\).*raise limits\.wallMs \(--sample-ms\)/,
    );
    slow.isSlow = false;
    const second = await evaluate(executor, ...limited);
    expect(`${second.code} ${second.stderr}`).toMatch(/^0 /);
    expect(rowsOf(second)[0]).toMatchObject({ n: 4, errors: 0, accuracy: 1 });
  });
});

describe("eight workflows at once on a server that serves two", () => {
  it("lose nothing: concurrency is lowered, with one line", async () => {
    // 5 s a call and 60 s a run, at a tenth of the time.
    const executor = await start({ intercept: queueOf(2, 500) });
    const file = workflow(
      "let reply; for (let i = 0; i < 5; i++) [reply] = await agent.text(`Try ${i}. ${task.question}`); return number(reply);",
    );
    const result = await runCli([
      ...["eval", file, "--task", sums, "--baselines", "direct", "--json", ...executor],
      ...["--concurrency", "8", "--sample-ms", "6000", "--run", join(folder(), "run")],
    ]);
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    for (const row of rowsOf(result)) expect(row).toMatchObject({ n: ITEMS, errors: 0, accuracy: 1 });
    expect(result.stderr.match(/not 8: concurrency is lowered to [1-4],/g)).toHaveLength(1);
  });
});

describe("five votes on a server with four slots", () => {
  it("never score 0: the samples are lost, or the votes are asked for in another way", async () => {
    const executor = await start({
      intercept: ({ path, body }) =>
        path.endsWith("completions") && body?.n > 4
          ? faults.status(400, {
              error: { message: "n_cmpl cannot be greater than the number of slots, please increase -np" },
            })
          : undefined,
    });
    const file = workflow(
      "const replies = await agent.text(task.question, { n: 5 }); return vote(replies.map((reply) => number(reply)));",
    );
    const result = await runCli([
      ...["eval", file, "--task", sums, "--baselines", "direct", "--json", ...executor],
      ...["--run", join(folder(), "run")],
    ]);
    const [direct, votes] = rowsOf(result);
    expect(direct).toMatchObject({ n: ITEMS, accuracy: 1 });
    expect(votes.n === 0 || votes.accuracy === 1).toBe(true);
    expect(votes.n + votes.errors).toBe(ITEMS);
  });
});

describe("w4s run", () => {
  const ask = (executor: readonly string[], ...more: string[]) => {
    const file = workflow(
      "try { return number((await agent.text(task.question))[0]); } catch { return 'caught'; }",
    );
    const question = more.length > 0 ? more : ["--question", "How much is 9 plus 9?"];
    return runCli(["run", file, ...question, ...executor]);
  };
  const filtered = faults.status(200, {
    choices: [{ index: 0, finish_reason: "content_filter", message: { role: "assistant", content: "" } }],
    usage: { prompt_tokens: 20, completion_tokens: 0, total_tokens: 20 },
  });

  it.each([["--question"], ["--item"]])("asks a refused input of %s again at the end", async (kind) => {
    const executor = await start();
    servers[0]!.queue(filtered);
    const item = ["--task", sums, "--item", "sums/validation/6"];
    const result = await (kind === "--item" ? ask(executor, ...item) : ask(executor));
    expect(`${result.code} ${result.stdout}`).toBe(kind === "--item" ? "0 9\n" : "0 18\n");
    expect(servers[0]!.chats).toHaveLength(2);
  });

  it("ends with 5 and the reason where there is no usable reply, and the guest cannot hide it", async () => {
    const executor = await start({
      intercept: ({ path }) => (path.endsWith("completions") ? filtered : undefined),
    });
    const result = await ask(executor);
    expectFailure(result, 5, /content filter cut the reply; .*run the same command again/);
    expect(result.stdout).toBe("");
  });

  it("ends with 4 where the context is too small", async () => {
    const message = "This model's maximum context length is 512 tokens. However, you requested 900 tokens.";
    const tooLong = faults.status(400, { error: { message, code: "context_length_exceeded" } });
    const executor = await start({
      intercept: ({ path }) => (path.endsWith("completions") ? tooLong : undefined),
    });
    expectFailure(await ask(executor), 4, /context length is 512/);
  });
});

describe("a server that reads only the end of a prompt", () => {
  it("is found by its own count: one warning names the setting, in eval and in run", async () => {
    const executor = await start();
    const long = "a word ".repeat(1_000);
    const file = workflow(`return number((await agent.text(${JSON.stringify(long)} + task.question))[0]);`);
    const result = await runCli([
      ...[
        "eval",
        file,
        "--task",
        sums,
        "--no-baselines",
        "--json",
        ...executor,
        "--run",
        join(folder(), "run"),
      ],
    ]);
    expect(result.code).toBe(0);
    expect(result.stderr.match(/num_ctx or OLLAMA_CONTEXT_LENGTH/g)).toHaveLength(1);
    const single = await runCli(["run", file, "--question", "How much is 1 plus 1?", ...executor]);
    expect(single.stdout).toBe("2\n");
    expect(lastLine(single)).toMatch(/1 call,/);
    expect(single.stderr.match(/num_ctx/g)).toHaveLength(1);
  });
});
