/** @file `w4s learn`: rounds of collecting and training; every step is found again when the run is taken up. */

import { existsSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { extent } from "../core/statistics.js";
import { compareEvaluations } from "../design/workbench.js";
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
import { isInterruption } from "../run/run-session.js";
import { acceptance } from "./acceptance.js";
import { trajectorySamples } from "./examples/trajectory-samples.js";
import { concludeLearning, type LearnProgress, type LearnResult } from "./learn-result.js";
import { type LearnHooks, type LearnSession, openLearnSession } from "./learn-session.js";
import { type Adapters, type StartAdapter, startAdapters } from "./member.js";
import { planRound, type TaskHistory } from "./plan-round.js";
import { collectedFiles, collectRound, exploration, judgePolicy, writingTimer } from "./play-round.js";
import { comparePolicies, policyScore } from "./policy-score.js";
import { type TrainedMember, trainRound } from "./train-round.js";

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
  const { config, directory, members } = session;
  const zero = new RoundFiles(directory.path, 0);
  // What is not trained is part of both sides of every comparison.
  progress.base = await judgePolicy(session, zero, "base", startAdapters(members, { onlyFixed: true }));
  let accepted = startAdapters(members);
  let previous = progress.base;
  if (members.some(({ name, train }) => train && accepted.has(name))) {
    progress.start = await judgePolicy(session, zero, "previous", accepted);
    previous = progress.start;
  }
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
      accepted = new Map([
        ...accepted,
        ...adoptedIn(record).map((one) => [one.name, adopted(session, record.round, one)] as const),
      ]);
      previous = record.episodes;
    }
  }
}

async function playRound(
  session: LearnSession,
  files: RoundFiles,
  progress: LearnProgress,
  accepted: Adapters,
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
  await timed("swap", () => session.policy(accepted, firstPlayer(session)));
  const timer = writingTimer(session.emit);
  const found = await timed(
    "evaluate",
    () => collectRound({ ...session, emit: timer.emit }, files, plan, accepted, progress.rounds),
    timer.seconds,
  );
  seconds.generate = rounded(timer.seconds());
  session.emit({ type: "phase", round, phase: "generate", seconds: seconds.generate });
  await session.releasePolicy();
  signal?.throwIfAborted();
  const plans = [...progress.rounds.map((record) => record.plan), plan];
  const trained = await timed("train", () => trainRound(session, files, plans, accepted));
  const members = trained.members.map((member) => memberRecord(session, member));
  const adapters = new Map([
    ...accepted,
    ...members.map((one) => [one.name, adopted(session, round, one)] as const),
  ]);
  const judged = await timed("judge", () => judgePolicy(session, files, "new", adapters));
  const isJudged = judged.length > 0;
  const compare = (others: readonly EpisodeScore[]) =>
    isJudged && others.length > 0
      ? comparePolicies(judged, others, config.seed, config.bootstrap.samples)
      : null;
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
    ...(session.collaboration === "single" ? {} : { members }),
    episodes: judged,
    score: isJudged ? policyScore(judged) : null,
    againstBase: compare(progress.base),
    againstPrevious,
    ...acceptance(againstPrevious, config.learn.accept),
    seconds,
    best: found.flatMap(({ task, policy, workflows }) => {
      const best = [...workflows].sort((a, b) => compareEvaluations(a.evaluation, b.evaluation)).at(0);
      if (best === undefined) return [];
      const { hash, source, evaluation } = best;
      const designer = policy === undefined ? {} : { policy };
      return [{ task, ...designer, accuracy: evaluation.accuracy, hash, source }];
    }),
  };
}

/** Whose model is loaded first: the rest of them follow when it is their turn. */
function firstPlayer({ collaboration, members }: LearnSession): string | undefined {
  return collaboration === "decentralised" ? members[0]?.name : undefined;
}

function memberRecord(session: LearnSession, { name, start, examples, result }: TrainedMember): MemberRecord {
  return {
    name,
    adapter: relative(session.directory.path, result.adapterPath),
    adapterHash: adapterHash(readGgufAdapter(result.adapterPath)),
    parentHash: start?.hash ?? null,
    examples,
    training: {
      steps: result.steps,
      firstLoss: result.losses.at(0) ?? null,
      lastLoss: result.losses.at(-1) ?? null,
      trainedTokens: result.trainedTokens,
      peakRssBytes: result.peakRssBytes,
    },
  };
}

/** What the curriculum knows, read from the trajectories of the rounds before. */
function histories(session: LearnSession, { rounds }: LearnProgress): TaskHistory[] {
  return session.tasks.map(({ name, baselines }) => {
    const played = rounds.map((record) =>
      collectedFiles(session, new RoundFiles(session.directory.path, record.round), record.plan)
        .filter(({ task, path }) => task === name && existsSync(path))
        .flatMap(({ path }) => trajectorySamples(path).samples)
        .filter(({ helper }) => helper === undefined),
    );
    return {
      name,
      baseline: baselines.at(0)?.evaluation.accuracy ?? 0,
      rewards: played.map((samples) => samples.map(({ reward }) => reward)),
      best: played.map((samples) =>
        samples.length === 0 ? null : extent(samples.map(({ candidate }) => candidate.accuracy ?? 0)).highest,
      ),
    };
  });
}

/** @throws {ConfigError} when its file is gone */
function adopted(
  session: LearnSession,
  round: number,
  { adapter, adapterHash: hash }: Pick<MemberRecord, "adapter" | "adapterHash">,
): StartAdapter {
  const path = isAbsolute(adapter) ? adapter : join(session.directory.path, adapter);
  if (existsSync(path)) return { path, hash };
  throw new ConfigError(`the adapter of round ${round} is gone: ${path}`, {
    hint: `put it back, or delete ${new RoundFiles(session.directory.path, round).record} to train it again`,
  });
}

function rounded(seconds: number): number {
  return Math.max(0, Math.round(seconds * 100) / 100);
}
