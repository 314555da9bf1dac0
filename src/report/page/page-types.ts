/** @file What stands as JSON in the page and is read by its script. */
import type { StoredCandidate } from "../../records/read-turns.js";
import type { ChartData } from "../chart-data.js";

/** Figures of a candidate as they are stored. */
type CandidateFigures = Pick<
  StoredCandidate,
  | ("id" | "outcome" | "accuracy" | "screenAccuracy" | "n" | "reward" | "calls" | "tokens" | "dollars")
  | ("written" | "temperature" | "meanLogProb")
>;

/** A candidate in full; texts are numbers of `PageData.texts`, -1 = none. */
export interface PageCandidate extends CandidateFigures {
  task: string;
  isKept: boolean;
  /** Id of the candidate it repairs, or "". */
  repairOf: string;
  status: string;
  message: number;
  low: number | null;
  high: number | null;
  lost: number;
  forced: string[];
  techniques: string[];
  hash: string;
  source: number;
  parent: number;
  parentTitle: string;
  /** Accuracy of the parent. */
  before: number;
  reply: number;
  prompt: number;
  finishReason: string;
}

export interface PageData {
  charts: ChartData[];
  texts: string[];
  /** Candidates of the run; those here may be fewer. */
  total: number;
  candidates: PageCandidate[];
}
