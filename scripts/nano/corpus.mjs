/** @file The nano model's corpus: seeded pairs of a compact prompt, as the meta-agent gets it, and a valid reply. */
import { Random } from "../../dist/core/random.js";
import { buildPrompt, buildRepairPrompt } from "../../dist/design/policy-state.js";
import { usualBaselines } from "../../dist/evaluate/baselines/usual-baselines.js";
import { FAMILIES } from "../../dist/tasks/families.js";
import { describeDesign, drawDesign, editDesign, SHARES, writeReply, writeWorkflow } from "./designs.mjs";
import { makeAnswer, makeCard, makeSamples } from "./made-up-tasks.mjs";

/** Raised with any change that changes the corpus. */
export const CORPUS_VERSION = 4;

/** Families the corpus never shows: one of each kind of answer, for figures on unseen tasks. */
export const HELD_OUT_FAMILIES = ["sequences", "swaps", "clock-calendar"];

/** Families that were there when corpus version 1 was made: with the later ones it would be another corpus. */
const LATER_FAMILIES = ["multi-hop", "kinds", "jobs", "reviews"];
export const CORPUS_FAMILIES = FAMILIES.filter(({ name }) => !LATER_FAMILIES.includes(name));

/** What a workflow has to return, by kind of task. */
export const ANSWER_KINDS = { math: "number", choice: "choice", text: "text", qa: "text" };
const ANSWER_SHARES = [
  ["number", 0.42],
  ["choice", 0.28],
  ["text", 0.22],
  ["code", 0.08],
];
/** Of tasks that are made up, not drawn from a generated family. */
const MADE_UP = 0.75;
/** A search offers programs wherever they can print the answer; rules may forbid them, as the demo's do. */
const OFFERS = [
  [["runPython"], 0.4],
  [["weak", "runPython"], 0.25],
  [[], 0.2],
  [["weak"], 0.15],
];
/** Of the tasks of short answers: those with a train split, whose items can be shown as examples. */
const WITH_EXAMPLES = 0.6;
const SAMPLES = 4;
const REPAIRS = 0.03;

function weighted(random, entries) {
  let roll = random.next();
  for (const [value, share] of entries) {
    roll -= share;
    if (roll < 0) return value;
  }
  return entries[0][0];
}

/**
 * The pairs number `from` to `from + count - 1`; each depends on the seed and its own number only.
 * @param families - "shown": the training corpus; "held-out": tasks of HELD_OUT_FAMILIES only
 * @param replyCount - replies drawn for each prompt, one after another
 */
export function* makeCorpus({ seed, count, from = 0, families = "shown", replyCount = 1 }) {
  for (let index = from; index < from + count; index++) {
    const random = new Random(seed).derive("nano", CORPUS_VERSION, families, index);
    yield makePair(random, families, replyCount);
  }
}

function makePair(random, families, replyCount) {
  const task =
    families === "held-out" || !random.chance(MADE_UP) ? realTask(random, families) : madeUpTask(random);
  const { card, samples } = task;
  const offers = new Set(weighted(random, OFFERS));
  if (card.answer === "code") {
    if (random.chance(0.6)) offers.add("test");
  } else if (random.chance(WITH_EXAMPLES)) offers.add("examples");
  const { answer, description } = card;
  const space = { answer, offers, context: samples[0].context !== undefined, description };
  const { source, design: current } = currentWorkflow(random, space);
  const state = {
    task: card,
    example: samples[0],
    offers,
    models: [],
    baselines: [],
    current: { title: "current", source, evaluation: makeEvaluation(random, samples, card.answer) },
    turns: [],
    quoted: { samples, hasAnswers: true },
    seed: random.integer(0, 1e6),
  };
  const prompt = buildPrompt(state, "compact");
  const messages = random.chance(REPAIRS) ? makeRepair(random, prompt, space) : prompt;
  const designs = Array.from({ length: replyCount }, () =>
    current && random.chance(SHARES.edit) ? editDesign(random, current, space) : drawDesign(random, space),
  );
  const replies = designs.map((design) =>
    writeReply(describeDesign(random, design, current), writeWorkflow(design, space)),
  );
  return { messages, reply: replies[0], replies, space, design: designs[0], task: card.title };
}

function realTask(random, families) {
  const isHeldOut = ({ name }) => HELD_OUT_FAMILIES.includes(name);
  const family = random.pick(CORPUS_FAMILIES.filter((one) => isHeldOut(one) === (families === "held-out")));
  const samples = Array.from({ length: SAMPLES }, (_, index) => {
    const { question, context, choices, answer } = family.generate(random, random.next());
    return {
      id: `${family.name}/${index}`,
      question,
      ...(context === undefined ? {} : { context }),
      ...(choices === undefined ? {} : { choices }),
      answers: [answer],
      meta: {},
    };
  });
  const { title, description, kind } = family;
  return { card: { title, description, answer: ANSWER_KINDS[kind] }, samples };
}

function madeUpTask(random) {
  const answer = weighted(random, ANSWER_SHARES);
  const card = makeCard(random, answer);
  return { card, samples: makeSamples(random, answer, answer === "text" && random.chance(0.35), SAMPLES) };
}

/** What the turn starts from: a baseline, or a design as the model may have written it before. */
function currentWorkflow(random, space) {
  if (random.chance(0.4)) {
    const baselines = usualBaselines(space.answer, space.context).filter(({ name }) => name !== "weak-alone");
    const { name, source } = random.pick(baselines);
    const steps = "Think step by step.";
    const design = {
      direct: { body: "single", format: true },
      "chain-of-thought": { body: "single", format: true, steps },
      "self-consistency": { body: "vote", format: true, steps },
    }[name];
    // A workflow for programs has no vote in the subset, and no steps.
    if (space.answer === "code") return { source, design: undefined };
    return { source, design: { ...drawDesign(random, space), ...emptied, ...design } };
  }
  const design = drawDesign(random, space);
  return { source: writeWorkflow(design, space), design };
}

/** Undoes every optional feature of a drawn design. */
const emptied = Object.fromEntries(
  ["steps", "plan", "careful-reading", "format", "free", "role", "temperature"].map((name) => [
    name,
    undefined,
  ]),
);

/** An evaluation with the fields that prompts show. */
function makeEvaluation(random, samples, answer) {
  const n = random.pick([8, 10, 12, 16, 20, 24, 30, 32, 40, 48, 50, 60, 100]);
  const accuracy = random.integer(0, n) / n;
  const calls = SAMPLES * random.pick([1, 1, 1, 2, 3, 4, 5, 6, 7]);
  const badRuns = random.chance(0.08) ? random.integer(1, n) : 0;
  const badStatus = random.pick(["threw", "timed-out", "bad-result"]);
  const results = samples.map((sample) => {
    const isBad = badRuns > 0 && random.chance(0.5);
    return {
      sampleId: sample.id,
      score: accuracy === 1 || random.chance(accuracy / 2) ? 1 : 0,
      status: isBad ? badStatus : "ok",
      extracted: makeAnswer(random, answer),
      message: isBad ? random.pick(FAILURES) : "",
    };
  });
  return {
    workflowHash: String(random.integer(0, 1e9)),
    n,
    accuracy,
    calls,
    results,
    statusCounts: badRuns > 0 ? { ok: n - badRuns, [badStatus]: badRuns } : { ok: n },
  };
}

const FAILURES = [
  "TypeError: cannot read property 'trim' of undefined",
  "ReferenceError: answer is not defined",
  "the workflow returned nothing",
  "SyntaxError: unexpected token",
  "the time limit was reached",
];

function makeRepair(random, prompt, space) {
  const design = drawDesign(random, space);
  const failed = writeReply(describeDesign(random, design, undefined), writeWorkflow(design, space));
  const cut = random.chance(0.5) ? failed.slice(0, random.integer(80, failed.length)) : failed;
  return buildRepairPrompt(prompt, cut, random.pick(FAILURES), "compact");
}
