/** @file Tables of a learning run: its rounds, and the policies that were judged. */
import type { LearnResult } from "../../commands.js";
import { formatPercent } from "../../core/figure-format.js";
import { roundRow } from "./learn-printer.js";
import { outputWidth } from "./output.js";
import { table } from "./tables.js";

/** @returns "" where no round was played */
export function roundsText({ rounds, isSimulated }: LearnResult, width = outputWidth()): string {
  if (rounds.length === 0) return "";
  return `Rounds${markOf(isSimulated)}:\n${table(
    ["round", "candidates", "valid", "distinct", "mean reward", "loss", "judged", "adapter"],
    rounds.map(roundRow),
    [],
    width,
  )}\n`;
}

/** @returns "" where nobody was judged */
export function policiesText(result: LearnResult, width = outputWidth()): string {
  const { base, trained, random } = result;
  if (base === null) return "";
  const row = (name: string, score: typeof base) => [
    name,
    score.episodes,
    score.meanReward.toFixed(3),
    score.best.toFixed(3),
    formatPercent(score.validShare),
    formatPercent(score.distinctShare),
    Math.round(score.executorTokensPerCandidate),
  ];
  const rows = [row("base", base)];
  if (trained !== null) rows.push(row("trained", trained));
  if (random) rows.push(row("random techniques", random));
  const where = result.isHeldBack ? "not trained on" : "trained on";
  return `Designing for ${result.judgeTasks.join(", ")} (${where})${markOf(result.isSimulated)}:\n${table(
    ["policy", "episodes", "mean accuracy", "best", "valid", "distinct", "executor tokens"],
    rows,
    [],
    width,
  )}\n`;
}

function markOf(isSimulated: boolean): string {
  return isSimulated ? " (simulated executor)" : "";
}
