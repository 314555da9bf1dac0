/**
 * @file Four workers on one machine, killed, stopped and left without their queue: results = jobs, distinct payments =
 * distinct calls, and the same result hash as in one process. Needs `redis-server`; everything else is faked.
 *
 * node scripts/workers-check.mjs [--jobs 2000] [--workers 4] [--kills 20] [--stops 3] [--stop-seconds 40]
 *   [--redis-kills 1] [--delay-ms 200] [--seed 1] [--throughput | --costs]
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../dist/core/random.js";
import { CallStore } from "../dist/llm/call-store.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "2000" },
    workers: { type: "string", default: "4" },
    kills: { type: "string", default: "20" },
    stops: { type: "string", default: "3" },
    "stop-seconds": { type: "string", default: "40" },
    "redis-kills": { type: "string", default: "1" },
    "delay-ms": { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    throughput: { type: "boolean", default: false },
    costs: { type: "boolean", default: false },
  },
});
/** Samples at once of each worker; few where their number is to decide the speed, not the processors of one machine. */
const CONCURRENCY = values.throughput ? 2 : 4;
const number = (name) => Number(values[name]);
const say = (text) => process.stdout.write(`${text}\n`);

try {
  execFileSync("redis-server", ["--version"], { stdio: "ignore" });
} catch {
  say("redis-server is not here: install it (Debian: apt-get install redis-server)");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "w4s-workers-"));
const children = new Set();
const start = (program, args, options = {}) => {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
};
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const executor = await fakeExecutor(number("delay-ms"));
const redisPort = await freePort();
const queue = `redis://127.0.0.1:${redisPort}`;
let redis = await startRedis();
const environment = { PATH: process.env.PATH, HOME: folder, CI: "1", OPENAI_API_KEY: "worker-key" };
const items = number("jobs");
const task = writeDataset(items);
const workflow = join(folder, "workflow.js");
// The first call is the same for all items: it is paid once, whoever comes to it first.
writeFileSync(
  workflow,
  `export default async function workflow(agent, task) {
  const [how] = await agent.text("How are two numbers added?");
  const [reply] = await agent.text(how + " " + task.question);
  return number(reply);
}
`,
);
const failures = [];
if (values.costs) await costs();
else if (values.throughput) await throughput();
else await chaos();
redis.kill("SIGKILL");
await executor.close();
for (const failure of failures) say(`FAILED: ${failure}`);
say(failures.length === 0 ? "workers-check: everything holds" : `workers-check: ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

async function chaos() {
  const random = new Random(number("seed"));
  const workers = Array.from({ length: number("workers") }, () => startWorker());
  const evaluation = evaluate("queued", ["--queue", queue]);
  const begun = performance.now();
  let isDone = false;
  const ended = () => {
    isDone = true;
  };
  evaluation.then(ended, ended);
  const events = [
    ...Array.from({ length: number("kills") }, () => "kill"),
    ...Array.from({ length: number("stops") }, () => "stop"),
    ...Array.from({ length: number("redis-kills") }, () => "redis"),
  ];
  const counts = { kill: 0, stop: 0, redis: 0 };
  const stopped = new Set();
  const conts = [];
  while (executor.asked.length === 0 && !isDone) await wait(50);
  for (const event of random.shuffle(events)) {
    await wait(500 + random.next() * 2500);
    if (isDone) break;
    const free = workers.flatMap((worker, index) => (stopped.has(worker.pid) ? [] : [index]));
    const index = free[Math.floor(random.next() * free.length)];
    if (event === "redis") {
      redis.kill("SIGKILL");
      await wait(1500);
      redis = await startRedis();
    } else if (index === undefined) continue;
    else if (event === "kill") {
      workers[index].kill("SIGKILL");
      workers[index] = startWorker();
    } else {
      const { pid } = workers[index];
      stopped.add(pid);
      process.kill(pid, "SIGSTOP");
      conts.push(
        wait(number("stop-seconds") * 1000).then(() => {
          stopped.delete(pid);
          try {
            process.kill(pid, "SIGCONT");
          } catch {}
        }),
      );
    }
    counts[event]++;
  }
  const queued = await evaluation;
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(conts);
  for (const worker of workers) await end(worker);
  const sent = executor.asked.length;
  say(
    `${items} jobs, ${workers.length} workers, in ${seconds.toFixed(0)} s; ${counts.kill} SIGKILLs, ${counts.stop} SIGSTOPs of ` +
      `${values["stop-seconds"]} s, ${counts.redis} kills of Redis`,
  );
  for (const [name, wanted] of [
    ["kill", "kills"],
    ["stop", "stops"],
    ["redis", "redis-kills"],
  ])
    check(counts[name] === number(wanted), `${counts[name]} of ${wanted} ${number(wanted)} came in time`);
  const store = readStore("queued");
  const distinct = new Set(executor.asked).size;
  say(
    `${store.results} results; ${store.paid} payments with a reply for ${store.distinctPaid} distinct calls; ${sent} requests ` +
      `reached the executor for ${distinct} distinct calls, ${sent - store.paid} of them lost in flight (${store.unusable} of these in the ledger)`,
  );
  check(queued.isComplete, "the run is not complete");
  check(store.results === items, `${store.results} results for ${items} jobs`);
  check(store.paid === store.distinctPaid && store.paid === distinct, "payments are not the distinct calls");
  // What was on its way when a worker died, or was taken for dead, may be asked once more: at most its calls at once.
  const most = (counts.kill + counts.stop + counts.redis * workers.length) * CONCURRENCY;
  check(sent - store.paid <= most, `${sent - store.paid} requests were lost, at most ${most} were in flight`);
  const alone = await evaluate("alone", []);
  say(
    `result hash ${queued.resultHash.slice(0, 16)} with workers, ${alone.resultHash.slice(0, 16)} in one process`,
  );
  check(queued.resultHash === alone.resultHash, "the result hashes differ");
}

async function throughput() {
  const rates = [];
  for (const count of [1, number("workers")]) {
    const workers = Array.from({ length: count }, () => startWorker());
    await wait(3000);
    const before = executor.asked.length;
    await evaluate(`rate-${count}`, ["--queue", queue]);
    const times = executor.times.slice(before);
    const seconds = (times.at(-1) - times[0]) / 1000 + number("delay-ms") / 1000;
    rates.push(items / seconds);
    say(
      `${count} workers of ${CONCURRENCY} at once: ${items} jobs in ${seconds.toFixed(1)} s, ${rates.at(-1).toFixed(1)} a second`,
    );
    for (const worker of workers) await end(worker);
  }
  const factor = rates[1] / rates[0];
  say(`${factor.toFixed(2)} times as many with ${values.workers} workers`);
  check(factor >= 3.6, `${factor.toFixed(2)} is below 3.6`);
}

/** What a job of one call costs in the queue, without any model: time of its three steps, memory, and the run's share. */
async function costs() {
  const { QueueConnection } = await import("../dist/evaluate/queue/queue-connection.js");
  const { RunQueue } = await import("../dist/evaluate/queue/run-queue.js");
  const { SharedCalls } = await import("../dist/evaluate/queue/shared-calls.js");
  const { Budget } = await import("../dist/core/budget.js");
  const onWarning = () => {};
  const connection = await QueueConnection.open(queue, { onWarning });
  const calls = new SharedCalls(connection, "costs", 30_000);
  const memory = async () => Number(/used_memory:(\d+)/.exec(await connection.redis.info("memory"))[1]);
  const request = { messages: [{ role: "user", content: "q".repeat(600) }], temperature: 0, maxTokens: 2048 };
  const usage = { promptTokens: 150, completionTokens: 100 };
  const reply = { texts: ["a".repeat(400)], usage, finishReasons: ["stop"], model: "fake" };
  const entry = { role: "executor", model: "fake", isCached: false, ...usage, dollars: 0.0001 };
  const id = (index) => String(index).padStart(64, "0");
  const before = await memory();
  let begun = performance.now();
  const cpu = process.cpuUsage();
  for (let index = 0; index < items; index += 16) {
    await Promise.all(
      Array.from({ length: Math.min(16, items - index) }, async (_, offset) => {
        const job = id(index + offset);
        await calls.once(job, { tokens: 3000, dollars: 0.01 }, undefined, async () => ({
          payment: { reply, entry, request },
        }));
        await calls.putResult({
          jobId: job,
          sampleId: "s",
          status: "ok",
          score: 1,
          answer: "a".repeat(100),
          usage: {},
        });
      }),
    );
  }
  const worked = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  const held = ((await memory()) - before) / items;
  begun = performance.now();
  const store = CallStore.open(join(folder, "costs.db"));
  const run = await RunQueue.open(queue, { run: "costs", store, budget: new Budget(), onWarning });
  const taken = performance.now() - begun;
  const kept = ((await memory()) - before) / items;
  say(
    `${items} jobs of one call (600 + 400 characters), 16 at once: ${(worked / items).toFixed(2)} ms a job at the worker, of that ` +
      `${((user + system) / 1000 / items).toFixed(2)} ms of its processor; ${Math.round(held)} bytes a job in Redis until the run takes it, ${Math.round(kept)} after; ` +
      `${(taken / items).toFixed(2)} ms a job at the run`,
  );
  check(store.resultCount() === items && store.paidCount() === items, "not everything came");
  await run.close();
  store.close();
  calls.close();
  await connection.close();
}

function check(holds, message) {
  if (!holds) failures.push(message);
}

function startWorker() {
  const child = start(
    process.execPath,
    [main, "worker", "--queue", queue, ...models(), "--concurrency", String(CONCURRENCY), "--no-python"],
    { env: environment, cwd: folder },
  );
  child.stderr.on(
    "data",
    (text) => process.env.W4S_VERBOSE && process.stderr.write(`[${child.pid}] ${text}`),
  );
  child.stdout.resume();
  return child;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await Promise.race([new Promise((resolve) => child.once("exit", resolve)), wait(20_000)]);
  child.kill("SIGKILL");
}

async function evaluate(run, more) {
  const child = start(
    process.execPath,
    [
      ...[main, "eval", workflow, "--no-baselines", "--task", task, ...models(), "--run", run, "--json"],
      ...["--validation-limit", String(items), "--concurrency", "16", ...more],
    ],
    { env: environment, cwd: folder },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
    if (process.env.W4S_VERBOSE) process.stderr.write(`[run] ${text}`);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`eval ended with ${code}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout);
}

function readStore(run) {
  const store = CallStore.open(join(folder, "runs", run, "calls.db"));
  const calls = store.ledgerTotals().reduce((sum, row) => sum + row.calls, 0);
  const paid = store.paidCount();
  const counts = {
    ...{ results: store.resultCount(), paid, distinctPaid: store.replyCount(), unusable: calls - paid },
  };
  store.close();
  return counts;
}

function writeDataset(count) {
  const directory = join(folder, "sums");
  mkdirSync(directory);
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      id: `s${index}`,
      question: `How much is ${index} plus ${(index * 7) % 13}?`,
      answer: String(index + ((index * 7) % 13)),
    }),
  );
  writeFileSync(join(directory, "validation.jsonl"), `${lines.join("\n")}\n`);
  const manifest = {
    name: "sums",
    kind: "math",
    metric: "exact-number",
    splits: { validation: { file: "validation.jsonl" } },
  };
  writeFileSync(join(directory, "dataset.json"), JSON.stringify(manifest));
  return directory;
}

/** Adds the numbers of a prompt after some time; one in ten sums is wrong. */
async function fakeExecutor(delayMs) {
  const asked = [];
  const times = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", async () => {
      const send = (body) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(body));
      };
      if (!request.url.endsWith("/chat/completions")) return send({ object: "list", data: [{ id: "fake" }] });
      const prompt = JSON.parse(text).messages.at(-1).content;
      asked.push(prompt);
      times.push(performance.now());
      await wait(delayMs);
      const [a, b] = (prompt.match(/\d+/g) ?? []).map(Number);
      const sum = b === undefined ? "Add the ones first." : `The answer is ${a + b + (a % 10 === 3 ? 1 : 0)}`;
      send({
        model: "fake",
        choices: [{ index: 0, message: { role: "assistant", content: sum }, finish_reason: "stop" }],
        usage: { prompt_tokens: 20, completion_tokens: 6 },
      });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    times,
    port: server.address().port,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

function models() {
  return ["--executor", `openai:http://127.0.0.1:${executor.port}/v1`, "--executor-model", "fake"];
}

async function startRedis() {
  const child = start("redis-server", [
    ...["--port", String(redisPort), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"],
  ]);
  child.stderr.resume();
  await new Promise((resolve, reject) => {
    child.stdout.on("data", (text) => String(text).includes("Ready to accept") && resolve());
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  return child;
}

async function freePort() {
  const server = createNetServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
