/** @file Flags that set the configuration of a run; a test keeps them in step with the schema. */
import { type Command, Option } from "commander";
import { writeErr } from "./print/output.js";

/** Key of the configuration → flag and help. Ranges and defaults of all keys: `w4s init`. */
export const RUN_FLAGS: Readonly<Record<string, readonly [flag: string, help: string]>> = {
  task: ["--task <dir|name>", "dataset: a directory, or a name (w4s data list)"],
  model: ["--model <file|name>", "weak local model: a GGUF file, or a name (w4s models list)"],
  adapter: ["--adapter <file>", "GGUF LoRA adapter for the weak model"],
  executor: [
    "--executor <spec>",
    "strong model: openai:URL, local:FILE|NAME, simulated, replay:RUN or an alias",
  ],
  executorModel: ["--executor-model <name>", "model name as the executor's server knows it"],
  apiKeyEnv: [
    "--api-key-env <variable>",
    "environment variable with the executor's key (default OPENAI_API_KEY)",
  ],
  weak: [
    "--weak <spec>",
    "model behind agent.weak: policy, none, simulated or local:FILE|NAME (default policy; learn: none)",
  ],
  judge: [
    "--judge <name>",
    "model that grades texts by a rubric: executor, or an alias (metrics judge and writing)",
  ],
  tools: ["--tools <file>", "module that exports own tools for agent.tool (docs/tools.md)"],
  gpu: ["--gpu <device>", "auto, off, cuda, vulkan or metal (default auto)"],
  threads: ["--threads <n>", "threads of local models (default: the cores, at most 8; tiny models: 1)"],
  promptStyle: ["--prompt-style <style>", "auto, full or compact (default auto)"],
  grammar: ["--grammar <kind>", "auto, subset or none (default auto)"],
  logProbs: ["--log-probs", "record the log-probability of each written token"],
  episodes: ["--episodes <n>", "episodes of the run (default 2)"],
  turns: ["--turns <n>", "turns of an episode (default 4)"],
  candidates: ["--candidates <m>", "workflows written per turn (default 5)"],
  temperature: ["--temperature <t>", "sampling temperature of the weak model (default 0.8)"],
  explore: ["--explore <share>", "share of candidates that must use randomly drawn techniques (default 0.5)"],
  maxRepairs: [
    "--max-repairs <n>",
    "tries to repair a workflow that fails the quick check, 0 to 3 (default 3)",
  ],
  reward: [
    "--reward <name>",
    "discrete, relative-gain, accuracy or composite (default discrete; learn: accuracy)",
  ],
  rewardWeights: ["--reward-weights <list>", "of composite (default accuracy=1,efficiency=0.2)"],
  parent: ["--parent <choice>", "workflow a turn starts from: last, best or evolutionary (default last)"],
  screen: ["--screen <n>", "samples every candidate is screened on first, 0 = none (default 4)"],
  baselines: [
    "--baselines <names>",
    "workflows to compare with: all, or names separated by commas (default: the usual ones)",
  ],
  validationLimit: ["--validation-limit <n>", "validation samples, drawn by seed (default 32)"],
  testLimit: ["--test-limit <n>", "test samples, opened once at the end, 0 = closed (default 200)"],
  maxTokens: ["--reply-tokens <n>", "tokens of one reply; maxTokens in the config (default 512)"],
  "limits.wallMs": ["--sample-ms <ms>", "wall time of one workflow on one sample (default 300000)"],
  "limits.modelCalls": ["--sample-calls <n>", "model calls of one workflow on one sample (default 20)"],
  concurrency: ["--concurrency <n>", "workflow runs at once (default 4)"],
  requestsPerMinute: ["--requests-per-minute <n>", "limit on requests to the executor"],
  timeoutMs: ["--timeout-ms <ms>", "time for one attempt of a call (default 120000)"],
  maxWaitSeconds: [
    "--max-wait <seconds>",
    "longest wait a server may ask for, or an outage may last (default 120)",
  ],
  rulesFile: ["--rules <file>", "rules: what workflows must not call, ask or say"],
  approve: ["--approve", "ask before a newly designed workflow first runs against a paid executor"],
  approveFile: ["--approve-file <file>", "hashes of workflows that may run, one a line"],
  seed: ["--seed <n>", "the same seed draws the same samples and candidates (default 0)"],
  "budget.dollars": ["--max-dollars <x>", "stop cleanly once this much is spent"],
  "budget.tokens": ["--max-tokens <n>", "stop cleanly after this many tokens of the executor"],
  "budget.calls": ["--max-calls <n>", "stop cleanly after this many calls of the executor"],
  "budget.minutes": ["--max-minutes <x>", "stop cleanly after this many minutes"],
  "price.inputPerMillion": ["--price-input <x>", "dollars per million prompt tokens of the executor"],
  "price.outputPerMillion": ["--price-output <x>", "dollars per million reply tokens of the executor"],
  run: ["--run <name>", "run directory (default: command, task and a hash of the settings)"],
  runsRoot: ["--runs-root <dir>", "where run directories lie (default runs)"],
  cache: ["--cache <dir>", "share one cache of calls between runs"],
  maxErrors: ["--max-errors <share>", "exit 5 when more samples are lost to outages (default 0.1)"],
  minScore: ["--min-score <accuracy>", "exit 9 when the final accuracy is below"],
  allowOverlap: ["--allow-overlap", "accept datasets whose splits share items"],
  skipBad: ["--skip-bad", "skip bad dataset lines instead of stopping"],
  "learn.rounds": ["--rounds <n>", "rounds of collecting and training (default 2)"],
  "learn.heldBack": ["--held-back <tasks>", "tasks that judge adapters and are never trained on"],
  "learn.evaluationEpisodes": [
    "--eval-episodes <n>",
    "episodes of each of them that judge an adapter (default 2)",
  ],
  "learn.evaluationTurns": ["--eval-turns <n>", "turns of those episodes (default: --turns)"],
  "learn.accept": ["--accept <rule>", "not-worse (by a paired test) or always (default not-worse)"],
  "learn.start": [
    "--start <from>",
    "train on from the previous adapter or anew from base (default previous)",
  ],
  "learn.collaboration": [
    "--collaboration <mode>",
    "single, ensemble, proposer-critic, hierarchical or decentralised (default single)",
  ],
  "learn.exploreSchedule": ["--explore-schedule <list>", "explore by round, such as 0.8,0.5,0.3"],
  "learn.temperatureSchedule": ["--temperature-schedule <list>", "temperature by round"],
  "learn.candidatesSchedule": ["--candidates-schedule <list>", "candidates by round"],
  "learn.fromScratch": [
    "--from-scratch <share>",
    "episodes that start from the plainest workflow (default 0)",
  ],
  "learn.curriculum": ["--curriculum <kind>", "fixed, random, adaptive or staged (default fixed)"],
  "learn.stages": ["--stages <n>", "staged: groups of tasks from easy to hard (default 2)"],
  "learn.promoteAt": ["--promote-at <share>", "staged: gain that opens the next stage (default 0.5)"],
  "learn.stageRounds": ["--stage-rounds <n>", "staged: rounds after which it opens anyway (default 2)"],
  "learn.mixing": ["--mixing <share>", "staged: episodes on earlier stages (default 0.25)"],
  "learn.keep": ["--keep <which>", "examples: all candidates of a turn, or its best (default all)"],
  "learn.onlySuccess": ["--only-success", "examples: only rewards above 0"],
  "learn.untilLastReward": [
    "--until-last-reward",
    "examples: no turns after an episode's last reward above 0",
  ],
  "learn.keepTurns": ["--keep-turns <list>", "examples: only these turns, counted from 1"],
  "learn.invalid": ["--invalid <rule>", "examples: keep, floor or drop invalid candidates (default keep)"],
  "learn.countDuplicates": ["--count-duplicates", "examples: equal replies count as often as they came"],
  "learn.unbalanced": ["--unbalanced", "examples: tasks weigh by their number of examples"],
  "learn.weighting": [
    "--weighting <kind>",
    "exponential, advantage, binary, or the controls uniform and shuffled (default advantage)",
  ],
  "learn.weightTemperature": [
    "--weight-temperature <T>",
    "T of the weights (default 0.06 for accuracies, else 0.4)",
  ],
  "learn.weightCap": ["--weight-cap <w>", "largest weight (default 12 for advantage, else none)"],
  "learn.epochs": ["--epochs <n>", "training: passes over the examples (default 3)"],
  "learn.batchSize": ["--batch-size <n>", "training: examples per update (default 8)"],
  "learn.learningRate": [
    "--learning-rate <x>",
    "training: highest learning rate (default by the model's size)",
  ],
  "learn.rank": ["--rank <r>", "training: rank of the adapter (default 16)"],
  "learn.alpha": ["--alpha <a>", "training: alpha of the adapter (default 32)"],
  dryRun: ["--dry-run", "print the forecast of calls, tokens, dollars and minutes, then stop"],
  fresh: ["--fresh", "set an earlier run of the same name aside and start again"],
  forceUnlock: ["--force-unlock", "take the lock of a process on another host"],
};

/** Names that flags had before, still read: key of that time → flag, and the key that has its place now. */
const FORMER_FLAGS: Readonly<Record<string, readonly [flag: string, now: string]>> = {
  policyFile: ["--policy <file>", "rulesFile"],
};

/** Flags of every command that talks to models. */
export const MODEL_FLAGS = [
  "executor",
  "executorModel",
  "apiKeyEnv",
  "model",
  "adapter",
  "weak",
  "tools",
  "gpu",
  "threads",
  "maxTokens",
  "limits.wallMs",
  "limits.modelCalls",
  "requestsPerMinute",
  "timeoutMs",
  "maxWaitSeconds",
  "rulesFile",
  "seed",
  "budget.dollars",
  "budget.tokens",
  "budget.calls",
  "budget.minutes",
  "price.inputPerMillion",
  "price.outputPerMillion",
  "cache",
] as const;

/** Flags of every command that works on a dataset inside a run directory. */
export const DATASET_FLAGS = [
  "task",
  "baselines",
  "judge",
  "validationLimit",
  "testLimit",
  "concurrency",
  "run",
  "runsRoot",
  "maxErrors",
  "minScore",
  "allowOverlap",
  "skipBad",
  "fresh",
  "forceUnlock",
] as const;

/** Flags of the search. */
export const SEARCH_FLAGS = [
  "episodes",
  "turns",
  "candidates",
  "temperature",
  "explore",
  "maxRepairs",
  "reward",
  "rewardWeights",
  "parent",
  "screen",
  "promptStyle",
  "grammar",
  "logProbs",
  "approve",
  "approveFile",
  "dryRun",
] as const;

/** Flags of rounds. */
export const LEARN_FLAGS = Object.keys(RUN_FLAGS).filter((path) => path.startsWith("learn."));

/** How a key is called on the command line: "budget.dollars" → "--max-dollars". */
export function flagName(path: string): string | undefined {
  return (RUN_FLAGS[path] ?? FORMER_FLAGS[path])?.[0].split(" ")[0];
}

/** Adds the flags of some keys to a command, in that order. */
export function addRunFlags(command: Command, paths: readonly string[]): Command {
  for (const path of paths) {
    const [flag, help] = RUN_FLAGS[path] as readonly [string, string];
    command.addOption(new Option(flag, help));
  }
  for (const [flag, now] of Object.values(FORMER_FLAGS))
    if (paths.includes(now)) command.addOption(new Option(flag).hideHelp());
  return command;
}

/** Every command's own: machine-readable output, the place of an error, another configuration file. */
export function addCommonFlags(command: Command, { hasConfig = true } = {}): Command {
  if (hasConfig)
    command.option("--config <file>", "configuration (default: w4s.config.yaml here, if present)");
  return command
    .option("--json", "one JSON object on stdout")
    .option("--debug", "show where an error came from");
}

/** What was given on the command line, by key of the configuration. */
export function readRunFlags(command: Command): Map<string, string | boolean> {
  const given = new Map<string, string | boolean>();
  const values = command.opts<Record<string, string | boolean | undefined>>();
  for (const [path, [flag]] of Object.entries({ ...FORMER_FLAGS, ...RUN_FLAGS })) {
    const value = values[new Option(flag).attributeName()];
    // A flag such as --no-baselines is the command's own.
    if (value !== undefined && value !== false) given.set(path, value);
  }
  return given;
}

/** The sources of a configuration as a command was given them; what is written in an old way is told on stderr. */
export function configSources(command: Command) {
  return {
    file: command.opts<{ config?: string }>().config,
    flags: readRunFlags(command),
    flagName,
    onWarning: (message: string) => writeErr(`warning: ${message}`),
  };
}
