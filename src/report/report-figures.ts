/** @file The numbers of a report, computed once for the page, the terminal and --json. */

import { seedFrom } from "../core/hash.js";
import { groupBy, hierarchicalInterval, mean } from "../core/statistics.js";
import type { StoredCandidate, StoredTurn } from "../records/read-turns.js";
import type { ResultRow } from "../records/result-row.js";
import { bestLevel, distinctShare, validShare } from "../records/trajectory.js";
import type { RunReport } from "./run-report.js";

/** A mean with its 95 % interval. */
export interface Stat {
  mean: number;
  /** Null with fewer than two values. */
  interval: { low: number; high: number } | null;
  n: number;
}

/** All candidates of one turn, or of one round, over the episodes. */
export interface SeriesPoint {
  /** Counted from 1. */
  at: number;
  candidates: number;
  reward: Stat;
  /** Accuracy of those that were scored on the whole validation set; null where none was. */
  accuracy: Stat | null;
  /** Best accuracy of an episode until then, seeds included, over episodes. */
  best: Stat;
  validShare: number;
  distinctShare: number;
}

/** Means over judged episodes, drawn by task and episode. */
export interface JudgedPoint {
  round: number;
  /** Mean accuracy of the candidates of an episode. */
  reward: Stat;
  /** Best accuracy of an episode. */
  best: Stat;
}

export interface OutcomeFigures {
  /** Statuses met, the frequent ones first. */
  statuses: string[];
  /** Candidates by outcome and status. */
  counts: Record<StoredCandidate["outcome"], Record<string, number>>;
  /** Most frequent failures, with one example each; at most MESSAGES. */
  messages: { message: string; status: string; count: number; example: string }[];
  /** Candidates with techniques forced on them, those that were free, and repairs. */
  groups: { name: string; count: number; validShare: number; reward: number; accuracy: number | null }[];
}

export interface TechniqueFigures {
  name: string;
  count: number;
  share: number;
  rewardWith: number;
  rewardWithout: number | null;
  accuracyWith: number | null;
  accuracyWithout: number | null;
  /** Mean reward with it minus without it, within turns that have both: the same workflow was changed. Null where no turn has. */
  effect: Stat | null;
}

export interface ReportFigures {
  /** Unit the series runs over: rounds where there are several, else turns. */
  seriesOver: "round" | "turn";
  series: SeriesPoint[];
  /** Designs of the base (at 0) and of each round's adapter, judged without forced techniques; empty without rounds. */
  judged: JudgedPoint[];
  outcomes: OutcomeFigures;
  techniques: TechniqueFigures[];
  candidates: { count: number; valid: number; distinct: number; meanReward: number; tokensWritten: number };
  /** The row a reader should look at: the best workflow on test, else on validation; null where several tasks were judged. */
  headline: { best: ResultRow; rival: ResultRow | null; split: string } | null;
  episodes: number;
}

const MESSAGES = 12;
const RESAMPLES = 1000;
/** Enough for the width of an interval; of a hundred thousand values more would take long and change nothing. */
const FEWEST_RESAMPLES = 200;
const DRAWS = 2e7;

/** @param seed - of the intervals */
export function reportFigures(report: RunReport, seed = 0): ReportFigures {
  const { turns } = report;
  const candidates = turns.flatMap((turn) => turn.candidates);
  const hashes = candidates.flatMap(({ workflowHash }) => workflowHash ?? []);
  const seriesOver = new Set(turns.map((turn) => turn.source.round)).size > 1 ? "round" : "turn";
  return {
    seriesOver,
    series: series(turns, seriesOver, seed),
    judged: judged(report, seed),
    outcomes: outcomes(candidates),
    techniques: techniques(turns, seed),
    candidates: {
      count: candidates.length,
      valid: candidates.filter(({ outcome }) => outcome !== "invalid").length,
      distinct: new Set(hashes).size,
      meanReward: meanReward(candidates),
      tokensWritten: candidates.reduce((sum, { written }) => sum + written, 0),
    },
    headline: (report.learned?.judgeTasks.length ?? 0) > 1 ? null : headline(report.rows),
    episodes: new Set(turns.map(episodeKey)).size,
  };
}

/** Names an episode among those of all files of a run. */
export function episodeKey({ source, episode }: StoredTurn): string {
  return `${source.file}/${episode}`;
}

/** Resamples episodes first, then values within them: candidates of an episode share their parent. */
function stat(groups: readonly (readonly number[])[], seed: number): Stat | null {
  const values = groups.flat();
  if (values.length === 0) return null;
  // Every value counts alike; the interval of the bootstrap, which weighs groups alike, is moved to that mean.
  const resamples = Math.max(FEWEST_RESAMPLES, Math.min(RESAMPLES, Math.floor(DRAWS / values.length)));
  const { mean: centre, interval } = hierarchicalInterval(groups, seed, resamples);
  const shift = mean(values) - centre;
  return {
    mean: mean(values),
    interval: values.length < 2 ? null : { low: interval.low + shift, high: interval.high + shift },
    n: values.length,
  };
}

function series(turns: readonly StoredTurn[], over: "round" | "turn", seed: number): SeriesPoint[] {
  return [...groupBy(turns, (turn) => (over === "round" ? (turn.source.round ?? 0) : turn.turn + 1))]
    .sort(([a], [b]) => a - b)
    .map(([at, own]) => {
      const episodes = [...groupBy(own, episodeKey).values()];
      const groups = episodes.map((played) => played.flatMap((turn) => turn.candidates));
      const all = groups.flat();
      const one = (part: string, pick: (candidate: StoredCandidate) => number | null) =>
        stat(
          groups.map((group) => group.map(pick).filter((value) => value !== null)),
          seedFrom(seed, "report", part, at),
        );
      const empty: Stat = { mean: 0, interval: null, n: 0 };
      return {
        at,
        candidates: all.length,
        reward: one("reward", ({ reward, outcome }) => (outcome === "lost" ? null : reward)) ?? empty,
        accuracy: one("accuracy", ({ accuracy, outcome }) => (outcome === "scored" ? accuracy : null)),
        best: stat([episodes.map(bestOf)], seedFrom(seed, "report", "best", at)) ?? empty,
        validShare: validShare(all),
        distinctShare: distinctShare(all),
      };
    });
}

function judged({ rounds, learned }: RunReport, seed: number): JudgedPoint[] {
  const lists = [
    { round: 0, episodes: learned?.baseEpisodes ?? [] },
    ...rounds.map(({ round, record }) => ({ round, episodes: record?.episodes ?? [] })),
  ];
  return lists.flatMap(({ round, episodes }) => {
    const byTask = groupBy(episodes, ({ task }) => task);
    const one = (key: "meanReward" | "best") =>
      stat(
        [...byTask.values()].map((group) => group.map((episode) => episode[key])),
        seedFrom(seed, "report", "judged", key, round),
      );
    const reward = one("meanReward");
    const best = one("best");
    return reward && best ? [{ round, reward, best }] : [];
  });
}

/** Best accuracy of an episode's turns, of the workflows they started from too. */
export function bestOf(turns: readonly StoredTurn[]): number {
  return Math.max(0, ...turns.map(bestLevel));
}

function outcomes(candidates: readonly StoredCandidate[]): OutcomeFigures {
  const counts: OutcomeFigures["counts"] = { scored: {}, "screened-out": {}, invalid: {}, lost: {} };
  const totals: Record<string, number> = {};
  const messages = new Map<string, OutcomeFigures["messages"][number]>();
  for (const { outcome, status, message, id } of candidates) {
    counts[outcome][status] = (counts[outcome][status] ?? 0) + 1;
    totals[status] = (totals[status] ?? 0) + 1;
    if (message === undefined || message === "") continue;
    // Positions and sizes differ from one failure of a kind to the next.
    const key = `${status} ${message.replace(/\d+/g, "#")}`;
    const known = messages.get(key);
    if (known) known.count++;
    else messages.set(key, { message, status, count: 1, example: id });
  }
  const first = candidates.filter(({ repairOf }) => repairOf === null);
  const groups = {
    free: first.filter(({ forced }) => forced.length === 0),
    "techniques forced": first.filter(({ forced }) => forced.length > 0),
    repairs: candidates.filter(({ repairOf }) => repairOf !== null),
  };
  return {
    statuses: Object.keys(totals).sort((a, b) => (totals[b] as number) - (totals[a] as number)),
    counts,
    messages: [...messages.values()].sort((a, b) => b.count - a.count).slice(0, MESSAGES),
    groups: Object.entries(groups)
      .filter(([, list]) => list.length > 0)
      .map(([name, list]) => ({
        name,
        count: list.length,
        validShare: validShare(list),
        reward: meanReward(list),
        accuracy: meanAccuracy(list),
      })),
  };
}

/** A candidate that lost its samples has no reward that says anything. */
function meanReward(candidates: readonly { outcome: StoredCandidate["outcome"]; reward: number }[]): number {
  return mean(candidates.flatMap(({ outcome, reward }) => (outcome === "lost" ? [] : reward)));
}

function meanAccuracy(candidates: readonly StoredCandidate[]): number | null {
  const values = candidates.flatMap(({ outcome, accuracy }) =>
    outcome === "scored" && accuracy !== null ? [accuracy] : [],
  );
  return values.length === 0 ? null : mean(values);
}

function techniques(turns: readonly StoredTurn[], seed: number): TechniqueFigures[] {
  const candidates = turns.flatMap((turn) => turn.candidates);
  const episodes = [...groupBy(turns, episodeKey).values()];
  const names = new Set(candidates.flatMap((candidate) => candidate.techniques));
  return [...names]
    .map((name) => {
      const users = candidates.filter((candidate) => candidate.techniques.includes(name));
      const others = candidates.filter((candidate) => !candidate.techniques.includes(name));
      return {
        name,
        count: users.length,
        share: users.length / candidates.length,
        rewardWith: meanReward(users),
        rewardWithout: others.length === 0 ? null : meanReward(others),
        accuracyWith: meanAccuracy(users),
        accuracyWithout: meanAccuracy(others),
        effect: stat(
          episodes.map((played) => played.flatMap((turn) => effectIn(turn, name))),
          seedFrom(seed, "report", "technique", name),
        ),
      };
    })
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** Reward with a technique minus without it, in one turn; nothing where all have it, or none. */
function effectIn({ candidates }: StoredTurn, technique: string): number[] {
  const told = candidates.filter(({ outcome }) => outcome !== "lost");
  const users = told.filter(({ techniques: used }) => used.includes(technique));
  const others = told.filter(({ techniques: used }) => !used.includes(technique));
  return users.length > 0 && others.length > 0 ? [meanReward(users) - meanReward(others)] : [];
}

function headline(rows: readonly ResultRow[]): ReportFigures["headline"] {
  for (const split of ["test", "validation", "train"]) {
    const own = rows.filter((row) => row.split === split);
    const best = own.find(({ name }) => name === "best" || name === "trained") ?? top(own);
    if (!best) continue;
    return { best, rival: top(own.filter((row) => row !== best)) ?? null, split };
  }
  return null;
}

function top(rows: readonly ResultRow[]): ResultRow | undefined {
  return rows.reduce<ResultRow | undefined>(
    (best, row) => (best && best.accuracy >= row.accuracy ? best : row),
    undefined,
  );
}
