/** @file Plays the episodes of a round: those that are trained on, and those that judge a policy. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { playEpisode, type ScoredWorkflow } from "../design/play-episode.js";
import { evaluateAll } from "../design/workbench.js";
import { startsOf } from "../evaluate/baselines/choose-baselines.js";
import type { RoundFiles } from "../records/round-files.js";
import type { EpisodeScore, RoundPlan, RoundRecord } from "../records/round-record.js";
import type { TurnRecord } from "../records/trajectory.js";
import type { LearnEvent } from "./learn-event.js";
import {
  benchParts,
  type LearnSession,
  type LearnTask,
  openBench,
  type PlaySettings,
} from "./learn-session.js";
import type { Adapters } from "./member.js";
import { episodeScores } from "./policy-score.js";

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

/** Workflows of a round's training episodes that reached the whole validation set, in order of their appearance. */
export interface FoundWorkflows {
  task: string;
  /** The member that designed them, where each plays on its own. */
  policy?: string;
  workflows: ScoredWorkflow[];
}

/** A trajectory file of a round's training episodes. */
export interface CollectedFile {
  task: string;
  path: string;
}

/** The members that play on their own; one undefined where all play together. */
function players({ collaboration, members }: LearnSession): (string | undefined)[] {
  return collaboration === "decentralised" ? members.map(({ name }) => name) : [undefined];
}

/** Where the training episodes of a round are written. */
export function collectedFiles(session: LearnSession, files: RoundFiles, plan: RoundPlan): CollectedFile[] {
  return players(session).flatMap((member) =>
    plan.episodes.map(({ task }) => ({ task, path: files.collected(task, member) })),
  );
}

/** @param rounds - the rounds before, whose best workflows members that play on their own show each other */
export async function collectRound(
  session: LearnSession,
  files: RoundFiles,
  plan: RoundPlan,
  adapters: Adapters,
  rounds: readonly RoundRecord[],
): Promise<FoundWorkflows[]> {
  const { config } = session;
  const { round } = files;
  const found: FoundWorkflows[] = [];
  for (const member of players(session)) {
    for (const { task: name, count } of plan.episodes) {
      const task = session.tasks.find((one) => one.name === name) as LearnTask;
      const play = {
        policy: await session.policy(adapters, member),
        logPath: files.collected(name, member),
        // Equal members would write the same workflows from the same seed.
        drawSeed: seedFrom(config.seed, "round", round, ...(member === undefined ? [] : [member])),
        turns: config.turns,
        ...exploration(session, round),
      };
      const shown = member === undefined ? [] : await exchangedWorkflows(session, task, member, rounds);
      const { workflows } = await playTask(session, task, play, count, shown);
      found.push({ task: name, ...(member === undefined ? {} : { policy: member }), workflows });
    }
  }
  return found;
}

/**
 * What the other members found for a task: the best workflow of each, of the last round in which it was played. It
 * was evaluated in that round on the same items, so that this costs no call.
 */
async function exchangedWorkflows(
  session: LearnSession,
  task: LearnTask,
  member: string,
  rounds: readonly RoundRecord[],
): Promise<ScoredWorkflow[]> {
  const seen = new Set(task.baselines.map(({ hash }) => hash));
  const shown: ScoredWorkflow[] = [];
  for (const { name } of session.members) {
    if (name === member) continue;
    const isIts = ({ task: other, policy }: RoundRecord["best"][number]) =>
      other === task.name && policy === name;
    const best = rounds.findLast((record) => record.best.some(isIts))?.best.find(isIts);
    if (best === undefined || seen.has(best.hash)) continue;
    seen.add(best.hash);
    const workflow = { hash: best.hash, source: best.source };
    const title = `best workflow of ${name}`;
    const [evaluation] = await evaluateAll(benchParts(session, task), [workflow], task.validation, title);
    if (evaluation !== undefined) shown.push({ ...workflow, title, evaluation });
  }
  return shown;
}

/**
 * Plays the judging episodes of one policy, unforced and with the temperature of the configuration: the same seeds
 * for every policy and round, so that differences are paired.
 */
export async function judgePolicy(
  session: LearnSession,
  files: RoundFiles,
  policyName: "base" | "previous" | "new",
  adapters: Adapters,
): Promise<EpisodeScore[]> {
  const { config, judgeTasks } = session;
  const episodes: EpisodeScore[] = [];
  if (config.learn.evaluationEpisodes === 0) return episodes;
  for (const task of judgeTasks) {
    session.emit({ type: "judge", round: files.round, policy: policyName, task: task.name });
    const play = {
      policy: await session.policy(adapters),
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
  exchanged: readonly ScoredWorkflow[] = [],
): Promise<{ workflows: ScoredWorkflow[]; turns: TurnRecord[] }> {
  mkdirSync(dirname(play.logPath), { recursive: true });
  const bench = openBench(session, task, play);
  try {
    const workflows: ScoredWorkflow[] = [];
    const shown = startsOf(task.baselines, session.config.baselines);
    for (let episode = 0; episode < episodes; episode++) {
      session.emit({ type: "episode-start", episode, episodes });
      const random = new Random(seedFrom(play.drawSeed, "from-scratch", task.name, episode));
      const isFromScratch = random.chance(session.config.learn.fromScratch);
      // The first seed workflow is the plainest: one direct question.
      workflows.push(
        ...(await playEpisode(bench, isFromScratch ? shown.slice(0, 1) : [...shown, ...exchanged], episode)),
      );
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
