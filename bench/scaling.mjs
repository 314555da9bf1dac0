/**
 * @file How cost grows: forward pass against length, evaluation against concurrency, resume against what is stored.
 *
 * Usage: node bench/scaling.mjs [--models NAME,…] [--lengths 128,256,512,1024,2048] [--results 1000,10000,100000]
 *   [--threads N] [--json FILE]
 * The models must have been pulled; dist/ must have been built.
 */
import { fork } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { encodeLine } from "../dist/core/jsonl-log.js";
import { OrtBackend } from "../dist/graph/ort-backend.js";
import { evaluate, parseRunConfig, resolveModel } from "../dist/index.js";
import { CallStore } from "../dist/llm/call-store.js";
import { defaultThreads } from "../dist/llm/local/local-model.js";
import { TrajectoryLog } from "../dist/records/trajectory.js";
import { Transformer } from "../dist/transformer/transformer.js";
import { report, spread, timeMs } from "./harness.mjs";

/** What is promised for opening 100,000 stored results. */
const OPEN_LIMIT = { count: 100_000, ms: 2000 };
const SERVER_DELAY_MS = 50;
const SAMPLES = 64;

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m" },
    lengths: { type: "string", default: "128,256,512,1024,2048" },
    results: { type: "string", default: "1000,10000,100000" },
    concurrency: { type: "string", default: "1,4,16,64" },
    threads: { type: "string", default: String(defaultThreads()) },
    json: { type: "string" },
    table: { type: "string" },
    role: { type: "string" },
    model: { type: "string" },
  },
});
const threads = Number(flags.threads);

/** In a child of its own, so that peak memory is this length's: forward passes of one length. */
async function serveForward() {
  const length = Number(flags.lengths);
  const backend = new OrtBackend({ threads });
  const model = Transformer.open(flags.model ?? "", { backend, weights: "f32" });
  const tokens = (/** @type {number} */ round) =>
    Int32Array.from(
      { length },
      (_, i) => 300 + ((i * 7919 + round * 104_729) % (model.model.config.vocabSize - 400)),
    );
  const times = [];
  for (let round = -1; round < 3; round++) {
    const ms = await timeMs(() => model.hidden(tokens(round + 1)));
    if (round >= 0) times.push(ms);
  }
  process.send?.({ times, rss: process.resourceUsage().maxRSS * 1024 });
}

/** @param {string} name */
async function forwardRows(name) {
  const path = await resolveModel(name);
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  for (const length of flags.lengths.split(",")) {
    const passed = ["--role", "forward", "--model", path, "--lengths", length, "--threads", flags.threads];
    const child = fork(fileURLToPath(import.meta.url), passed);
    const reply = await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", (code) => reject(new Error(`the forward pass ended with code ${code}`)));
    });
    const speed = reply.times.map((/** @type {number} */ ms) => (Number(length) / ms) * 1000);
    rows.push(
      { name: `${name}, forward of ${length} tokens`, unit: "tokens/s", ...spread(speed) },
      { name: `${name}, forward of ${length} tokens: peak RSS`, unit: "MB", value: reply.rss / 1e6 },
    );
  }
  return rows;
}

/** Evaluation of direct answers against a server that takes 50 ms a reply. */
async function concurrencyRows() {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () =>
      setTimeout(() => {
        response.setHeader("content-type", "application/json");
        if (request.url?.endsWith("/models")) return response.end('{"object":"list","data":[{"id":"fake"}]}');
        const message = { role: "assistant", content: "The answer is 7." };
        const usage = { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 };
        response.end(
          JSON.stringify({ model: "fake", choices: [{ index: 0, message, finish_reason: "stop" }], usage }),
        );
      }, SERVER_DELAY_MS),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
  const source =
    "export default async function workflow(agent, task) { return number((await agent.text(task.question))[0]); }";
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  for (const concurrency of flags.concurrency.split(",").map(Number)) {
    const rates = [];
    for (let i = 0; i < 3; i++) {
      const config = parseRunConfig({
        ...{ task: "word-problems", executor: `openai:http://127.0.0.1:${port}/v1`, executorModel: "fake" },
        ...{ weak: "none", validationLimit: SAMPLES, concurrency, run: join(folder, `${concurrency}-${i}`) },
      });
      const options = /** @type {const} */ ({ split: "validation", limit: SAMPLES, baselines: false });
      let rate = 0;
      const ms = await timeMs(async () => {
        const {
          rows: [row],
        } = await evaluate(config, { ...options, workflows: [{ name: "direct", source }] });
        rate = row?.n ?? 0;
      });
      rates.push((rate / ms) * 1000);
    }
    rows.push({
      name: `eval, ${SERVER_DELAY_MS} ms a reply, ${concurrency} at once`,
      unit: "samples/s",
      ...spread(rates),
    });
  }
  server.close();
  rmSync(folder, { recursive: true });
  return rows;
}

/** Opening what an earlier session left: replies and results in the store, candidates in the trajectory. */
function resumeRows() {
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  for (const count of flags.results.split(",").map(Number)) {
    const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
    mkdirSync(folder, { recursive: true });
    const storePath = join(folder, "calls.db");
    const filled = CallStore.open(storePath);
    const result = JSON.stringify({
      status: "ok",
      answer: 42,
      value: 1,
      calls: 3,
      tokens: 600,
      text: "x".repeat(300),
    });
    for (let i = 0; i < count; i++) filled.putResult(`job-${i}`, result);
    filled.close();
    const logPath = join(folder, "trajectories.jsonl");
    writeTrajectory(logPath, count);
    const opened = [];
    const read = [];
    for (let i = 0; i < 3; i++) {
      let start = performance.now();
      const store = CallStore.open(storePath);
      if (store.resultCount() !== count) throw new Error("results are missing");
      store.ledgerTotals();
      opened.push(performance.now() - start);
      store.close();
      start = performance.now();
      const log = new TrajectoryLog(logPath);
      read.push(performance.now() - start);
      if (log.turns().length * 5 < count) throw new Error("turns are missing");
      log.close();
    }
    rmSync(folder, { recursive: true });
    const limit = (/** @type {number} */ ms) =>
      count === OPEN_LIMIT.count ? { limit: `≤ ${OPEN_LIMIT.ms}`, isOk: ms <= OPEN_LIMIT.ms } : {};
    const store = spread(opened);
    const trajectory = spread(read);
    const label = count.toLocaleString("en");
    rows.push(
      { name: `open a store of ${label} results`, unit: "ms", ...store, ...limit(store.value) },
      {
        name: `read a trajectory of ${label} candidates`,
        unit: "ms",
        ...trajectory,
        ...limit(trajectory.value),
      },
    );
  }
  return rows;
}

/** Turns of five scored candidates. @param {string} path @param {number} count */
function writeTrajectory(path, count) {
  const hashes = { modelHash: "0", tokenizerHash: "0", templateHash: "0", adapterHash: null };
  const policy = { id: "bench", ...hashes, device: "cpu" };
  const task = { name: "bench", hash: "0" };
  appendFileSync(
    path,
    `${encodeLine({ kind: "header", version: 1, task, executor: "fake", isSimulated: false, policy, seed: 0 })}\n`,
  );
  const source = `export default async function workflow(agent, task) {\n  ${"const [reply] = await agent.text(task.question);\n  ".repeat(6)}return number(reply);\n}\n`;
  const candidate = (/** @type {number} */ index) => ({
    ...{ index, repairOf: null, forced: ["steps"], techniques: ["steps"], workflowHash: `${index}`, source },
    ...{
      outcome: "scored",
      status: "ok",
      accuracy: 0.5,
      screenAccuracy: 0.5,
      interval: { low: 0.4, high: 0.6 },
    },
    ...{ n: 32, calls: 96, tokens: 20_000, dollars: 0.01, reward: 0.5 },
  });
  let lines = "";
  for (let turn = 0; turn * 5 < count; turn++) {
    const history = { best: 0.5, previous: 0.5, sampleCount: 32 };
    const candidates = Array.from({ length: 5 }, (_, i) => candidate(i));
    lines += `${encodeLine({ kind: "turn", episode: turn, turn: 0, history, parentHash: "0", candidates, kept: 0 })}\n`;
    if (lines.length < 1 << 22) continue;
    appendFileSync(path, lines);
    lines = "";
  }
  appendFileSync(path, lines);
}

if (flags.role === "forward") await serveForward();
else {
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  for (const name of flags.models.split(",")) rows.push(...(await forwardRows(name)));
  rows.push(...(await concurrencyRows()), ...resumeRows());
  report("scaling", rows);
}
