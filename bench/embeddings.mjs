/**
 * @file Milliseconds a text of the embedding model, by length in tokens.
 * node bench/embeddings.mjs [--threads 2] [--batch 16] [--products integer|float32] [--json FILE]
 * Run after `make build` and `w4s models pull all-minilm-l6-v2`.
 */
import { parseArgs } from "node:util";
import { resolveModel } from "../dist/hub/model-hub.js";
import { SentenceEmbedder } from "../dist/llm/embedding/sentence-embedder.js";
import { report, spread, timeMs } from "./harness.mjs";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    batch: { type: "string", default: "16" },
    products: { type: "string" },
    json: { type: "string" },
  },
});
const threads = Number(values.threads);
const batchSize = Number(values.batch);
const ROUNDS = 9;
const LIMIT_MS = 15;
/** Each is one token of the model's vocabulary. */
const WORDS =
  "the river ran slowly past old house and a small boat lay under trees while people walked home".split(" ");

/** A text of exactly so many tokens, its two marks included. */
const textOf = (tokens, shift) =>
  Array.from({ length: tokens - 2 }, (_, i) => WORDS[(i * 7 + shift) % WORDS.length]).join(" ");

const directory = await resolveModel("all-minilm-l6-v2");
const startedAt = performance.now();
const embedder = new SentenceEmbedder({
  directory,
  threads,
  batchSize,
  ...(values.products === undefined ? {} : { products: values.products }),
});
await embedder.embed(["warm"]);
const rows = [{ name: "load and first text", value: performance.now() - startedAt, unit: "ms", n: 1 }];
for (const tokens of [16, 32, 64, 128]) {
  const texts = Array.from({ length: batchSize * 2 }, (_, i) => textOf(tokens, i));
  const times = [];
  const work = [];
  await embedder.embed(texts);
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    times.push((await timeMs(() => embedder.embed(texts))) / texts.length);
    const { user, system } = process.cpuUsage(before);
    work.push((user + system) / 1000 / texts.length);
  }
  const row = spread(times);
  rows.push({
    name: `a text of ${tokens} tokens`,
    ...row,
    unit: "ms",
    limit: `< ${LIMIT_MS}`,
    isOk: row.value < LIMIT_MS,
    // On a busy machine the time is not the model's alone.
    note: `${spread(work).value.toFixed(1)} ms of processor time`,
  });
}
report(`${embedder.id}, ${threads} threads, batches of ${batchSize}`, rows);
await embedder.close();
