/**
 * @file `make nano`: corpus, vocabulary, untrained model, full-parameter training by this project's trainer, GGUF and
 * model card. The same flags and thread count give the same bytes on the same machine.
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
import { CORPUS_VERSION, makeCorpus } from "./corpus.mjs";
import { makeInitialModel, promptTokens, SHAPE, SPECIAL } from "./initial-model.mjs";
import { trainNano } from "./train-nano.mjs";

const SEED = 2026;
/** Of one prompt: computed once for all of them, which is a third of the work of single pairs. */
const REPLIES = 4;
/** Of the prompts that are learnt too; the others are only read. */
const PROMPT_SHARE = 0.3;

const { values: flags } = parseArgs({
  options: {
    prompts: { type: "string", default: "7000" },
    threads: { type: "string", default: String(availableParallelism()) },
    out: { type: "string", default: "models/nano/nano.gguf" },
    work: { type: "string", default: "runs/nano" },
  },
});

const say = (text) => process.stderr.write(`${text}\n`);

function makeExamples(tokenizer, count) {
  const hash = createHash("sha256");
  const random = new Random(SEED).derive("nano prompts");
  const examples = [];
  for (const { messages, replies } of makeCorpus({ seed: SEED, count, replyCount: REPLIES })) {
    const example = {
      prompt: Int32Array.from(promptTokens(tokenizer, messages)),
      replies: replies.map((reply) => Int32Array.from([...tokenizer.encode(reply), SPECIAL.stop])),
      learnsPrompt: random.chance(PROMPT_SHARE),
    };
    hash.update(example.prompt).update(String(example.learnsPrompt));
    for (const reply of example.replies) hash.update(reply);
    examples.push(example);
  }
  return { examples, dataHash: hash.digest("hex") };
}

const startedAt = performance.now();
mkdirSync(flags.work, { recursive: true });
mkdirSync(dirname(flags.out), { recursive: true });
const { bytes, tokenizer, tokens } = makeInitialModel(SEED);
const initialPath = join(flags.work, "initial.gguf");
writeFileSync(initialPath, bytes);
const { examples, dataHash } = makeExamples(tokenizer, Number(flags.prompts));
const tokenCount = examples.reduce(
  (sum, { prompt, replies }) => replies.reduce((total, reply) => total + reply.length, sum + prompt.length),
  0,
);
say(`${examples.length} prompts with ${REPLIES} replies, ${tokenCount} tokens, vocabulary ${tokens.length}`);
const trained = await trainNano({
  initialPath,
  modelHash: sha256(bytes),
  dataHash,
  examples,
  seed: SEED,
  threads: Number(flags.threads),
  work: flags.work,
  out: flags.out,
  say,
});
const record = {
  corpusVersion: CORPUS_VERSION,
  seed: SEED,
  prompts: examples.length,
  repliesPerPrompt: REPLIES,
  tokens: tokenCount,
  vocabulary: tokens.length,
  shape: SHAPE,
  promptShare: PROMPT_SHARE,
  dataHash,
  initialHash: sha256(bytes),
  modelHash: sha256(readFileSync(flags.out)),
  modelBytes: readFileSync(flags.out).length,
  ...trained,
  threads: Number(flags.threads),
  minutes: Number(((performance.now() - startedAt) / 60_000).toFixed(1)),
};
writeFileSync(join(dirname(flags.out), "training.json"), `${JSON.stringify(record, null, 2)}\n`);
say(`${flags.out}: ${record.modelBytes} bytes, sha256 ${record.modelHash}, ${record.minutes} minutes`);
