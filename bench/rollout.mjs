/**
 * @file What m candidates of one prompt cost: shared prefill and batch decode, beside llama.cpp driven by hand
 * with the same tokens, and beside separate generations.
 *
 * Usage: node bench/rollout.mjs [--models NAME,…] [--repetitions 3] [--prompt-tokens 1000] [--threads N] [--json FILE]
 * The models must have been pulled; dist/ must have been built.
 */
import { parseArgs } from "node:util";
import { getLlama } from "node-llama-cpp";
import { resolveModel } from "../dist/hub/model-hub.js";
import { defaultThreads, LocalModel } from "../dist/llm/local/local-model.js";
import { subsetGrammar } from "../dist/workflow/subset-grammar.js";
import { report, spread } from "./harness.mjs";

const CANDIDATES = 5;
/** What is promised: five candidates against one prefill and the batch decode of the same tokens. */
const LIMIT = 1.15;
const ACTION_TOKENS = 64;
/** llama.cpp's usual batch for prompts. */
const PREFILL_BATCH = 512;
const TEXT =
  "You design small programs that call a strong language model. A program gets a question and returns an answer. " +
  "It may ask once, ask several times and vote, ask for steps, or let a second call check the first. ";

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "smollm2-135m,qwen2.5-coder-0.5b" },
    repetitions: { type: "string", default: "3" },
    "prompt-tokens": { type: "string", default: "1000" },
    threads: { type: "string", default: String(defaultThreads()) },
    json: { type: "string" },
    table: { type: "string" },
  },
});
const threads = Number(flags.threads);
const PROMPT_TOKENS = Number(flags["prompt-tokens"]);

/** Messages of about PROMPT_TOKENS tokens; the label comes first, so that no two prompts share a prefix. */
async function makePrompt(/** @type {LocalModel} */ model, /** @type {string} */ label) {
  const system = { role: /** @type {const} */ ("system"), content: "" };
  const user = { role: /** @type {const} */ ("user"), content: "Write a long essay about such programs." };
  const words = `${label} ${TEXT.repeat(60)}`.split(" ");
  let low = 1;
  let high = words.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    system.content = words.slice(0, middle).join(" ");
    const { tokens } = await model.renderPrompt([system, user]);
    if (tokens.length <= PROMPT_TOKENS) low = middle;
    else high = middle - 1;
  }
  system.content = words.slice(0, low).join(" ");
  return [{ ...system }, user];
}

/** llama.cpp by hand: one prefill, then one decode per step for all sequences, with tokens given beforehand. */
async function openReference(/** @type {string} */ modelPath) {
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logger: () => {} });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    sequences: CANDIDATES,
    contextSize: PROMPT_TOKENS + ACTION_TOKENS + 64,
    batchSize: PREFILL_BATCH,
    threads,
  });
  const raw = /** @type {any} */ (context)._ctx;
  return {
    /** @param {number[]} prompt @param {number[][]} actions */
    async run(prompt, actions) {
      for (let sequence = 0; sequence < CANDIDATES; sequence++) raw.disposeSequence(sequence);
      const started = performance.now();
      for (let at = 0; at < prompt.length; at += PREFILL_BATCH) {
        const chunk = prompt.slice(at, at + PREFILL_BATCH);
        raw.initBatch(chunk.length);
        raw.addToBatch(0, at, Uint32Array.from(chunk), Uint32Array.of(chunk.length - 1));
        await raw.decodeBatch();
      }
      for (let sequence = 1; sequence < CANDIDATES; sequence++)
        await raw.copySequenceStateFromOtherSequence(sequence, 0);
      const prefilled = performance.now();
      // The last token of an action is sampled but never decoded.
      const steps = Math.max(...actions.map((action) => action.length)) - 1;
      for (let step = 0; step < steps; step++) {
        const rows = actions.flatMap((action, sequence) =>
          step < action.length - 1 ? [{ sequence, token: action[step] }] : [],
        );
        raw.initBatch(rows.length);
        for (const { sequence, token } of rows) {
          raw.addToBatch(sequence, prompt.length + step, Uint32Array.of(token), Uint32Array.of(0));
        }
        await raw.decodeBatch();
      }
      return { totalMs: performance.now() - started, prefillMs: prefilled - started };
    },
  };
}

/** @type {import("./harness.mjs").Row[]} */
const results = [];
for (const name of flags.models.split(",")) {
  const modelPath = await resolveModel(name);
  const model = await LocalModel.load({ modelPath, gpu: "off", threads });
  const reference = await openReference(modelPath);
  const grammar = subsetGrammar({ answer: "number", offers: new Set(["text", "vote", "number"]) });
  /** @type {Record<string, { totalMs: number, tokens: number, prefillMs?: number, sampleMs?: number }[]>} */
  const rows = { shared: [], reference: [], "shared, grammar": [], separate: [] };
  const draw = (/** @type {number} */ index) => ({ seed: index + 1, temperature: 0.8 });
  const draws = Array.from({ length: CANDIDATES }, (_, index) => draw(index));
  // The first call builds the context; it is no part of what is measured.
  await model.generate({
    messages: await makePrompt(model, "warm"),
    candidates: draws,
    maxTokens: ACTION_TOKENS,
  });
  for (let repetition = 0; repetition < Number(flags.repetitions); repetition++) {
    const timed = async (/** @type {any} */ request) => {
      const started = performance.now();
      const result = await model.generate({ maxTokens: ACTION_TOKENS, ...request });
      const totalMs = performance.now() - started;
      const tokens = result.replies.reduce((sum, reply) => sum + reply.tokens.length, 0);
      if (result.reusedPromptTokens > 0) throw new Error("the prompt was not fresh");
      return {
        result,
        row: { totalMs, tokens, prefillMs: result.timings.prefillMs, sampleMs: result.timings.sampleMs },
      };
    };
    const shared = await timed({
      messages: await makePrompt(model, `shared ${repetition}`),
      candidates: draws,
    });
    rows.shared.push(shared.row);
    const { promptTokens, replies } = shared.result;
    const byHand = await reference.run(
      promptTokens,
      replies.map(({ tokens }) => tokens),
    );
    rows.reference.push({ ...byHand, tokens: shared.row.tokens });
    const constrained = draws.map((each) => ({ ...each, grammar }));
    rows["shared, grammar"].push(
      (await timed({ messages: await makePrompt(model, `grammar ${repetition}`), candidates: constrained }))
        .row,
    );
    const separate = { totalMs: 0, tokens: 0, prefillMs: 0, sampleMs: 0 };
    for (const each of draws) {
      const { row } = await timed({
        messages: await makePrompt(model, `alone ${repetition} ${each.seed}`),
        candidates: [each],
      });
      separate.totalMs += row.totalMs;
      separate.tokens += row.tokens;
      separate.prefillMs += row.prefillMs;
      separate.sampleMs += row.sampleMs;
    }
    rows.separate.push(separate);
  }
  await model.close();
  // Pairs of one repetition ran one after the other: their ratio suffers least from other load.
  const referenceMs = rows.reference.map(({ totalMs }) => totalMs);
  for (const [row, measured] of Object.entries(rows)) {
    const label = `${name}, ${row}`;
    const times = measured.map(({ totalMs }) => totalMs);
    results.push(
      { name: label, unit: "ms", ...spread(times) },
      {
        name: label,
        unit: "tokens/s",
        ...spread(measured.map(({ totalMs, tokens }) => (tokens / totalMs) * 1000)),
      },
    );
    if (row === "reference") continue;
    const ratio = spread(times.map((ms, index) => ms / referenceMs[index]));
    // Held for real models: in a model of two million weights a call costs more than its arithmetic.
    const limit =
      row === "shared" && name !== "nano" ? { limit: `≤ ${LIMIT}`, isOk: ratio.value <= LIMIT } : {};
    results.push({ name: `${label} / reference`, unit: "×", ...ratio, ...limit });
  }
}

report("rollout", results);
process.stdout.write(
  `${CANDIDATES} candidates of ${ACTION_TOKENS} tokens from a prompt of about ${PROMPT_TOKENS} tokens, ${threads} threads.\n` +
    "reference: one prefill and llama.cpp's own batch decode of the tokens that `shared` drew, without sampling;\n" +
    "ratios are medians over pairs that ran one after the other. The grammar row draws other, and more, tokens.\n",
);
