/** @file The suites that come with w4s. */
import type { SuiteInput } from "./suite-schema.js";

/** One of each kind: strong alone, weak alone, and both together in three ways. */
const WORKFLOW_ROWS: SuiteInput["rows"] = [
  "direct",
  "chain-of-thought",
  "self-consistency",
  ...["weak-alone", "weak-draft-strong-check", "weak-first", "weak-drafts-strong-synthesis"].map(
    (baseline) => ({ baseline, optional: true }),
  ),
];

/** Below three minutes on two cores, without network or key: simulated executor and worker, embedded nano model. */
const core: SuiteInput = {
  name: "core",
  settings: {
    executor: "simulated",
    weak: "simulated",
    model: "nano",
    gpu: "off",
    threads: 1,
    promptStyle: "compact",
    maxRepairs: 0,
    screen: 0,
    validationLimit: 24,
    bootstrap: { samples: 2000 },
  },
  limit: 40,
  tasks: ["word-problems", "shopping", "unit-conversion", "counting", "ordering", "swaps"],
  rows: [
    ...WORKFLOW_ROWS,
    {
      name: "designed by nano",
      policy: { model: "nano", episodes: 1, turns: 1, candidates: 6, explore: 0.5 },
    },
  ],
  reference: "direct",
  reliance: "all",
  groups: ["difficulty"],
  counterfactual: { items: 12 },
};

/** All generated families, and the benchmarks that are there: with a real executor. */
const full: SuiteInput = {
  name: "full",
  settings: { bootstrap: { samples: 2000 } },
  limit: 100,
  tasks: [
    "word-problems",
    "shopping",
    "unit-conversion",
    "clock-calendar",
    "table-lookup",
    "multi-hop",
    "string-transform",
    "counting",
    "sequences",
    "ordering",
    "swaps",
    "kinds",
    "jobs",
    "reviews",
    ...[
      "code-tasks",
      "gsm8k",
      "gsm-hard",
      "math-500",
      "drop",
      "strategyqa",
      "commonsenseqa",
      "humaneval",
      "mbpp",
    ].map((task) => ({ task, optional: true })),
    { task: "mgsm", optional: true, groups: ["language"] },
    { task: "bbh", optional: true, groups: ["task"] },
  ],
  rows: WORKFLOW_ROWS,
  reference: "direct",
  reliance: "cooperative",
  groups: ["difficulty", "level", "subject"],
  counterfactual: { items: 25 },
};

export const BUILT_IN_SUITES: ReadonlyMap<string, SuiteInput> = new Map([
  ["core", core],
  ["full", full],
]);
