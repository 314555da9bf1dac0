/** @file The matrices that pairs stand beside: by layer, then in the order of ALL_LINEAR_NAMES. */
import { ALL_LINEAR_NAMES, type LinearName } from "../transformer/linear-name.js";

/** One matrix of one layer. */
export interface PairPlace {
  /** Name of its tensor, such as `blk.0.attn_q.weight`. */
  name: string;
  layer: number;
  target: LinearName;
}

/** The matrix of that name; undefined for tensors that no pair can stand beside. */
export function placeOf(name: string): PairPlace | undefined {
  const [, layer, part] = /^blk\.(0|[1-9]\d*)\.([a-z_.]+)\.weight$/.exec(name) ?? [];
  const target = ALL_LINEAR_NAMES.find((linear) => linear === part);
  return target && { name, layer: Number(layer), target };
}

export function comparePlaces(a: PairPlace, b: PairPlace): number {
  return a.layer - b.layer || ALL_LINEAR_NAMES.indexOf(a.target) - ALL_LINEAR_NAMES.indexOf(b.target);
}

export function targetsOf(places: readonly PairPlace[]): LinearName[] {
  return ALL_LINEAR_NAMES.filter((name) => places.some(({ target }) => target === name));
}
