#!/usr/bin/env node
/**
 * @file How busy a collecting run keeps the executor's server: share of the time, from the first episode to the last, in which
 * its slots hold a call. The server is a fake of 16 slots that answers each call after a second; the weak model is real.
 *
 *   node scripts/busy-server.mjs --model nano
 *   node scripts/busy-server.mjs --model nano --dist OTHER/dist      (another build of w4s, for comparison)
 *   node scripts/busy-server.mjs --model nano --minutes 10           (of a run that is cut off then; its slow end is left out)
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "nano" },
    task: { type: "string", default: "word-problems" },
    slots: { type: "string", default: "16" },
    "reply-ms": { type: "string", default: "1000" },
    episodes: { type: "string", default: "8" },
    turns: { type: "string", default: "4" },
    candidates: { type: "string", default: "5" },
    validation: { type: "string", default: "32" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string" },
    dist: { type: "string", default: "dist" },
    "runs-root": { type: "string", default: "runs/busy" },
  },
});
const SLOTS = Number(flags.slots);
const REPLY_MS = Number(flags["reply-ms"]);

/** Busy slots from each moment on, ms since 1970. */
const changes = [];
let calls = 0;
let busy = 0;
const waiting = [];

/** Calls above the number of slots wait for their turn. */
async function takeSlot() {
  if (busy >= SLOTS) await new Promise((resolve) => waiting.push(resolve));
  else note(1);
}

function giveSlot() {
  const next = waiting.shift();
  if (next) next();
  else note(-1);
}

function note(by) {
  busy += by;
  changes.push({ at: Date.now(), busy });
}

/** A number that depends on the request, so that workflows differ in accuracy. */
function reply(body, index) {
  const { stream: _, stream_options: __, ...asked } = body;
  const hash = createHash("sha256")
    .update(JSON.stringify([asked, index]))
    .digest();
  return `Step by step, so the answer is ${hash[0] % 7}`;
}

const tokens = (prompt, completion) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});

function send(response, body) {
  const texts = Array.from({ length: body.n ?? 1 }, (_, index) => reply(body, index));
  // About four letters a token, so that nothing looks cut off.
  const usage = tokens(Math.ceil(JSON.stringify(body.messages).length / 4), 20 * texts.length);
  const head = { id: "chatcmpl-busy", created: 0, model: body.model };
  if (!body.stream) {
    const choices = texts.map((content, index) => ({
      index,
      message: { role: "assistant", content },
      finish_reason: "stop",
    }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const choices = texts.map((content, index) => ({
    index,
    delta: { role: "assistant", content },
    finish_reason: "stop",
  }));
  for (const part of [{ choices }, { choices: [], usage }])
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...part })}\n\n`);
  response.end("data: [DONE]\n\n");
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    if (!request.url.endsWith("/chat/completions")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ object: "list", data: [{ id: "busy", object: "model" }] }));
      return;
    }
    calls++;
    await takeSlot();
    await new Promise((resolve) => setTimeout(resolve, REPLY_MS));
    giveSlot();
    if (!response.destroyed) send(response, JSON.parse(Buffer.concat(parts).toString("utf8")));
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const root = flags["runs-root"];
mkdirSync(root, { recursive: true });
rmSync(join(root, "run"), { recursive: true, force: true });
const command = [
  ...["collect", "--task", flags.task, "--model", flags.model, "--gpu", "off", "--weak", "none"],
  ...["--executor", `openai:http://127.0.0.1:${server.address().port}/v1`, "--executor-model", "busy"],
  ...["--episodes", flags.episodes, "--turns", flags.turns, "--candidates", flags.candidates],
  ...["--validation-limit", flags.validation, "--concurrency", flags.slots, "--seed", flags.seed],
  ...(flags.minutes === undefined ? [] : ["--max-minutes", flags.minutes]),
  ...["--runs-root", root, "--run", "run"],
];
const child = spawn(process.execPath, [join(flags.dist, "cli/main.js"), ...command], {
  stdio: ["ignore", "ignore", "pipe"],
});
const printed = [];
child.stderr.on("data", (chunk) => printed.push(chunk));
const code = await new Promise((resolve) => child.once("exit", resolve));
server.close();
const BUDGET_SPENT = 8;
if (code !== 0 && code !== BUDGET_SPENT)
  throw new Error(`collect ended with ${code}:\n${Buffer.concat(printed).toString().slice(-2000)}`);

const logged = (file) =>
  readFileSync(join(root, "run", file), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const events = logged("events.jsonl");
const from = Date.parse(events.find(({ type }) => type === "episode-start").at);
const to = Date.parse(events.findLast(({ type }) => type === "turn-end").at);
const written = logged("trajectories.jsonl").filter(({ kind }) => kind === "actions");

/** Mean of the busy slots over a span of time. */
function meanBusy(start, end) {
  let sum = 0;
  for (const [index, { at, busy: count }] of changes.entries()) {
    const until = changes[index + 1]?.at ?? end;
    sum += count * Math.max(0, Math.min(until, end) - Math.max(at, start));
  }
  return sum / (end - start);
}

const tenths = Array.from({ length: 10 }, (_, i) => {
  const step = (to - from) / 10;
  return Math.round((100 * meanBusy(from + i * step, from + (i + 1) * step)) / SLOTS);
});
const seconds = (ms) => Math.round(ms / 1000);
process.stdout.write(
  `${[
    `model ${flags.model}, ${flags.episodes} episodes × ${flags.turns} turns × ${flags.candidates} candidates, ${flags.validation} validation items, ${SLOTS} slots, ${REPLY_MS} ms a reply, seed ${flags.seed}`,
    `${code === BUDGET_SPENT ? "cut off; " : ""}slots in use: ${((100 * meanBusy(from, to)) / SLOTS).toFixed(1)} % of ${seconds(to - from)} s; by tenths of the time: ${tenths.join(" ")}`,
    `calls in all: ${calls}; the weak model wrote for ${seconds(1000 * written.reduce((sum, one) => sum + one.seconds, 0))} s, ${written.length} times`,
    `load of the machine: ${readFileSync("/proc/loadavg", "utf8").trim()}`,
  ].join("\n")}\n`,
);
