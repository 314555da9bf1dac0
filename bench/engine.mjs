/** @file Startup, engine overhead per executor call, and a rerun from what is stored. `node bench/engine.mjs [--json FILE]` */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evaluate, parseRunConfig, WorkflowRunner } from "../dist/index.js";
import { MockChatModel } from "../dist/testing.js";
import { report, spread, timeMs } from "./harness.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CALLS = 20;
const SERVER_DELAY_MS = 50;
const SAMPLES = 40;

/** Process start to exit of a command that needs no native module. */
function startup() {
  const run = (args) => () => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { cwd: ROOT, timeout: 20_000 });
    if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
    return performance.now() - start;
  };
  const help = run(["dist/cli/main.js", "--help"]);
  const bare = run(["-e", "0"]);
  const times = { help: [], bare: [] };
  help();
  for (let i = 0; i < 11; i++) {
    times.bare.push(bare());
    times.help.push(help());
  }
  const row = spread(times.help);
  return [
    { name: "node -e 0 (floor)", ...spread(times.bare), unit: "ms" },
    { name: "w4s --help", ...row, unit: "ms", limit: "≤ 150", isOk: row.value <= 150 },
  ];
}

/** Twenty calls in one run against a model that answers at once, less the same run without calls. */
async function overhead() {
  const source = (calls) => `export default async function workflow(agent, task) {
    for (let i = 0; i < ${calls}; i++) await agent.text("call " + i + " of " + task.question);
    return 1;
  }`;
  const executor = new MockChatModel(() => "42");
  const runner = new WorkflowRunner({ executor, limits: { modelCalls: CALLS } });
  const one = (calls, i) =>
    timeMs(async () => {
      const { status, error } = await runner.run(source(calls), { question: `q${calls}-${i}` });
      if (status !== "ok") throw new Error(`${status}: ${error}`);
    });
  const perCall = [];
  const empty = [];
  for (let i = 0; i < 5; i++) await one(CALLS, `warm${i}`);
  for (let i = 0; i < 40; i++) {
    const none = await one(0, i);
    const many = await one(CALLS, i);
    empty.push(none);
    perCall.push((many - none) / CALLS);
  }
  await runner.close();
  const row = spread(perCall);
  return [
    { name: "one sample without calls (fresh wasm instance)", ...spread(empty), unit: "ms" },
    {
      name: "engine overhead per executor call",
      ...row,
      unit: "ms",
      limit: "< 1",
      isOk: row.value < 1,
      note: "sandbox border, checks, cache look-up, durable store, ledger; mock model without delay",
    },
  ];
}

/** `eval` of 40 samples against a server that takes 50 ms, then the same again. */
async function rerun() {
  let served = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () =>
      setTimeout(() => {
        response.setHeader("content-type", "application/json");
        if (request.url.endsWith("/models")) return response.end('{"object":"list","data":[{"id":"fake"}]}');
        served++;
        const message = { role: "assistant", content: `The answer is ${body.length % 97}.` };
        const usage = { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 };
        response.end(
          JSON.stringify({ model: "fake", choices: [{ index: 0, message, finish_reason: "stop" }], usage }),
        );
      }, SERVER_DELAY_MS),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const directory = mkdtempSync(join(tmpdir(), "w4s-bench-"));
  const config = (run) =>
    parseRunConfig({
      task: join(ROOT, "datasets", "word-problems"),
      executor: `openai:http://127.0.0.1:${server.address().port}/v1`,
      executorModel: "fake",
      weak: "none",
      validationLimit: SAMPLES,
      concurrency: 4,
      run: join(directory, run),
    });
  const options = { split: "validation", workflows: [], limit: SAMPLES };
  const ratios = [];
  const firsts = [];
  const agains = [];
  for (let i = 0; i < 3; i++) {
    const first = await timeMs(() => evaluate(config(`run-${i}`), options));
    const paid = served;
    const again = await timeMs(() => evaluate(config(`run-${i}`), options));
    if (served !== paid) throw new Error(`the rerun asked the server ${served - paid} times`);
    firsts.push(first);
    agains.push(again);
    ratios.push(first / again);
  }
  server.close();
  rmSync(directory, { recursive: true });
  const ratio = spread(ratios);
  return [
    { name: "eval of 3 baselines, first run", ...spread(firsts), unit: "ms" },
    { name: "the same command again", ...spread(agains), unit: "ms" },
    {
      name: "first / again",
      ...ratio,
      unit: "×",
      limit: "≥ 50",
      isOk: ratio.value >= 50,
      note: `validation items of datasets/word-problems, fake server with ${SERVER_DELAY_MS} ms a reply, 4 at once; no call is repeated`,
    },
  ];
}

report("startup", startup());
report("engine", await overhead());
report("rerun", await rerun());
