/** @file Examples to choose from: the same ones for every item, or the nearest to it; never the item itself. */
import MiniSearch from "minisearch";
import type { Example, WorkflowParts } from "../../records/workflow-parts.js";
import { sampleKey } from "../../tasks/sample-key.js";
import type { VisibleTask } from "../../tasks/task.js";

/** Options of `agent.examples`. */
export interface ExampleOptions {
  near?: boolean | undefined;
  worked?: boolean | undefined;
}

/** Characters of a question by which the nearest items are looked for. */
const MAX_QUERY = 10_000;

interface Entry {
  key: string;
  example: Example;
}

/** Fixed list of examples in the order drawn. */
export class ExampleSet {
  readonly #plain: RankedList;
  readonly #worked: RankedList;

  /**
   * @param parts.examples - of items that ask the same the first one counts
   */
  constructor({ examples = [], worked = [] }: Pick<WorkflowParts, "examples" | "worked">) {
    this.#plain = new RankedList(entriesOf(examples));
    this.#worked = new RankedList(entriesOf(worked));
  }

  /**
   * Up to `count` examples, fewer where there are no more.
   * @param options.near - nearest to the question first, by BM25 over words; equally near ones, and those without a common word, as drawn
   * @param options.worked - worked ones first; what is missing is filled up with plain ones
   */
  give(task: VisibleTask, count: number, { near = false, worked = false }: ExampleOptions = {}): Example[] {
    const query = near ? textOf(task) : undefined;
    const used = new Set([sampleKey(task)]);
    const given: Example[] = [];
    for (const list of worked ? [this.#worked, this.#plain] : [this.#plain]) {
      for (const { key, example } of list.ranked(query)) {
        if (given.length === count) return given;
        if (used.has(key)) continue;
        used.add(key);
        given.push(example);
      }
    }
    return given;
  }
}

class RankedList {
  readonly #entries: readonly Entry[];
  #index: MiniSearch<{ id: number; text: string }> | undefined;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** @param query - undefined: as drawn */
  ranked(query: string | undefined): readonly Entry[] {
    if (query === undefined) return this.#entries;
    const scores = new Map(this.#search(query).map(({ id, score }) => [id as number, score]));
    const order = this.#entries.map((_, index) => index);
    order.sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0) || a - b);
    return order.map((index) => this.#entries[index]!);
  }

  #search(query: string) {
    if (!this.#index) {
      this.#index = new MiniSearch({ fields: ["text"] });
      this.#index.addAll(this.#entries.map(({ example }, id) => ({ id, text: textOf(example) })));
    }
    return this.#index.search(query);
  }
}

function entriesOf(examples: readonly Example[]): Entry[] {
  const entries = examples.map((example) => ({ key: sampleKey(example), example }));
  const first = new Map(entries.toReversed().map((entry) => [entry.key, entry]));
  return entries.filter((entry) => first.get(entry.key) === entry);
}

/** The passage is left out: items of one passage are not nearer than those that ask alike. */
function textOf({ question, choices = [] }: Pick<VisibleTask, "question" | "choices">): string {
  return [question, ...choices].join("\n").slice(0, MAX_QUERY);
}
