/** @file What a seed of the evidence will take: candidates × items × tokens ÷ measured speed, stage by stage. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { resolveModel } from "../../dist/hub/model-hub.js";
import { LocalChatModel } from "../../dist/llm/local/local-chat-model.js";
import { LocalModel } from "../../dist/llm/local/local-model.js";
import { summaryOf } from "../learn-runs.mjs";

export const LANES = 32;
/** Later blocks of a race, as a share of the first ones (src/design/race.ts), and workflows of a confirmation. */
const [LATER, CONFIRMED] = [1.6, 6];
const BASELINE_ITEMS = 16;
/** Assumed until the training run has measured them. */
const ASSUMED = {
  callsPerRun: 1.5,
  /** Share of a reply's cap. */
  replyShare: 0.55,
  /** Runs that are not equal to one that another candidate or row has paid for. */
  distinct: 0.6,
  /** Replies that reach the short cap of training and go on to the longer one of the judged tasks. */
  cut: 0.3,
  /** SmolLM2-135M, 360 examples (120, three epochs), two threads: 8 minutes (docs/results/learning-smollm2.md). */
  trainMinutes: 8,
};

/** Tokens a second of an executor with 32 requests in flight, prompts of 100 tokens, replies of 64. */
export async function measureSpeed(executor, threads) {
  const [kind, name] = executor.split(/:(.*)/s);
  if (kind !== "local")
    throw new Error(`${executor}: the speed of a local executor (local:NAME) is measured only`);
  const model = await LocalModel.load({
    modelPath: await resolveModel(name),
    gpu: "off",
    threads,
    lanes: LANES,
  });
  try {
    const chat = new LocalChatModel(model);
    const ask = (number) =>
      chat.chat({
        messages: [
          {
            role: "user",
            content: `Item ${number}. ${"Count the words of this line. ".repeat(14)}\nThink step by step.`,
          },
        ],
        maxTokens: 64,
      });
    const startedAt = performance.now();
    const replies = await Promise.all(Array.from({ length: LANES }, (_, number) => ask(number)));
    const tokens = replies.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
    return (1000 * tokens) / (performance.now() - startedAt);
  } finally {
    await model.close();
  }
}

/** Whether a learning run came to its end. @param {string} run - its directory */
export const isComplete = (run) => existsSync(join(run, "summary.json")) && summaryOf(run).isComplete;

/** @returns rows of the plan: what is left to do, its runs, tokens and minutes */
export async function planOf(settings, { folder, half, threads, speed }) {
  const trained = join(folder, "trained");
  const isTrained = isComplete(trained);
  const later = (runs) => Math.round(runs * settings.block * LATER * ASSUMED.distinct);
  const families = settings.families.length + 1;
  const baselines = settings.baselines.length * families * Math.min(BASELINE_ITEMS, settings.pool);
  const candidates = settings.rounds * later(settings.episodes * settings.candidates);
  const paid = isTrained ? paidIn(trained) : undefined;
  const { callsPerRun, replyTokens, source } = paid
    ? measured(paid, settings, baselines, candidates)
    : assumed(settings);
  const size = statSync(await resolveModel(settings.model)).size / 98e6;
  const examples = settings.rounds * settings.episodes * settings.candidates * settings.epochs;
  const training = (ASSUMED.trainMinutes * (examples / 360) * size * 2) / threads;
  const kept = Math.floor(settings["judge-pool"] * settings.confirm);
  const pool = Math.min(BASELINE_ITEMS, settings["judge-pool"] - kept);
  const perTask =
    later(settings["judge-episodes"] * settings["judge-candidates"]) +
    CONFIRMED * kept * ASSUMED.distinct +
    settings.test;
  const rows = [];
  const longer = ASSUMED.cut * (settings["judge-reply-tokens"] - settings["reply-tokens"]);
  const add = (what, isDone, runs, { calls = callsPerRun, minutes = 0 } = {}) => {
    const tokens = Math.round(runs * calls * (replyTokens + (what.startsWith("judged") ? longer : 0)));
    if (!isDone) rows.push({ what, runs: Math.round(runs), tokens, minutes: tokens / speed / 60 + minutes });
  };
  add("baselines of the families", isTrained, baselines, { calls: 1 });
  add("candidates to train on", isTrained, candidates);
  add("adapter by rewards", isTrained, 0, { minutes: training });
  add(
    "adapter by shuffled rewards",
    isComplete(join(folder, "shuffled")),
    (settings.rounds - 1) * later(settings.episodes * settings.candidates),
    { minutes: training },
  );
  const tasks = settings.judged.length;
  add(
    "judged: direct and the fixed baseline",
    existsSync(join(folder, `rows${half}`, "base.json")),
    tasks * 2 * (pool + settings.test),
    { calls: 1 },
  );
  for (const row of ["base", "trained", "shuffled", "random"])
    add(`judged: ${row}`, existsSync(join(folder, `rows${half}`, `${row}.json`)), tasks * perTask);
  return { rows, minutes: rows.reduce((sum, one) => sum + one.minutes, 0), basis: source };
}

const assumed = (settings) => ({
  callsPerRun: ASSUMED.callsPerRun,
  replyTokens: Math.round(ASSUMED.replyShare * settings["reply-tokens"]),
  source: `assumed ${ASSUMED.callsPerRun} calls a run, replies of ${Math.round(ASSUMED.replyShare * settings["reply-tokens"])} tokens, ${Math.round(100 * ASSUMED.distinct)} % of the runs not equal to others`,
});

/** The executor's row of what a run spent; undefined where stored results told it all. */
const paidIn = (folder) => summaryOf(folder).spent.rows.find(({ role }) => role === "executor");

/** What the training run asked, over the runs that were planned for it; baselines ask once. */
function measured(row, settings, baselines, candidates) {
  const replyTokens = row.completionTokens / Math.max(1, row.calls);
  const callsPerRun = Math.max(1, row.calls - baselines) / candidates;
  return {
    callsPerRun,
    replyTokens,
    source: `${callsPerRun.toFixed(1)} calls a run and replies of ${Math.round(replyTokens)} tokens, as the ${row.calls} calls of the training run had (cap ${settings["reply-tokens"]})`,
  };
}

/** @param speed - tokens a second */
export function planText({ rows, minutes, basis }, speed, threads) {
  const line = ({ what, runs, tokens, minutes: own }) =>
    `  ${what.padEnd(40)} ${String(runs).padStart(6)} runs ${String(tokens).padStart(8)} tokens ${own.toFixed(1).padStart(7)} min`;
  return [
    `plan, at ${speed.toFixed(1)} tokens/s measured with ${LANES} requests in flight and ${threads} thread${threads === 1 ? "" : "s"} (${basis}):`,
    ...rows.map(line),
    `  ${"all".padEnd(62)} ${minutes.toFixed(1).padStart(14)} min`,
  ].join("\n");
}
