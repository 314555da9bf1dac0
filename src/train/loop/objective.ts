/** @file Objectives that compare replies: loss, and its slope in the log-probability of every target. */
import { groupBy } from "../../core/statistics.js";

/** A reply as objectives see it, with n targets. */
export interface ComparedReply {
  /** Replies to one prompt have the same one. */
  prompt: string;
  /** How good the reply is, in the units of the objective; below 0 it is pushed away. */
  weight: number;
  /** log π of every target now, nats [n]. */
  now: Float64Array;
  /** The same with the parameters that training began with [n]. */
  start: Float64Array;
}

/** Loss of some replies. */
export interface ComparedLoss {
  loss: number;
  /** dL / d log π of every target, by reply. */
  slopes: Float64Array[];
}

/** Figures of objectives. */
export interface ObjectiveFigures {
  /** β, above 0: how much of the distance from the start a preference is worth. Default 0.1. */
  beta?: number | undefined;
  /** ε, above 0 and below 1: ratios further than this from 1 bring no gradient. Default 0.2. */
  clip?: number | undefined;
  /** Replies to one prompt are a pair where their weights differ by more than this, from 0. Default 0.02. */
  pairGap?: number | undefined;
}

/** An objective that compares replies with what they were worth at the start, and with each other. */
export interface Objective {
  /** @param count - replies of the update, those that say nothing included */
  lossOf(replies: readonly ComparedReply[], figures: ObjectiveFigures, count: number): ComparedLoss;
  /** Whether each reply says something beside the others of its update; the others are not computed. */
  hasPart(replies: readonly Pick<ComparedReply, "prompt" | "weight">[], figures: ObjectiveFigures): boolean[];
  /** True where the loss of one reply depends on the others, so that all passes of an update must be known first. */
  isJoint: boolean;
}

/** @source Rafailov et al. 2023 (arXiv 2305.18290): β = 0.1; Ethayarajh et al. 2024 (arXiv 2402.01306): the same */
const DEFAULT_BETA = 0.1;
/** @source Schulman et al. 2017 (arXiv 1707.06347), table 3 */
const DEFAULT_CLIP = 0.2;
/** Half a standard error of an accuracy on 32 items, on the scale of shrunk rewards. */
const DEFAULT_GAP = 0.02;

const PREFERENCE: Objective = {
  isJoint: true,
  hasPart: (replies, figures) => {
    const chosen = new Set(pairsOf(replies, figures).flat());
    return replies.map((_, index) => chosen.has(index));
  },
  lossOf: (replies, figures) => {
    const { beta = DEFAULT_BETA } = figures;
    const pairs = pairsOf(replies, figures);
    const ratios = replies.map(logRatio);
    const pull = new Float64Array(replies.length);
    let loss = 0;
    for (const [better, worse] of pairs) {
      const margin = beta * ((ratios[better] as number) - (ratios[worse] as number));
      loss += softplus(-margin) / pairs.length;
      const slope = (beta * sigmoid(-margin)) / pairs.length;
      pull[better] = (pull[better] as number) - slope;
      pull[worse] = (pull[worse] as number) + slope;
    }
    return {
      loss,
      slopes: replies.map(({ now }, i) => new Float64Array(now.length).fill(pull[i] as number)),
    };
  },
};

const GROUP: Objective = {
  isJoint: false,
  hasPart: (replies) => replies.map(({ weight }) => weight !== 0),
  lossOf: (replies, { clip = DEFAULT_CLIP }, count) => {
    let loss = 0;
    const slopes = replies.map(({ weight, now, start }) => {
      const share = 1 / (count * now.length);
      return now.map((value, t) => {
        const ratio = Math.exp(value - (start[t] as number));
        const bounded = Math.min(1 + clip, Math.max(1 - clip, ratio));
        loss -= share * Math.min(ratio * weight, bounded * weight);
        return ratio * weight <= bounded * weight ? -share * weight * ratio : 0;
      });
    });
    return { loss, slopes };
  },
};

const KTO: Objective = {
  isJoint: true,
  hasPart: (replies) => replies.map(({ weight }) => weight !== 0),
  lossOf: (replies, { beta = DEFAULT_BETA }, count) => {
    const ratios = replies.map(logRatio);
    const zero = Math.max(0, ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(1, replies.length));
    let loss = 0;
    const slopes = replies.map(({ weight, now }, i) => {
      const worth = sigmoid(Math.sign(weight) * beta * ((ratios[i] as number) - zero));
      loss += (Math.abs(weight) * (1 - worth)) / count;
      return new Float64Array(now.length).fill((-weight * beta * worth * (1 - worth)) / count);
    });
    return { loss, slopes };
  },
};

/**
 * Name → objective. With r = Σ_t (log π_t − log π_t at the start) of a reply, its weight w and its n targets, N replies of an
 * update:
 *
 *     preference  L = (1/|P|) Σ_(a,b) −log σ(β (r_a − r_b)), P all pairs of one prompt with w_a − w_b over the gap
 *     group       L = (1/N) Σ (1/n) Σ_t −min(ρ_t w, clip(ρ_t, 1 − ε, 1 + ε) w), ρ_t = exp(log π_t − log π_t at the start)
 *     kto         L = (1/N) Σ |w| (1 − σ(± β (r − z))), + where w > 0, z = max(0, mean r) without gradient
 *
 * All are bounded in what they push away: once a reply is far from where it began, its slope goes to 0.
 * @source preference: DPO, Rafailov et al. 2023 (arXiv 2305.18290), equation 7
 * @source group: GRPO, Shao et al. 2024 (arXiv 2402.03300), equation 3, its divergence left to klPenalty
 * @source kto: Ethayarajh et al. 2024 (arXiv 2402.01306), equation 8; z of the update's own replies instead of mismatched pairs,
 * which for replies to one prompt come from the same distribution
 */
export const OBJECTIVE_TABLE: Readonly<Record<"preference" | "group" | "kto", Objective>> = {
  preference: PREFERENCE,
  group: GROUP,
  kto: KTO,
};

export type ComparedName = keyof typeof OBJECTIVE_TABLE;

/** All pairs of one prompt whose weights differ by more than the gap, the better one first. */
function pairsOf(
  replies: readonly Pick<ComparedReply, "prompt" | "weight">[],
  { pairGap = DEFAULT_GAP }: ObjectiveFigures,
): [better: number, worse: number][] {
  const weightOf = (index: number) => (replies[index] as ComparedReply).weight;
  const indices = replies.map((_, index) => index);
  return [...groupBy(indices, (index) => (replies[index] as ComparedReply).prompt).values()].flatMap((own) =>
    own.flatMap((better) =>
      own
        .filter((worse) => weightOf(better) - weightOf(worse) > pairGap)
        .map((worse): [number, number] => [better, worse]),
    ),
  );
}

function logRatio({ now, start }: ComparedReply): number {
  return now.reduce((sum, value, t) => sum + value - (start[t] as number), 0);
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** log(1 + e^x) */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
