/**
 * @file A served workflow beside its executor asked directly: time and computing of a request, and many at once.
 * `node bench/serve.mjs [--requests N] [--executor-ms MS] [--json FILE]`
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { report, spread, timeMs } from "./harness.mjs";

/** Time that the executor lets pass before it answers. */
const EXECUTOR_MS = 20;
const PAIRS = 200;
/** Pairs until both ends are compiled by the engine: a request's computing falls to about a half over the first 1,500. */
const WARM_UP = 1500;
const AT_ONCE = 64;
/** After which memory is read, the first being the warm-up: one round alone moved by 8 to 24 MiB with the engine's collections. */
const ROUNDS = 7;
const WORKFLOW = "export default async (agent, task) => (await agent.text(task.question))[0];\n";
const CLI = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** An executor that echoes after a fixed time, as a process of its own. */
async function playExecutor(ms) {
  const server = createServer((incoming, response) => {
    const parts = [];
    incoming.on("data", (part) => parts.push(part));
    incoming.on("end", () => {
      response.setHeader("content-type", "application/json");
      if (incoming.method === "GET")
        return response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
      const { messages } = JSON.parse(Buffer.concat(parts).toString());
      const message = { role: "assistant", content: `reply to: ${messages.at(-1).content}` };
      const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      const body = { id: "c", object: "chat.completion", created: 0, model: "m", choices, usage };
      const answer = () => response.end(JSON.stringify(body));
      ms > 0 ? setTimeout(answer, ms) : answer();
    });
  });
  server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
}

/** @param {string} base ends in /v1 */
async function ask(base, content, stream = false) {
  const response = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "echo", stream, messages: [{ role: "user", content }] }),
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  if (!stream) return (await response.json()).choices[0].message.content;
  return textOf((await response.text()).split("\n\n").filter((event) => event.startsWith("data: ")));
}

/** The text of a stream whose events come in their order: the role, the text, the end, and the mark behind it. */
function textOf(events) {
  const done = events.pop();
  const choices = events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0]);
  const [first, ...others] = choices;
  const isInOrder =
    done === "data: [DONE]" &&
    first.delta.role === "assistant" &&
    choices.at(-1).finish_reason === "stop" &&
    choices.slice(0, -1).every((choice) => choice.finish_reason === null);
  if (!isInOrder) throw new Error(`a stream out of order: ${events.join(" ")}`);
  return others.map(({ delta }) => delta.content ?? "").join("");
}

async function memoryMiB(url) {
  const text = await (await fetch(url.replace(/v1$/, "metrics"))).text();
  return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)[1]) / 2 ** 20;
}

/** Processes that a process has started. */
function childrenOf(pid) {
  const stats = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return stats.map(Number).filter((child) => {
    try {
      const stat = readFileSync(`/proc/${child}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
    } catch {
      return false;
    }
  });
}

/** Milliseconds of computing of all threads of processes so far. Linux only. */
function computedMs(pids) {
  let sum = 0;
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`))
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return sum / 1e6;
}

/** What a request costs the server and its sandboxes, one after another: this says something on a busy machine too. */
async function computing(url, pid) {
  const parts = [
    ["the server computes for a request", [pid]],
    ["its sandboxes compute for a request", childrenOf(pid)],
  ];
  const before = parts.map(([, pids]) => computedMs(pids));
  for (let i = 0; i < PAIRS; i++) await ask(url, `computed ${i}`);
  return parts.map(([name, pids], index) => ({
    name,
    value: (computedMs(pids) - before[index]) / PAIRS,
    unit: "ms",
  }));
}

/** Direct and served in turns, so that both meet the same machine: a server just started, and one that has run a while. */
async function overhead(executor, url, executorMs) {
  const [direct, served] = [[], []];
  for (let i = 0; i < WARM_UP + PAIRS; i++) {
    direct.push(await timeMs(() => ask(executor, `direct ${i}`)));
    served.push(await timeMs(() => ask(url, `served ${i}`)));
  }
  const differences = served.map((ms, i) => ms - direct[i]);
  const [first, warm] = [differences.slice(0, PAIRS), differences.slice(WARM_UP)].map(spread);
  const [directWarm, servedWarm] = [direct, served].map((times) => spread(times.slice(WARM_UP)));
  const ratio = servedWarm.value / directWarm.value;
  return [
    { name: `executor of ${executorMs} ms asked directly`, ...directWarm, unit: "ms" },
    {
      name: "the same through the server",
      ...servedWarm,
      unit: "ms",
      note: `${ratio.toFixed(2)} times as long`,
    },
    { name: `overhead of a request, the first ${PAIRS}`, ...first, unit: "ms" },
    {
      name: `overhead of a request, after ${WARM_UP.toLocaleString("en")}`,
      ...warm,
      unit: "ms",
      limit: "≤ 3",
      isOk: warm.value <= 3,
    },
  ];
}

/** Of the straight line through values at equal distances that is nearest to them. */
function slope(values) {
  const middle = (values.length - 1) / 2;
  const squares = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return values.reduce((sum, value, at) => sum + (at - middle) * value, 0) / squares;
}

async function manyAtOnce(url, requests) {
  let [next, wrong, lost] = [0, 0, 0];
  const client = async () => {
    for (let i = next++; i < requests; i = next++) {
      try {
        // Every other one as a stream.
        if ((await ask(url, `question ${i}`, i % 2 === 1)) !== `reply to: question ${i}`) wrong++;
      } catch {
        lost++;
      }
    }
  };
  const round = async () => {
    next = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, client));
  };
  await round();
  const memory = [await memoryMiB(url)];
  const seconds = [];
  while (memory.length < ROUNDS) {
    seconds.push((await timeMs(round)) / 1000);
    memory.push(await memoryMiB(url));
  }
  const growth = slope(memory);
  const name = `${requests} requests, ${AT_ONCE} at once`;
  return [
    { name: `${name}: a second`, ...spread(seconds.map((one) => requests / one)), unit: "1/s" },
    {
      name: `${name}: lost or wrong, ${ROUNDS} rounds`,
      value: lost + wrong,
      unit: "",
      limit: "0",
      isOk: lost + wrong === 0,
    },
    {
      name: `${name}: memory grows by, a round`,
      value: growth,
      unit: "MiB",
      limit: "≤ 4",
      isOk: growth <= 4,
      note: `${memory.map((one) => one.toFixed(0)).join(", ")} MiB after the rounds`,
    },
  ];
}

async function main() {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "1000" },
      "executor-ms": { type: "string", default: String(EXECUTOR_MS) },
    },
    strict: false,
  });
  const executorMs = Number(values["executor-ms"]);
  const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
  writeFileSync(join(folder, "echo.js"), WORKFLOW);
  const executor = fork(fileURLToPath(import.meta.url), ["--executor", String(executorMs)]);
  const [{ port }] = await once(executor, "message");
  const base = `http://127.0.0.1:${port}/v1`;
  const flags = [
    "--port",
    "0",
    "--concurrency",
    "16",
    "--executor-model",
    "m",
    "--executor",
    `openai:${base}`,
  ];
  const server = spawn(process.execPath, [CLI, "serve", "echo.js", ...flags], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await once(createInterface({ input: server.stdout }), "line");
    const url = line.split(" ")[0];
    const rows = await overhead(base, url, executorMs);
    if (process.platform === "linux") rows.push(...(await computing(url, server.pid)));
    rows.push(...(await manyAtOnce(url, Number(values.requests))));
    report("serve", rows);
  } finally {
    server.kill();
    executor.kill();
    await once(server, "exit");
    rmSync(folder, { recursive: true });
  }
}

if (process.argv.includes("--executor")) await playExecutor(Number(process.argv.at(-1)));
else await main();
