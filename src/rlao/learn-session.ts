/** @file Opens what `w4s learn` works with: tasks, workplace, and the weak model with one adapter at a time. */
import { resolve } from "node:path";
import { ConfigError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { readLoadableModel } from "../formats/gguf-loadable.js";
import { stringValue } from "../formats/gguf-metadata.js";
import { defaultThreads, LocalModel, modelFileHash } from "../llm/local-model.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { checkAdapterSizes } from "../lora/check-adapter-sizes.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { ScoredWorkflow } from "../rollout/episode.js";
import type { Policy } from "../rollout/policy.js";
import type { RunConfig } from "../rollout/run-config.js";
import {
  cardOf,
  localPolicy,
  offersOf,
  openTask,
  openWorkplace,
  programSandbox,
  type RunHooks,
  type TaskBench,
  type Workplace,
  workSettings,
} from "../rollout/run-session.js";
import { baselinesOf } from "../rollout/search.js";
import { TrajectoryLog } from "../rollout/trajectory.js";
import { evaluateAll, type Workbench } from "../rollout/workbench.js";
import { loadTask } from "../tasks/load-task.js";
import type { Task } from "../tasks/task.js";
import { readModel } from "../transformer/read-model.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import type { LearnEvent, OnLearnEvent } from "./learn-event.js";

export interface LearnHooks extends Omit<RunHooks, "policy" | "onEvent"> {
  onEvent?: OnLearnEvent;
}

/** A task with its baselines evaluated. */
export interface LearnTask extends TaskBench {
  name: string;
  baselines: ScoredWorkflow[];
}

export interface LearnSession extends Omit<Workplace, "emit"> {
  modelPath: string;
  modelHash: string;
  baseName: string | undefined;
  parameterCount: number;
  threads: number;
  /** Trained on. */
  tasks: LearnTask[];
  /** Adapters are judged on these; the training tasks themselves where `isHeldBack` is false. */
  judgeTasks: LearnTask[];
  isHeldBack: boolean;
  /** Content hash of the adapter the run started with. */
  startHash: string | undefined;
  /** The weak model with an adapter file; the one before is closed. undefined = the bare base. */
  policy(adapterPath: string | undefined): Promise<Policy>;
  /** Closes the weak model: training wants its memory. */
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
  const { model } = config;
  if (model === undefined)
    throw new ConfigError("no weak model was named", { hint: "add --model NAME|FILE (w4s models list)" });
  const names = splitTasks(config);
  const { allowOverlap, skipBad } = config;
  // Starts no process before a code task runs a program.
  const programs = programSandbox();
  const loaded = new Map<string, Task>();
  for (const name of new Set([...names.train, ...names.judge]))
    loaded.set(name, await loadTask(name, { allowOverlap, skipBad, programs }));
  const modelPath = await (hooks.resolveModelFile ?? (async (path: string) => path))(model);
  const header = readLoadableModel(modelPath);
  // Refused now rather than after the first round was paid.
  const { config: shape } = readModel(header);
  const initial = config.adapter === undefined ? undefined : readGgufAdapter(config.adapter);
  if (initial !== undefined) checkAdapterSizes(config.adapter ?? "", initial, shape);
  const startHash = initial === undefined ? undefined : adapterHash(initial);
  const modelHash = await modelFileHash(header.parts);
  const { onEvent, ...others } = hooks;
  const workplace = await openWorkplace(
    config,
    {
      command: "learn",
      label: [...loaded.keys()].join("+"),
      programs,
      prepare: async () => ({
        policy: `local:${modelHash.slice(0, 12)}`,
        inputs: {
          taskHashes: [...loaded.values()].map((task) => task.hash),
          modelHash,
          adapterHash: startHash ?? null,
        },
      }),
    },
    { ...others, ...(onEvent === undefined ? {} : { onEvent }) },
  );
  const threads = config.threads ?? defaultThreads();
  let current: { path: string | undefined; model: LocalModel; policy: Policy } | undefined;
  const releasePolicy = async () => {
    const old = current;
    current = undefined;
    await old?.model.close();
  };
  const close = async () => {
    await releasePolicy();
    await workplace.close();
  };
  try {
    const emit = (event: LearnEvent) => {
      workplace.directory.record(event);
      onEvent?.(event);
    };
    const tasks = new Map<string, LearnTask>();
    for (const [name, task] of loaded) {
      const bench = await openTask(workplace, task);
      tasks.set(name, { ...bench, name, baselines: await scoreBaselines(workplace, bench) });
    }
    const baseName = stringValue(header.metadata, "general.name");
    return {
      ...workplace,
      modelPath: resolve(modelPath),
      modelHash,
      baseName,
      parameterCount: header.tensors.reduce((sum, tensor) => sum + tensor.elementCount, 0),
      threads,
      tasks: names.train.map((name) => tasks.get(name) as LearnTask),
      judgeTasks: names.judge.map((name) => tasks.get(name) as LearnTask),
      isHeldBack: names.isHeldBack,
      startHash,
      emit,
      close,
      releasePolicy,
      policy: async (path) => {
        if (current === undefined || current.path !== path) {
          await releasePolicy();
          const weak = await LocalModel.load({
            modelPath,
            gpu: config.gpu,
            threads,
            ...(path === undefined ? {} : { adapterPath: path }),
          });
          current = { path, model: weak, policy: localPolicy(weak, config) };
        }
        return current.policy;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function scoreBaselines(workplace: Workplace, bench: TaskBench): Promise<ScoredWorkflow[]> {
  const scored: ScoredWorkflow[] = [];
  for (const seed of baselinesOf({ ...bench, models: workplace.models })) {
    const workflow = { hash: workflowHash(seed.source), source: seed.source };
    const parts = {
      ...bench,
      settings: workSettings({ config: workplace.config, settingsHash: bench.settingsHash }),
      onEvent: workplace.emit,
      ...(workplace.signal ? { signal: workplace.signal } : {}),
    };
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
  const { config, models, signal, executor } = session;
  const log = new TrajectoryLog(play.logPath);
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
    offers: offersOf(task.task, models),
    models: [...models.aliases.keys()],
    validation: task.validation,
    runner: task.runner,
    policy: play.policy,
    log,
    reward: config.reward ?? "accuracy",
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
