/** @file Samples that begin alike, merged into a tree so that every shared token is computed once. */
import { type Segment, type TokenLayout, treeLayout } from "../../transformer/token-layout.js";
import { usedLength } from "./example.js";

/** A sequence and what one of its targets counts in the loss. */
export interface TrieSample {
  /** [T] */
  tokens: Int32Array;
  /** 1 where a token is a target; the first is 0 [T]. */
  lossMask: Uint8Array;
  /** Factor of the cross-entropy of each target; see lossCoefficients(). */
  coefficient: number;
  /** Coefficient as if the sample had weight 1: factor of the divergence from the base at each target. Default 0. */
  evenCoefficient?: number | undefined;
  /** Number that the trie's list of targets by sample names the sample by; without, it is not in that list. */
  index?: number | undefined;
}

export interface TrieTarget {
  /** Index of the token that is predicted. */
  token: number;
  /** Index of its parent, whose logits predict it. Several targets may have one source. */
  source: number;
  /** Σ of the coefficients of the samples in which this token is a target. */
  weight: number;
  /** Σ of their even coefficients. Default 0. */
  evenWeight?: number | undefined;
}

/** A tree, or a forest where first tokens differ, in which no two tokens with the same id have the same ancestors. */
export interface TokenTrie {
  layout: TokenLayout;
  /** Ids [layout.tokenCount]; a segment's parent stands before it, siblings by rising id. */
  tokens: Int32Array;
  /** Targets by rising token. */
  targets: TrieTarget[];
  /** Places in `targets` of each sample that has an index, in the order of its tokens; undefined where none has. */
  samples?: { index: number; targets: Int32Array }[] | undefined;
}

/**
 * Merges samples. Loss and gradient of the trie are those of all samples computed alone, up to rounding.
 * Tokens behind a sample's last target are left out. The result does not depend on the order of samples.
 */
export function buildTrie(samples: readonly TrieSample[]): TokenTrie {
  const sorted = sortSamples(samples);
  const capacity = sorted.reduce((sum, sample) => sum + usedLength(sample), 0);
  const tokens = new Int32Array(capacity);
  const parents = new Int32Array(capacity);
  const weights = new Float64Array(capacity);
  const evenWeights = new Float64Array(capacity);
  const isTarget = new Uint8Array(capacity);
  const tracked: { index: number; nodes: number[] }[] = [];
  /** Node at every depth of the sample at hand. */
  const path: number[] = [];
  let count = 0;
  sorted.forEach((sample, index) => {
    const previous = sorted[index - 1];
    path.length = previous === undefined ? 0 : sharedLength(previous, sample);
    for (let depth = path.length; depth < usedLength(sample); depth++) {
      const parent = depth === 0 ? -1 : (path[depth - 1] as number);
      tokens[count] = sample.tokens[depth] as number;
      parents[count] = parent;
      path.push(count++);
    }
    if (sample.index !== undefined) {
      const nodes = path.filter((_, depth) => sample.lossMask[depth] === 1);
      tracked.push({ index: sample.index, nodes });
    }
    path.forEach((node, depth) => {
      if (sample.lossMask[depth] !== 1) return;
      isTarget[node] = 1;
      weights[node] = (weights[node] as number) + sample.coefficient;
      evenWeights[node] = (evenWeights[node] as number) + (sample.evenCoefficient ?? 0);
    });
  });
  const targets: TrieTarget[] = [];
  for (let token = 0; token < count; token++) {
    if (isTarget[token] === 0) continue;
    const evenWeight = evenWeights[token] as number;
    targets.push({
      token,
      source: parents[token] as number,
      weight: weights[token] as number,
      evenWeight: evenWeight || undefined,
    });
  }
  const segments = cutSegments(parents.subarray(0, count));
  const placeOf = new Map(targets.map(({ token }, place) => [token, place]));
  const samplesOf = tracked.map(({ index, nodes }) => ({
    index,
    targets: Int32Array.from(nodes, (node) => placeOf.get(node) as number),
  }));
  return {
    layout: treeLayout(segments),
    tokens: tokens.slice(0, count),
    targets,
    samples: samplesOf.length === 0 ? undefined : samplesOf,
  };
}

/**
 * Segments as long as can be: one begins at a root, below a token with several children, and where a token does not stand
 * behind its parent.
 * @param parents of every token, which stand before it; −1 for a root
 * @param cut a segment begins here in any case
 */
export function cutSegments(parents: ArrayLike<number>, cut = 0): Segment[] {
  const childCounts = new Int32Array(parents.length);
  for (let node = 0; node < parents.length; node++) {
    const parent = parents[node] as number;
    if (parent >= 0) childCounts[parent] = (childCounts[parent] as number) + 1;
  }
  const segments: Segment[] = [];
  const segmentOf = new Int32Array(parents.length);
  for (let node = 0; node < parents.length; node++) {
    const parent = parents[node] as number;
    const last = segments[segments.length - 1];
    const goesOn = parent >= 0 && parent === node - 1 && childCounts[parent] === 1 && node !== cut;
    if (last !== undefined && goesOn) last.end = node + 1;
    else
      segments.push({ start: node, end: node + 1, parent: parent < 0 ? -1 : (segmentOf[parent] as number) });
    segmentOf[node] = segments.length - 1;
  }
  return segments;
}

/**
 * By token ids, a beginning before what continues it; samples with the same tokens by coefficient and mask,
 * so that sums too are taken in one order.
 */
export function sortSamples<S extends TrieSample>(samples: readonly S[]): S[] {
  return [...samples].sort((a, b) => {
    const shared = sharedLength(a, b);
    const [lengthA, lengthB] = [usedLength(a), usedLength(b)];
    if (shared < lengthA && shared < lengthB) {
      return (a.tokens[shared] as number) - (b.tokens[shared] as number);
    }
    return (
      lengthA - lengthB ||
      a.coefficient - b.coefficient ||
      Buffer.compare(a.lossMask.subarray(0, lengthA), b.lossMask.subarray(0, lengthB))
    );
  });
}

/** Equal tokens at the beginning of both, up to the last target of either. */
export function sharedLength(a: TrieSample, b: TrieSample): number {
  const limit = Math.min(usedLength(a), usedLength(b));
  let length = 0;
  while (length < limit && a.tokens[length] === b.tokens[length]) length++;
  return length;
}
