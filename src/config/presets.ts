/** @file Named settings for `--preset`: below the configuration file, the environment and flags. */

import { ConfigError } from "../core/errors.js";
import { nearHint } from "../core/near-names.js";
import { packageFile } from "../core/package-file.js";

/** What presets with a real executor on this machine have in common. */
const LOCAL = {
  model: "smollm2-135m",
  weak: "none",
  gpu: "off",
  turns: 1,
  temperature: 0.8,
  maxRepairs: 0,
  screen: 4,
  instructions: 0,
  // SmolLM2 copies a workflow that it is shown, before and after training.
  promptStyle: "task",
  // Writing forced candidates took as long as the executor's answers do.
  exploreBy: "draw",
  // Several calls for one answer, and programs that read values: they gained nothing for two to seven times the tokens.
  without:
    "self-consistency,prompt-vote,escalate,ask-again,check-draft,decompose,program-vote,extract-compute",
  // A slow executor is no fault of a workflow.
  limits: { wallMs: 1_800_000 },
};

/** Few candidates are told from luck: the lightest fifth of all weight is left out, and the rest is seen more often (docs/results/learn-real-settings.md). */
const LOCAL_LEARN = { epochs: 6, batchSize: 4, lightShare: 0.2 };

/** Nested as in w4s.config.yaml. */
export const PRESETS: Readonly<Record<string, Record<string, unknown>>> = {
  /** About two minutes on two cores, without network or key: embedded nano model, simulated executor. */
  demo: {
    task: "counting,shopping,unit-conversion",
    model: "nano",
    executor: "simulated",
    rulesFile: packageFile("models/nano/demo-rules.yaml"),
    gpu: "off",
    threads: 1,
    episodes: 9,
    turns: 1,
    candidates: 5,
    temperature: 0.8,
    explore: 0.5,
    maxRepairs: 0,
    screen: 0,
    validationLimit: 32,
    testLimit: 40,
    promptStyle: "compact",
    learn: {
      heldBack: "sequences,swaps",
      rounds: 2,
      evaluationEpisodes: 6,
      control: "random",
      fromScratch: 1,
      candidatesSchedule: "8",
      exploreSchedule: "1,0.5",
      epochs: 4,
      learningRate: 0.004,
    },
  },
  /** Real models on this machine, without network or key once they are pulled: hours on two cores, resumable. */
  real: {
    ...LOCAL,
    // Programs pay in the first five, words in the others: options alone do not call for a program.
    task: "string-transform,sequences,swaps,table-lookup,counting,multi-hop,kinds,jobs,reviews",
    executor: "local:qwen2.5-coder-1.5b",
    baselines: "direct,chain-of-thought,always-code,few-shot-5",
    // Two a family.
    episodes: 18,
    candidates: 6,
    validationLimit: 16,
    testLimit: 16,
    maxTokens: 256,
    learn: {
      heldBack: "ordering,word-problems",
      rounds: 1,
      evaluationEpisodes: 2,
      control: "random",
      fromScratch: 1,
      exploreSchedule: "1,0.5",
      ...LOCAL_LEARN,
    },
  },
  /** The same in small, for a first look: `w4s demo --real`. */
  "demo-real": {
    ...LOCAL,
    task: "string-transform,counting,swaps",
    executor: "local:qwen2.5-coder-0.5b",
    baselines: "direct,always-code",
    episodes: 6,
    candidates: 3,
    screen: 3,
    validationLimit: 6,
    testLimit: 8,
    maxTokens: 160,
    learn: {
      heldBack: "sequences",
      rounds: 1,
      evaluationEpisodes: 1,
      control: "random",
      fromScratch: 1,
      exploreSchedule: "1",
      ...LOCAL_LEARN,
    },
  },
};

/** @throws {ConfigError} on an unknown name */
export function preset(name: string): Record<string, unknown> {
  const found = PRESETS[name];
  if (found !== undefined) return found;
  const hint = nearHint(name, Object.keys(PRESETS));
  throw new ConfigError(`unknown preset ${JSON.stringify(name)}`, { hint });
}
