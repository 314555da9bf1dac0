/** @file A run directory as plain data for reports: what it was, what it found, what it cost. Reads only. */

import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { sumOrNull } from "../core/statistics.js";
import { namedBaselines } from "../evaluate/baselines/named-baselines.js";
import { type CardConfig, cardContext, measuredUse } from "../evaluate/card-context.js";
import { type WorkflowCard, workflowCard } from "../evaluate/workflow-card.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { type RunEvents, readRunEvents } from "./run-report-events.js";
import { type ReportReplay, readReplays } from "./run-report-replays.js";
import {
  type JudgedEpisode,
  judgedEpisodes,
  policyDifference,
  policyScore,
  type ReportDifference,
  type ReportRound,
  type ReportScore,
  readRounds,
} from "./run-report-rounds.js";
import { readState } from "./run-report-state.js";
import { type ReportTurn, readTurns, type TrajectorySource } from "./run-report-trajectory.js";

const interval = z.object({ low: z.number(), high: z.number() });

const resultRow = z.object({
  name: z.string(),
  title: z.string(),
  workflowHash: z.string(),
  split: z.string(),
  executor: z.string(),
  isSimulated: z.boolean(),
  n: z.number(),
  accuracy: z.number(),
  interval,
  callsPerSample: z.number(),
  tokensPerSample: z.number(),
  dollarsPerSample: z.number().nullable(),
  errors: z.number(),
  statusCounts: z.record(z.string(), z.number()),
});

const ledgerRow = z.object({
  role: z.string(),
  model: z.string(),
  calls: z.number(),
  cachedCalls: z.number(),
  promptTokens: z.number(),
  completionTokens: z.number(),
  dollars: z.number().nullable(),
  estimatedCalls: z.number(),
});

const spent = z.object({
  rows: z.array(ledgerRow),
  calls: z.number(),
  tokens: z.number(),
  dollars: z.number().nullable(),
});

/** What the summaries of optimize, collect, eval and learn have in common; all of it may be missing. */
const summary = z.object({
  command: z.string().optional(),
  task: z.string().optional(),
  executor: z.string().optional(),
  policy: z.string().optional(),
  device: z.string().optional(),
  isSimulated: z.boolean().optional(),
  validation: z.array(resultRow).optional(),
  test: z.array(resultRow).optional(),
  rows: z.array(resultRow).optional(),
  differences: z
    .array(
      z.object({
        name: z.string(),
        executor: z.string(),
        difference: z.number(),
        low: z.number(),
        high: z.number(),
        n: z.number(),
      }),
    )
    .optional(),
  best: z
    .object({ title: z.string(), hash: z.string(), source: z.string(), isBaseline: z.boolean() })
    .nullable()
    .optional(),
  breakEven: z
    .union([
      z.record(z.string(), z.number().nullable()),
      z.array(z.object({ task: z.string(), baseline: z.string(), samples: z.number().nullable() })),
    ])
    .optional(),
  warnings: z.array(z.string()).optional(),
  spent: z.union([spent, z.record(z.string(), spent)]).optional(),
  // Of learn.
  model: z.string().optional(),
  tasks: z.array(z.string()).optional(),
  judgeTasks: z.array(z.string()).optional(),
  isHeldBack: z.boolean().optional(),
  base: policyScore.nullable().optional(),
  baseEpisodes: judgedEpisodes.optional(),
  trained: policyScore.nullable().optional(),
  difference: policyDifference.nullable().optional(),
  isComplete: z.boolean().optional(),
  stoppedBy: z.unknown().optional(),
});

const manifest = z.object({
  command: z.string(),
  executor: z.string(),
  isSimulated: z.boolean(),
  identity: z.record(z.string(), z.unknown()),
});

export type { ReportReplay } from "./run-report-replays.js";
export type { WorkflowCard };
export type ReportRow = z.infer<typeof resultRow>;
export type ReportLedgerRow = z.infer<typeof ledgerRow>;

/** Everything a report can show of a run. Texts are as the run wrote them: whoever shows them has to escape them. */
export interface RunReport {
  /** Last part of the directory's path. */
  name: string;
  command: string;
  task: string;
  executor: string;
  policy: string | null;
  /** Where the weak model ran. */
  device: string | null;
  isSimulated: boolean;
  /** Null: no summary was written, so the run goes on or died. */
  isComplete: boolean | null;
  /** What ended the run early. */
  stoppedBy: string | null;
  events: RunEvents;
  rows: ReportRow[];
  /** Of `eval`: rows minus the first one on the same items, with paired intervals. */
  differences: { name: string; executor: string; difference: number; low: number; high: number; n: number }[];
  best: { title: string; hash: string; source: string; isBaseline: boolean } | null;
  /** What the best workflow calls, in words; null where there is none. */
  card: WorkflowCard | null;
  breakEven: Record<string, number | null>;
  warnings: string[];
  spent: { calls: number; tokens: number; dollars: number | null } | null;
  ledger: ReportLedgerRow[];
  /** Headers of the trajectory files: models and hashes. */
  sources: TrajectorySource[];
  turns: ReportTurn[];
  rounds: ReportRound[];
  /** What learning came to; null for other commands and before the end. */
  learned: {
    base: ReportScore | null;
    baseEpisodes: JudgedEpisode[];
    trained: ReportScore | null;
    difference: ReportDifference | null;
    judgeTasks: string[];
    /** False where the policy was judged on tasks it was trained on. */
    isHeldBack: boolean;
  } | null;
  /** Of robot tasks: some runs to draw. */
  replays: ReportReplay[];
  /** The workflows that runs start from, by hash: parents that no candidate wrote. */
  seeds: Record<string, { title: string; source: string }>;
  config: Record<string, unknown>;
  /** Hashes of the inputs and other settings that decide the results. */
  identity: Record<string, unknown>;
}

/**
 * One object of everything that a run directory holds: of optimize, collect, eval or learn, finished or not.
 * @throws {InputError} where it is none, or a file has other fields than this version knows; {StorageError} on damage.
 */
export async function readRunReport(directory: string): Promise<RunReport> {
  if (
    !existsSync(directory) ||
    !statSync(directory).isDirectory() ||
    !existsSync(join(directory, "run.json"))
  )
    throw new InputError(`${directory} is no run directory: it has no run.json`, {
      hint: "name a directory that w4s optimize, collect, eval or learn has written",
    });
  const run = readState(join(directory, "run.json"), manifest);
  const found = readState(join(directory, "summary.json"), summary) ?? {};
  const config = readState(join(directory, "config.resolved.json"), z.record(z.string(), z.unknown())) ?? {};
  const events = await readRunEvents(join(directory, "events.jsonl"));
  const { turns, sources } = await readTurns(directory);
  const rows = [...(found.validation ?? []), ...(found.test ?? []), ...(found.rows ?? [])];
  const perExecutor = found.spent === undefined ? [] : spentList(found.spent);
  return {
    name: basename(directory),
    command: run?.command ?? found.command ?? "unknown",
    task:
      found.task ??
      found.tasks?.join(", ") ??
      tasksOf(sources) ??
      events.task ??
      String(config.task ?? "unknown"),
    executor: found.executor ?? run?.executor ?? "unknown",
    policy: policyName(found.policy ?? sources[0]?.policy.id ?? null, found.model ?? config.model),
    device: found.device ?? sources[0]?.policy.device ?? null,
    isSimulated: (run?.isSimulated ?? false) || (found.isSimulated ?? false),
    isComplete: found.isComplete ?? null,
    stoppedBy: stopText(found.stoppedBy),
    events,
    rows,
    differences: found.differences ?? [],
    best: found.best ?? null,
    card: found.best ? bestCard(found.best, config, run, rows) : null,
    breakEven: breakEvens(found.breakEven),
    warnings: found.warnings ?? events.warnings,
    spent: perExecutor.length > 0 ? total(perExecutor) : events.spent,
    ledger: perExecutor.flatMap(({ rows }) => rows),
    sources,
    turns,
    rounds: await readRounds(directory),
    learned:
      found.judgeTasks === undefined
        ? null
        : {
            base: found.base ?? null,
            baseEpisodes: found.baseEpisodes ?? [],
            trained: found.trained ?? null,
            difference: found.difference ?? null,
            judgeTasks: found.judgeTasks,
            isHeldBack: found.isHeldBack ?? false,
          },
    replays: readReplays(directory),
    seeds: knownSeeds(),
    config,
    identity: run?.identity ?? {},
  };
}

/** `learn` tells it by task and baseline, the others by baseline. */
function breakEvens(value: z.infer<typeof summary>["breakEven"]): Record<string, number | null> {
  if (!Array.isArray(value)) return value ?? {};
  return Object.fromEntries(value.map(({ task, baseline, samples }) => [`${task}: ${baseline}`, samples]));
}

type Spent = z.infer<typeof spent>;

/** `eval` keeps one sum per executor, the other commands one in all. */
function spentList(value: Spent | Record<string, Spent>): Spent[] {
  return Array.isArray(value.rows) ? [value as Spent] : Object.values(value as Record<string, Spent>);
}

function total(list: readonly Spent[]): { calls: number; tokens: number; dollars: number | null } {
  return {
    calls: list.reduce((sum, { calls }) => sum + calls, 0),
    tokens: list.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: sumOrNull(list.map(({ dollars }) => dollars)),
  };
}

function tasksOf(sources: readonly TrajectorySource[]): string | undefined {
  return sources.length === 0 ? undefined : [...new Set(sources.map(({ task }) => task))].join(", ");
}

/** The id of a local model is its hash: the name it was asked for by says more. */
function policyName(id: string | null, model: unknown): string | null {
  if (typeof model !== "string") return id;
  const name = basename(model);
  return id === null || id.includes(name) ? (id ?? name) : `${name} (${id})`;
}

function stopText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  const { message } = value as { message?: unknown };
  return typeof message === "string" ? message : "interrupted";
}

function bestCard(
  best: { hash: string; source: string },
  config: Record<string, unknown>,
  run: z.infer<typeof manifest> | undefined,
  rows: readonly ReportRow[],
): WorkflowCard {
  const executor = run && { id: run.executor, isSimulated: run.isSimulated };
  const row = rows.find(({ workflowHash: hash }) => hash === best.hash);
  return workflowCard(best.source, cardContext(config as CardConfig, executor), measuredUse(row));
}

function knownSeeds(): RunReport["seeds"] {
  const seeds: RunReport["seeds"] = {};
  for (const kind of ["number", "choice", "text", "code", "commands"] as const) {
    for (const hasContext of [false, true]) {
      for (const { title, source } of namedBaselines(kind, hasContext))
        seeds[workflowHash(source)] = { title, source };
    }
  }
  return seeds;
}
