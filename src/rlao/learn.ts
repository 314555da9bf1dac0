/** @file `w4s learn`: rounds of collecting and training; every step is found again when the run is taken up. */
import { existsSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { ConfigError } from "../core/errors.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { RunConfig } from "../rollout/run-config.js";
import { isInterruption } from "../rollout/run-session.js";
import { compareEvaluations } from "../rollout/workbench.js";
import { acceptance } from "./acceptance.js";
import { planRound, type TaskHistory } from "./curriculum.js";
import { concludeLearning, type LearnProgress, type LearnResult } from "./learn-result.js";
import { type LearnHooks, type LearnSession, openLearnSession } from "./learn-session.js";
import { collectRound, exploration, judgePolicy, writingTimer } from "./play-round.js";
import { comparePolicies, type EpisodeScore, policyScore } from "./policy-score.js";
import { RoundFiles } from "./round-files.js";
import { type LearnPhase, type RoundRecord, readRound, writeRound } from "./round-record.js";
import { type StartAdapter, trainRound } from "./train-round.js";
import { trajectorySamples } from "./trajectory-samples.js";

/**
 * Alternates collecting and training. Interruptions (budget, abort, outage) do not throw: the partial result carries
 * `stoppedBy`, and the same call on the same run directory goes on. More rounds lengthen a finished run.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before or beside the rounds
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the round before is kept
 */
export async function learn(config: RunConfig, hooks: LearnHooks = {}): Promise<LearnResult> {
  if (config.dryRun) {
    throw new ConfigError("learn has no --dry-run", {
      hint: "w4s collect --dry-run forecasts one round of one task; --max-dollars limits the whole run",
    });
  }
  const session = await openLearnSession(config, hooks);
  const progress: LearnProgress = { rounds: [], base: [], start: [] };
  let stoppedBy: unknown;
  try {
    try {
      await playRounds(session, progress);
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
    await session.releasePolicy();
    return await concludeLearning(session, progress, stoppedBy);
  } finally {
    await session.close();
  }
}

async function playRounds(session: LearnSession, progress: LearnProgress): Promise<void> {
  const { config, directory, startHash } = session;
  const zero = new RoundFiles(directory.path, 0);
  progress.base = await judgePolicy(session, zero, "base", undefined);
  let accepted: StartAdapter | undefined;
  if (config.adapter !== undefined && startHash !== undefined) {
    accepted = { path: config.adapter, hash: startHash };
    progress.start = await judgePolicy(session, zero, "previous", config.adapter);
  }
  let previous = accepted === undefined ? progress.base : progress.start;
  for (let round = 1; round <= config.learn.rounds; round++) {
    const files = new RoundFiles(directory.path, round);
    let record = readRound(files);
    if (record === undefined) {
      record = await playRound(session, files, progress, accepted, previous);
      await writeRound(files, record);
      session.emit({ type: "round-end", record });
    }
    progress.rounds.push(record);
    if (record.isAccepted) {
      accepted = { path: adapterFile(session, record), hash: record.adapterHash };
      previous = record.episodes;
    }
  }
}

async function playRound(
  session: LearnSession,
  files: RoundFiles,
  progress: LearnProgress,
  accepted: StartAdapter | undefined,
  previous: readonly EpisodeScore[],
): Promise<RoundRecord> {
  const { config, signal } = session;
  const { round } = files;
  const seconds: Partial<Record<LearnPhase, number>> = {};
  const timed = async <T>(phase: LearnPhase, work: () => Promise<T>, without = () => 0): Promise<T> => {
    const startedAt = performance.now();
    const value = await work();
    seconds[phase] = rounded((performance.now() - startedAt) / 1000 - without());
    session.emit({ type: "phase", round, phase, seconds: seconds[phase] });
    return value;
  };
  const plan = planRound(histories(session, progress), config.learn, round, config.episodes, config.seed);
  session.emit({
    type: "round-start",
    round,
    rounds: config.learn.rounds,
    plan,
    ...exploration(session, round),
  });
  await timed("swap", () => session.policy(accepted?.path));
  const timer = writingTimer(session.emit);
  const found = await timed(
    "evaluate",
    () => collectRound({ ...session, emit: timer.emit }, files, plan, round, accepted?.path),
    timer.seconds,
  );
  seconds.generate = rounded(timer.seconds());
  session.emit({ type: "phase", round, phase: "generate", seconds: seconds.generate });
  await session.releasePolicy();
  signal?.throwIfAborted();
  const plans = [...progress.rounds.map((record) => record.plan), plan];
  const start = config.learn.start === "previous" ? accepted : undefined;
  const { card, result } = await timed("train", () => trainRound(session, files, plans, start));
  const adapter = readGgufAdapter(result.adapterPath);
  const judged = await timed("judge", () => judgePolicy(session, files, "new", result.adapterPath));
  const isJudged = judged.length > 0;
  const compare = (others: readonly EpisodeScore[]) =>
    isJudged && others.length > 0
      ? comparePolicies(judged, others, config.seed, config.bootstrap.samples)
      : null;
  const againstPrevious = compare(previous);
  return {
    version: 1,
    round,
    plan,
    card,
    adapter: relative(session.directory.path, result.adapterPath),
    adapterHash: adapterHash(adapter),
    parentHash: start?.hash ?? null,
    training: {
      steps: result.steps,
      firstLoss: result.losses.at(0) ?? null,
      lastLoss: result.losses.at(-1) ?? null,
      trainedTokens: result.trainedTokens,
      peakRssBytes: result.peakRssBytes,
    },
    episodes: judged,
    score: isJudged ? policyScore(judged) : null,
    againstBase: compare(progress.base),
    againstPrevious,
    ...acceptance(againstPrevious, config.learn.accept),
    seconds,
    best: [...found].flatMap(([task, workflows]) => {
      const best = [...workflows].sort((a, b) => compareEvaluations(a.evaluation, b.evaluation)).at(0);
      if (best === undefined) return [];
      const { hash, source, evaluation } = best;
      return [{ task, accuracy: evaluation.accuracy, hash, source }];
    }),
  };
}

/** What the curriculum knows, read from the trajectories of the rounds before. */
function histories(session: LearnSession, { rounds }: LearnProgress): TaskHistory[] {
  return session.tasks.map(({ name, baselines }) => {
    const played = rounds.map((record) => {
      const file = new RoundFiles(session.directory.path, record.round).collected(name);
      const isPlayed = record.plan.episodes.some(({ task }) => task === name);
      return isPlayed && existsSync(file) ? trajectorySamples(file).samples : [];
    });
    return {
      name,
      baseline: baselines.at(0)?.evaluation.accuracy ?? 0,
      rewards: played.map((samples) => samples.map(({ reward }) => reward)),
      best: played.map((samples) =>
        samples.length === 0 ? null : Math.max(...samples.map(({ candidate }) => candidate.accuracy ?? 0)),
      ),
    };
  });
}

function adapterFile(session: LearnSession, record: RoundRecord): string {
  const path = isAbsolute(record.adapter) ? record.adapter : join(session.directory.path, record.adapter);
  if (existsSync(path)) return path;
  throw new ConfigError(`the adapter of round ${record.round} is gone: ${path}`, {
    hint: `put it back, or delete ${new RoundFiles(session.directory.path, record.round).record} to train it again`,
  });
}

function rounded(seconds: number): number {
  return Math.max(0, Math.round(seconds * 100) / 100);
}
