/** @file Who did the work of a row: calls, tokens, time and money of the local model and of the executors. */
import { sumOrNull } from "../../core/statistics.js";
import type { JobResult } from "../../evaluate/evaluation.js";
import { statedArithmetic } from "../../evaluate/stated-arithmetic.js";

export type Side = "weak" | "strong";

/** Usage of all calls to one side, averaged over items. */
export interface SideUsage {
  calls: number;
  tokens: number;
  /** Sum of the replies' times; made up where the model is simulated. */
  latencyMs: number;
  /** null when a price is unknown. The local model costs nothing. */
  dollars: number | null;
  /** 0–1 of the row's; null where there is nothing to share, or a price is unknown. */
  shareOfCalls: number | null;
  shareOfTokens: number | null;
  shareOfDollars: number | null;
}

/** Which models a row called. */
export type RowMode = "weak only" | "strong only" | "cooperative" | "no model";

/** The arithmetic stated in the replies of one side. */
export interface ArithmeticFigures {
  replies: number;
  /** Replies that state at least one equation; the others are counted apart and in no share. */
  stating: number;
  /** Replies whose every stated equation holds. */
  sound: number;
  equations: number;
  holding: number;
}

export function sideOf(role: string): Side {
  return role === "weak" ? "weak" : "strong";
}

export function rowMode(results: readonly JobResult[]): RowMode {
  const sides = new Set(
    results.flatMap(({ usage }) =>
      Object.entries(usage).flatMap(([role, { calls }]) => (calls > 0 ? sideOf(role) : [])),
    ),
  );
  if (sides.size === 0) return "no model";
  return sides.size === 2 ? "cooperative" : sides.has("weak") ? "weak only" : "strong only";
}

export function sideUsage(results: readonly JobResult[]): Record<Side, SideUsage> {
  const sums = { weak: empty(), strong: empty() };
  for (const { usage } of results) {
    for (const [role, used] of Object.entries(usage)) {
      const sum = sums[sideOf(role)];
      sum.calls += used.calls;
      sum.tokens += used.promptTokens + used.completionTokens;
      sum.latencyMs += used.latencyMs;
      sum.dollars = sumOrNull([sum.dollars, used.dollars]);
    }
  }
  const share = (side: Side, key: "calls" | "tokens" | "dollars") => {
    const own = sums[side][key];
    const total = sumOrNull([sums.weak[key], sums.strong[key]]);
    return own === null || total === null || total === 0 ? null : own / total;
  };
  const n = Math.max(1, results.length);
  const figures = (side: Side): SideUsage => ({
    calls: sums[side].calls / n,
    tokens: sums[side].tokens / n,
    latencyMs: sums[side].latencyMs / n,
    dollars: sums[side].dollars === null ? null : sums[side].dollars / n,
    shareOfCalls: share(side, "calls"),
    shareOfTokens: share(side, "tokens"),
    shareOfDollars: share(side, "dollars"),
  });
  return { weak: figures("weak"), strong: figures("strong") };
}

function empty(): { calls: number; tokens: number; latencyMs: number; dollars: number | null } {
  return { calls: 0, tokens: 0, latencyMs: 0, dollars: 0 };
}

export function arithmeticFigures(results: readonly JobResult[]): Record<Side, ArithmeticFigures> {
  const figures = { weak: none(), strong: none() };
  for (const { role, text } of results.flatMap(({ transcript }) => transcript ?? [])) {
    const sum = figures[sideOf(role)];
    const { stated, holding } = statedArithmetic(text);
    sum.replies++;
    sum.equations += stated;
    sum.holding += holding;
    if (stated > 0) sum.stating++;
    if (stated > 0 && stated === holding) sum.sound++;
  }
  return figures;
}

function none(): ArithmeticFigures {
  return { replies: 0, stating: 0, sound: 0, equations: 0, holding: 0 };
}
