/** @file What stands as JSON in the page and is read by its script. */
import type { ChartData } from "../chart-data.js";

/** A candidate in full; texts are numbers of `PageData.texts`, -1 = none. */
export interface PageCandidate {
  id: string;
  task: string;
  isKept: boolean;
  /** Id of the candidate it repairs, or "". */
  repairOf: string;
  outcome: string;
  status: string;
  message: number;
  accuracy: number | null;
  screenAccuracy: number | null;
  low: number | null;
  high: number | null;
  n: number;
  lost: number;
  reward: number;
  calls: number;
  tokens: number;
  dollars: number | null;
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
  written: number;
  temperature: number | null;
  finishReason: string;
  meanLogProb: number | null;
}

export interface PageData {
  charts: ChartData[];
  texts: string[];
  /** Candidates of the run; those here may be fewer. */
  total: number;
  candidates: PageCandidate[];
}
