/** @file What an episode is played with; `Bench.episode` puts it together, and none of it can be left out. */
import type { Evaluation } from "../evaluate/evaluation.js";
import type { ScoredWorkflow, Workflow } from "../evaluate/scored-workflow.js";
import type { OnRunEvent } from "../records/run-event.js";
import type { TrajectoryLog } from "../records/trajectory.js";
import type { Sample } from "../tasks/task.js";
import type { ToolCard } from "../workflow/tool.js";
import type { ParentChoice } from "./choose-parent.js";
import type { QuotedItems } from "./feedback.js";
import type { Policy } from "./policy.js";
import type { PolicyState } from "./policy-state.js";
import type { RewardHistory, ScoredCandidate } from "./reward.js";

/** Settings by which an episode draws its candidates. */
export interface EpisodeDraws {
  /** Seed of forced techniques, candidates and parents. */
  drawSeed: number;
  turns: number;
  /** Written per turn. */
  candidates: number;
  /** 0–2. */
  temperature: number;
  /** Share of the candidates whose techniques are forced at random, 0–1. */
  explore: number;
  /** Most tries to repair a workflow that fails the quick check. */
  maxRepairs: number;
  /** Items of a block of the race; without a race, those that every candidate is screened on first, 0 = no screening. */
  screen: number;
  parent: ParentChoice;
}

/** A workflow, and the samples to run it on. */
export interface Measurement {
  workflow: Workflow;
  samples: readonly Sample[];
}

export interface EpisodeParts {
  policy: Policy;
  log: TrajectoryLog;
  /** Name of the task, said in progress. */
  task: string;
  /** The task as the policy is told of it. */
  card: PolicyState["task"];
  /** Optional calls of agent that exist here, after the rules. */
  offers: ReadonlySet<string>;
  /** Own tools of the user. */
  tools: readonly ToolCard[];
  /** Aliases of further executors. */
  models: readonly string[];
  /** Techniques that designs leave out, by name. Default none. */
  without?: readonly string[] | undefined;
  /** Candidates race over the items; else they are screened on the head of the set, and the better half meets all of it. */
  isRacing: boolean;
  validation: readonly Sample[];
  /** Items that prompts may quote; none of `validation` where there is a train split. */
  quoted: QuotedItems;
  /** Instructions written for the task, written at the first call. Default none. */
  instructions?: (() => Promise<readonly string[]>) | undefined;
  /** Item of the quick check: the first of these that most baselines finished. */
  quickItem(samples: readonly Sample[]): Sample;
  /** Seed of the run, which draws what a prompt shows. */
  seed: number;
  draws: EpisodeDraws;
  /** Filled with the workflows that reached the whole validation set, turn by turn. */
  found: ScoredWorkflow[];
  /** Asks the policy: one thing at a time, in the order of asking. */
  write<T>(ask: () => Promise<T>): Promise<T>;
  /** One evaluation per workflow, in order. */
  evaluate(workflows: readonly Workflow[], samples: readonly Sample[], what: string): Promise<Evaluation[]>;
  /** As evaluate, with samples of its own for each workflow, all in one queue. */
  measure(wanted: readonly Measurement[], what: string): Promise<Evaluation[]>;
  /** Hashes of the workflows that must not run: asked before a newly designed one first does. */
  refused(workflows: readonly Workflow[]): Promise<ReadonlySet<string>>;
  reward(candidate: ScoredCandidate, history: RewardHistory): number;
  emit: OnRunEvent;
  signal: AbortSignal;
}
