/** @file The race of an episode: which of its workflows meet more validation items, paid in tokens. */
import { normalDensity, normalShare } from "../core/statistics.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { Workflow } from "../evaluate/scored-workflow.js";
import type { TurnRecord } from "../records/trajectory.js";
import type { Sample } from "../tasks/task.js";
import type { TurnPlace } from "./draw-candidates.js";
import type { EpisodeParts } from "./episode-parts.js";
import { type Standing, standings } from "./standings.js";

/** A workflow in the race. */
export interface Racer extends Workflow {
  /** All items of the pool, in the order in which it meets them. */
  order: readonly Sample[];
  /** On the first so many of them. */
  evaluation: Evaluation;
}

/** Tokens for later blocks of a turn, as a share of what the first block of its new workflows cost. */
export const LATER_SHARE = 0.6;
/** An accuracy that is worth no further block. */
const LEAST_GAIN = 1e-4;

/** What the next blocks of a race may cost, and who is in it. */
interface RaceStep {
  /** Most workflows at once. */
  width: number;
  /** Items of a block. */
  block: number;
  /** Tokens left. */
  tokens: number;
  /** Measured too, but asked nothing: baselines. Default none. */
  others?: readonly { evaluation: Evaluation }[] | undefined;
}

/**
 * Those that meet their next block: in the order of how much better than the best other one they may be expected to turn out,
 * for each token of an item, as far as the tokens reach. So cheap workflows go first, and a dear one follows where its promise is
 * worth its price; the leader is measured where it may turn out worse than the second. Nobody is where nothing more is to be gained.
 * @source Jones, Schonlau & Welch 1998 (expected improvement), per cost as in Snoek et al. 2012.
 */
export function nextInRace<T extends Racer>(
  racers: readonly T[],
  { width, block, tokens, others = [] }: RaceStep,
): T[] {
  const found = standings<{ evaluation: Evaluation }>([...racers, ...others]);
  const levels = [...found.values()].map(({ level }) => level).sort((a, b) => b - a);
  const ranked = racers
    .flatMap((racer) => {
      const standing = found.get(racer);
      const left = racer.order.length - racer.evaluation.results.length;
      if (standing === undefined || left <= 0) return [];
      const gain = gainOf(standing, standing.level === levels[0] ? levels[1] : levels[0]);
      return gain < LEAST_GAIN
        ? []
        : [{ racer, promise: gain / priceOf(racer), cost: priceOf(racer) * Math.min(block, left) }];
    })
    .sort((a, b) => b.promise - a.promise || (a.racer.hash < b.racer.hash ? -1 : 1));
  const chosen: T[] = [];
  let left = tokens;
  for (const { racer, cost } of ranked) {
    if (chosen.length === width || cost > left) continue;
    chosen.push(racer);
    left -= cost;
  }
  return chosen;
}

/** Expected gain in accuracy from knowing which of the two is better. */
function gainOf({ level, deviation }: Standing, rival: number | undefined): number {
  if (rival === undefined) return deviation;
  if (deviation === 0) return 0;
  const behind = -Math.abs(level - rival) / deviation;
  return deviation * (behind * normalShare(behind) + normalDensity(behind));
}

/** Tokens of an item, 1 or more. */
export function priceOf({ evaluation: { tokens, results } }: Pick<Racer, "evaluation">): number {
  return Math.max(1, tokens / Math.max(1, results.length));
}

/** The workflows of one episode in their race; each turn adds some, and all of them can be measured on. */
export class EpisodeRace {
  readonly #parts: Pick<EpisodeParts, "validation" | "draws" | "measure">;
  readonly #baselines: readonly { evaluation: Evaluation }[];
  readonly #racers = new Map<string, Racer>();

  /** @param baselines - evaluated: they show how hard the items are, and what is to be beaten */
  constructor(
    parts: Pick<EpisodeParts, "validation" | "draws" | "measure">,
    baselines: readonly { evaluation: Evaluation }[],
  ) {
    this.#parts = parts;
    this.#baselines = baselines;
  }

  get racers(): Racer[] {
    return [...this.#racers.values()];
  }

  /** By workflow hash, those of the baselines too; workflows that lost too many samples have none. */
  standings(): Map<string, Standing> {
    const found = standings<{ evaluation: Evaluation }>([...this.#baselines, ...this.racers]);
    return new Map([...found].map(([{ evaluation }, standing]) => [evaluation.workflowHash, standing]));
  }

  evaluationOf(hash: string): Evaluation | undefined {
    return this.#racers.get(hash)?.evaluation;
  }

  /** True where it met no more than the first block of a larger pool. */
  isOut(hash: string): boolean {
    const { validation } = this.#parts;
    return this.#block < validation.length && this.evaluationOf(hash)!.results.length <= this.#block;
  }

  /** Items asked of each so far, as a turn records it. */
  asked(): Record<string, number> {
    return Object.fromEntries(this.racers.map(({ hash, evaluation }) => [hash, evaluation.results.length]));
  }

  /** The pool in the order of a turn: every turn of every episode begins one block further on, with items that baselines met. */
  orderOf({ episode, turn }: TurnPlace): Sample[] {
    const { validation, draws } = this.#parts;
    const shared = Math.max(0, ...this.#baselines.map(({ evaluation: { results } }) => results.length));
    const start =
      ((episode * draws.turns + turn) * this.#block) % Math.min(shared || Infinity, validation.length);
    return [...validation.slice(start), ...validation.slice(0, start)];
  }

  get #block(): number {
    return Math.min(this.#parts.draws.screen, this.#parts.validation.length);
  }

  /**
   * Every new workflow meets the first block of the turn; then the race goes on among all of the episode.
   * @param recorded - the turn as an earlier session finished it: what was asked then is asked again, and nothing else
   */
  async run(
    place: TurnPlace,
    workflows: readonly Workflow[],
    recorded: TurnRecord | undefined,
  ): Promise<void> {
    const order = this.orderOf(place);
    const isNew = ({ hash }: Workflow, at: number, all: readonly Workflow[]) =>
      !this.#racers.has(hash) && all.findIndex((one) => one.hash === hash) === at;
    const added = workflows.filter(isNew).map((workflow) => ({ ...workflow, order }));
    const asked = recorded?.race;
    if (asked) {
      const known = [...this.racers, ...added].filter(({ hash }) => (asked[hash] ?? 0) > 0);
      await this.#measure(known, ({ hash }) => asked[hash]!);
      return;
    }
    const block = this.#block;
    await this.#measure(added, () => block);
    const first = added.map(({ hash }) => this.#racers.get(hash)!);
    let tokens = LATER_SHARE * block * first.reduce((sum, racer) => sum + priceOf(racer), 0);
    const width = Math.ceil(this.#parts.draws.candidates / 2);
    for (;;) {
      const next = nextInRace(this.racers, { width, block, tokens, others: this.#baselines });
      if (next.length === 0) return;
      const before = next.reduce((sum, { evaluation }) => sum + evaluation.tokens, 0);
      await this.#measure(next, ({ hash }) => this.#racers.get(hash)!.evaluation.results.length + block);
      tokens -= next.reduce((sum, { hash }) => sum + this.#racers.get(hash)!.evaluation.tokens, -before);
    }
  }

  async #measure(
    racers: readonly Omit<Racer, "evaluation">[],
    countOf: (racer: Omit<Racer, "evaluation">) => number,
  ): Promise<void> {
    if (racers.length === 0) return;
    const wanted = racers.map((workflow) => ({
      workflow,
      samples: workflow.order.slice(0, countOf(workflow)),
    }));
    const evaluations = await this.#parts.measure(wanted, "validation");
    for (const [index, racer] of racers.entries())
      this.#racers.set(racer.hash, { ...racer, evaluation: evaluations[index]! });
  }
}
