/** @file Passes of updates whose objective compares replies: with what they were worth at the start, and with each other. */
import { groupBy } from "../../core/statistics.js";
import { promptKey, type TokenExample } from "../data/example.js";
import { type PackedStep, type PackOptions, packBatches } from "../data/pack-batches.js";
import type { TokenTrie } from "../data/token-trie.js";
import type { TargetObjective } from "../gradients/head-gradient.js";
import type { ModelGradients } from "../gradients/model-gradients.js";
import { type ComparedName, OBJECTIVE_TABLE, type Objective, type ObjectiveFigures } from "./objective.js";

export interface ReplyComparisonOptions {
  objective: ComparedName;
  figures: ObjectiveFigures;
  packing: PackOptions;
  /** All examples of the run, those held out included. */
  examples: readonly TokenExample[];
  /** Parameters that training begins with; the same for a run that goes on. */
  startParameters: ReadonlyMap<string, Float32Array>;
}

type LogProbs = readonly Float64Array[];

/**
 * An objective over the token tries of updates. Log-probabilities at the start come from a forward pass over each group
 * alone, when it is first met: they do not depend on where a run was stopped.
 */
export class ReplyComparison {
  readonly #options: ReplyComparisonOptions;
  readonly #objective: Objective;
  readonly #groups: ReadonlyMap<string, readonly TokenExample[]>;
  readonly #start = new Map<TokenExample, Float64Array>();
  readonly #prompts = new Map<TokenExample, string>();

  constructor(options: ReplyComparisonOptions) {
    this.#options = options;
    this.#objective = OBJECTIVE_TABLE[options.objective];
    this.#groups = groupBy(options.examples, ({ group }) => group);
    for (const example of options.examples) this.#prompts.set(example, promptKey(example));
  }

  /** Tries of the examples that say something, each target of which is known by its example. */
  pack(examples: readonly TokenExample[]): PackedStep {
    const has = this.#objective.hasPart(
      examples.map((example) => ({ prompt: this.#promptOf(example), weight: example.weight })),
      this.#options.figures,
    );
    const parts = examples.map((example, i) => ({ ...example, weight: has[i] ? 1 : 0 }));
    return packBatches(parts, { ...this.#options.packing, tracksExamples: true });
  }

  /** Passes of an update that are computed forward before any gradient: a loss over several needs all of them. */
  before({ tries }: PackedStep): readonly TokenTrie[] {
    return this.#objective.isJoint && tries.length > 1 ? tries : [];
  }

  /** Passes with the parameters that training begins with: one group after the other. */
  startPasses(): TokenTrie[] {
    return [...this.#groups.values()].flatMap((own) => this.pack(own).tries);
  }

  /**
   * The objective of each pass of an update.
   * @param forward - log-probabilities of the targets of one pass, as the gradient's own pass will find them
   */
  async objectives(
    gradients: ModelGradients,
    examples: readonly TokenExample[],
    packed: PackedStep,
    forward: (pass: number) => Promise<Float64Array>,
  ): Promise<TargetObjective[]> {
    const { tries } = packed;
    await this.#meet(gradients, examples);
    if (this.before(packed).length === 0) {
      return tries.map((trie) => (logProbs) => {
        const { loss, slopes } = this.#compare([trie], [logProbs], examples);
        return { loss, slopes: slopes[0] as Float64Array };
      });
    }
    const logProbs: Float64Array[] = [];
    for (const pass of tries.keys()) logProbs.push(await forward(pass));
    const { loss, slopes } = this.#compare(tries, logProbs, examples);
    return tries.map((_, pass) => () => ({
      loss: pass === 0 ? loss : 0,
      slopes: slopes[pass] as Float64Array,
    }));
  }

  /** The loss alone, for examples held out. */
  async loss(
    gradients: ModelGradients,
    examples: readonly TokenExample[],
    parameters: ReadonlyMap<string, Float32Array>,
  ): Promise<number> {
    await this.#meet(gradients, examples);
    const { tries } = this.pack(examples);
    const logProbs: Float64Array[] = [];
    for (const trie of tries) logProbs.push(await gradients.logProbs(trie, parameters));
    return this.#compare(tries, logProbs, examples).loss;
  }

  #compare(
    tries: readonly TokenTrie[],
    logProbs: LogProbs,
    examples: readonly TokenExample[],
  ): { loss: number; slopes: Float64Array[] } {
    const placed = tries.flatMap(({ samples = [] }, pass) => samples.map((sample) => ({ pass, ...sample })));
    const replies = placed.map(({ pass, index, targets }) => {
      const example = examples[index] as TokenExample;
      return {
        prompt: this.#promptOf(example),
        weight: example.weight,
        now: picked(logProbs[pass] as Float64Array, targets),
        start: this.#start.get(example) as Float64Array,
      };
    });
    const { figures } = this.#options;
    const { loss, slopes } = this.#objective.lossOf(replies, figures, examples.length);
    const sums = logProbs.map(({ length }) => new Float64Array(length));
    for (const [i, { pass, targets }] of placed.entries()) {
      const sum = sums[pass] as Float64Array;
      for (const [t, target] of targets.entries())
        sum[target] = (sum[target] as number) + (slopes[i]?.[t] as number);
    }
    return { loss, slopes: sums };
  }

  /** Log-probabilities at the start, of the groups that were not met yet. */
  async #meet(gradients: ModelGradients, examples: readonly TokenExample[]): Promise<void> {
    for (const group of new Set(examples.map((example) => example.group))) {
      const own = this.#groups.get(group) as readonly TokenExample[];
      const { tries } = this.pack(own);
      const isKnown = tries.every(({ samples = [] }) =>
        samples.every(({ index }) => this.#start.has(own[index] as TokenExample)),
      );
      if (isKnown) continue;
      for (const trie of tries) {
        const logProbs = await gradients.logProbs(trie, this.#options.startParameters);
        for (const { index, targets } of trie.samples ?? [])
          this.#start.set(own[index] as TokenExample, picked(logProbs, targets));
      }
    }
  }

  #promptOf(example: TokenExample): string {
    return this.#prompts.get(example) as string;
  }
}

function picked(values: Float64Array, places: Int32Array): Float64Array {
  return Float64Array.from(places, (place) => values[place] as number);
}
