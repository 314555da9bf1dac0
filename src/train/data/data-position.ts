/** @file Which examples an update takes: shuffled by group in every epoch, found again from seed and position alone. */
import { Random } from "../../core/random.js";

/** A place in the data. All of a run's chance is derived from its seed and this, so no generator needs saving. */
export interface DataPosition {
  /** From 0. */
  epoch: number;
  /** Update within the epoch, from 0. */
  step: number;
}

export interface DataOrderOptions {
  seed: number;
  /** Examples per update; at least 1. The last update of an epoch may have fewer. */
  batchSize: number;
  /** At least 1. */
  epochs: number;
  /** Updates take whole groups, as many as come nearest to the batch size, at least one. Default false. */
  wholeGroups?: boolean | undefined;
}

/**
 * Order of the data: another random order of the groups in every epoch, with the examples of a group together in the
 * order given, so that what they share is computed once. Unless groups stay whole, one may be divided between two updates;
 * where they do, the same groups make an update in every epoch, and the order of updates changes.
 */
export class DataOrder {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly #groups: readonly (readonly number[])[];
  /**
   * Examples of every update of whole groups: the same in every epoch, so that what is laid out for them comes back.
   * Undefined where updates take examples one by one.
   */
  readonly #updates: readonly (readonly number[])[] | undefined;
  readonly #options: DataOrderOptions;
  #known: { epoch: number; updates: readonly (readonly number[])[] } | undefined;

  /** @param groups - the group of every example; at least one */
  constructor(groups: readonly string[], options: DataOrderOptions) {
    const members = new Map<string, number[]>();
    groups.forEach((group, index) => {
      const list = members.get(group);
      if (list === undefined) members.set(group, [index]);
      else list.push(index);
    });
    this.#groups = [...members.values()];
    this.#options = options;
    if (options.wholeGroups) {
      const share = (options.batchSize * members.size) / groups.length;
      const shuffled = new Random(options.seed).derive("updates").shuffle(this.#groups);
      this.#updates = chunks(shuffled, Math.max(1, Math.round(share))).map((own) => own.flat());
    }
    this.stepsPerEpoch = this.#updates?.length ?? Math.ceil(groups.length / options.batchSize);
    this.totalSteps = this.stepsPerEpoch * options.epochs;
  }

  /** The position before update `update`, counted from 0 over all epochs. */
  positionOf(update: number): DataPosition {
    return { epoch: Math.floor(update / this.stepsPerEpoch), step: update % this.stepsPerEpoch };
  }

  /** Indices of the examples of one update. */
  examplesAt({ epoch, step }: DataPosition): number[] {
    return [...(this.#updatesOf(epoch)[step] ?? [])];
  }

  /** The examples of every update of an epoch. */
  #updatesOf(epoch: number): readonly (readonly number[])[] {
    if (this.#known?.epoch !== epoch) {
      const random = new Random(this.#options.seed).derive("data-order", epoch);
      const updates = this.#updates
        ? random.shuffle(this.#updates)
        : chunks(random.shuffle(this.#groups).flat(), this.#options.batchSize);
      this.#known = { epoch, updates };
    }
    return this.#known.updates;
  }
}

/** Consecutive members of a list, `count` at a time. */
function chunks<T>(list: readonly T[], count: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / count) }, (_, i) =>
    list.slice(i * count, (i + 1) * count),
  );
}
