/**
 * @file What the nano model can do, through the project's own local model: perplexity on held-out pairs, validity and
 * variety of free drawing, shares of techniques, accuracy of its designs with the simulated executor, and speed.
 *
 * Usage: node scripts/nano/evaluate.mjs [--model FILE] [--adapter FILE] [--draws 300] [--items 12] [--json]
 * dist/ must have been built.
 */
import { parseArgs } from "node:util";
import { seedFrom } from "../../dist/core/hash.js";
import { LocalPolicy } from "../../dist/design/policy.js";
import { buildPrompt } from "../../dist/design/policy-state.js";
import { LocalModel } from "../../dist/llm/local/local-model.js";
import { extractWorkflow } from "../../dist/workflow/reading/extract-workflow.js";
import { detectTechniques } from "../../dist/workflow/techniques.js";
import { workflowHash } from "../../dist/workflow/workflow-hash.js";
import { CORPUS_FAMILIES, HELD_OUT_FAMILIES, makeCorpus } from "./corpus.mjs";
import { SPECIAL } from "./initial-model.mjs";
import { familySamples, familyStates, Judge } from "./judge.mjs";

/** Pairs from here on are never trained on. */
const HELD_OUT_FROM = 10_000_000;
const PERPLEXITY_PAIRS = 100;
const CANDIDATES = 5;
const TEMPERATURE = 0.8;
const SEED = 4711;

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "models/nano/nano.gguf" },
    adapter: { type: "string" },
    draws: { type: "string", default: "300" },
    items: { type: "string", default: "12" },
    threads: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

/** exp of the mean negative log-probability, over the replies alone and over everything. */
async function perplexity(model, families) {
  const sums = { reply: [0, 0], all: [0, 0] };
  for (const { messages, reply } of makeCorpus({
    seed: SEED,
    count: PERPLEXITY_PAIRS,
    from: HELD_OUT_FROM,
    families,
  })) {
    const { tokens: prompt } = await model.renderPrompt(messages);
    const tokens = [...prompt, ...(await model.tokenize(reply, false)), SPECIAL.stop];
    const logProbs = await model.scoreTokens(tokens);
    const add = (sum, values) => {
      sum[0] -= values.reduce((total, value) => total + value, 0);
      sum[1] += values.length;
    };
    add(sums.all, logProbs);
    add(sums.reply, logProbs.slice(prompt.length - 1));
  }
  const of = ([loss, count]) => Math.exp(loss / count);
  return { reply: of(sums.reply), all: of(sums.all) };
}

/** Draws candidates for all families and judges them. */
async function drawAndJudge(model, judge, grammar, draws, itemCount) {
  const policy = new LocalPolicy(model, { style: "compact", grammar });
  const families = CORPUS_FAMILIES.map(({ name }) => name);
  const result = { seen: emptyTally(), unseen: emptyTally() };
  const perState = Math.max(1, Math.round(draws / families.length / 3 / CANDIDATES));
  let tokens = 0;
  let actMs = 0;
  for (const name of families) {
    const tally = HELD_OUT_FAMILIES.includes(name) ? result.unseen : result.seen;
    const samples = familySamples(name, itemCount, SEED);
    for (const [index, state] of (await familyStates(judge, name, samples, SEED)).entries()) {
      for (let round = 0; round < perState; round++) {
        const seeds = Array.from({ length: CANDIDATES }, (_, draw) =>
          seedFrom(SEED, name, index, round, draw),
        );
        const startedAt = performance.now();
        const { actions } = await policy.act(
          buildPrompt(state, "compact"),
          seeds.map((seed) => ({ seed, temperature: TEMPERATURE, forced: [] })),
          {
            answer: state.task.answer,
            offers: state.offers,
            hasContext: samples[0].context !== undefined,
            models: state.models,
            description: state.task.description,
          },
        );
        actMs += performance.now() - startedAt;
        tokens += actions.reduce((sum, action) => sum + action.tokens.length, 0);
        await judgeActions(judge, name, samples, actions, tally);
      }
    }
  }
  return {
    seen: figures(result.seen),
    unseen: figures(result.unseen),
    tokensPerSecond: (tokens / actMs) * 1000,
    replyTokens: tokens / (result.seen.draws + result.unseen.draws),
  };
}

function emptyTally() {
  return { draws: 0, valid: 0, hashes: new Set(), groups: [], accuracies: [], techniques: new Map() };
}

async function judgeActions(judge, name, samples, actions, tally) {
  const sources = actions.map(({ text }) => extractWorkflow(text)).map((one) => one.ok && one.source);
  const written = sources.filter((source) => source !== false);
  const evaluations = await judge.evaluate(name, written, samples);
  tally.draws += actions.length;
  // An invalid design is worth nothing, as in a run.
  const accuracies = actions.map(() => 0);
  const hashes = new Set();
  let valid = 0;
  for (const [index, source] of written.entries()) {
    if (evaluations[index].results[0].status !== "ok") continue;
    accuracies[valid] = evaluations[index].accuracy;
    valid++;
    hashes.add(workflowHash(source));
    for (const technique of detectTechniques(source))
      tally.techniques.set(technique, (tally.techniques.get(technique) ?? 0) + 1);
  }
  for (const hash of hashes) tally.hashes.add(`${name} ${hash}`);
  tally.valid += valid;
  tally.groups.push(hashes.size / actions.length);
  tally.accuracies.push(accuracies);
}

function figures({ draws, valid, hashes, groups, accuracies, techniques }) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    draws,
    validity: valid / draws,
    distinct: hashes.size / draws,
    distinctPerPrompt: mean(groups),
    meanAccuracy: mean(accuracies.flat()),
    bestOfFive: mean(accuracies.map((group) => Math.max(...group))),
    techniques: Object.fromEntries(
      [...techniques].map(([name, count]) => [name, count / Math.max(1, valid)]).sort((a, b) => b[1] - a[1]),
    ),
  };
}

const model = await LocalModel.load({
  modelPath: flags.model,
  ...(flags.adapter === undefined ? {} : { adapterPath: flags.adapter }),
  gpu: "off",
  threads: Number(flags.threads),
});
const judge = new Judge();
try {
  const result = {
    modelHash: model.info.modelHash,
    adapterHash: model.info.adapterHash ?? null,
    parameters: model.info.parameterCount,
    items: Number(flags.items),
    perplexity: { shown: await perplexity(model, "shown"), heldOut: await perplexity(model, "held-out") },
    free: await drawAndJudge(model, judge, "none", Number(flags.draws), Number(flags.items)),
    grammar: await drawAndJudge(model, judge, "subset", Number(flags.draws), Number(flags.items)),
  };
  process.stdout.write(
    `${flags.json ? JSON.stringify(result) : JSON.stringify(result, (_, value) => (typeof value === "number" ? Number(value.toFixed(3)) : value), 2)}\n`,
  );
} finally {
  await model.close();
  await judge.close();
}
