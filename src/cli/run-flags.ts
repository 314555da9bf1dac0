/** @file Flags that set the configuration of a run; what they mean is said by its table. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { SETTINGS, type Setting } from "../config/settings.js";
import { writeErr } from "./print/output.js";

/* Key of the configuration → flag; what it means, its choices and its default come from the table of settings. */

/** Flags of every command that talks to models. */
const MODEL = {
  executor: "--executor <spec>",
  executorModel: "--executor-model <name>",
  apiKeyEnv: "--api-key-env <variable>",
  model: "--model <file|name>",
  adapter: "--adapter <file>",
  weak: "--weak <spec>",
  tools: "--tools <file>",
  gpu: "--gpu <device>",
  threads: "--threads <n>",
  maxTokens: "--reply-tokens <n>",
  "limits.wallMs": "--sample-ms <ms>",
  "limits.modelCalls": "--sample-calls <n>",
  requestsPerMinute: "--requests-per-minute <n>",
  timeoutMs: "--timeout-ms <ms>",
  idleTimeoutMs: "--idle-timeout-ms <ms>",
  maxRetries: "--max-retries <n>",
  stream: "--stream",
  sendSeed: "--send-seed",
  maxWaitSeconds: "--max-wait <seconds>",
  rulesFile: "--rules <file>",
  seed: "--seed <n>",
  "budget.dollars": "--max-dollars <x>",
  "budget.tokens": "--max-tokens <n>",
  "budget.calls": "--max-calls <n>",
  "budget.minutes": "--max-minutes <x>",
  "price.inputPerMillion": "--price-input <x>",
  "price.outputPerMillion": "--price-output <x>",
  "price.cachedInputPerMillion": "--price-cached-input <x>",
  cache: "--cache <dir>",
};

/** Flags of every command that works on a dataset inside a run directory. */
const DATASET = {
  task: "--task <dir|name>",
  baselines: "--baselines <names>",
  judge: "--judge <name>",
  validationLimit: "--validation-limit <n>",
  testLimit: "--test-limit <n>",
  concurrency: "--concurrency <n>",
  batch: "--batch",
  batchRequests: "--batch-requests <n>",
  batchBytes: "--batch-bytes <n>",
  batchPrice: "--batch-price <share>",
  run: "--run <name>",
  runsRoot: "--runs-root <dir>",
  maxErrors: "--max-errors <share>",
  minScore: "--min-score <accuracy>",
  allowOverlap: "--allow-overlap",
  skipBad: "--skip-bad",
  fresh: "--fresh",
  forceUnlock: "--force-unlock",
};

/** Flags of the search. */
const SEARCH = {
  designer: "--designer <who>",
  episodes: "--episodes <n>",
  turns: "--turns <n>",
  candidates: "--candidates <m>",
  temperature: "--temperature <t>",
  explore: "--explore <share>",
  exploreBy: "--explore-by <writer>",
  without: "--without <techniques>",
  maxRepairs: "--max-repairs <n>",
  reward: "--reward <name>",
  rewardWeights: "--reward-weights <list>",
  instructions: "--instructions <n>",
  instructionsBy: "--instructions-by <name>",
  parent: "--parent <choice>",
  screen: "--screen <n>",
  confirm: "--confirm <share>",
  promptStyle: "--prompt-style <style>",
  grammar: "--grammar <kind>",
  logProbs: "--log-probs",
  approve: "--approve",
  approveFile: "--approve-file <file>",
  dryRun: "--dry-run",
};

/** Flags of commands whose jobs other machines may run. */
const QUEUE = {
  queue: "--queue <url>",
};

/** Flags of rounds. */
const LEARN = {
  "learn.rounds": "--rounds <n>",
  "learn.heldBack": "--held-back <tasks>",
  "learn.evaluationEpisodes": "--eval-episodes <n>",
  "learn.evaluationTurns": "--eval-turns <n>",
  "learn.control": "--control <who>",
  "learn.accept": "--accept <rule>",
  "learn.start": "--start <from>",
  "learn.collaboration": "--collaboration <mode>",
  "learn.exploreSchedule": "--explore-schedule <list>",
  "learn.temperatureSchedule": "--temperature-schedule <list>",
  "learn.candidatesSchedule": "--candidates-schedule <list>",
  "learn.fromScratch": "--from-scratch <share>",
  "learn.curriculum": "--curriculum <kind>",
  "learn.stages": "--stages <n>",
  "learn.promoteAt": "--promote-at <share>",
  "learn.stageRounds": "--stage-rounds <n>",
  "learn.mixing": "--mixing <share>",
  "learn.keep": "--keep <which>",
  "learn.onlySuccess": "--only-success",
  "learn.untilLastReward": "--until-last-reward",
  "learn.keepTurns": "--keep-turns <list>",
  "learn.invalid": "--invalid <rule>",
  "learn.countDuplicates": "--count-duplicates",
  "learn.unbalanced": "--unbalanced",
  "learn.weighting": "--weighting <kind>",
  "learn.objective": "--objective <name>",
  "learn.beta": "--beta <x>",
  "learn.clip": "--clip <x>",
  "learn.pairGap": "--pair-gap <x>",
  "learn.weightTemperature": "--weight-temperature <T>",
  "learn.weightCap": "--weight-cap <w>",
  "learn.kl": "--kl <factor>",
  "learn.wholeGroups": "--whole-groups",
  "learn.lightShare": "--light-share <share>",
  "learn.tokenBudget": "--token-budget <n>",
  "learn.truncate": "--truncate",
  "learn.heldOutShare": "--hold-out <share>",
  "learn.maxMemory": "--max-memory <GB>",
  "learn.epochs": "--epochs <n>",
  "learn.batchSize": "--batch-size <n>",
  "learn.learningRate": "--learning-rate <x>",
  "learn.rank": "--rank <r>",
  "learn.alpha": "--alpha <a>",
  "learn.topLayers": "--top-layers <n>",
  "learn.device": "--device <name>",
};

/** Flags of the server. */
const SERVE = {
  "serve.host": "--host <address>",
  "serve.port": "--port <n>",
  "serve.hosts": "--proxy-hosts <names>",
  "serve.keys": "--keys <file>",
  "serve.mcp": "--mcp [where]",
  "serve.queue": "--queue <n>",
  "serve.bodyBytes": "--body-bytes <n>",
  "serve.timeoutMs": "--request-ms <ms>",
  "serve.dayDollars": "--day-dollars <x>",
  "serve.dayTokens": "--day-tokens <n>",
  "serve.dayCalls": "--day-calls <n>",
  "serve.keyDollars": "--key-dollars <x>",
  "serve.keyTokens": "--key-tokens <n>",
  "serve.keyCalls": "--key-calls <n>",
  "serve.log": "--log <dir>",
  "serve.redact": "--redact <list>",
  "serve.question": "--question-template <text>",
  "serve.context": "--context-template <text>",
};

/** Every flag of a setting, by its key. */
export const RUN_FLAGS: Readonly<Record<string, string>> = {
  ...MODEL,
  ...DATASET,
  ...SEARCH,
  ...LEARN,
  ...SERVE,
  ...QUEUE,
};
export const MODEL_FLAGS = Object.keys(MODEL);
export const DATASET_FLAGS = Object.keys(DATASET);
export const SEARCH_FLAGS = Object.keys(SEARCH);
export const LEARN_FLAGS = Object.keys(LEARN);
export const SERVE_FLAGS = Object.keys(SERVE);
export const QUEUE_FLAGS = Object.keys(QUEUE);

/** Names of flags that mean one setting on some commands and another on others. */
const SHARED_NAMES = new Set(
  Object.values(RUN_FLAGS)
    .map((flag) => new Option(flag).attributeName())
    .filter((name, at, names) => names.indexOf(name) < at),
);

/** Names that flags had before, still read: key of that time → flag, and the key that has its place now. */
const FORMER_FLAGS: Readonly<Record<string, { flag: string; now: string }>> = {
  policyFile: { flag: "--policy <file>", now: "rulesFile" },
};

/** Name of a key on the command line: "budget.dollars" → "--max-dollars". */
export function flagName(path: string): string | undefined {
  return (RUN_FLAGS[path] ?? FORMER_FLAGS[path]?.flag)?.split(" ")[0];
}

/** Meaning of a key, its choices, and its default where it has one that says something. */
function helpOf(path: string): string {
  const { meaning, choices, default: preset } = SETTINGS.get(path) as Setting;
  const more = choices === undefined ? [] : [choices.join(", ")];
  if (preset !== undefined && preset !== false) more.push(`default ${preset}`);
  return more.length === 0 ? meaning : `${meaning} (${more.join("; ")})`;
}

/** One value only: the last of several datasets would be taken in silence. */
function once(value: string, known: string | undefined): string {
  if (known === undefined) return value;
  throw new InvalidArgumentError(
    `It is given twice; learn takes several as ${known},${value}, other commands take one.`,
  );
}

/** Adds the flags of some keys to a command, in that order. */
export function addRunFlags(command: Command, paths: readonly string[]): Command {
  for (const path of paths) {
    const option = new Option(RUN_FLAGS[path] as string, helpOf(path));
    command.addOption(path === "task" ? option.argParser(once) : option);
  }
  for (const { flag, now } of Object.values(FORMER_FLAGS))
    if (paths.includes(now)) command.addOption(new Option(flag).hideHelp());
  return command;
}

/** Values given on the command line, by key of the configuration. */
export function readRunFlags(command: Command): Map<string, string | boolean> {
  const given = new Map<string, string | boolean>();
  const values = command.opts<Record<string, string | boolean | undefined>>();
  const flags = Object.entries(FORMER_FLAGS).map(([path, { flag }]) => [path, flag] as const);
  const known = new Set(command.options.map((option) => option.flags));
  for (const [path, flag] of [...flags, ...Object.entries(RUN_FLAGS)]) {
    const name = new Option(flag).attributeName();
    if (SHARED_NAMES.has(name) && !known.has(flag)) continue;
    const value = values[name];
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
