/**
 * @file Writes models/nano/README.md from the training record and the figures of evaluate.mjs.
 *
 * Usage: node scripts/nano/evaluate.mjs --json | node scripts/nano/card.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { CORPUS_VERSION, HELD_OUT_FAMILIES } from "./corpus.mjs";

const FOLDER = new URL("../../models/nano/", import.meta.url);

const record = JSON.parse(readFileSync(new URL("training.json", FOLDER), "utf8"));
const figures = JSON.parse(readFileSync(0, "utf8"));
if (figures.modelHash !== record.modelHash)
  throw new Error(`the figures are of ${figures.modelHash}, the training record of ${record.modelHash}`);

const percent = (share) => `${(share * 100).toFixed(0)} %`;
const three = (value) => value.toFixed(3);
const big = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
const techniques = (shares) =>
  Object.entries(shares)
    .map(([name, share]) => `${name} ${percent(share)}`)
    .join(", ");
const { free, grammar, perplexity } = figures;
const { width, blocks, heads, keyHeads, feedForward, contextLength } = record.shape;
const columns = [free.seen, free.unseen, grammar.seen, grammar.unseen];
const row = (name, value) => `| ${name} | ${columns.map(value).join(" | ")} |`;

const card = `# nano

A language model of ${big(figures.parameters)} weights that writes workflows for w4s: a sentence of analysis and a short JavaScript
program, in answer to the compact prompt. It is the default meta-agent of the offline demo, where it is rewarded, trained
further with LoRA, and designs better workflows afterwards.

## What it is not

It answers no questions and holds no conversation. Its designs are meant to be mixed: plain and bad ones are the
rule, good ones the exception, so that learning from rewards can be seen. Use a real model for real work.

## File

| | |
| --- | --- |
| file | \`nano.gguf\`, ${big(record.modelBytes)} bytes, matrices in Q8_0 |
| sha256 | \`${record.modelHash}\` |
| architecture | llama: width ${width}, ${blocks} blocks, ${heads} heads (${keyHeads} of keys), feed-forward ${feedForward}, head tied to the embedding, context ${big(contextLength)} |
| vocabulary | ${big(record.vocabulary)} tokens, byte-level BPE learnt within words, then across them (\`tokenizer.ggml.pre\` superbpe) |
| chat template | ChatML |
| licence | Apache-2.0 |

## Training

From random weights with \`trainModel\`, this project's trainer of all weights (\`make nano\`; \`scripts/nano/\`), on ${big(record.prompts)} prompts with ${record.repliesPerPrompt} replies each
(${big(record.tokens)} tokens) that a seeded generator writes (corpus version ${record.corpusVersion}, seed ${record.seed}); no text of others is in it. Every reply is a
sentence of the subset grammar. Tasks: made-up cards, and the generated families but ${HELD_OUT_FAMILIES.join(", ")}, which the corpus
never shows. All replies are learnt, and ${percent(record.promptShare)} of the prompts.

| | |
| --- | --- |
| data (tokens, masks, weights) | sha256 \`${record.dataHash}\` |
| untrained weights | sha256 \`${record.initialHash}\` |
| updates | ${big(record.steps)} of ${record.promptsPerUpdate} prompts, AdamW, rate ${record.settings.learningRate} with ${record.settings.schedule} decay, ${percent(record.settings.warmupShare)} warm-up |
| last losses | ${record.lastLoss.toFixed(3)} (mean of the last 100 updates, prompts included) |
| time | ${record.minutes} minutes on ${record.threads} ${record.threads === 1 ? "thread" : "threads"} |

## Figures

Printed by \`scripts/nano/evaluate.mjs\`. Perplexity is that of held-out pairs, per token of its own vocabulary:

| | shown tasks | held-out families |
| --- | --- | --- |
| replies | ${three(perplexity.shown.reply)} | ${three(perplexity.heldOut.reply)} |
| prompts and replies | ${three(perplexity.shown.all)} | ${three(perplexity.heldOut.all)} |

Drawn at temperature 0.8 from the prompts of first turns (each baseline as the current workflow; programs and examples are
offered, as in a search), five candidates each.
Valid: a workflow is found in the reply and runs to status ok on one item. Distinct: different valid workflows by content
hash, over all draws. Accuracy: on ${figures.items} items a family **with the simulated executor**; invalid designs count as 0.

| | free, shown | free, held out | grammar, shown | grammar, held out |
| --- | --- | --- | --- | --- |
${row("draws", (one) => one.draws)}
${row("valid", (one) => percent(one.validity))}
${row("distinct", (one) => percent(one.distinct))}
${row("distinct among five", (one) => percent(one.distinctPerPrompt))}
${row("mean accuracy (simulated)", (one) => three(one.meanAccuracy))}
${row("best of five (simulated)", (one) => three(one.bestOfFive))}

Techniques in free draws on held-out families: ${techniques(free.unseen.techniques)}.
Speed: ${free.tokensPerSecond.toFixed(0)} sampled tokens a second, prompts included, ${free.replyTokens.toFixed(0)} tokens a reply, on one thread.
`;
if (record.corpusVersion !== CORPUS_VERSION)
  throw new Error("the corpus has changed since: run make nano again");
writeFileSync(new URL("README.md", FOLDER), card);
