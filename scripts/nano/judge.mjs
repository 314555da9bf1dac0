/** @file Runs workflows on items of generated families with the simulated executor; all figures from it are simulated. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Budget } from "../../dist/core/budget.js";
import { usualBaselines } from "../../dist/evaluate/baselines/usual-baselines.js";
import { makeJobs, summarize } from "../../dist/evaluate/evaluation.js";
import { LocalJobRunner } from "../../dist/evaluate/local-job-runner.js";
import { CallStore } from "../../dist/llm/call-store.js";
import { MeteredModel } from "../../dist/llm/metered-model.js";
import { SimulatedChatModel } from "../../dist/llm/simulated/simulated-chat-model.js";
import { FAMILIES, generateFamily } from "../../dist/tasks/families.js";
import { makeScorer } from "../../dist/tasks/make-scorer.js";
import { simulatedItems } from "../../dist/tasks/simulated-items.js";
import { QuickJsSandbox } from "../../dist/workflow/sandbox/quickjs-sandbox.js";
import { workflowHash } from "../../dist/workflow/workflow-hash.js";
import { ANSWER_KINDS } from "./corpus.mjs";

const MAX_TOKENS = 512;
const RESAMPLES = 100;

/** Items of a family as samples. */
export function familySamples(name, count, seed) {
  const { splits } = generateFamily(name, { seed, counts: { train: 0, validation: count, test: 0 } });
  return splits.validation.map(({ answer, ...line }) => ({ ...line, answers: [answer] }));
}

export class Judge {
  #folder = mkdtempSync(join(tmpdir(), "w4s-nano-"));
  #sandbox;
  #store = CallStore.open(join(this.#folder, "calls.db"));
  #seed;

  constructor({ seed = 0, processes = 1 } = {}) {
    this.#seed = seed;
    this.#sandbox = new QuickJsSandbox({ processes });
  }

  /** One evaluation per source, on the same samples. */
  async evaluate(familyName, sources, samples) {
    const { metric, metricOptions } = FAMILIES.find(({ name }) => name === familyName);
    const model = new SimulatedChatModel({ seed: this.#seed });
    model.register(simulatedItems(samples));
    const executor = new MeteredModel({
      model,
      role: "executor",
      store: this.#store,
      budget: new Budget(),
      price: { inputPerMillion: 0, outputPerMillion: 0 },
      seed: this.#seed,
    });
    const runner = new LocalJobRunner({
      sandbox: this.#sandbox,
      models: { executor, aliases: new Map() },
      store: this.#store,
      scorer: makeScorer(metric, metricOptions),
      limits: {},
      maxTokens: MAX_TOKENS,
      concurrency: 1,
    });
    const settings = { seed: this.#seed, settingsHash: `nano ${familyName}` };
    const jobs = sources.flatMap((source) =>
      makeJobs({ hash: workflowHash(source), source }, samples, { metric }, settings),
    );
    const results = await runner.run(jobs);
    return sources.map((source, index) =>
      summarize(
        workflowHash(source),
        results.slice(index * samples.length, (index + 1) * samples.length),
        this.#seed,
        RESAMPLES,
      ),
    );
  }

  async close() {
    await this.#sandbox.close();
    this.#store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What an episode on a family shows at its first turn, with each of the baselines as the current workflow. */
export async function familyStates(judge, name, samples, seed) {
  const family = FAMILIES.find((one) => one.name === name);
  const answer = ANSWER_KINDS[family.kind];
  const baselines = usualBaselines(answer, samples[0].context !== undefined).filter(
    ({ name: baseline }) => baseline !== "weak-alone",
  );
  const evaluations = await judge.evaluate(
    name,
    baselines.map(({ source }) => source),
    samples,
  );
  return baselines.map(({ title, source }, index) => ({
    task: { title: family.title, description: family.description, answer },
    example: samples[0],
    offers: new Set(),
    models: [],
    baselines: [],
    current: { title, source, evaluation: evaluations[index] },
    turns: [],
    quoted: { samples, hasAnswers: true },
    seed: seed + index,
  }));
}
