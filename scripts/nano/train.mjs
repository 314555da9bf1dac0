/**
 * @file `make nano`: corpus, vocabulary, untrained model, training of all its weights by `trainModel`, GGUF and
 * training record. The same flags and thread count give the same bytes on the same machine.
 *
 * Usage: node scripts/nano/train.mjs [--prompts 7000] [--threads N] [--out models/nano/nano.gguf] [--work runs/nano]
 * dist/ must have been built. A run that was stopped goes on from its last checkpoint in the work folder.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { sha256 } from "../../dist/core/hash.js";
import { Random } from "../../dist/core/random.js";
import {
  actionExample,
  DEFAULT_MODEL_TRAIN_SETTINGS,
  OrtBackend,
  trainModel,
  writeModel,
} from "../../dist/train.js";
import { CORPUS_VERSION, makeCorpus } from "./corpus.mjs";
import { makeInitialModel, promptTokens, SHAPE, SPECIAL } from "./initial-model.mjs";

const SEED = 2026;
/** Of one prompt: computed once for all of them, which is a third of the work of single pairs. */
const REPLIES = 4;
/** Of the prompts that are learnt too; the others are only read. */
const PROMPT_SHARE = 0.3;
/** Examples of a prompt: its replies, and the prompt itself, of weight 0 where it is only read. */
const GROUP = REPLIES + 1;
const PROMPTS_PER_UPDATE = 8;
const SETTINGS = {
  ...DEFAULT_MODEL_TRAIN_SETTINGS,
  epochs: 1,
  batchSize: PROMPTS_PER_UPDATE * GROUP,
  learningRate: 2e-3,
  seed: SEED,
};
const CHECKPOINT_EVERY = 100;
const SAY_EVERY = 50;
const LAST_LOSSES = 100;

const { values: flags } = parseArgs({
  options: {
    prompts: { type: "string", default: "7000" },
    threads: { type: "string", default: String(availableParallelism()) },
    out: { type: "string", default: "models/nano/nano.gguf" },
    work: { type: "string", default: "runs/nano" },
  },
});
const threads = Number(flags.threads);

const say = (text) => process.stderr.write(`${text}\n`);
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Every reply counts alike, whatever its length, and a prompt that is learnt too counts as much as its replies. */
function makeExamples(tokenizer, count) {
  const random = new Random(SEED).derive("nano prompts");
  return [...makeCorpus({ seed: SEED, count, replyCount: REPLIES })].flatMap(
    ({ messages, replies }, index) => {
      const prompt = Int32Array.from(promptTokens(tokenizer, messages));
      const group = `prompt ${index}`;
      const learnsPrompt = random.chance(PROMPT_SHARE);
      return [
        actionExample({
          promptTokens: prompt.subarray(0, 1),
          actionTokens: prompt.subarray(1),
          weight: learnsPrompt ? GROUP : 0,
          group,
        }),
        ...replies.map((reply) =>
          actionExample({
            promptTokens: prompt,
            actionTokens: Int32Array.from([...tokenizer.encode(reply), SPECIAL.stop]),
            weight: GROUP / REPLIES,
            group,
          }),
        ),
      ];
    },
  );
}

function hashOf(examples) {
  const hash = createHash("sha256");
  for (const { tokens, lossMask, weight } of examples)
    hash.update(tokens).update(lossMask).update(String(weight));
  return hash.digest("hex");
}

function onEvent(event) {
  if (event.type === "plan") say(`${event.weights}; ${event.memory}`);
  if (event.type === "warning") say(event.message);
  if (event.type !== "step" || event.step % SAY_EVERY > 0) return;
  const minutes = (event.leftMs / 60_000).toFixed(1);
  const rate = event.tokensPerSecond.toFixed(0);
  say(
    `update ${event.step} of ${event.totalSteps}: loss ${event.loss.toFixed(3)}, ${rate} tokens/s, ${minutes} min left`,
  );
}

const startedAt = performance.now();
mkdirSync(flags.work, { recursive: true });
mkdirSync(dirname(flags.out), { recursive: true });
const { bytes, tokenizer, tokens } = makeInitialModel(SEED);
const initialPath = join(flags.work, "initial.gguf");
writeFileSync(initialPath, bytes);
const examples = makeExamples(tokenizer, Number(flags.prompts));
const dataHash = hashOf(examples);
// A prompt's first token is predicted from nothing.
const tokenCount = sum(examples.map(({ lossMask }) => sum(lossMask))) + Number(flags.prompts);
say(`${flags.prompts} prompts with ${REPLIES} replies, ${tokenCount} tokens, vocabulary ${tokens.length}`);
const { parameters, losses, steps } = await trainModel({
  modelPath: initialPath,
  modelHash: sha256(bytes),
  dataHash,
  examples,
  settings: SETTINGS,
  backend: new OrtBackend({ threads }),
  checkpointFolder: join(flags.work, "checkpoints"),
  checkpointEvery: CHECKPOINT_EVERY,
  onEvent,
});
await writeModel(initialPath, parameters, flags.out, "Q8_0");
const model = readFileSync(flags.out);
const record = {
  corpusVersion: CORPUS_VERSION,
  seed: SEED,
  prompts: Number(flags.prompts),
  repliesPerPrompt: REPLIES,
  tokens: tokenCount,
  vocabulary: tokens.length,
  shape: SHAPE,
  promptShare: PROMPT_SHARE,
  dataHash,
  initialHash: sha256(bytes),
  modelHash: sha256(model),
  modelBytes: model.length,
  promptsPerUpdate: PROMPTS_PER_UPDATE,
  settings: SETTINGS,
  steps,
  lastLoss: sum(losses.slice(-LAST_LOSSES)) / Math.min(LAST_LOSSES, losses.length),
  threads,
  minutes: Number(((performance.now() - startedAt) / 60_000).toFixed(1)),
};
writeFileSync(join(dirname(flags.out), "training.json"), `${JSON.stringify(record, null, 2)}\n`);
say(`${flags.out}: ${record.modelBytes} bytes, sha256 ${record.modelHash}, ${record.minutes} minutes`);
