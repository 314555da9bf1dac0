/** @file What a run tells while it works; the same records go to events.jsonl and to the progress printer. */
import type { Interval } from "../core/statistics.js";

export type RunEvent =
  | {
      type: "run-start";
      command: string;
      directory: string;
      task: string;
      isResumed: boolean;
      executor: string;
      policy: string;
      isSimulated: boolean;
    }
  | { type: "forecast"; forecast: Forecast }
  | { type: "warning"; message: string }
  /** A rules file is in force. */
  | { type: "call-policy"; file: string; hash: string }
  /** A call that the rules stopped, once a session, workflow and rule. */
  | {
      type: "policy-violation";
      workflow: string;
      call: string;
      rule: string;
      sample: string;
      message: string;
    }
  /** A newly designed workflow may run, or not. */
  | { type: "approval"; workflow: string; decision: "yes" | "no" | "always"; by: "terminal" | "file" }
  | { type: "baseline-scored"; name: string; accuracy: number; interval: Interval; n: number }
  | { type: "episode-start"; episode: number; episodes: number }
  | { type: "turn-start"; episode: number; turn: number; turns: number }
  | {
      type: "candidates-written";
      episode: number;
      turn: number;
      count: number;
      valid: number;
      seconds: number;
      isResumed: boolean;
    }
  | { type: "job-done"; done: number; total: number; what: string }
  | {
      type: "candidate-scored";
      episode: number;
      turn: number;
      index: number;
      /** null where no workflow could be read from the reply. */
      workflow: string | null;
      status: string;
      accuracy: number | null;
      reward: number;
      techniques: string[];
    }
  | { type: "turn-end"; episode: number; turn: number; best: number; kept: string | null }
  | { type: "test-opened"; items: number; purpose: string }
  | { type: "spent"; calls: number; tokens: number; dollars: number | null }
  | { type: "run-end"; directory: string; isComplete: boolean };

export type OnRunEvent = (event: RunEvent) => void;

/** Estimates printed by --dry-run before anything is paid; a budget is what really limits a run. */
export interface Forecast {
  executorCalls: number;
  /** A call can ask for several. */
  executorReplies: number;
  executorTokens: number;
  /** null when the price of the model is unknown. */
  dollars: number | null;
  minutes: number;
  /** Whether the minutes rest on the speed measured in this run, or on an assumption. */
  isMeasured: boolean;
  /** How each figure came about, one line each. */
  basis: string[];
}
