/** @file The one list of what a run directory holds: rounds, trajectories, designs, judge logs. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A trajectory file of a run. */
export interface RunTrajectory {
  /** Inside the run directory, with / between folders. */
  file: string;
  path: string;
  /**
   * The search of optimize and collect, episodes that a round of learn trains on, episodes that judge a policy, or
   * designs for a row of a suite.
   */
  purpose: "search" | "collect" | "judge" | "design";
  /** Number of its round, or null. */
  round: number | null;
  /** Task, with the policy or row: what tells the file apart. */
  part: string;
}

/** Name of a round's folder: two digits, three from 100 on. */
export function roundName(round: number): string {
  return String(round).padStart(2, "0");
}

/** Numbers of the rounds of a run in their order; rounds set aside by `w4s rollback` are none of them. */
export function roundNumbers(directory: string): number[] {
  return namesIn(join(directory, "rounds"), "isDirectory")
    .filter((name) => /^\d+$/.test(name) && name === roundName(Number(name)))
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * All trajectory files of a run: its own, then those of its rounds in their order, then those of a suite's designs.
 * Copies with other rewards, which `w4s relabel` writes beside them, are none of them.
 */
export function runTrajectories(directory: string): RunTrajectory[] {
  const found: RunTrajectory[] = [];
  const add = (purpose: RunTrajectory["purpose"], file: string, round: number | null, part: string) =>
    found.push({ file, path: join(directory, file), purpose, round, part });
  if (existsSync(join(directory, "trajectories.jsonl"))) add("search", "trajectories.jsonl", null, "");
  for (const round of roundNumbers(directory)) {
    const folder = `rounds/${roundName(round)}`;
    for (const name of namesIn(join(directory, folder), "isFile")) {
      const [, purpose, part = ""] = /^(collect|judge)-(.*)\.jsonl$/.exec(name) ?? [];
      if (purpose === "collect" || purpose === "judge") add(purpose, `${folder}/${name}`, round, part);
    }
  }
  for (const row of namesIn(join(directory, "designs"), "isDirectory")) {
    for (const name of namesIn(join(directory, "designs", row), "isFile")) {
      if (name.endsWith(".jsonl"))
        add("design", `designs/${row}/${name}`, null, `${row}-${name.slice(0, -".jsonl".length)}`);
    }
  }
  return found;
}

/**
 * What was searched or is trained on; episodes that only judged a policy, and designs for a suite, are left out.
 * @param path - a run directory, or one trajectory file
 */
export function playedTrajectories(path: string): RunTrajectory[] {
  if (statSync(path).isFile())
    return [{ file: basename(path), path, purpose: "search", round: null, part: "" }];
  return runTrajectories(path).filter(({ purpose }) => purpose === "search" || purpose === "collect");
}

/** Files that a run, its report or a copy with other rewards leaves at the top of its directory. */
const OF_A_RUN = [
  /^(run|config\.resolved|endpoints|events\.head|summary|replays)\.json$/,
  /^(.+\.)?(events|trajectories|batches)\.jsonl(\.torn)?$/,
  /^calls\.db(-wal|-shm|-journal)?$/,
  /^(best-workflow\.(js|json|md)|report\.html|suite\.md|suite\.resolved\.yaml)$/,
  /^(rounds|designs|worked|approvals|instructions|peft)$/,
];

/** Names at the top of a directory that belong to its run; what else lies there is somebody's own. */
export function runEntries(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => OF_A_RUN.some((pattern) => pattern.test(name)))
    .sort();
}

function namesIn(path: string, kind: "isDirectory" | "isFile"): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry[kind]())
    .map(({ name }) => name)
    .sort();
}
