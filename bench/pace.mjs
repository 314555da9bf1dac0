/** @file Calls a second at servers that answer 429 by chance or above a rate, as a share of what they let through. `node bench/pace.mjs [--seconds 60] [--json FILE]` */
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { OpenAIChatModel } from "../dist/index.js";
import { report } from "./harness.mjs";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } }, strict: false });
const SECONDS = Number(values.seconds);
const LANES = 16;
const LATENCY_MS = 250;
const FLOOR = 0.6;

const REPLY = JSON.stringify({
  choices: [{ index: 0, message: { role: "assistant", content: "42" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 5, completion_tokens: 1 },
});

/** Numbers from 0 to 1 in an order that is always the same (mulberry32). */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function byChance(share) {
  const next = numbers(Math.round(share * 100) + 1);
  return () => next() >= share;
}

/** As many in any two seconds as `perSecond` allows. */
function byRate(perSecond) {
  let times = [];
  return () => {
    const now = performance.now();
    times = times.filter((at) => at > now - 2000);
    if (times.length >= 2 * perSecond) return false;
    times.push(now);
    return true;
  };
}

/** Answers of `SECONDS` at a server that admits calls by `admits`, and how many requests it took. */
async function measure(admits) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      requests++;
      const [status, body] = admits() ? [200, REPLY] : [429, '{"error":{"message":"Too many requests"}}'];
      setTimeout(() => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(body);
      }, LATENCY_MS);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const model = new OpenAIChatModel({
    baseUrl: `http://127.0.0.1:${server.address().port}/v1`,
    model: "m",
    maxConcurrency: LANES,
  });
  const stop = new AbortController();
  let answers = 0;
  const lane = async () => {
    while (!stop.signal.aborted) {
      await model.chat({ messages: [{ role: "user", content: "?" }], signal: stop.signal });
      if (!stop.signal.aborted) answers++;
    }
  };
  const lanes = Promise.allSettled(Array.from({ length: LANES }, lane));
  const timer = setTimeout(() => stop.abort(new Error("over")), SECONDS * 1000);
  // Lanes that end before the time have failed, and their answers are missing from the figure.
  await lanes;
  clearTimeout(timer);
  await model.close();
  server.closeAllConnections();
  server.close();
  return { perSecond: answers / SECONDS, requests };
}

const CASES = [
  ...[0, 0.1, 0.25, 0.5].map((share) => ({ name: `${share * 100} % refused by chance`, share })),
  ...[2, 5, 20].map((rate) => ({ name: `${rate} a second allowed`, rate })),
];
const measured = await Promise.all(
  CASES.map(({ share, rate }) => measure(rate === undefined ? byChance(share) : byRate(rate))),
);
const [{ perSecond: unhampered }] = measured;
report(
  "pace",
  CASES.map(({ name, share, rate }, index) => {
    const { perSecond, requests } = measured[index];
    const value = perSecond / (rate ?? unhampered * (1 - share));
    return {
      name,
      value,
      unit: "of what is let through",
      limit: `≥ ${FLOOR}`,
      isOk: value >= FLOOR,
      note: `${perSecond.toFixed(1)} answers a second, ${requests} requests in ${SECONDS} s, ${LANES} lanes`,
    };
  }),
);
