/**
 * @file A server that is killed with SIGKILL under load and started again: every answer that a client got stands in its log
 * once and whole, and what was paid is known again. Everything else is faked.
 *
 * node scripts/serve-check.mjs [--kills 10] [--clients 16] [--executor-ms 20] [--seed 1]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { JsonlLog } from "../dist/core/jsonl-log.js";
import { Random } from "../dist/core/random.js";

const CLI = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
/** Answers of a server before it is killed. */
const MOST_ANSWERS = 100;
const WORKFLOW = "export default async (agent, task) => (await agent.text(task.question))[0];\n";
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "10" },
    clients: { type: "string", default: "16" },
    "executor-ms": { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name}: "${values[name]}" must be a whole number from 0\n`);
  process.exit(2);
};
const [kills, clients, executorMs] = [number("kills"), number("clients"), number("executor-ms")];
const random = new Random(number("seed"));
const say = (text) => process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "w4s-serve-check-"));
const log = join(folder, "log");
writeFileSync(join(folder, "echo.js"), WORKFLOW);

/** Questions that the executor has answered. */
let paid = 0;
const executor = createServer((incoming, response) => {
  const parts = [];
  incoming.on("data", (part) => parts.push(part));
  incoming.on("end", async () => {
    response.setHeader("content-type", "application/json");
    if (incoming.method === "GET")
      return response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
    const { messages } = JSON.parse(Buffer.concat(parts).toString());
    const message = { role: "assistant", content: `reply to: ${messages.at(-1).content}` };
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    await wait(executorMs);
    paid++;
    response.end(
      JSON.stringify({
        ...{ id: "c", object: "chat.completion", created: 0, model: "m", usage },
        choices: [{ index: 0, message, finish_reason: "stop" }],
      }),
    );
  });
});
executor.listen(0, "127.0.0.1");
await once(executor, "listening");

async function start() {
  const base = `openai:http://127.0.0.1:${executor.address().port}/v1`;
  const words = ["serve", "echo.js", "--port", "0", "--log", log, "--concurrency", "8", "--queue", "1000"];
  const child = spawn(process.execPath, [CLI, ...words, "--executor", base, "--executor-model", "m"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, url: line.split(" ")[0] };
}

const answers = new Map();
let [asked, lost] = [0, 0];

/** Asks until `isOver`, every other time for a stream. */
async function client(url, isOver) {
  while (!isOver()) {
    const question = `question ${asked++}`;
    const stream = asked % 2 === 0;
    try {
      const response = await fetch(`${url}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ stream, messages: [{ role: "user", content: question }] }),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(text);
      if (stream && !text.endsWith("data: [DONE]\n\n")) throw new Error("the stream was cut");
      const found = /reply to: question \d+/.exec(text)?.[0];
      answers.set(question, found);
    } catch {
      lost++;
    }
  }
}

const failures = [];
for (let round = 0; round <= kills; round++) {
  const { child, url } = await start();
  const until = answers.size + 1 + Math.floor(random.next() * MOST_ANSWERS);
  let isOver = false;
  const working = Array.from({ length: clients }, () => client(url, () => isOver));
  while (answers.size < until) await wait(1);
  isOver = true;
  if (round < kills) child.kill("SIGKILL");
  await Promise.all(working);
  if (round === kills) {
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    if (code !== 0) failures.push(`the last server ended with ${code} on SIGTERM`);
  }
}
executor.close();
executor.closeAllConnections();

const files = readdirSync(log).filter((name) => name.startsWith("answers-"));
const read = files.map((name) => JsonlLog.read(join(log, name)));
if (read.some(({ tornAt }) => tornAt !== undefined)) failures.push("a line of the log is half-written");
const lines = read.flatMap(({ records }) => records);
const logged = new Map(lines.map(({ question, answer }) => [question, answer]));
if (logged.size !== lines.length) failures.push("an answer stands in the log twice");
for (const [question, answer] of answers) {
  if (answer !== `reply to: ${question}`) failures.push(`${question} was answered ${JSON.stringify(answer)}`);
  if (logged.get(question) !== answer) failures.push(`the answer to ${question} is not in the log`);
}
// What was on its way at a kill has no line.
if (paid - lines.length > kills * clients)
  failures.push(`${paid} calls were paid, ${lines.length} are known`);
say(
  `${asked} requests, ${answers.size} answered, ${lost} lost with ${kills} kills; ${lines.length} lines in the log, ${paid} calls paid`,
);
for (const failure of failures.slice(0, 20)) say(`FAILED: ${failure}`);
say(failures.length === 0 ? "serve-check: everything holds" : `serve-check: ${failures.length} failures`);
rmSync(folder, { recursive: true });
process.exit(failures.length === 0 ? 0 : 1);
