/** @file Opens what `w4s learn` works with: tasks, workplace, and the weak model with one adapter at a time. */
import { statSync } from "node:fs";
import type { Collaboration } from "../config/policies-schema.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { refuseUnmeasured } from "../design/composite-reward.js";
import type { ScoredWorkflow } from "../design/play-episode.js";
import type { Policy } from "../design/policy.js";
import { collaborationOf, teamMembers } from "../design/team-members.js";
import { evaluateAll, type Workbench } from "../design/workbench.js";
import { checkStarts } from "../evaluate/baselines/choose-baselines.js";
import { defaultThreads } from "../llm/local/local-model.js";
import { TrajectoryLog } from "../records/trajectory.js";
import { baselinesOf } from "../run/search.js";
import {
  cardOf,
  offersOf,
  openTask,
  programSandbox,
  type TaskBench,
  taskTools,
  workSettings,
} from "../run/task-bench.js";
import { openWorkplace, type RunHooks, type Workplace } from "../run/workplace.js";
import { loadTask } from "../tasks/load-task.js";
import type { Task } from "../tasks/task.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import type { LearnEvent, OnLearnEvent } from "./learn-event.js";
import { LocalTeam } from "./local-team.js";
import { type Adapters, type Member, openMember } from "./member.js";

export interface LearnHooks extends Omit<RunHooks, "policy" | "onEvent"> {
  onEvent?: OnLearnEvent;
}

/** A task with its baselines evaluated. */
export interface LearnTask extends TaskBench {
  name: string;
  baselines: ScoredWorkflow[];
}

export interface LearnSession extends Omit<Workplace, "emit"> {
  collaboration: Collaboration;
  /** The policies that learn together, in the order of their roles; one where `collaboration` is single. */
  members: Member[];
  threads: number;
  /** Trained on. */
  tasks: LearnTask[];
  /** Adapters are judged on these; the training tasks themselves where `isHeldBack` is false. */
  judgeTasks: LearnTask[];
  isHeldBack: boolean;
  /** The weak models with these adapters; what was loaded and is not needed is closed. */
  policy(adapters: Adapters, only?: string): Promise<Policy>;
  /** Closes the weak models: training wants their memory. */
  releasePolicy(): Promise<void>;
  emit(event: LearnEvent): void;
}

/** Names in a comma-separated list. */
export function taskList(text: string): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(`task ${twice} is named twice`, { hint: "name it once" });
  return names;
}

/** Which tasks are trained on, and which judge: the last one named, unless others are held back explicitly. */
export function splitTasks(config: RunConfig): { train: string[]; judge: string[]; isHeldBack: boolean } {
  const train = taskList(config.task);
  const heldBack = taskList(config.learn.heldBack ?? "");
  const both = heldBack.find((name) => train.includes(name));
  if (both !== undefined) {
    throw new ConfigError(`task ${both} is both trained on and held back`, {
      hint: "name it in --task or in --held-back, not in both",
    });
  }
  if (heldBack.length > 0) return { train, judge: heldBack, isHeldBack: true };
  if (train.length < 2) return { train, judge: train, isHeldBack: false };
  return { train: train.slice(0, -1), judge: train.slice(-1), isHeldBack: true };
}

/** @throws {ConfigError | InputError | UnsupportedModelError | ModelCallError} before anything is paid */
export async function openLearnSession(config: RunConfig, hooks: LearnHooks): Promise<LearnSession> {
  const collaboration = collaborationOf(config);
  const plans = teamMembers(config);
  const names = splitTasks(config);
  // Starts no process before a code task runs a program.
  const programs = programSandbox();
  const loaded = new Map<string, Task>();
  const tools = taskTools(config, hooks, programs);
  for (const name of new Set([...names.train, ...names.judge])) loaded.set(name, await loadTask(name, tools));
  for (const task of loaded.values()) refuseUnmeasured(config, task);
  const members: Member[] = [];
  for (const plan of plans)
    members.push(await openMember(plan, hooks.resolveModelFile ?? (async (path: string) => path)));
  const [first] = members as [Member];
  const { onEvent, ...others } = hooks;
  const workplace = await openWorkplace(
    config,
    {
      command: "learn",
      label: [...loaded.keys()].join("+"),
      programs,
      prepare: async () => ({
        policy: policyName(collaboration, members),
        inputs: {
          taskHashes: [...loaded.values()].map((task) => task.hash),
          modelHash: first.modelHash,
          adapterHash: first.start?.hash ?? null,
          ...(collaboration === "single"
            ? {}
            : {
                members: members.map(({ name, modelHash, start }) => ({
                  name,
                  modelHash,
                  adapterHash: start?.hash ?? null,
                })),
              }),
        },
      }),
    },
    { ...others, ...(onEvent === undefined ? {} : { onEvent }) },
  );
  const sizes = members.map(({ modelPath }) => statSync(modelPath).size);
  const threads = config.threads ?? defaultThreads(Math.max(...sizes));
  const team = new LocalTeam({ config, collaboration, members, threads });
  const close = async () => {
    await team.release();
    await workplace.close();
  };
  try {
    tools.judge?.bind(workplace);
    const emit = (event: LearnEvent) => {
      workplace.directory.record(event);
      onEvent?.(event);
    };
    const tasks = new Map<string, LearnTask>();
    for (const [name, task] of loaded) {
      const bench = await openTask(workplace, task);
      tasks.set(name, { ...bench, name, baselines: await scoreBaselines(workplace, bench) });
    }
    return {
      ...workplace,
      collaboration,
      members,
      threads,
      tasks: names.train.map((name) => tasks.get(name) as LearnTask),
      judgeTasks: names.judge.map((name) => tasks.get(name) as LearnTask),
      isHeldBack: names.isHeldBack,
      emit,
      close,
      releasePolicy: () => team.release(),
      policy: (adapters, only) => team.policy(adapters, only),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function policyName(collaboration: Collaboration, members: readonly Member[]): string {
  const names = members.map(({ modelHash }) => `local:${modelHash.slice(0, 12)}`);
  return collaboration === "single" ? names.join() : `${collaboration}(${names.join(", ")})`;
}

async function scoreBaselines(workplace: Workplace, bench: TaskBench): Promise<ScoredWorkflow[]> {
  const scored: ScoredWorkflow[] = [];
  const seeds = baselinesOf({ ...bench, models: workplace.models, config: workplace.config });
  checkStarts(seeds, workplace.config.baselines);
  for (const seed of seeds) {
    const workflow = { hash: workflowHash(seed.source), source: seed.source };
    const parts = benchParts(workplace, bench);
    const [evaluation] = await evaluateAll(parts, [workflow], bench.validation, seed.title);
    if (evaluation === undefined) continue;
    scored.push({ ...workflow, title: seed.title, evaluation });
    const { accuracy, interval, n } = evaluation;
    workplace.emit({
      type: "baseline-scored",
      name: `${bench.task.name}, ${seed.title}`,
      accuracy,
      interval,
      n,
    });
  }
  return scored;
}

/** What evaluating on a task takes, apart from episodes. */
export function benchParts(
  { config, emit, signal }: Pick<Workplace, "config" | "signal"> & { emit: Workbench["onEvent"] },
  task: TaskBench,
): Parameters<typeof evaluateAll>[0] {
  return {
    ...task,
    settings: workSettings({ config, settingsHash: task.settingsHash }),
    onEvent: emit,
    ...(signal ? { signal } : {}),
  };
}

/** What one phase plays on one task: how it draws, and where it writes. */
export interface PlaySettings {
  policy: Policy;
  logPath: string;
  /** Keeps the draws of rounds and phases apart. */
  drawSeed: number;
  explore: number;
  temperature: number;
  candidates: number;
  turns: number;
}

/** A workbench with its log opened; close the log when done. */
export function openBench(session: LearnSession, task: LearnTask, play: PlaySettings): Workbench {
  const { config, models, signal, executor, tools } = session;
  const log = new TrajectoryLog(play.logPath, session.directory.path);
  if (!log.header) {
    log.append({
      kind: "header",
      version: 1,
      task: { name: task.task.name, hash: task.task.hash },
      executor: executor.model.id,
      isSimulated: executor.model.isSimulated,
      policy: play.policy.info,
      seed: config.seed,
    });
  }
  const { explore, temperature, candidates, turns } = play;
  return {
    task: task.task,
    card: cardOf(task.task),
    offers: offersOf(task.task, models, tools, session.callPolicy),
    tools: tools?.cards ?? [],
    models: [...models.aliases.keys()],
    validation: task.validation,
    runner: task.runner,
    policy: play.policy,
    log,
    reward: config.reward ?? "accuracy",
    rewardWeights: config.rewardWeights,
    approval: session.approval,
    settings: {
      ...workSettings({ config, settingsHash: task.settingsHash }),
      drawSeed: seedFrom(play.drawSeed, "task", task.name),
      explore,
      temperature,
      candidates,
      turns,
    },
    onEvent: session.emit,
    ...(signal ? { signal } : {}),
  };
}
