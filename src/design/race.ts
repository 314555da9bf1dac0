/** @file The race of an episode: which of its workflows meet more validation items, paid in tokens. */
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

/** Standard deviations by which a workflow may turn out better than it looks: behind the leader by more, it is out. */
const REACH = 2;
/** Tokens for later blocks, as a share of what the first block of the turn's new workflows cost. */
export const LATER_SHARE = 1.25;

/**
 * Those that meet their next block: who can still win, in the order of what it may be ahead of the leader for each token
 * of an item, as far as the tokens reach. So cheap workflows go first, and a dear one follows where its promise is worth
 * its price. Nobody does where one of several is left that can win.
 * @param racers - of the whole episode, so that a strong earlier one is measured on
 * @param race.width - most workflows at once
 * @param race.block - items of a block
 * @param race.tokens - left to this turn
 * @source Karnin, Koren & Somekh 2013 (successive halving), with the gain a cost of Snoek et al. 2012 as its order.
 */
export function nextInRace<T extends Racer>(
  racers: readonly T[],
  { width, block, tokens }: { width: number; block: number; tokens: number },
): T[] {
  const found = standings(racers);
  const lead = Math.max(...[...found.values()].map(({ level }) => level));
  const running = [...found].filter(([, standing]) => reachOf(standing) >= lead);
  if (running.length < 2 && found.size > 1) return [];
  const ranked = running
    .filter(([{ order, evaluation }]) => evaluation.results.length < order.length)
    .map(([racer, standing]) => ({
      racer,
      promise: (reachOf(standing) - lead) / priceOf(racer),
      cost: priceOf(racer) * Math.min(block, racer.order.length - racer.evaluation.results.length),
    }))
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

function reachOf({ level, deviation }: Standing): number {
  return level + REACH * deviation;
}

/** Tokens of an item, 1 or more. */
function priceOf({ evaluation: { tokens, results } }: Pick<Racer, "evaluation">): number {
  return Math.max(1, tokens / Math.max(1, results.length));
}

/** The workflows of one episode in their race; each turn adds some, and all of them can be measured on. */
export class EpisodeRace {
  readonly #parts: Pick<EpisodeParts, "validation" | "draws" | "measure">;
  readonly #racers = new Map<string, Racer>();

  constructor(parts: Pick<EpisodeParts, "validation" | "draws" | "measure">) {
    this.#parts = parts;
  }

  get racers(): Racer[] {
    return [...this.#racers.values()];
  }

  /** Shrunk means by workflow hash; those that lost too many samples have none. */
  standings(): Map<string, Standing> {
    return new Map([...standings(this.racers)].map(([{ hash }, standing]) => [hash, standing]));
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

  /** The pool in the order of a turn: every turn of every episode begins one block further on. */
  orderOf({ episode, turn }: TurnPlace): Sample[] {
    const { validation, draws } = this.#parts;
    const start = ((episode * draws.turns + turn) * this.#block) % validation.length;
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
      const next = nextInRace(this.racers, { width, block, tokens });
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
