/** @file Plays the episodes of a round: those that are trained on, and those that judge a policy. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import type { EpisodeDraws } from "../design/episode-parts.js";
import type { Policy } from "../design/policy.js";
import { RandomPolicy } from "../design/random-policy.js";
import { startsOf } from "../evaluate/baselines/choose-baselines.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { RoundFiles } from "../records/round-files.js";
import type { EpisodeScore, RoundPlan, RoundRecord } from "../records/round-record.js";
import type { TrajectoryLog, TurnRecord } from "../records/trajectory.js";
import { playSideBySide, type Seat } from "../run/side-by-side.js";
import type { Course, CourseTask } from "./course.js";
import type { JudgedPolicy } from "./learn-event.js";
import type { Adapters } from "./member.js";
import { ofRound } from "./plan-round.js";
import { episodeScores } from "./policy-score.js";

/** Settings by which a round explores. */
export function exploration({ run }: Pick<Course, "run">, round: number) {
  const { learn, explore, temperature, candidates } = run.config;
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
  policy?: string | undefined;
  workflows: ScoredWorkflow[];
}

/** The members that play on their own; one undefined where all play together. */
function players({ collaboration, members }: Course): (string | undefined)[] {
  return collaboration === "decentralised" ? members.map(({ name }) => name) : [undefined];
}

/** Files in which training episodes of a round are written. */
export function collectedFiles(
  course: Course,
  files: RoundFiles,
  plan: RoundPlan,
): { task: string; path: string }[] {
  return players(course).flatMap((member) =>
    plan.episodes.map(({ task }) => ({ task, path: files.collected(task, member) })),
  );
}

/** @param rounds - the rounds before, whose best workflows members that play on their own show each other */
export async function collectRound(
  course: Course,
  files: RoundFiles,
  plan: RoundPlan,
  adapters: Adapters,
  rounds: readonly RoundRecord[],
): Promise<FoundWorkflows[]> {
  const { config } = course.run;
  const { round } = files;
  const found: FoundWorkflows[] = [];
  for (const member of players(course)) {
    const policy = await course.team.policy(adapters, member);
    const plays: Play[] = [];
    for (const { task: name, count } of plan.episodes) {
      const task = course.tasks.find((one) => one.name === name) as CourseTask;
      plays.push({
        task,
        episodes: count,
        logPath: files.collected(name, member),
        draws: {
          // Equal members would write the same workflows from the same seed.
          drawSeed: seedFrom(config.seed, "round", round, ...(member === undefined ? [] : [member])),
          turns: config.turns,
          ...exploration(course, round),
        },
        exchanged: member === undefined ? [] : await exchangedWorkflows(course, task, member, rounds),
      });
    }
    const played = await playTasks(course, policy, plays);
    for (const { task, workflows } of played) found.push({ task, policy: member, workflows });
  }
  return found;
}

/**
 * What the other members found for a task: the best workflow of each, of the last round in which it was played. It
 * was evaluated in that round on the same items, so that this costs no call.
 */
async function exchangedWorkflows(
  course: Course,
  task: CourseTask,
  member: string,
  rounds: readonly RoundRecord[],
): Promise<ScoredWorkflow[]> {
  const seen = new Set(task.baselines.map(({ hash }) => hash));
  const shown: ScoredWorkflow[] = [];
  for (const { name } of course.members) {
    if (name === member) continue;
    const isIts = ({ task: other, policy }: RoundRecord["best"][number]) =>
      other === task.name && policy === name;
    const best = rounds.findLast((record) => record.best.some(isIts))?.best.find(isIts);
    if (best === undefined || seen.has(best.hash)) continue;
    seen.add(best.hash);
    const workflow = { hash: best.hash, source: best.source };
    const title = `best workflow of ${name}`;
    const { bench } = task;
    const [evaluation] = await bench.evaluate([workflow], bench.validation, { what: title });
    if (evaluation !== undefined) shown.push({ ...workflow, title, evaluation });
  }
  return shown;
}

/**
 * Plays the judging episodes of one policy, unforced and with the temperature of the configuration: the same seeds
 * for every policy and round, so that differences are paired.
 */
export async function judgePolicy(
  course: Course,
  files: RoundFiles,
  policyName: JudgedPolicy,
  adapters: Adapters = new Map(),
): Promise<EpisodeScore[]> {
  const { judgeTasks } = course;
  const { config } = course.run;
  if (config.learn.evaluationEpisodes === 0) return [];
  for (const { name } of judgeTasks)
    course.emit({ type: "judge", round: files.round, policy: policyName, task: name });
  const policy = policyName === "random" ? new RandomPolicy() : await course.team.policy(adapters);
  const plays = judgeTasks.map((task) => ({
    task,
    episodes: config.learn.evaluationEpisodes,
    logPath: files.judged(policyName, task.name),
    draws: {
      drawSeed: seedFrom(config.seed, "judge"),
      explore: 0,
      turns: config.learn.evaluationTurns ?? config.turns,
    },
  }));
  const played = await playTasks(course, policy, plays);
  return judgeTasks.flatMap(({ name, bench }, index) => {
    const { workflows, turns } = played[index]!;
    const ids = bench.validation.map(({ id }) => id);
    const evaluations = workflows.map(({ evaluation }) => evaluation);
    return episodeScores(name, config.seed, turns, { ids, evaluations });
  });
}

/** Order of one phase on one task: how it draws, and where it writes. */
interface Play {
  task: CourseTask;
  episodes: number;
  logPath: string;
  /** The seed keeps the draws of rounds and phases apart. */
  draws: Pick<EpisodeDraws, "drawSeed" | "explore" | "turns"> & Partial<EpisodeDraws>;
  /** Workflows shown beside the baselines. Default none. */
  exchanged?: readonly ScoredWorkflow[] | undefined;
}

/** What the episodes of a task came to, in their order. */
interface Played {
  task: string;
  workflows: ScoredWorkflow[];
  turns: TurnRecord[];
}

/** Plays the episodes of all tasks side by side: one model writes for all of them. */
async function playTasks(course: Course, policy: Policy, plays: readonly Play[]): Promise<Played[]> {
  const { signal } = course.run;
  const logs: TrajectoryLog[] = [];
  try {
    for (const { task, logPath } of plays) {
      mkdirSync(dirname(logPath), { recursive: true });
      logs.push(task.bench.openLog(logPath, policy));
    }
    const seats = plays.flatMap((play, index) =>
      Array.from({ length: play.episodes }, (_, episode) => ({ play, log: logs[index]!, episode })),
    );
    const found = await playSideBySide(seats.length, signal, async (number, seat) => {
      const { play, log, episode } = seats[number]!;
      return await playOne(course, policy, play, { log, seat }, episode);
    });
    return plays.map((play, index) => ({
      task: play.task.name,
      workflows: found.filter((_, number) => seats[number]?.play === play).flat(),
      turns: logs[index]!.turns().filter(({ episode }) => episode < play.episodes),
    }));
  } finally {
    for (const log of logs) log.close();
  }
}

async function playOne(
  course: Course,
  policy: Policy,
  { task: { name, bench, baselines }, episodes, draws, exchanged = [] }: Play,
  order: { log: TrajectoryLog; seat: Seat },
  episode: number,
): Promise<ScoredWorkflow[]> {
  const { config, meter } = course.run;
  // The local model that writes is no executor whose calls would notice that the minutes are over.
  meter.budget.check("minutes");
  course.emit({ type: "episode-start", task: bench.task.name, episode, episodes });
  const shown = startsOf(baselines, config.baselines);
  const random = new Random(seedFrom(draws.drawSeed, "from-scratch", name, episode));
  // The first baseline is the plainest: one direct question.
  const starts = random.chance(config.learn.fromScratch) ? shown.slice(0, 1) : [...shown, ...exchanged];
  const drawSeed = seedFrom(draws.drawSeed, "task", name);
  return await bench.episode(policy, { ...order, starts, draws: { ...draws, drawSeed } }, episode);
}
