/**
 * @file What a training step costs: forward, backward and update, rank 16 on all seven matrices, beside PyTorch + PEFT
 * on the same work where Python has it, and beside what this machine's matrix products can do.
 *
 * Usage: node bench/train.mjs [--models NAME,…] [--lengths 512,1024] [--episode] [--varied] [--repetitions 3] [--threads N]
 *   [--weights f32|f16|streamed] [--max-memory GB] [--no-peft] [--python PATH] [--json FILE]
 * The models must have been pulled; dist/ must have been built. An episode is 2 turns of 5 candidates: a prompt of
 * 1,000 tokens, actions of 200, feedback of 300; ours trains it as one trie, PyTorch as ten sequences. Varied work is
 * twelve episodes of twelve sizes, ours alone: does memory stay below the plan when no batch is like another?
 */
import { fork, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../dist/core/random.js";
import { GgufFile } from "../dist/formats/gguf/gguf-file.js";
import { OrtBackend } from "../dist/graph/ort-backend.js";
import { resolveModel } from "../dist/hub/model-hub.js";
import { defaultThreads } from "../dist/llm/local/local-model.js";
import { initLora } from "../dist/lora/init-lora.js";
import { packBatches } from "../dist/train/data/pack-batches.js";
import { ModelGradients } from "../dist/train/gradients/model-gradients.js";
import { AdamW } from "../dist/train/loop/adamw.js";
import { clipByGlobalNorm } from "../dist/train/loop/clip-by-global-norm.js";
import { measureProducts } from "../dist/train/loop/forecast-training.js";
import { planMemory } from "../dist/train/loop/memory-plan.js";
import { HEAP_ENVIRONMENT, SHARED_HEAP } from "../dist/train/process/trainer-heap.js";
import { forwardFlops } from "../dist/transformer/forward-flops.js";
import { LINEAR_NAMES } from "../dist/transformer/linear-name.js";
import { readModel } from "../dist/transformer/read-model.js";
import { planWeights } from "../dist/transformer/weight-plan.js";
import { WeightStore } from "../dist/transformer/weight-store.js";
import { report, spread } from "./harness.mjs";

/** What is promised per token at 1,024 tokens, and for a whole episode. */
const LIMITS = { "smollm2-135m": 1, "qwen2.5-coder-0.5b": 1.2, episode: 4 };
const ACTIONS = 128;
const TITLES = { episode: "one episode", varied: "episodes of twelve sizes" };
const EPISODE = { prompt: 1000, action: 200, feedback: 300, candidates: 5 };

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m,qwen2.5-coder-0.5b" },
    lengths: { type: "string", default: "512,1024" },
    episode: { type: "boolean", default: false },
    varied: { type: "boolean", default: false },
    repetitions: { type: "string", default: "3" },
    threads: { type: "string", default: String(defaultThreads()) },
    weights: { type: "string", default: "f32" },
    "max-memory": { type: "string" },
    "no-peft": { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    json: { type: "string" },
    table: { type: "string" },
    role: { type: "string" },
    model: { type: "string" },
  },
});
const threads = Number(flags.threads);
/** Bytes that the plan may fill; without a wish there is no limit to hold. */
const memoryLimit = flags["max-memory"] === undefined ? undefined : Number(flags["max-memory"]) * 1e9;
const available = memoryLimit ?? 16e9;

/** @typedef {{ tokens: number, actions: number }} Sequence */
/** @typedef {{ ms: number, rss: number, flops?: number, peak?: number, tokens?: number, plan?: string, planned?: number }} Reply */

const VARIED_EPISODES = 12;

/** Examples by batch. @param {string} work */
function batchesOf(work) {
  if (work !== "varied") return [examplesOf(work)];
  const random = new Random(1);
  const upTo = (/** @type {number} */ most) => Math.ceil(most * (0.3 + 0.7 * random.next()));
  const { prompt, action, feedback, candidates } = EPISODE;
  return Array.from({ length: VARIED_EPISODES }, () =>
    examplesOf("episode", {
      prompt: upTo(prompt),
      action: upTo(action),
      feedback: upTo(feedback),
      candidates,
    }),
  );
}

/** Examples of one kind of work: one sequence, or the ten of an episode. @param {string} work */
function examplesOf(work, sizes = EPISODE) {
  const ids = (/** @type {number} */ count, /** @type {number} */ salt) =>
    Int32Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + salt * 104_729) % 1_700));
  const example = (/** @type {Int32Array[]} */ parts, /** @type {number} */ actions) => {
    const tokens = Int32Array.from(parts.flatMap((part) => [...part]));
    const lossMask = new Uint8Array(tokens.length).fill(1, tokens.length - actions);
    return { tokens, lossMask, weight: 1, group: "bench" };
  };
  if (work !== "episode") return [example([ids(Number(work), 0)], ACTIONS)];
  const { prompt, action, feedback, candidates } = sizes;
  const first = ids(prompt, 0);
  const turn1 = Array.from({ length: candidates }, (_, i) => ids(action, i + 1));
  const state = [first, turn1[0], ids(feedback, 20)];
  return [
    ...turn1.map((own) => example([first, own], action)),
    ...Array.from({ length: candidates }, (_, i) => example([...state, ids(action, 30 + i)], action)),
  ];
}

/** @param {string} path */
async function serveOurs(path) {
  const file = GgufFile.open(path);
  const model = readModel(file.header);
  const backend = new OrtBackend({ threads, sessionOptions: SHARED_HEAP });
  const lora = { rank: 16, alpha: 32, targets: LINEAR_NAMES };
  const parameters = new Map();
  for (const [name, { a, b }] of initLora(model.config, lora, new Random(0)).pairs)
    parameters.set(`${name}.lora_a`, a).set(`${name}.lora_b`, b);
  const sums = new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  const count = [...parameters.values()].reduce((sum, { length }) => sum + length, 0);
  const optimizer = new AdamW({ learningRate: 2e-4, weightDecay: 0.01 });
  const state = AdamW.init(parameters);
  const weightPlan = planWeights(model.config, available, /** @type {"f32"} */ (flags.weights));
  const store = new WeightStore(file, weightPlan.cache);
  /** @type {Map<string, ModelGradients>} */
  const kept = new Map();
  return async (/** @type {string} */ work) => {
    const tries = batchesOf(work).flatMap((batch) => packBatches(batch, { tokenBudget: 4096 }).tries);
    const tokens = tries.reduce((sum, trie) => sum + trie.tokens.length, 0);
    const largest = Math.max(...tries.map((trie) => trie.tokens.length));
    const actions = Math.max(...tries.map(({ targets }) => targets.length));
    const hasManySizes = new Set(tries.map((trie) => trie.tokens.length)).size > 1;
    const size = { tokenCount: largest, actionCount: actions, parameterCount: count, hasManySizes };
    const plan = planMemory(model.config, size, weightPlan, available);
    let gradients = kept.get(work);
    if (gradients === undefined) {
      for (const old of kept.values()) await old.close();
      kept.clear();
      const { keptLayerCount } = plan;
      gradients = new ModelGradients({
        model,
        weights: store,
        backend,
        lora,
        keptLayerCount,
        largestTokenCount: largest,
      });
      kept.set(work, gradients);
    }
    const peak = (await measureProducts(backend)) / 1e6;
    const start = performance.now();
    for (const values of sums.values()) values.fill(0);
    for (const trie of tries) await gradients.add(trie, parameters, sums);
    clipByGlobalNorm(sums, 1);
    optimizer.update(state, parameters, sums);
    const ms = performance.now() - start;
    // What has to be computed: forward, and a backward pass for activations only; recomputation is not counted.
    const body = tries.reduce((sum, trie) => sum + 2 * forwardFlops(model.config, trie.layout), 0);
    const head = tries.reduce(
      (sum, { targets }) => sum + 4 * targets.length * model.config.vocabSize * model.config.hiddenSize,
      0,
    );
    const rss = process.resourceUsage().maxRSS * 1024;
    return { ms, rss, flops: body + head, peak, tokens, plan: plan.reason, planned: plan.bytes };
  };
}

if (flags.role === "ours") {
  const answer = await serveOurs(flags.model ?? "");
  process.on("message", (/** @type {{ work: string }} */ { work }) => {
    answer(work).then(
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

/** @param {string} path */
async function startOurs(path) {
  const passed = [
    "--threads",
    flags.threads,
    "--weights",
    flags.weights,
    "--max-memory",
    String(available / 1e9),
  ];
  const child = fork(fileURLToPath(import.meta.url), ["--role", "ours", "--model", path, ...passed], {
    env: { ...process.env, ...HEAP_ENVIRONMENT },
  });
  const next = () =>
    new Promise((resolve, reject) => {
      const onExit = (/** @type {number | null} */ code) =>
        reject(new Error(`trainer ended with code ${code}`));
      child.once("exit", onExit);
      child.once("message", (reply) => {
        child.off("exit", onExit);
        resolve(reply);
      });
    });
  await next();
  return {
    /** @returns {Promise<Reply>} */
    ask(/** @type {string} */ work) {
      const reply = next();
      child.send({ work });
      return /** @type {Promise<Reply>} */ (reply);
    },
    stop: () => child.kill(),
  };
}

/** PyTorch + PEFT, or undefined where Python does not have them. @param {string} path */
async function startPeft(path) {
  if (flags["no-peft"]) return undefined;
  const probe = spawnSync(flags.python, ["-c", "import torch, peft, transformers"], { stdio: "ignore" });
  if (probe.status !== 0) return undefined;
  const file = GgufFile.open(path);
  const { config } = readModel(file.header);
  file.close();
  const sizes = join(mkdtempSync(join(tmpdir(), "w4s-peft-")), "config.json");
  writeFileSync(sizes, JSON.stringify(config));
  const script = fileURLToPath(new URL("peft.py", import.meta.url));
  const child = spawn(flags.python, [script, sizes, flags.threads], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{"ms": null}');
  const { torch } = await next();
  return {
    torch,
    /** @returns {Promise<Reply>} */
    ask(/** @type {string} */ work) {
      const sequences = examplesOf(work).map(({ tokens, lossMask }) => ({
        tokens: tokens.length,
        actions: lossMask.reduce((sum, flag) => sum + flag, 0),
      }));
      child.stdin.write(`${JSON.stringify({ sequences })}\n`);
      return next();
    },
    stop: () => child.kill(),
  };
}

async function main() {
  /** @type {import("./harness.mjs").Row[]} */
  const rows = [];
  const works = [
    ...flags.lengths.split(",").filter((length) => length !== ""),
    ...(flags.episode ? ["episode"] : []),
    ...(flags.varied ? ["varied"] : []),
  ];
  for (const name of flags.models.split(",")) {
    const path = await resolveModel(name);
    const ours = await startOurs(path);
    const peft = await startPeft(path);
    for (const work of works) {
      const all = { ours: [], peft: [], ratio: [], gflops: [], share: [] };
      let last = /** @type {Reply} */ ({ ms: 0, rss: 0 });
      let other = /** @type {Reply | undefined} */ (undefined);
      const plain = batchesOf(work)
        .flat()
        .reduce((sum, { tokens }) => sum + tokens.length, 0);
      for (let round = -1; round < Number(flags.repetitions); round++) {
        last = await ours.ask(work);
        if (work !== "varied") other = await peft?.ask(work);
        if (round < 0) continue;
        const gflops = (last.flops ?? 0) / last.ms / 1e6;
        all.ours.push((plain / last.ms) * 1000);
        all.gflops.push(gflops);
        all.share.push(gflops / (last.peak ?? 1));
        if (other === undefined) continue;
        all.peft.push((plain / other.ms) * 1000);
        all.ratio.push(other.ms / last.ms);
      }
      const label = `${name}, ${TITLES[/** @type {"episode"} */ (work)] ?? `${work} tokens`}`;
      const memory = work === "varied" ? last.planned : memoryLimit;
      const limit =
        work === "episode"
          ? LIMITS.episode
          : work === "1024"
            ? LIMITS[/** @type {"smollm2-135m"} */ (name)]
            : undefined;
      rows.push(
        {
          name: `${label}: ours`,
          unit: "tokens/s",
          ...spread(all.ours),
          note: `${last.tokens} tokens computed for ${plain}; ${last.plan}`,
        },
        { name: `${label}: ours`, unit: "GFLOP/s", ...spread(all.gflops) },
        {
          name: `${label}: share of Gemm peak`,
          unit: "",
          ...spread(all.share),
          // The products of a model of two million weights are too small to reach any machine's peak.
          ...(name === "nano" ? {} : { limit: "≥ 0.75", isOk: spread(all.share).value >= 0.75 }),
        },
        {
          name: `${label}: ours, peak RSS`,
          unit: "MB",
          value: last.rss / 1e6,
          ...(memory === undefined
            ? {}
            : { limit: `≤ ${Math.round(memory / 1e6)}`, isOk: last.rss <= memory }),
        },
      );
      if (other === undefined || peft === undefined) continue;
      const ratio = spread(all.ratio);
      rows.push(
        { name: `${label}: PyTorch ${peft.torch} + PEFT`, unit: "tokens/s", ...spread(all.peft) },
        { name: `${label}: PyTorch, peak RSS`, unit: "MB", value: other.rss / 1e6 },
        {
          name: `${label}: ours / PyTorch`,
          unit: "×",
          ...ratio,
          ...(limit === undefined ? {} : { limit: `≥ ${limit}`, isOk: ratio.value >= limit }),
        },
      );
    }
    ours.stop();
    peft?.stop();
  }
  report("train", rows);
  if (!flags["no-peft"] && !rows.some(({ name }) => name.includes("PyTorch")))
    process.stdout.write(`PyTorch: ${flags.python} has no torch, peft and transformers; not compared.\n`);
}
