/**
 * @file Lanes of a local executor: requests in flight together beside one after another and, with --server URL, beside
 * llama.cpp's own HTTP server in turns; and what a shared start of a prompt saves.
 * `node bench/lanes.mjs [--models nano] [--server URL] [--requests 16] [--at-once 8] [--tokens 64] [--repetitions 3] [--threads N] [--json FILE]`
 */
import { parseArgs } from "node:util";
import { resolveModel } from "../dist/commands.js";
import { LocalModel } from "../dist/llm/local/local-model.js";
import { report, spread, timeMs } from "./harness.mjs";

const { values } = parseArgs({
  options: {
    models: { type: "string", default: "nano" },
    server: { type: "string" },
    requests: { type: "string", default: "16" },
    "at-once": { type: "string", default: "8" },
    tokens: { type: "string", default: "64" },
    repetitions: { type: "string", default: "3" },
    threads: { type: "string" },
    json: { type: "string" },
    table: { type: "string" },
  },
});
const [requests, atOnce, maxTokens, repetitions] = ["requests", "at-once", "tokens", "repetitions"].map(
  (name) => Number(values[name]),
);

const SHARED_WORDS = 300;
/** Numbers in words take about a token each. */
const words = (count, from) =>
  Array.from({ length: count }, (_, i) => `item ${(from * 7919 + i * 104729) % 1000}`).join(", ");
let fresh = 0;
const question = () => `Tell a long story about number ${++fresh}`;

/** Tokens a second of `requests` different requests, `atOnce` in flight. */
async function pace(ask) {
  const asked = Array.from({ length: requests }, question);
  let [next, tokens] = [0, 0];
  const client = async () => {
    for (let i = next++; i < asked.length; i = next++) {
      const written = await ask(asked[i]);
      tokens += written;
    }
  };
  const ms = await timeMs(() => Promise.all(Array.from({ length: atOnce }, client)));
  return (tokens / ms) * 1000;
}

const askLocal = (model) => async (content) => {
  const messages = [{ role: "user", content }];
  const { replies } = await model.generate({
    messages,
    candidates: [{ seed: 1, temperature: 0 }],
    maxTokens,
  });
  return replies[0].tokens.length;
};

async function askServer(content) {
  const response = await fetch(`${values.server}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "any",
      temperature: 0,
      max_tokens: maxTokens,
      messages: [{ role: "user", content }],
    }),
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()).usage.completion_tokens;
}

/** Evaluation of prompts whose first 300 words an earlier one had, as a share of fresh ones. */
async function sharedStart(model) {
  const prefill = async (content) => {
    const messages = [{ role: "user", content }];
    const { timings } = await model.generate({
      messages,
      candidates: [{ seed: 1, temperature: 0 }],
      maxTokens: 1,
    });
    return timings.prefillMs;
  };
  const shares = [];
  for (let i = 0; i < repetitions; i++) {
    const start = words(SHARED_WORDS / 2, ++fresh);
    const first = await prefill(`${start}. How many are there?`);
    await prefill(question());
    shares.push((await prefill(`${start}. Which one is the largest?`)) / first);
  }
  return spread(shares);
}

/** Rows of one model. */
async function measure(name) {
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  const options = { modelPath: await resolveModel(name), gpu: "off", threads };
  const lanes = await LocalModel.load({ ...options, lanes: atOnce });
  const serial = values.server ? undefined : await LocalModel.load(options);
  const [ours, theirs] = [[], []];
  try {
    await askLocal(lanes)(question());
    for (let i = 0; i < repetitions; i++) {
      ours.push(await pace(askLocal(lanes)));
      theirs.push(await pace(serial ? askLocal(serial) : askServer));
    }
    const ratio = spread(ours.map((one, i) => one / theirs[i]));
    const limit = serial ? {} : { limit: "≥ 0.95", isOk: ratio.value >= 0.95 };
    const other = serial ? "one after another" : "llama.cpp's HTTP server";
    const share = await sharedStart(lanes);
    return [
      { name: `${name}: ${atOnce} in flight, written together`, ...spread(ours), unit: "tokens/s" },
      { name: `${name}: the same, ${other}`, ...spread(theirs), unit: "tokens/s" },
      { name: `${name}: ratio, run by run`, ...ratio, unit: "", ...limit },
      {
        name: `${name}: prompt with 300 shared words, share of a fresh one's time`,
        ...share,
        unit: "",
        limit: "≤ 0.3",
        isOk: share.value <= 0.3,
      },
    ];
  } finally {
    await Promise.all([lanes.close(), serial?.close()]);
  }
}

const rows = [];
for (const name of values.models.split(",")) rows.push(...(await measure(name)));
report("lanes", rows);
