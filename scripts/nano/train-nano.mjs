/** @file Full-parameter training of the nano model: batches of like lengths, AdamW, cosine, checkpoints, GGUF. */
import { join } from "node:path";
import { Random } from "../../dist/core/random.js";
import { GgufFile } from "../../dist/formats/gguf/gguf-file.js";
import { writeGguf } from "../../dist/formats/gguf/gguf-writer.js";
import { OrtBackend } from "../../dist/graph/ort-backend.js";
import { AdamW } from "../../dist/train/loop/adamw.js";
import { newestValidCheckpoint, saveCheckpoint } from "../../dist/train/loop/checkpoint-folder.js";
import { clipByGlobalNorm } from "../../dist/train/loop/clip-by-global-norm.js";
import { checkSameRun } from "../../dist/train/loop/run-identity.js";
import { cosineSchedule } from "../../dist/train/loop/schedule.js";
import { readModel } from "../../dist/transformer/read-model.js";
import { FullGradients } from "./full-gradients.mjs";

const SETTINGS = {
  /** Prompts, each with all its replies. */
  batchSize: 8,
  learningRate: 2e-3,
  schedule: "cosine",
  warmupShare: 0.03,
  weightDecay: 0.01,
  maxGradientNorm: 1,
};
/** Rows are padded to the next of these lengths, so that few programs are needed; longer ones are left out. */
const LENGTHS = [256, 304, 352, 416, 512];
const CHECKPOINT_EVERY = 250;
const SAY_EVERY = 50;
const LAST_LOSSES = 100;

/** Batches of one length each, in seeded order; what does not fill a batch at the end is left out. */
function makeBatches(examples, { batchSize }, seed) {
  const open = new Map(LENGTHS.map((length) => [length, []]));
  const batches = [];
  for (const example of new Random(seed).derive("nano order").shuffle(examples)) {
    const size = example.replies.reduce((sum, reply) => sum + reply.length, example.prompt.length);
    const length = LENGTHS.find((limit) => size <= limit);
    if (length === undefined) continue;
    const waiting = open.get(length);
    waiting.push(example);
    if (waiting.length < batchSize) continue;
    batches.push({ length, examples: waiting });
    open.set(length, []);
  }
  return batches;
}

/** Every reply counts alike, whatever its length, and a prompt that is learnt too counts as much as its replies. */
function layOut({ length, examples }) {
  const rows = [];
  const tokens = new Int32Array(examples.length * length);
  const targets = [];
  for (const [row, { prompt, replies, learnsPrompt }] of examples.entries()) {
    const base = row * length;
    rows.push([prompt.length, ...replies.map((reply) => reply.length)]);
    tokens.set(prompt, base);
    const add = (place, source, weight) => targets.push({ place, source, weight: weight / examples.length });
    if (learnsPrompt)
      for (let at = 1; at < prompt.length; at++) add(base + at, base + at - 1, 1 / (prompt.length - 1));
    let start = base + prompt.length;
    for (const reply of replies) {
      tokens.set(reply, start);
      for (let at = 0; at < reply.length; at++) {
        const source = at === 0 ? base + prompt.length - 1 : start + at - 1;
        add(start + at, source, 1 / reply.length / replies.length);
      }
      start += reply.length;
    }
  }
  return { rows, length, tokens, targets };
}

/** Trains all weights of the file at `initialPath` and writes `out`. */
export async function trainNano({
  initialPath,
  modelHash,
  dataHash,
  examples,
  seed,
  threads,
  work,
  out,
  say,
}) {
  const file = GgufFile.open(initialPath);
  const backend = new OrtBackend({ threads });
  const engine = new FullGradients({ model: readModel(file.header), backend });
  const batches = makeBatches(examples, SETTINGS, seed);
  const identity = { modelHash, dataHash, config: { ...SETTINGS, lengths: LENGTHS } };
  const checkpoints = join(work, "checkpoints");
  const optimizer = new AdamW({ learningRate: SETTINGS.learningRate, weightDecay: 0 });
  const state = resume(checkpoints, identity) ?? begin(file, optimizer, identity, seed);
  const { parameters } = state;
  const sums = new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  const matrices = [...parameters.keys()].filter((name) => file.tensors.get(name).shape.length > 1);
  const warmupSteps = Math.round(SETTINGS.warmupShare * batches.length);
  const schedule = cosineSchedule({ warmupSteps, totalSteps: batches.length });
  const losses = [...state.losses];
  const save = (step) =>
    saveCheckpoint(checkpoints, { ...state, position: { epoch: 0, step }, losses, heldOutLosses: [] });
  const startedAt = performance.now();
  let tokenCount = 0;
  for (let step = state.optimizer.step; step < batches.length; step++) {
    const batch = layOut(batches[step]);
    const loss = await engine.run(batch, parameters, sums);
    const norm = clipByGlobalNorm(sums, SETTINGS.maxGradientNorm);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new Error(`step ${step}: loss ${loss}`);
    const factor = schedule(step);
    // Norms do not decay: only matrices are pulled towards 0.
    const keep = 1 - SETTINGS.learningRate * factor * SETTINGS.weightDecay;
    for (const name of matrices) {
      const values = parameters.get(name);
      for (let i = 0; i < values.length; i++) values[i] *= keep;
    }
    optimizer.update(state.optimizer, parameters, sums, factor);
    losses.push(loss);
    tokenCount += batch.tokens.length;
    if ((step + 1) % SAY_EVERY === 0) {
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = (tokenCount / seconds).toFixed(0);
      say(
        `step ${step + 1} of ${batches.length}: loss ${mean(losses.slice(-SAY_EVERY)).toFixed(3)}, ${rate} tokens/s`,
      );
    }
    if ((step + 1) % CHECKPOINT_EVERY === 0) await save(step + 1);
  }
  await engine.close();
  await writeGguf(
    out,
    file.header.metadata,
    [...parameters].map(([name, data]) => {
      const { shape } = file.tensors.get(name);
      return { name, shape, typeName: shape.length > 1 ? "Q8_0" : "F32", data: () => data };
    }),
  );
  file.close();
  const trained = batches.length * SETTINGS.batchSize;
  return {
    settings: SETTINGS,
    steps: losses.length,
    leftOut: examples.length - trained,
    lastLoss: mean(losses.slice(-LAST_LOSSES)),
    tokensPerSecond: Math.round(tokenCount / ((performance.now() - startedAt) / 1000)),
  };
}

function begin(file, optimizer, identity, seed) {
  const parameters = new Map([...file.tensors.keys()].map((name) => [name, file.readFloats(name).slice()]));
  const state = optimizer.init(parameters);
  return {
    parameters,
    optimizer: state,
    position: { epoch: 0, step: 0 },
    seed,
    identity,
    losses: [],
    heldOutLosses: [],
  };
}

function resume(folder, identity) {
  const { newest } = newestValidCheckpoint(folder);
  if (newest === undefined) return undefined;
  checkSameRun(newest.checkpoint.identity, identity);
  return newest.checkpoint;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
