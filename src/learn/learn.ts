/** @file `w4s learn`: rounds of collecting and training; every step is found again when the run is taken up. */
import { existsSync, statSync } from "node:fs";
import { basename, isAbsolute, join, relative } from "node:path";
import type { Collaboration } from "../config/policies-schema.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { rangeOf } from "../core/range-of.js";
import { mean } from "../core/statistics.js";
import { refuseUnmeasured } from "../design/composite-reward.js";
import type { WritingPace } from "../design/rehearsal.js";
import { collaborationOf, teamMembers } from "../design/team-members.js";
import { checkBaselineNames } from "../evaluate/baselines/choose-baselines.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import { LocalModels } from "../evaluate/local-models.js";
import { requireDevice } from "../graph/open-device.js";
import { defaultThreads } from "../llm/local/local-model.js";
import { isLocalExecutor, planThreads } from "../llm/local/plan-threads.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import { RoundFiles } from "../records/round-files.js";
import {
  adoptedIn,
  type EpisodeScore,
  type LearnPhase,
  type MemberRecord,
  type RoundRecord,
  readRound,
  writeRound,
} from "../records/round-record.js";
import type { Forecast } from "../records/run-event.js";
import type { Bench } from "../run/bench.js";
import { bestMeasured } from "../run/choose-winner.js";
import { inRunSpan } from "../run/in-run-span.js";
import { isInterruption } from "../run/is-interruption.js";
import { ForecastWatch } from "../run/measured-forecast.js";
import { Run } from "../run/run.js";
import { TaskOpener } from "../run/task-opener.js";
import type { Task } from "../tasks/task.js";
import { acceptance } from "./acceptance.js";
import { comparePolicies } from "./compare-policies.js";
import {
  type Course,
  type CourseTask,
  type LearnHooks,
  openBenches,
  scoreBaselines,
  splitTasks,
} from "./course.js";
import { refuseUnleashed } from "./examples/objectives.js";
import { trajectorySamples } from "./examples/trajectory-samples.js";
import { forecastLearning } from "./forecast-learning.js";
import type { LearnEvent } from "./learn-event.js";
import { concludeLearning, type LearnProgress, type LearnResult } from "./learn-result.js";
import { LocalTeam } from "./local-team.js";
import { type Adapters, type Member, openMember, type StartAdapter, startAdapters } from "./member.js";
import { planRound, type TaskHistory } from "./plan-round.js";
import { collectedFiles, collectRound, exploration, judgePolicy } from "./play-round.js";
import { policyScore } from "./policy-score.js";
import { recordedReply } from "./recorded-reply.js";
import { trainExamples } from "./train-adapter.js";
import { type TrainedMember, trainRound } from "./train-round.js";
import { withinMinutes } from "./within-minutes.js";

/** Result of a learning run with `dryRun`. */
export interface LearnForecast {
  command: "learn";
  directory: string;
  forecast: Forecast;
}

/**
 * Forecast of what learn() would do; asks the executor nothing.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before the rounds
 */
export async function forecastLearn(config: RunConfig, hooks: LearnHooks = {}): Promise<LearnForecast> {
  return await withOpened({ ...config, dryRun: true }, hooks, async (opened) => {
    const { run } = opened;
    const forecast = forecastOf(opened);
    run.emit({ type: "forecast", forecast });
    run.emit({ type: "run-end", directory: run.directory.path, isComplete: false });
    return { command: "learn", directory: run.directory.path, forecast };
  });
}

function forecastOf({ run, names, benches, pace }: Opened): Forecast {
  const tasksOf = (list: readonly string[]) => list.map((name) => ({ bench: benches.get(name)! }));
  return forecastLearning(run.config, {
    ...{ tasks: tasksOf(names.train), judgeTasks: tasksOf(names.judge), isHeldBack: names.isHeldBack },
    ...{ price: run.executor.price, isSimulated: run.executor.model.isSimulated, pace },
  });
}

/**
 * Rounds of collecting and training, each judged on tasks that were held back. Interruptions (budget, abort, outage) do not throw: the partial result carries
 * `stoppedBy`, and the same call on the same run directory goes on. More rounds lengthen a finished run.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before or beside the rounds
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the round before is kept
 */
export async function learn(config: RunConfig, hooks: LearnHooks = {}): Promise<LearnResult> {
  return await inRunSpan("learn", config, () => learnAll(config, hooks));
}

async function learnAll(config: RunConfig, hooks: LearnHooks): Promise<LearnResult> {
  if (config.dryRun)
    throw new ConfigError("a learning run cannot be a forecast", { hint: "w4s learn --dry-run makes one" });
  return await withOpened(config, hooks, async (all) => {
    const { run, names, benches, emit, writingSeconds, pace: _, ...opened } = all;
    const scored = await scoreBaselines(run, benches, forecastAgain(all));
    const tasksOf = (list: readonly string[]) => list.map((name) => scored.get(name) as CourseTask);
    const course: Course = {
      ...{ run, ...opened, emit, writingSeconds },
      trainer: hooks.trainer ?? trainExamples,
      tasks: tasksOf(names.train),
      judgeTasks: tasksOf(names.judge),
      isHeldBack: names.isHeldBack,
    };
    const progress: LearnProgress = { rounds: [], base: [], start: [], random: [] };
    let stoppedBy: unknown;
    try {
      await playRounds(course, progress);
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
    await opened.team.release();
    return await concludeLearning(course, progress, stoppedBy);
  });
}

/** Says the forecast of a run whose calls take time, and again where the baselines' speed makes it another. */
function forecastAgain(opened: Opened): (evaluation: Evaluation) => void {
  const { run } = opened;
  if (run.executor.model.isSimulated) return () => {};
  const forecast = forecastOf(opened);
  run.emit({ type: "forecast", forecast });
  const watch = new ForecastWatch(forecast, () => run.store.ledgerTotals(), run.config.concurrency);
  return (evaluation) => {
    const again = watch.onBaseline(evaluation);
    if (again) run.emit({ type: "forecast", forecast: again });
  };
}

/** What is opened before the first paid call: of a learning run as of its forecast. */
interface Opened
  extends Pick<Course, "run" | "collaboration" | "members" | "team" | "threads" | "emit" | "writingSeconds"> {
  names: ReturnType<typeof splitTasks>;
  benches: ReadonlyMap<string, Bench>;
  pace: WritingPace | undefined;
}

async function withOpened<T>(
  config: RunConfig,
  hooks: LearnHooks,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  if (config.designer === "random") {
    throw new ConfigError("the random designer has nothing to learn", {
      hint: "leave designer out; w4s collect --designer random gives the control",
    });
  }
  const { objective, weighting: kind, kl = 0 } = config.learn;
  refuseUnleashed({ objective, kind }, kl);
  // Before anything is collected.
  requireDevice(config.learn.device);
  const collaboration = collaborationOf(config);
  const names = splitTasks(config);
  await using local = new LocalModels(config, hooks.resolveModelFile);
  await using opener = new TaskOpener(config, local.resolve);
  const tasks = new Map<string, Task>();
  for (const name of new Set([...names.train, ...names.judge])) tasks.set(name, await opener.load(name));
  for (const task of tasks.values()) {
    refuseUnmeasured(config, task);
    checkBaselineNames(config.baselines, answerKind(task));
  }
  const members: Member[] = [];
  for (const plan of teamMembers(config)) members.push(await openMember(plan, local.resolve));
  let writingSeconds = 0;
  const { onEvent } = hooks;
  const onRunEvent = (event: LearnEvent) => {
    if (event.type === "candidates-written" && !event.isResumed) writingSeconds += event.seconds;
    onEvent?.(event);
  };
  await using run = await Run.open(config, {
    command: "learn",
    label: [...tasks.keys()].join("+"),
    policy: policyName(collaboration, members, config.model),
    inputs: inputsOf(collaboration, members, tasks),
    ...{ local, tasks: opener, hooks: { ...hooks, onEvent: onRunEvent } },
  });
  const sizes = members.map(({ modelPath }) => statSync(modelPath).size);
  const threads = config.threads ?? defaultThreads(Math.max(...sizes));
  const team =
    hooks.team ??
    new LocalTeam({
      ...{ config, collaboration, members },
      threads: isLocalExecutor(config.executor)
        ? Math.min(threads, planThreads(true, config.threads).weak)
        : threads,
      // Members may have tokenizers of their own.
      adapterProbe: () => (members.length === 1 ? recordedReply(run.directory.path) : undefined),
      onWarning: (message) => run.warn(message),
    });
  try {
    const benches = await openBenches(run, tasks);
    // A context that is too small is found before the baselines are paid; a team of one's own is asked nothing.
    const pace = hooks.team
      ? undefined
      : await benches
          .get(names.train[0] as string)
          ?.rehearse(await team.policy(startAdapters(members, { onlyFixed: true })));
    return await work({
      ...{ run, names, benches, pace, collaboration, members, team, threads },
      emit: (event) => {
        run.directory.record(event);
        onRunEvent(event);
      },
      writingSeconds: () => writingSeconds,
    });
  } finally {
    await team.release();
  }
}

/** By the names that the models were asked for: their ids are hashes. */
function policyName(
  collaboration: Collaboration,
  members: readonly Member[],
  model: string | undefined,
): string {
  const names = members.map(({ modelPath, modelHash }) => {
    const name = collaboration === "single" ? (model ?? modelPath) : modelPath;
    return `${basename(name)} (local:${modelHash.slice(0, 12)})`;
  });
  return collaboration === "single" ? names.join() : `${collaboration}(${names.join(", ")})`;
}

function inputsOf(
  collaboration: Collaboration,
  members: readonly Member[],
  tasks: ReadonlyMap<string, Task>,
): Record<string, unknown> {
  const hashed = members.map(({ name, modelHash, start }) => ({
    name,
    modelHash,
    adapterHash: start?.hash ?? null,
  }));
  return {
    taskHashes: [...tasks.values()].map((task) => task.hash),
    modelHash: hashed[0]?.modelHash,
    adapterHash: hashed[0]?.adapterHash,
    members: collaboration === "single" ? undefined : hashed,
  };
}

async function playRounds(course: Course, progress: LearnProgress): Promise<void> {
  const { run, members } = course;
  const { config, directory } = run;
  const zero = new RoundFiles(directory.path, 0);
  // What is not trained is part of both sides of every comparison.
  progress.base = await judgePolicy(course, zero, "base", startAdapters(members, { onlyFixed: true }));
  if (config.learn.control === "random") progress.random = await judgePolicy(course, zero, "random");
  let accepted = startAdapters(members);
  let previous = progress.base;
  if (members.some(({ name, train }) => train && accepted.has(name))) {
    progress.start = await judgePolicy(course, zero, "previous", accepted);
    previous = progress.start;
  }
  for (let round = 1; round <= config.learn.rounds; round++) {
    const files = new RoundFiles(directory.path, round);
    let record = readRound(files);
    if (record === undefined) {
      record = await playRound(course, files, progress, accepted, previous);
      await writeRound(files, record);
      course.emit({ type: "round-end", record });
    }
    progress.rounds.push(record);
    if (record.isAccepted) {
      accepted = new Map([
        ...accepted,
        ...adoptedIn(record).map((one) => [one.name, adopted(course, record.round, one)] as const),
      ]);
      previous = record.episodes;
    }
  }
}

async function playRound(
  course: Course,
  files: RoundFiles,
  progress: LearnProgress,
  accepted: Adapters,
  previous: readonly EpisodeScore[],
): Promise<RoundRecord> {
  const { config, signal } = course.run;
  const { round } = files;
  const seconds: Partial<Record<LearnPhase, number>> = {};
  const timed = async <T>(phase: LearnPhase, work: () => Promise<T>, without = () => 0): Promise<T> => {
    const startedAt = performance.now();
    const value = await work();
    seconds[phase] = rounded((performance.now() - startedAt) / 1000 - without());
    course.emit({ type: "phase", round, phase, seconds: seconds[phase] });
    return value;
  };
  const plan = planRound(histories(course, progress), config.learn, round, config.episodes, config.seed);
  course.emit({
    type: "round-start",
    round,
    rounds: config.learn.rounds,
    plan,
    ...exploration(course, round),
    minutesLeft: minutesLeft(progress, config.learn.rounds),
  });
  await timed("swap", () => course.team.policy(accepted, firstPlayer(course)));
  const writtenBefore = course.writingSeconds();
  const writing = () => course.writingSeconds() - writtenBefore;
  const found = await timed(
    "evaluate",
    () => collectRound(course, files, plan, accepted, progress.rounds),
    writing,
  );
  seconds.generate = rounded(writing());
  course.emit({ type: "phase", round, phase: "generate", seconds: seconds.generate });
  await course.team.release();
  signal?.throwIfAborted();
  const plans = [...progress.rounds.map((record) => record.plan), plan];
  const trained = await timed("train", () =>
    withinMinutes(course.run.meter.budget, signal, (stop) =>
      trainRound(course, files, plans, accepted, stop),
    ),
  );
  const members = trained.members.map((member) => memberRecord(course, member));
  const adapters = new Map([
    ...accepted,
    ...members.map((one) => [one.name, adopted(course, round, one)] as const),
  ]);
  const judged = await timed("judge", () => judgePolicy(course, files, "new", adapters));
  const isJudged = judged.length > 0;
  const compare = (others: readonly EpisodeScore[]) =>
    isJudged && others.length > 0 ? comparePolicies(judged, others) : null;
  const againstPrevious = compare(previous);
  const [first] = members as [MemberRecord];
  return {
    version: 1,
    round,
    plan,
    card: trained.card,
    adapter: first.adapter,
    adapterHash: first.adapterHash,
    parentHash: first.parentHash,
    training: first.training,
    members: course.collaboration === "single" ? undefined : members,
    episodes: judged,
    score: isJudged ? policyScore(judged) : null,
    againstBase: compare(progress.base),
    againstPrevious,
    ...acceptance(againstPrevious, config.learn.accept),
    seconds,
    best: found.flatMap(({ task, policy, workflows }) => {
      const best = bestMeasured(workflows);
      if (best === undefined) return [];
      const { hash, source, evaluation } = best;
      return [{ task, policy, accuracy: evaluation.accuracy, hash, source }];
    }),
  };
}

/** Time of the rounds that are left, by the mean of those before; undefined in the first one. */
function minutesLeft({ rounds }: LearnProgress, count: number): number | undefined {
  if (rounds.length === 0) return undefined;
  const seconds = rounds.map((record) => Object.values(record.seconds).reduce((sum, one) => sum + one, 0));
  return (mean(seconds) * (count - rounds.length)) / 60;
}

/** Whose model is loaded first: the rest of them follow when it is their turn. */
function firstPlayer({ collaboration, members }: Course): string | undefined {
  return collaboration === "decentralised" ? members[0]?.name : undefined;
}

function memberRecord(course: Course, { name, start, examples, result }: TrainedMember): MemberRecord {
  return {
    name,
    adapter: relative(course.run.directory.path, result.adapterPath),
    adapterHash: adapterHash(readGgufAdapter(result.adapterPath)),
    parentHash: start?.hash ?? null,
    examples,
    training: {
      steps: result.steps,
      firstLoss: result.losses.at(0) ?? null,
      lastLoss: result.losses.at(-1) ?? null,
      sameExamples: result.sameExamples,
      trainedTokens: result.trainedTokens,
      peakRssBytes: result.peakRssBytes,
      device: result.device,
      deviceReason: result.deviceReason,
    },
  };
}

/** Facts for the curriculum, read from the trajectories of the rounds before. */
function histories(course: Course, { rounds }: LearnProgress): TaskHistory[] {
  return course.tasks.map(({ name, baselines }) => {
    const played = rounds.map((record) =>
      collectedFiles(course, new RoundFiles(course.run.directory.path, record.round), record.plan)
        .filter(({ task, path }) => task === name && existsSync(path))
        .flatMap(({ path }) => trajectorySamples(path))
        .filter(({ helper }) => helper === undefined),
    );
    return {
      name,
      baseline: baselines.at(0)?.evaluation.accuracy ?? 0,
      rewards: played.map((samples) => samples.map(({ reward }) => reward)),
      best: played.map((samples) =>
        samples.length === 0
          ? null
          : rangeOf(samples.map(({ candidate }) => candidate.accuracy ?? 0)).highest,
      ),
    };
  });
}

/** @throws {ConfigError} when its file is gone */
function adopted(
  course: Course,
  round: number,
  { adapter, adapterHash: hash }: Pick<MemberRecord, "adapter" | "adapterHash">,
): StartAdapter {
  const path = isAbsolute(adapter) ? adapter : join(course.run.directory.path, adapter);
  if (existsSync(path)) return { path, hash };
  throw new ConfigError(`the adapter of round ${round} is gone: ${path}`, {
    hint: `put it back, or delete ${new RoundFiles(course.run.directory.path, round).record} to train it again`,
  });
}

function rounded(seconds: number): number {
  return Math.max(0, Math.round(seconds * 100) / 100);
}
