/** @file Figures that say more about the setup than about workflows, each as one plain sentence with its likely cause. */
import { cut } from "../core/figure-format.js";
import { groupBy } from "../core/statistics.js";
import type { Evaluation, JobResult } from "../evaluate/evaluation.js";
import type { CandidateRecord } from "../records/trajectory.js";

/** Fewer rows or runs may look alike by chance. */
const FEWEST_ROWS = 2;
const FEWEST_RUNS = 4;
const SHOWN_CHARACTERS = 200;

type Tried = Pick<CandidateRecord, "outcome" | "status" | "message">;
type Row = Pick<Evaluation, "accuracy" | "results" | "n">;

/**
 * @param rows - every workflow that was scored, baselines among them
 * @param candidates - every candidate that was written
 */
export function suspiciousFigures(rows: readonly Row[], candidates: readonly Tried[]): string[] {
  return [rowsAlike(rows), allInvalid(candidates)].filter((sentence) => sentence !== undefined);
}

/** The first that is true: the same failure everywhere, no item answered, no item failed. */
function rowsAlike(rows: readonly Row[]): string | undefined {
  const runs = rows.flatMap(({ results }) => results).filter(({ status }) => status !== "error");
  if (rows.length < FEWEST_ROWS || runs.length < FEWEST_RUNS) return undefined;
  const failed = runs.filter(({ status }) => status !== "ok");
  const alike = failed.filter(({ message }) => message !== undefined && message === failed[0]?.message);
  const isEveryRow = rows.every(({ results }) => results.some((result) => alike.includes(result)));
  if (isEveryRow && alike.length * 2 > runs.length)
    return `every workflow fails with the same message, so that the setup is the likely cause and not the workflows: ${shown(failed[0]?.message)}`;
  if (rows.every(({ accuracy }) => accuracy === 0)) return nothingRight(runs);
  if (rows.every(({ accuracy, n }) => accuracy === 1 && n > 0))
    return "every workflow answers every item: the items are too easy for this executor, or their answers stand in the question; take harder items or a weaker executor";
  return undefined;
}

function nothingRight(runs: readonly JobResult[]): string {
  const answered = runs.filter(({ status }) => status === "ok");
  const [most] = [...groupBy(answered, ({ extracted }) => extracted)].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  if (most === undefined)
    return `no workflow gives a single answer; the first message: ${shown(runs[0]?.message)}`;
  const [text, alike] = most;
  const example = answered.find(({ extracted }) => extracted === text);
  if (text === "") {
    return `no workflow answers a single item: ${alike.length} of ${runs.length} answers hold nothing that the scorer reads; the first: ${shown(example?.answer)}; does the dataset's instruction say how an answer must look?`;
  }
  return `no workflow answers a single item, and the answer read most often is ${shown(text)} (${alike.length} of ${runs.length}): compare it with the expected one of ${example?.sampleId}; either the executor was not told what to answer (instruction of the dataset), or the expected answers are wrong`;
}

function allInvalid(candidates: readonly Tried[]): string | undefined {
  if (candidates.length < FEWEST_ROWS || candidates.some(({ outcome }) => outcome !== "invalid"))
    return undefined;
  const [most] = [...groupBy(candidates, ({ status, message = "" }) => `${status}: ${message}`)].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  const [reason, alike] = most ?? ["", []];
  return `none of ${candidates.length} candidates can be used, most often (${alike.length}) because of ${shown(reason)}; a model that writes no valid workflow by itself needs --grammar subset, or is too small`;
}

function shown(text: string | undefined): string {
  return JSON.stringify(cut(text ?? "", SHOWN_CHARACTERS));
}
