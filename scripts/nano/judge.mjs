/** @file Runs workflows on items of generated families, with all that a search offers them but a local model, and the simulated executor; all figures from it are simulated. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import PQueue from "p-queue";
import { Budget } from "../../dist/core/budget.js";
import { usualBaselines } from "../../dist/evaluate/baselines/usual-baselines.js";
import { makeJobs, summarize } from "../../dist/evaluate/evaluation.js";
import { TaskExamples } from "../../dist/evaluate/examples/task-examples.js";
import { workedSolutions } from "../../dist/evaluate/examples/worked-solutions.js";
import { LocalJobRunner } from "../../dist/evaluate/local-job-runner.js";
import { WorkflowAgent } from "../../dist/evaluate/workflow-agent.js";
import { CallStore } from "../../dist/llm/call-store.js";
import { MeteredModel } from "../../dist/llm/metered-model.js";
import { SimulatedChatModel } from "../../dist/llm/simulated/simulated-chat-model.js";
import { FAMILIES, generateFamily } from "../../dist/tasks/families.js";
import { makeScorer } from "../../dist/tasks/make-scorer.js";
import { simulatedItems } from "../../dist/tasks/simulated-items.js";
import { PythonSandbox } from "../../dist/workflow/python/python-sandbox.js";
import { QuickJsSandbox } from "../../dist/workflow/sandbox/quickjs-sandbox.js";
import { workflowHash } from "../../dist/workflow/workflow-hash.js";
import { ANSWER_KINDS } from "./corpus.mjs";

const MAX_TOKENS = 512;
const RESAMPLES = 100;
/** Items of train, which workflows may be shown. */
const TRAIN_ITEMS = 40;

/** Calls that a search offers on a generated family where no rules forbid any and no local model helps. */
export const OFFERS = new Set(["runPython", "examples"]);

/** Items of a family as samples. */
export function familySamples(name, count, seed, split = "validation") {
  const { splits } = generateFamily(name, {
    seed,
    counts: { train: 0, validation: 0, test: 0, [split]: count },
  });
  return splits[split].map(({ answer, ...line }) => ({ ...line, answers: [answer] }));
}

export class Judge {
  #folder = mkdtempSync(join(tmpdir(), "w4s-nano-"));
  #sandbox;
  #programs;
  #queue = new PQueue({ concurrency: 1 });
  #store = CallStore.open(join(this.#folder, "calls.db"));
  #seed;

  constructor({ seed = 0, processes = 1 } = {}) {
    this.#seed = seed;
    this.#sandbox = new QuickJsSandbox({ processes });
    this.#programs = new PythonSandbox({ processes });
  }

  /** One evaluation per source, on the same samples. */
  async evaluate(familyName, sources, samples) {
    const { kind, metric, metricOptions } = FAMILIES.find(({ name }) => name === familyName);
    const train = familySamples(familyName, TRAIN_ITEMS, this.#seed, "train");
    const model = new SimulatedChatModel({ seed: this.#seed });
    model.register(simulatedItems([...samples, ...train]));
    const executor = new MeteredModel({
      model,
      role: "executor",
      store: this.#store,
      budget: new Budget(),
      price: { inputPerMillion: 0, outputPerMillion: 0 },
      seed: this.#seed,
    });
    const models = { executor, aliases: new Map() };
    const scorer = makeScorer(metric, metricOptions);
    const runner = new LocalJobRunner({
      sandbox: this.#sandbox,
      programs: this.#programs,
      examples: new TaskExamples({
        task: { name: familyName, kind, metric, splits: ["train"], load: async () => train },
        seed: this.#seed,
        workedPath: join(this.#folder, `${familyName}.json`),
        solve: (items) =>
          workedSolutions(items, {
            answer: ANSWER_KINDS[kind],
            scorer,
            agentFor: () => new WorkflowAgent(models, { maxTokens: MAX_TOKENS }),
            concurrency: 1,
          }),
      }),
      models,
      store: this.#store,
      scorer,
      limits: {},
      maxTokens: MAX_TOKENS,
      queue: this.#queue,
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
    await this.#programs.close();
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
    offers: OFFERS,
    models: [],
    baselines: [],
    current: { title, source, evaluation: evaluations[index] },
    turns: [],
    quoted: { samples, hasAnswers: true },
    seed: seed + index,
  }));
}
