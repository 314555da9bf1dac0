/** @file Stored replies: what keeping one and finding one costs. `node bench/cache.mjs [--json FILE]` */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashJson } from "../dist/core/hash.js";
import { CallStore } from "../dist/llm/call-store.js";
import { report, spread } from "./harness.mjs";

const COUNT = 2000;
const REPETITIONS = 7;

const reply = (/** @type {number} */ i) => ({
  texts: [`${"Step by step, this is a reply of usual length. ".repeat(12)}The answer is ${i}.`],
  usage: { promptTokens: 180, completionTokens: 160 },
  finishReasons: ["stop"],
});
const entry = {
  role: "executor",
  model: "fake",
  isCached: false,
  promptTokens: 180,
  completionTokens: 160,
  dollars: 1e-4,
};

const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
const path = join(folder, "calls.db");
const store = CallStore.open(path);
/** @param {number} round @param {number} i */
const keyOf = (round, i) => hashJson({ round, i });
/** Microseconds per call of COUNT calls. @param {(i: number) => void} call */
function each(call) {
  const start = performance.now();
  for (let i = 0; i < COUNT; i++) call(i);
  return ((performance.now() - start) / COUNT) * 1000;
}
const keep = [];
const find = [];
const miss = [];
const key = [];
for (let round = -1; round < REPETITIONS; round++) {
  const hashed = each((i) => keyOf(round, i));
  const kept = each((i) => store.putReply(keyOf(round, i), /** @type {any} */ (reply(i)), entry)) - hashed;
  const found = each((i) => store.getReply(keyOf(round, i))) - hashed;
  const missed = each((i) => store.getReply(keyOf(round + 1, i))) - hashed;
  if (round < 0) continue;
  key.push(hashed);
  keep.push(kept);
  find.push(found);
  miss.push(missed);
}
store.close();
const opened = [];
for (let i = 0; i < REPETITIONS; i++) {
  const start = performance.now();
  const again = CallStore.open(path);
  again.ledgerTotals();
  opened.push(performance.now() - start);
  again.close();
}
rmSync(folder, { recursive: true });
report("cache", [
  { name: "key of a request (SHA-256)", unit: "µs", ...spread(key) },
  {
    name: "reply kept, with its ledger entry",
    unit: "µs",
    ...spread(keep),
    note: `committed to the write-ahead log before use, ${COUNT} in a row`,
  },
  { name: "reply found", unit: "µs", ...spread(find) },
  { name: "reply not there", unit: "µs", ...spread(miss) },
  {
    name: `open a store of ${(REPETITIONS + 1) * COUNT} replies and sum its ledger`,
    unit: "ms",
    ...spread(opened),
  },
]);
