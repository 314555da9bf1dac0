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
import type { TurnRecord } from "../records/trajectory.js";
import type { Course, CourseTask } from "./course.js";
import type { JudgedPolicy } from "./learn-event.js";
import type { Adapters } from "./member.js";
import { episodeScores } from "./policy-score.js";

/** Value of a schedule in a round from 1 on; the last one stays. */
export function ofRound(values: readonly number[] | undefined, round: number, otherwise: number): number {
  return values?.[Math.min(round, values.length) - 1] ?? otherwise;
}

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
    for (const { task: name, count } of plan.episodes) {
      const task = course.tasks.find((one) => one.name === name) as CourseTask;
      const play = {
        policy: await course.team.policy(adapters, member),
        logPath: files.collected(name, member),
        draws: {
          // Equal members would write the same workflows from the same seed.
          drawSeed: seedFrom(config.seed, "round", round, ...(member === undefined ? [] : [member])),
          turns: config.turns,
          ...exploration(course, round),
        },
      };
      const shown = member === undefined ? [] : await exchangedWorkflows(course, task, member, rounds);
      const { workflows } = await playTask(course, task, play, count, shown);
      found.push({ task: name, policy: member, workflows });
    }
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
  const episodes: EpisodeScore[] = [];
  if (config.learn.evaluationEpisodes === 0) return episodes;
  for (const task of judgeTasks) {
    course.emit({ type: "judge", round: files.round, policy: policyName, task: task.name });
    const play = {
      policy: policyName === "random" ? new RandomPolicy() : await course.team.policy(adapters),
      logPath: files.judged(policyName, task.name),
      draws: {
        drawSeed: seedFrom(config.seed, "judge"),
        explore: 0,
        turns: config.learn.evaluationTurns ?? config.turns,
      },
    };
    const played = await playTask(course, task, play, config.learn.evaluationEpisodes);
    const items = {
      ids: task.bench.validation.map(({ id }) => id),
      evaluations: played.workflows.map(({ evaluation }) => evaluation),
    };
    episodes.push(...episodeScores(task.name, config.seed, played.turns, items));
  }
  return episodes;
}

/** Order of one phase on one task: how it draws, and where it writes. */
interface Play {
  policy: Policy;
  logPath: string;
  /** The seed keeps the draws of rounds and phases apart. */
  draws: Pick<EpisodeDraws, "drawSeed" | "explore" | "turns"> & Partial<EpisodeDraws>;
}

async function playTask(
  course: Course,
  { name, bench, baselines }: CourseTask,
  { policy, logPath, draws }: Play,
  episodes: number,
  exchanged: readonly ScoredWorkflow[] = [],
): Promise<{ workflows: ScoredWorkflow[]; turns: TurnRecord[] }> {
  const { config } = course.run;
  mkdirSync(dirname(logPath), { recursive: true });
  const log = bench.openLog(logPath, policy);
  const drawSeed = seedFrom(draws.drawSeed, "task", name);
  try {
    const workflows: ScoredWorkflow[] = [];
    const shown = startsOf(baselines, config.baselines);
    for (let episode = 0; episode < episodes; episode++) {
      course.emit({ type: "episode-start", episode, episodes });
      const random = new Random(seedFrom(draws.drawSeed, "from-scratch", name, episode));
      // The first baseline is the plainest: one direct question.
      const starts = random.chance(config.learn.fromScratch) ? shown.slice(0, 1) : [...shown, ...exchanged];
      const order = { log, starts, draws: { ...draws, drawSeed } };
      workflows.push(...(await bench.episode(policy, order, episode)));
    }
    return { workflows, turns: log.turns().filter((turn) => turn.episode < episodes) };
  } finally {
    log.close();
  }
}
