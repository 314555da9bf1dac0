/**
 * @file Our forward pass over a GGUF model beside llama.cpp's prefill of the same tokens, and its share of what
 * this machine's matrix products can do at all. Each engine has its own process; their runs alternate.
 *
 * Usage: node bench/forward.mjs [--models NAME,…] [--lengths 512,1024] [--repetitions 5] [--threads N]
 *   [--weights f32|f16|streamed] [--json FILE]
 * The models must have been pulled; dist/ must have been built.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GraphBuilder } from "../dist/graph/graph-builder.js";
import { OrtBackend } from "../dist/graph/ort-backend.js";
import { resolveModel } from "../dist/hub/model-hub.js";
import { defaultThreads } from "../dist/llm/local/local-model.js";
import { forwardFlops } from "../dist/transformer/forward-flops.js";
import { Transformer } from "../dist/transformer/transformer.js";
import { layerWeightCount } from "../dist/transformer/weight-plan.js";
import { report, spread } from "./harness.mjs";

/** What is promised: at least llama.cpp's speed at 512 tokens, this share of the Gemm peak, this much memory beyond the weights. */
const LIMITS = { ratio: 1, share: 0.75, extraBytes: 600e6 };
/** llama.cpp's usual batch for prompts. */
const PREFILL_BATCH = 512;
/** Shapes tried for the peak: rows, columns, inner; the best one counts. */
const PEAK_SHAPES = [
  [2048, 2048, 2048],
  [1024, 4096, 1024],
  [512, 4096, 4096],
  [1024, 4864, 896],
];

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m,qwen2.5-coder-0.5b" },
    lengths: { type: "string", default: "512,1024" },
    repetitions: { type: "string", default: "5" },
    threads: { type: "string", default: String(defaultThreads()) },
    weights: { type: "string", default: "f32" },
    json: { type: "string" },
    table: { type: "string" },
    role: { type: "string" },
    model: { type: "string" },
  },
});
const threads = Number(flags.threads);
const repetitions = Number(flags.repetitions);

/** Token ids that no cache can know and every vocabulary has; their values do not change the work. @param {number} count @param {number} round */
function tokensFor(count, round) {
  return Int32Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + (round + 1) * 104729) % 1_700));
}

/** @typedef {{ ms: number, flops?: number, rss: number, weightBytes?: number, plan?: string, gflops?: number }} Reply */

/** In a child: answers `{ length, round }` with the time of one forward pass. @param {string} path */
async function serveOurs(path) {
  const weights = /** @type {"f32"} */ (flags.weights);
  const model = Transformer.open(path, { backend: new OrtBackend({ threads }), weights });
  const { config } = model.model;
  // The pass ends before the head, so its matrix is never read.
  const layerBytes =
    (weights === "f16" ? 2 : 4) * (weights === "streamed" ? 1 : config.layerCount) * layerWeightCount(config);
  return async (/** @type {number} */ length, /** @type {number} */ round) => {
    const start = performance.now();
    await model.hidden(tokensFor(length, round));
    const ms = performance.now() - start;
    const rss = process.resourceUsage().maxRSS * 1024;
    return { ms, flops: forwardFlops(model.model.config, length), rss, weightBytes: layerBytes };
  };
}

/** The same by llama.cpp: one sequence, batches of 512, logits of the last token only. @param {string} path */
async function serveLlama(path) {
  const { getLlama } = await import("node-llama-cpp");
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logger: () => {} });
  const model = await llama.loadModel({ modelPath: path });
  const longest = Math.max(...flags.lengths.split(",").map(Number));
  const context = await model.createContext({ contextSize: longest + 64, batchSize: PREFILL_BATCH, threads });
  const raw = /** @type {any} */ (context)._ctx;
  return async (/** @type {number} */ length, /** @type {number} */ round) => {
    raw.disposeSequence(0);
    const tokens = Uint32Array.from(tokensFor(length, round));
    const start = performance.now();
    for (let at = 0; at < tokens.length; at += PREFILL_BATCH) {
      const chunk = tokens.slice(at, at + PREFILL_BATCH);
      raw.initBatch(chunk.length);
      raw.addToBatch(0, at, chunk, Uint32Array.of(chunk.length - 1));
      await raw.decodeBatch();
    }
    return { ms: performance.now() - start, rss: process.resourceUsage().maxRSS * 1024 };
  };
}

/** One big Gemm in our own engine: what the machine can do. */
async function servePeak() {
  const backend = new OrtBackend({ threads });
  const runs = await Promise.all(
    PEAK_SHAPES.map(async ([rows, columns, inner]) => {
      const graph = new GraphBuilder();
      const a = graph.input("a", [rows, inner]);
      const b = graph.input("b", [columns, inner]);
      graph.output("y", graph.matmul(a, b, { transB: true }));
      const program = await backend.compile(graph.build());
      const feeds = {
        a: new Float32Array(rows * inner).fill(0.5),
        b: new Float32Array(columns * inner).fill(0.25),
      };
      return { program, feeds, flops: 2 * rows * columns * inner };
    }),
  );
  return async () => {
    let gflops = 0;
    for (const { program, feeds, flops } of runs) {
      for (let i = 0; i < 2; i++) {
        const start = performance.now();
        await program.run(feeds);
        gflops = Math.max(gflops, flops / (performance.now() - start) / 1e6);
      }
    }
    return { ms: 0, gflops, rss: 0 };
  };
}

if (flags.role !== undefined) {
  const path = flags.model ?? "";
  const serve = { ours: () => serveOurs(path), llama: () => serveLlama(path), peak: servePeak }[flags.role];
  if (!serve) throw new Error(`unknown role ${flags.role}`);
  const answer = await serve();
  process.on("message", (/** @type {{ length: number, round: number }} */ order) => {
    answer(order.length, order.round).then(
      (reply) => process.send?.(reply),
      (error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
      },
    );
  });
  // Whoever asked is gone: nobody waits for an answer.
  process.once("disconnect", () => process.exit());
  process.send?.({ isReady: true });
} else {
  await main();
}

/** Starts a child for one engine. @param {string} role @param {string} path */
async function start(role, path) {
  const passed = ["--threads", flags.threads, "--lengths", flags.lengths, "--weights", flags.weights];
  const child = fork(fileURLToPath(import.meta.url), ["--role", role, "--model", path, ...passed]);
  const next = () =>
    new Promise((resolve, reject) => {
      const onExit = (/** @type {number | null} */ code) =>
        reject(new Error(`${role} ended with code ${code}`));
      child.once("exit", onExit);
      child.once("message", (reply) => {
        child.off("exit", onExit);
        resolve(reply);
      });
    });
  await next();
  return {
    /** @returns {Promise<Reply>} */
    ask(/** @type {number} */ length, /** @type {number} */ round) {
      const reply = next();
      child.send({ length, round });
      return /** @type {Promise<Reply>} */ (reply);
    },
    stop: () => child.removeAllListeners("exit").kill(),
  };
}

async function main() {
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  for (const name of flags.models.split(",")) {
    const path = await resolveModel(name);
    const [ours, llama, peak] = await Promise.all([
      start("ours", path),
      start("llama", path),
      start("peak", path),
    ]);
    for (const length of flags.lengths.split(",").map(Number)) {
      const times = { ours: [], llama: [], ratio: [], gflops: [], share: [] };
      let last = /** @type {Reply} */ ({ ms: 0, rss: 0 });
      for (let round = -1; round < repetitions; round++) {
        const a = await ours.ask(length, round);
        const b = await llama.ask(length, round);
        const { gflops: most = 0 } = await peak.ask(length, round);
        if (round < 0) continue;
        const gflops = (a.flops ?? 0) / a.ms / 1e6;
        times.ours.push((length / a.ms) * 1000);
        times.llama.push((length / b.ms) * 1000);
        times.ratio.push(b.ms / a.ms);
        times.gflops.push(gflops);
        times.share.push(gflops / most);
        last = a;
      }
      const label = `${name}, ${length} tokens`;
      const ratio = spread(times.ratio);
      const share = spread(times.share);
      const extra = last.rss - (last.weightBytes ?? 0);
      rows.push(
        { name: `${label}: ours`, unit: "tokens/s", ...spread(times.ours) },
        { name: `${label}: llama.cpp`, unit: "tokens/s", ...spread(times.llama) },
        {
          name: `${label}: ours / llama.cpp`,
          unit: "×",
          ...ratio,
          ...(length === 512 && name !== "nano"
            ? { limit: `≥ ${LIMITS.ratio}`, isOk: ratio.value >= LIMITS.ratio }
            : {}),
        },
        { name: `${label}: ours`, unit: "GFLOP/s", ...spread(times.gflops) },
        {
          name: `${label}: share of Gemm peak`,
          unit: "",
          ...share,
          // The products of a model of two million weights are too small to reach any machine's peak.
          ...(name === "nano" ? {} : { limit: `≥ ${LIMITS.share}`, isOk: share.value >= LIMITS.share }),
        },
        { name: `${label}: peak RSS`, unit: "MB", value: last.rss / 1e6 },
        {
          name: `${label}: RSS beyond the weights`,
          unit: "MB",
          value: extra / 1e6,
          limit: `≤ ${LIMITS.extraBytes / 1e6}`,
          isOk: extra <= LIMITS.extraBytes,
        },
      );
    }
    for (const child of [ours, llama, peak]) child.stop();
  }
  report("forward", rows);
}
