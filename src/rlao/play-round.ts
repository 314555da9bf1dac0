/** @file Plays the episodes of a round: those that are trained on, and those that judge a policy. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { playEpisode, type ScoredWorkflow } from "../rollout/episode.js";
import type { TurnRecord } from "../rollout/trajectory.js";
import type { RoundPlan } from "./curriculum.js";
import type { LearnEvent } from "./learn-event.js";
import { type LearnSession, type LearnTask, openBench, type PlaySettings } from "./learn-session.js";
import { type EpisodeScore, episodeScores } from "./policy-score.js";
import type { RoundFiles } from "./round-files.js";

/** Of a schedule by round, the value of a round from 1 on; the last one stays. */
export function ofRound(values: readonly number[] | undefined, round: number, otherwise: number): number {
  return values?.[Math.min(round, values.length) - 1] ?? otherwise;
}

/** How a round explores. */
export function exploration(session: Pick<LearnSession, "config">, round: number) {
  const { learn, explore, temperature, candidates } = session.config;
  return {
    explore: ofRound(learn.exploreSchedule, round, explore),
    temperature: ofRound(learn.temperatureSchedule, round, temperature),
    candidates: ofRound(learn.candidatesSchedule, round, candidates),
  };
}

/** @returns every workflow that reached the whole validation set, by task */
export async function collectRound(
  session: LearnSession,
  files: RoundFiles,
  plan: RoundPlan,
  round: number,
  adapterPath: string | undefined,
): Promise<Map<string, ScoredWorkflow[]>> {
  const found = new Map<string, ScoredWorkflow[]>();
  for (const { task: name, count } of plan.episodes) {
    const task = session.tasks.find((one) => one.name === name) as LearnTask;
    const play = {
      policy: await session.policy(adapterPath),
      logPath: files.collected(name),
      drawSeed: seedFrom(session.config.seed, "round", round),
      turns: session.config.turns,
      ...exploration(session, round),
    };
    const { workflows } = await playTask(session, task, play, count);
    found.set(name, workflows);
  }
  return found;
}

/**
 * Plays the judging episodes of one policy, unforced and with the temperature of the configuration: the same seeds
 * for every policy and round, so that differences are paired.
 */
export async function judgePolicy(
  session: LearnSession,
  files: RoundFiles,
  policyName: "base" | "previous" | "new",
  adapterPath: string | undefined,
): Promise<EpisodeScore[]> {
  const { config, judgeTasks } = session;
  const episodes: EpisodeScore[] = [];
  if (config.learn.evaluationEpisodes === 0) return episodes;
  for (const task of judgeTasks) {
    session.emit({ type: "judge", round: files.round, policy: policyName, task: task.name });
    const play = {
      policy: await session.policy(adapterPath),
      logPath: files.judged(policyName, task.name),
      drawSeed: seedFrom(config.seed, "judge"),
      explore: 0,
      temperature: config.temperature,
      candidates: config.candidates,
      turns: config.learn.evaluationTurns ?? config.turns,
    };
    const played = await playTask(session, task, play, config.learn.evaluationEpisodes);
    episodes.push(...episodeScores(task.name, config.seed, played.turns));
  }
  return episodes;
}

async function playTask(
  session: LearnSession,
  task: LearnTask,
  play: PlaySettings,
  episodes: number,
): Promise<{ workflows: ScoredWorkflow[]; turns: TurnRecord[] }> {
  mkdirSync(dirname(play.logPath), { recursive: true });
  const bench = openBench(session, task, play);
  try {
    const workflows: ScoredWorkflow[] = [];
    const shown = task.baselines.filter((seed) => !seed.source.includes("agent.weak."));
    for (let episode = 0; episode < episodes; episode++) {
      session.emit({ type: "episode-start", episode, episodes });
      const random = new Random(seedFrom(play.drawSeed, "from-scratch", task.name, episode));
      const isFromScratch = random.chance(session.config.learn.fromScratch);
      // The first seed workflow is the plainest: one direct question.
      workflows.push(...(await playEpisode(bench, isFromScratch ? shown.slice(0, 1) : shown, episode)));
    }
    return { workflows, turns: bench.log.turns().filter((turn) => turn.episode < episodes) };
  } finally {
    bench.log.close();
  }
}

/** Adds up how long the policy wrote, so that what is left of a phase is evaluation. */
export function writingTimer(emit: (event: LearnEvent) => void) {
  let seconds = 0;
  return {
    emit: (event: LearnEvent) => {
      if (event.type === "candidates-written" && !event.isResumed) seconds += event.seconds;
      emit(event);
    },
    seconds: () => seconds,
  };
}
