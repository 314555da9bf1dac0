/** @file A task in a run: its items, baselines, evaluations, episodes and final test. */
import type { RewardName } from "../config/reward-shares.js";
import type { RunConfig } from "../config/run-config.js";
import { InputError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { withSpan } from "../core/telemetry/spans.js";
import { actOptions } from "../design/draw-candidates.js";
import type { EpisodeDraws, Measurement } from "../design/episode-parts.js";
import type { QuotedItems } from "../design/feedback.js";
import { playEpisode } from "../design/play-episode.js";
import type { Policy, PolicyInfo } from "../design/policy.js";
import { buildPrompt, type PolicyState } from "../design/policy-state.js";
import type { WritingPace } from "../design/rehearsal.js";
import { rewardOf } from "../design/reward.js";
import type { ApprovalGate } from "../evaluate/approval.js";
import type { Baseline } from "../evaluate/baselines/baseline.js";
import { checkStarts, chooseBaselines, startsOf } from "../evaluate/baselines/choose-baselines.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import {
  type Evaluation,
  type JobResult,
  type JobRunner,
  makeJobs,
  summarize,
} from "../evaluate/evaluation.js";
import { asksForExamples, hasAnswersToShow, type TaskExamples } from "../evaluate/examples/task-examples.js";
import type { ScoredWorkflow, Workflow } from "../evaluate/scored-workflow.js";
import { isBlamable } from "../llm/fault-class.js";
import type { ResultRow } from "../records/result-row.js";
import type { OnRunEvent } from "../records/run-event.js";
import { TrajectoryLog } from "../records/trajectory.js";
import type { WorkflowParts } from "../records/workflow-parts.js";
import { sampleKey } from "../tasks/sample-key.js";
import type { Sample, SplitName, Task } from "../tasks/task.js";
import type { AnswerKind } from "../workflow/answer-kind.js";
import type { ToolCard } from "../workflow/tool.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { resultRow } from "./run-figures.js";
import { BASELINE_ITEMS } from "./search-plan.js";
import { alone, type Seat } from "./side-by-side.js";
import { type InstructionPlan, taskInstructions } from "./task-instructions.js";

/** The settings of a configuration that decide what happens on a bench. */
export type BenchSettings = Pick<
  RunConfig,
  | "seed"
  | "turns"
  | "candidates"
  | "temperature"
  | "explore"
  | "maxRepairs"
  | "screen"
  | "parent"
  | "testLimit"
> & {
  baselines: RunConfig["baselines"] | undefined;
  rewardWeights: RunConfig["rewardWeights"] | undefined;
  reward: RewardName;
  /** Resamples of every interval. */
  resamples: number;
  /** Hash over executors, limits and defaults: part of every job id. */
  settingsHash: string;
  /** Candidates race over the validation items (docs/evaluation.md). Default false: they are screened on the first ones. */
  isRacing?: boolean | undefined;
  /** Hash over the limits of programs: part of the job ids of workflows that run some. Default: in settingsHash, or there are none. */
  programsHash?: string | undefined;
};

export interface BenchParts {
  task: Task;
  /** The seeded, fixed validation set: the pool of a race, or its head is the screening set. */
  validation: readonly Sample[];
  /** Validation items that only the confirmation of the best designs meets. Default none. */
  confirmation?: readonly Sample[] | undefined;
  runner: JobRunner;
  settings: BenchSettings;
  executor: { id: string; isSimulated: boolean };
  /** Optional calls of agent that exist here, after the rules. */
  offers: ReadonlySet<string>;
  /** Items of the train split that workflows may be shown. */
  examples?: TaskExamples | undefined;
  tools: readonly ToolCard[];
  /** Aliases of further executors. */
  aliases: readonly string[];
  /** Techniques that designs leave out, by name. Default none. */
  without?: readonly string[] | undefined;
  /** See rewardOf(). Default true. */
  paysScreening?: boolean | undefined;
  /** Run directory: events name trajectories by their place in it. Default: that of each trajectory. */
  directory?: string | undefined;
  approval: Pick<ApprovalGate, "refused">;
  /** Who writes instructions for designers under a grammar. Default nobody. */
  instructions?: InstructionPlan | undefined;
  emit: OnRunEvent;
  signal: AbortSignal | undefined;
}

/** Items of train that prompts quote: every workflow that a prompt shows is run on them. */
const QUOTED_ITEMS = 4;
/** Items of train that the writer of instructions is shown, each answered directly first. */
const INSTRUCTED_ITEMS = 8;

/** A workflow on its way to a table: `name` for programs, `title` for people. */
export interface Contestant extends Workflow {
  name: string;
  title: string;
}

export interface Tested {
  row: ResultRow;
  evaluation: Evaluation;
}

interface MeasureOptions {
  what: string;
  epoch?: number | undefined;
  episode?: number | undefined;
  /** Default: alone. */
  seat?: Seat | undefined;
}

/** Order of an episode; settings that are left out are those of the run. */
export interface EpisodeOrder {
  log: TrajectoryLog;
  draws?: Partial<EpisodeDraws> | undefined;
  /** Evaluated workflows shown at the first turn, the plainest first. Default: the baselines that ask the executor. */
  starts?: readonly ScoredWorkflow[] | undefined;
  /** Filled with what the episode finds, turn by turn, so that one that is stopped keeps it. Default: a list of its own. */
  found?: ScoredWorkflow[] | undefined;
  /** Place among episodes that are played at the same time. Default: it is played alone. */
  seat?: Seat | undefined;
}

export class Bench {
  readonly task: Task;
  readonly answer: AnswerKind;
  readonly validation: readonly Sample[];
  readonly confirmation: readonly Sample[];
  readonly settings: BenchSettings;
  readonly #parts: BenchParts;
  #scored: Promise<ScoredWorkflow[]> | undefined;
  #isToldOfExamples = false;
  #references: ReadonlySet<string> | undefined;
  #quoted: Promise<QuotedItems> | undefined;
  #instructions: Promise<readonly string[]> | undefined;
  /** Ids of items that a baseline finished. */
  readonly #finished = new Set<string>();

  constructor(parts: BenchParts) {
    this.task = parts.task;
    this.answer = answerKind(parts.task);
    this.validation = parts.validation;
    this.confirmation = parts.confirmation ?? [];
    this.settings = parts.settings;
    this.#parts = parts;
  }

  /** The baselines of the configuration. @throws {ConfigError} where it names one that makes no sense here */
  get baselineWorkflows(): Baseline[] {
    return chooseBaselines(this.settings.baselines, {
      answer: this.answer,
      hasContext: this.validation[0]?.context !== undefined,
      offers: this.#parts.offers,
    });
  }

  /**
   * The baselines evaluated on validation, once a bench; before a race on its first 16 items.
   * @param onScored - told of each as it is done
   * @throws {ConfigError} where designs would have nothing to start from
   */
  baselines(onScored?: (baseline: ScoredWorkflow) => void): Promise<ScoredWorkflow[]> {
    this.#scored ??= this.#scoreBaselines(onScored);
    return this.#scored;
  }

  async #scoreBaselines(onScored?: (baseline: ScoredWorkflow) => void): Promise<ScoredWorkflow[]> {
    const workflows = this.baselineWorkflows;
    checkStarts(workflows, this.settings.baselines);
    const scored: ScoredWorkflow[] = [];
    const samples = this.settings.isRacing ? this.validation.slice(0, BASELINE_ITEMS) : this.validation;
    for (const { title, source } of workflows) {
      const workflow = { hash: workflowHash(source), source };
      const [evaluation] = await this.evaluate([workflow], samples, { what: title });
      const baseline = { ...workflow, title, evaluation: evaluation! };
      scored.push(baseline);
      onScored?.(baseline);
    }
    return scored;
  }

  /** The evaluated baselines that designs start from: the local model alone is none of them. */
  async starts(): Promise<ScoredWorkflow[]> {
    return startsOf(await this.baselines(), this.settings.baselines);
  }

  /**
   * Runs several workflows on the same samples, all their jobs in one queue.
   * @param options.what - said in progress
   * @param options.epoch - repetition with fresh replies. Default 0
   * @param options.episode - that they are run for, said in progress
   * @returns one evaluation per workflow, in order
   * @throws what stops a run: a fatal ModelCallError, a BudgetExceededError, the signal's reason
   */
  async evaluate(
    workflows: readonly Workflow[],
    samples: readonly Sample[],
    options: MeasureOptions,
  ): Promise<Evaluation[]> {
    return await this.measure(
      workflows.map((workflow) => ({ workflow, samples })),
      options,
    );
  }

  /** As evaluate(), with samples of its own for each workflow. */
  async measure(
    wanted: readonly Measurement[],
    { what, epoch = 0, episode, seat = alone() }: MeasureOptions,
  ): Promise<Evaluation[]> {
    const { task, runner, settings, emit, signal } = this.#parts;
    this.#warnOfExamples(wanted.map(({ workflow }) => workflow));
    const lists = wanted.map(({ workflow, samples }) =>
      makeJobs(workflow, samples, task, { ...settings, epoch }),
    );
    const jobs = lists.flat();
    const place = { what, task: task.name, episode };
    let done = 0;
    emit({ type: "job-done", done, total: jobs.length, ...place });
    const results = await seat.evaluate(() =>
      runner.run(jobs, {
        signal,
        stop: seat.stop,
        onDone: () => emit({ type: "job-done", done: ++done, total: jobs.length, ...place }),
      }),
    );
    let next = 0;
    return wanted.map(({ workflow: { hash }, samples: { length } }) => {
      const own = results.slice(next, next + length);
      next += length;
      return summarize(hash, this.#blame(hash, own), settings.seed, settings.resamples);
    });
  }

  /** Says it once where a workflow asks for examples that there are none of. */
  #warnOfExamples(workflows: readonly Workflow[]): void {
    const { task, examples, emit } = this.#parts;
    if (this.#isToldOfExamples || !examples) return;
    const isLacking = ({ source, carried }: Workflow) =>
      asksForExamples(source) && !examples.isOffered(carried);
    if (!workflows.some(isLacking)) return;
    this.#isToldOfExamples = true;
    const why = hasAnswersToShow(task)
      ? "it has no train split"
      : `its items have no answers to show (metric ${task.metric})`;
    emit({ type: "warning", message: `agent.examples is not offered for ${task.name}: ${why}` });
  }

  /** What a workflow of this task takes along to places without the dataset; undefined where it needs nothing. */
  async partsOf(source: string): Promise<WorkflowParts | undefined> {
    return await this.#parts.examples?.partsOf(source);
  }

  /**
   * A filter or a full context is the workflow's own fault on an item that a baseline got through: it scores 0 there. Only baselines
   * are compared with, which come before all others, so that neither order nor time decides; where none ran nobody is blamed.
   */
  #blame(hash: string, results: readonly JobResult[]): JobResult[] {
    this.#references ??= new Set(this.baselineWorkflows.map(({ source }) => workflowHash(source)));
    const isBaseline = this.#references.has(hash);
    return results.map((result) => {
      const { sampleId, status, fault, message } = result;
      if (isBaseline && status !== "error") this.#finished.add(sampleId);
      if (isBaseline || status !== "error" || !isBlamable(fault) || !this.#finished.has(sampleId))
        return result;
      return { ...result, status: "threw", message: `${message}; the baselines got through this item` };
    });
  }

  /** The first of the items that all of these finished, else that any did; a workflow fails it for reasons of its own. */
  #quickItem(starts: readonly ScoredWorkflow[], samples: readonly Sample[]): Sample {
    const finished = starts.flatMap(({ evaluation }) =>
      evaluation.results.filter(({ status }) => status === "ok").map(({ sampleId }) => sampleId),
    );
    const count = (sample: Sample) => finished.filter((id) => id === sample.id).length;
    const counts = samples.map(count);
    return samples[counts.indexOf(Math.max(...counts))]!;
  }

  /** The first items of train in a seeded order, without those that validation holds too; none where there is no train split. */
  async #trainItems(limit: number): Promise<Sample[]> {
    if (!this.task.splits.includes("train")) return [];
    const known = new Set(this.validation.map((sample) => sampleKey(sample)));
    const train = await this.task.load("train");
    const random = new Random(seedFrom(this.settings.seed, "items", "train"));
    return random.shuffle(train.filter((sample) => !known.has(sampleKey(sample)))).slice(0, limit);
  }

  get #card(): PolicyState["task"] {
    const { title, description, instruction } = this.task;
    return { title, description, instruction, answer: this.answer };
  }

  /** Instructions for designers under a grammar, once a bench; none where nobody writes any, or there is no train split. */
  instructions(): Promise<readonly string[]> {
    this.#instructions ??= this.#writeInstructions();
    return this.#instructions;
  }

  async #writeInstructions(): Promise<readonly string[]> {
    const { task, instructions: plan, directory, emit, signal } = this.#parts;
    const samples = plan ? await this.#trainItems(INSTRUCTED_ITEMS) : [];
    if (!plan || samples.length === 0) return [];
    const answered = async () => {
      const [direct] = await this.starts();
      const [evaluation] = await this.evaluate([direct!], samples, { what: "train items for instructions" });
      return evaluation!;
    };
    return await taskInstructions({
      ...plan,
      ...{ task, card: this.#card, samples, answered, directory, emit, signal },
    });
  }

  async #drawQuoted(): Promise<QuotedItems> {
    const samples = await this.#trainItems(QUOTED_ITEMS);
    if (samples.length > 0) return { samples, hasAnswers: true };
    const message = `${this.task.name} has no train split: the designer is shown questions of validation, never their answers`;
    this.#parts.emit({ type: "warning", message });
    return { samples: this.validation, hasAnswers: false };
  }

  /**
   * Looks whether the first prompt of an episode leaves the policy room to reply, and how fast it writes; asks the executor
   * nothing.
   * @throws {InputError} where the context of its model is too small
   */
  async rehearse(policy: Policy): Promise<WritingPace | undefined> {
    if (!policy.rehearse) return undefined;
    const { offers, tools, aliases, without, validation } = this.#parts;
    this.#quoted ??= this.#drawQuoted();
    const quoted = await this.#quoted;
    const baselines = startsOf(this.baselineWorkflows, this.settings.baselines).map(({ title, source }) => ({
      ...{ title, source },
      evaluation: summarize(workflowHash(source), [], this.settings.seed),
    }));
    const prompt = buildPrompt(
      {
        ...{ task: this.#card, example: quoted.samples[0]!, offers, tools, models: aliases, without },
        ...{ baselines, current: baselines[0]!, turns: [], quoted, seed: this.settings.seed },
      },
      policy.style,
    );
    const options = actOptions({ card: this.#card, offers, tools, models: aliases, without, validation });
    return await policy.rehearse(prompt, this.settings.candidates, options);
  }

  /**
   * A trajectory file of this task and a policy, with its header. Close it when done.
   * @throws {InputError} where another model or adapter wrote it
   */
  openLog(path: string, policy: Policy): TrajectoryLog {
    const { task, executor, settings, directory } = this.#parts;
    const log = new TrajectoryLog(path, directory);
    if (!log.header) {
      log.append({
        kind: "header",
        version: 1,
        task: { name: task.name, hash: task.hash },
        executor: executor.id,
        isSimulated: executor.isSimulated,
        policy: policy.info,
        seed: settings.seed,
      });
    } else refuseOthers(path, log.header.policy, policy.info);
    return log;
  }

  /**
   * Plays one episode: the only way to let a policy design, so that approval, rules and reward cannot be left out.
   * What the log holds already is read, not drawn again.
   * @param number - of the episode in its log, from 0
   * @returns all workflows that were scored, in order of their appearance: those of a race on as many items as they met
   */
  async episode(policy: Policy, order: EpisodeOrder, number: number): Promise<ScoredWorkflow[]> {
    const names = { "w4s.task": this.task.name, "w4s.episode": number };
    return await withSpan("episode", names, () => this.#play(policy, order, number));
  }

  async #play(policy: Policy, order: EpisodeOrder, number: number): Promise<ScoredWorkflow[]> {
    const { validation, offers, tools, aliases, without, approval, emit, signal } = this.#parts;
    const { seat = alone(signal), found = [] } = order;
    const { seed, turns, candidates, temperature, explore, maxRepairs, screen, parent } = this.settings;
    const { reward, rewardWeights } = this.settings;
    const starts = order.starts ?? (await this.starts());
    this.#quoted ??= this.#drawQuoted();
    return await playEpisode(
      {
        policy,
        log: order.log,
        task: this.task.name,
        card: this.#card,
        offers,
        tools,
        models: aliases,
        without,
        isRacing: this.settings.isRacing === true && this.settings.screen > 0,
        validation,
        quoted: await this.#quoted,
        instructions: () => this.instructions(),
        quickItem: (samples) => this.#quickItem(starts, samples),
        seed,
        draws: {
          ...{ drawSeed: seed, turns, candidates, temperature, explore, maxRepairs, screen, parent },
          ...order.draws,
        },
        found,
        write: (ask) => seat.write(ask),
        evaluate: (workflows, samples, what) =>
          this.evaluate(workflows, samples, { what, episode: number, seat }),
        measure: (wanted, what) => this.measure(wanted, { what, episode: number, seat }),
        refused: (workflows) => approval.refused(workflows),
        reward: (candidate, history) =>
          rewardOf(reward, candidate, history, rewardWeights, this.#parts.paysScreening),
        emit,
        signal: seat.stop.signal,
      },
      starts,
      number,
    );
  }

  /**
   * A seeded, fixed choice of items: the same limit gives the same items in the same order. Drawing from test opens it,
   * which is logged.
   * @param purpose - why test is opened
   * @param workflow - hash of the workflow that was chosen and that it is opened for
   * @throws {InputError} on a split without items
   */
  async items(split: SplitName, limit: number, purpose: string, workflow?: string): Promise<Sample[]> {
    const items = await drawItems(this.task, split, limit, this.settings.seed);
    if (split === "test") this.#parts.emit({ type: "test-opened", items: items.length, purpose, workflow });
    return items;
  }

  /**
   * Opens the test split, once, at the end, for workflows that were chosen without it.
   * @param workflow - hash of the one among them that was chosen
   * @returns one row each, in order; none where the task has no test split
   */
  async finalTest(contestants: readonly Contestant[], purpose: string, workflow?: string): Promise<Tested[]> {
    if (!this.task.splits.includes("test") || this.settings.testLimit === 0) return [];
    const items = await this.items("test", this.settings.testLimit, purpose, workflow);
    const tested: Tested[] = [];
    for (const contestant of contestants) {
      const what = `test of ${contestant.title}`;
      const [evaluation] = await this.evaluate([contestant], items, { what });
      tested.push({ row: this.row(contestant, "test", evaluation!), evaluation: evaluation! });
    }
    return tested;
  }

  /** A line of a result table. */
  row(contestant: Pick<Contestant, "name" | "title">, split: SplitName, evaluation: Evaluation): ResultRow {
    const { executor } = this.#parts;
    const { name, title } = contestant;
    return resultRow({ name, title, split, executor: executor.id }, executor, evaluation);
  }
}

/** A seeded, fixed choice of items. @throws {InputError} on a split without items */
export async function drawItems(
  task: Task,
  split: SplitName,
  limit: number,
  seed: number,
): Promise<Sample[]> {
  const samples = await task.load(split);
  if (samples.length === 0) {
    throw new InputError(`0 items in split ${split} of ${task.name}`, {
      hint: "w4s data validate names what is wrong",
    });
  }
  return new Random(seedFrom(seed, "items", split)).shuffle(samples).slice(0, limit);
}

/** @throws {InputError} where a trajectory was begun by another model or adapter than would go on with it */
function refuseOthers(path: string, was: PolicyInfo, is: PolicyInfo): void {
  const nameOf = ({ modelHash, adapterHash, members }: PolicyInfo) =>
    (members ?? [{ modelHash, adapterHash }])
      .map((one) => `model ${one.modelHash.slice(0, 12)}, adapter ${one.adapterHash?.slice(0, 12) ?? "none"}`)
      .join("; ");
  if (nameOf(was) === nameOf(is)) return;
  throw new InputError(`${path} was written by ${nameOf(was)}, and would go on with ${nameOf(is)}`, {
    hint: "put that model and adapter back, or set the file aside to play its episodes anew",
  });
}
