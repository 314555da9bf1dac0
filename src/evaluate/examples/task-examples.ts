/** @file The examples of one task in one run: items of its train split, and worked solutions that are made once. */
import { seedFrom } from "../../core/hash.js";
import { Random } from "../../core/random.js";
import type { WaveGate } from "../../llm/wave-gate.js";
import {
  type Example,
  PARTS_FORMAT,
  readWorked,
  type WorkedRecord,
  type WorkflowParts,
  writeWorked,
} from "../../records/workflow-parts.js";
import { sampleKey } from "../../tasks/sample-key.js";
import type { MetricName, Sample, Task, TaskKind, VisibleTask } from "../../tasks/task.js";
import { type ExampleOptions, ExampleSet } from "./example-set.js";
import { MAX_SOLUTION } from "./worked-solutions.js";

/** Items to choose from at most: those that a workflow takes along, so that it finds the same ones elsewhere. */
const MAX_POOL = 500;
/** Items that a workflow takes along that does not look for the nearest: what one call can ask for, twice. */
const MAX_SEEDED = 32;

const KINDS: ReadonlySet<TaskKind> = new Set(["math", "qa", "choice", "text"]);
/** Metrics of reference answers that a reply could give; patterns, constraints and judges have none. */
const METRICS: ReadonlySet<MetricName> = new Set([
  "exact-number",
  "expression",
  "choice",
  "f1",
  "exact-match",
]);

/** Whether the items of a task can be shown with their answers. */
export function hasAnswersToShow({ kind, metric }: Pick<Task, "kind" | "metric">): boolean {
  return KINDS.has(kind) && METRICS.has(metric);
}

/** Whether workflows of a task can be given items of its train split. */
export function offersExamples(task: Pick<Task, "kind" | "metric" | "splits">): boolean {
  return hasAnswersToShow(task) && task.splits.includes("train");
}

/** Whether a workflow calls for examples, as far as its text tells. */
export function asksForExamples(source: string): boolean {
  return /\bagent\s*\.\s*examples\s*\(/.test(source);
}

type TaskParts = Pick<Task, "name" | "kind" | "metric" | "splits" | "instruction" | "opened"> & {
  load: (split: "train" | "validation" | "test") => Promise<Sample[]>;
};

export interface TaskExamplesOptions {
  task: TaskParts;
  /** Draws the order of the items. */
  seed: number;
  /** File of the worked solutions in the run directory. */
  workedPath: string;
  /** Makes the worked solutions out of items in their order. */
  solve: (items: readonly Sample[]) => Promise<Omit<WorkedRecord, "version" | "task">>;
  /** Gate of waves: all who need the solutions wait while they are made. Default none. */
  gate?: WaveGate | undefined;
}

export class TaskExamples {
  readonly #options: TaskExamplesOptions;
  readonly #pools = new Map<boolean, Promise<{ items: Sample[]; withheld: ReadonlySet<string> }>>();
  readonly #sets = new Map<WorkflowParts | undefined, Map<string, Promise<ExampleSet>>>();
  #solutions: Promise<WorkedRecord> | undefined;

  constructor(options: TaskExamplesOptions) {
    this.#options = options;
  }

  /** Whether a workflow can be given examples: of the task, or those that it carries. */
  isOffered(carried?: WorkflowParts): boolean {
    const { task } = this.#options;
    return hasAnswersToShow(task) && (carried?.examples !== undefined || task.splits.includes("train"));
  }

  /**
   * Examples for one item; worked ones are made at the first need, once a run.
   * @param carried - of the workflow: they come before those of the task
   * @throws what stops a run
   */
  async give(
    task: VisibleTask,
    count: number,
    options: ExampleOptions = {},
    carried?: WorkflowParts,
  ): Promise<Example[]> {
    const find = () => this.#set(options.worked ?? false, carried);
    const set = await (this.#options.gate?.wait(find) ?? find());
    return set.give(task, count, options);
  }

  /** What give() chooses from, without what must not be shown; worked ones are made where the source asks for such. */
  async shownTo(
    source: string,
    carried?: WorkflowParts,
  ): Promise<Pick<WorkflowParts, "examples" | "worked">> {
    return await this.#choice(/\bworked\b/.test(source), carried);
  }

  /**
   * What a workflow of this task takes along, for places without the dataset; undefined where it needs nothing.
   * Worked solutions are those that were made: none are asked for here.
   */
  async partsOf(source: string): Promise<WorkflowParts | undefined> {
    const { task, workedPath } = this.#options;
    const { instruction } = task;
    const isAsking = asksForExamples(source) && offersExamples(task);
    if (!isAsking) {
      return instruction === undefined ? undefined : { format: PARTS_FORMAT, version: 1, instruction };
    }
    const { items } = await this.#pool();
    const most = /\bnear\b/.test(source) ? MAX_POOL : MAX_SEEDED;
    const record = /\bworked\b/.test(source) ? readWorked(workedPath) : undefined;
    return {
      ...{ format: PARTS_FORMAT, version: 1, instruction },
      examples: items.slice(0, most).map((item) => exampleOf(item)),
      worked: record && workedOf(items, record),
    };
  }

  /** One set a need; they are made anew when test was opened, since its items are withheld from then on. */
  async #set(isWorked: boolean, carried: WorkflowParts | undefined): Promise<ExampleSet> {
    const sets = this.#sets.get(carried) ?? new Map<string, Promise<ExampleSet>>();
    this.#sets.set(carried, sets);
    const name = `${isWorked} ${this.#isTestOpen}`;
    const making = sets.get(name) ?? this.#make(isWorked, carried);
    sets.set(name, making);
    making.catch(() => sets.delete(name));
    return await making;
  }

  async #make(isWorked: boolean, carried: WorkflowParts | undefined): Promise<ExampleSet> {
    return new ExampleSet(await this.#choice(isWorked, carried));
  }

  async #choice(isWorked: boolean, carried: WorkflowParts | undefined) {
    const { items, withheld } = await this.#pool();
    if (carried?.examples !== undefined) {
      const shown = (list: readonly Example[] = []) => list.filter((one) => !withheld.has(sampleKey(one)));
      return { examples: shown(carried.examples), worked: shown(carried.worked) };
    }
    const worked = isWorked ? workedOf(items, await this.#worked(items)) : [];
    return { examples: items.map((item) => exampleOf(item)), worked };
  }

  get #isTestOpen(): boolean {
    return this.#options.task.opened?.has("test") ?? false;
  }

  /** Items of train in the order drawn, without those that validation, or an opened test split, has too. */
  async #pool(): Promise<{ items: Sample[]; withheld: ReadonlySet<string> }> {
    const isTestOpen = this.#isTestOpen;
    const reading = this.#pools.get(isTestOpen) ?? this.#read(isTestOpen);
    this.#pools.set(isTestOpen, reading);
    reading.catch(() => this.#pools.delete(isTestOpen));
    return await reading;
  }

  async #read(isTestOpen: boolean) {
    const { task, seed } = this.#options;
    const withheld = new Set<string>();
    for (const split of task.splits) {
      if (split === "train" || (split === "test" && !isTestOpen)) continue;
      for (const sample of await task.load(split)) withheld.add(sampleKey(sample));
    }
    const train = task.splits.includes("train") ? await task.load("train") : [];
    const drawn = new Random(seedFrom(seed, "examples")).shuffle(train);
    const items = drawn.filter((sample) => !withheld.has(sampleKey(sample))).slice(0, MAX_POOL);
    return { items, withheld };
  }

  /** Those of the run directory, so that a run that is taken up shows what it showed before. */
  async #worked(items: readonly Sample[]): Promise<WorkedRecord> {
    this.#solutions ??= this.#readOrSolve(items);
    this.#solutions.catch(() => {
      this.#solutions = undefined;
    });
    return await this.#solutions;
  }

  async #readOrSolve(items: readonly Sample[]): Promise<WorkedRecord> {
    const { task, workedPath, solve } = this.#options;
    const stored = readWorked(workedPath);
    if (stored) return stored;
    const make = () => solve(items);
    const made = await (this.#options.gate?.busy(make) ?? make());
    const record: WorkedRecord = { version: 1, task: task.name, ...made };
    await writeWorked(workedPath, record);
    return record;
  }
}

function workedOf(items: readonly Sample[], { solutions }: WorkedRecord): Example[] {
  return solutions.flatMap(({ id, solution }) => {
    const item = items.find((one) => one.id === id);
    return item ? [{ ...exampleOf(item), solution }] : [];
  });
}

function exampleOf({ question, context, choices, answers, meta }: Sample): Example {
  const { solution } = meta;
  const isShort = typeof solution === "string" && solution.trim() !== "" && solution.length <= MAX_SOLUTION;
  return {
    ...{ question, context, choices },
    answer: (answers[0] ?? "").trim(),
    solution: isShort ? solution : undefined,
  };
}
