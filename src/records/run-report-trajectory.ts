/** @file The turns and candidates of a run for reports: token ids are counted, not kept. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { readLogLines } from "./run-report-events.js";
import { TRAJECTORY_VERSION } from "./trajectory.js";

/** Only what a report shows; unknown fields are passed over, so that older and newer runs can be shown. */
const policy = z.object({
  id: z.string(),
  modelHash: z.string(),
  tokenizerHash: z.string(),
  templateHash: z.string(),
  adapterHash: z.string().nullable(),
  device: z.string(),
});

const header = z.object({
  kind: z.literal("header"),
  version: z.number().int().max(TRAJECTORY_VERSION, "written by a newer w4s"),
  task: z.object({ name: z.string(), hash: z.string() }),
  executor: z.string(),
  isSimulated: z.boolean(),
  policy,
  seed: z.number(),
});

const numbers = z.custom<number[]>((value) => Array.isArray(value), { error: "must be a list" });

const action = z.object({
  index: z.number(),
  attempt: z.number(),
  temperature: z.number(),
  text: z.string(),
  tokens: numbers,
  logProbs: numbers.optional(),
  finishReason: z.string(),
});

const actions = z.object({
  kind: z.literal("actions"),
  episode: z.number(),
  turn: z.number(),
  prompt: z.string(),
  promptTokens: numbers,
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  seconds: z.number(),
  actions: z.array(action),
});

const candidate = z.object({
  index: z.number(),
  repairOf: z.number().nullable(),
  forced: z.array(z.string()),
  techniques: z.array(z.string()),
  workflowHash: z.string().nullable(),
  source: z.string().nullable(),
  outcome: z.enum(["scored", "screened-out", "invalid"]),
  status: z.string(),
  message: z.string().optional(),
  accuracy: z.number().nullable(),
  screenAccuracy: z.number().nullable(),
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  n: z.number(),
  calls: z.number(),
  tokens: z.number(),
  dollars: z.number().nullable(),
  reward: z.number(),
});

const turn = z.object({
  kind: z.literal("turn"),
  episode: z.number(),
  turn: z.number(),
  history: z.object({ best: z.number(), previous: z.number(), sampleCount: z.number() }),
  parentHash: z.string().nullable(),
  candidates: z.array(candidate),
  kept: z.number().nullable(),
});

const record = z.discriminatedUnion("kind", [header, actions, turn]);

/** One trajectory file: who wrote it, for which task. */
export interface TrajectorySource {
  /** Path inside the run directory. */
  file: string;
  /** Number of the round as its folder is named, or null. */
  round: number | null;
  task: string;
  taskHash: string;
  policy: z.infer<typeof policy>;
  seed: number;
}

export interface ReportCandidate extends z.infer<typeof candidate> {
  /** Unique in the report, such as "e1.t2.c3", counted from 1. */
  id: string;
  /** What the weak model wrote, or "" where the record of it is lost. */
  reply: string;
  /** Tokens written. */
  written: number;
  temperature: number | null;
  finishReason: string;
  /** Natural-log probability per token, where it was recorded. */
  meanLogProb: number | null;
  /** Name of its prompt among those of the turn. */
  prompt: string;
}

export interface ReportTurn {
  source: TrajectorySource;
  /** From 0, as is `turn`. */
  episode: number;
  turn: number;
  history: { best: number; previous: number; sampleCount: number };
  parentHash: string | null;
  kept: number | null;
  candidates: ReportCandidate[];
  /** What the weak model read: the turn's own prompt ("turn"), then those of repairs. */
  prompts: { name: string; tokens: number; messages: { role: string; content: string }[] }[];
  /** The weak model wrote for this long. */
  seconds: number;
}

/** All turns of a run in the order of its files. @throws {InputError | StorageError} as readTrajectory does. */
export async function readTurns(
  directory: string,
): Promise<{ turns: ReportTurn[]; sources: TrajectorySource[] }> {
  let turns: ReportTurn[] = [];
  const sources: TrajectorySource[] = [];
  const files = trajectoryFiles(directory);
  for (const { file, round } of files) {
    const label = files.length > 1 ? { round, part: partOf(file) } : { round, part: "" };
    const found = await readFile(directory, file, label);
    if (found.source) sources.push(found.source);
    turns = turns.concat(found.turns);
  }
  return { turns, sources };
}

function trajectoryFiles(directory: string): { file: string; round: number | null }[] {
  const own = existsSync(join(directory, "trajectories.jsonl"))
    ? [{ file: "trajectories.jsonl", round: null }]
    : [];
  const folder = join(directory, "rounds");
  if (!existsSync(folder)) return own;
  const rounds = readdirSync(folder).filter((name) => /^\d+$/.test(name));
  return [
    ...own,
    ...rounds.sort().flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => /^(collect-.*|trajectories)\.jsonl$/.test(file))
        .sort()
        .map((file) => ({ file: `rounds/${name}/${file}`, round: Number(name) })),
    ),
  ];
}

function partOf(file: string): string {
  return /collect-(.*)\.jsonl$/.exec(file)?.[1] ?? "";
}

async function readFile(
  directory: string,
  file: string,
  label: { round: number | null; part: string },
): Promise<{ source: TrajectorySource | undefined; turns: ReportTurn[] }> {
  const path = join(directory, file);
  const turns: ReportTurn[] = [];
  const written = new Map<
    string,
    Omit<z.infer<typeof actions>, "promptTokens"> & { promptTokens: number[] }
  >();
  let source: TrajectorySource | undefined;
  let line = 0;
  for await (const value of readLogLines(path)) {
    line++;
    const parsed = record.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new InputError(`${path}: line ${line}: ${issue?.path.join(".")}: ${issue?.message}`, {
        hint: "it was changed by hand, or written by another version of w4s",
      });
    }
    const { data } = parsed;
    if (data.kind === "header") {
      const { task, policy, seed } = data;
      source = { file, round: label.round, task: task.name, taskHash: task.hash, policy, seed };
    } else if (data.kind === "actions") {
      written.set(`${data.episode}/${data.turn}/${data.prompt}`, data);
    } else if (source === undefined) {
      throw new InputError(`${path} has no header`, { hint: "run the command again with --fresh" });
    } else {
      turns.push(joinTurn(data, source, written, label));
    }
  }
  return { source, turns };
}

function joinTurn(
  data: z.infer<typeof turn>,
  source: TrajectorySource,
  written: Map<string, z.infer<typeof actions>>,
  label: { round: number | null; part: string },
): ReportTurn {
  const mine: z.infer<typeof actions>[] = [];
  const prefix = `${data.episode}/${data.turn}/`;
  for (const [key, value] of written) {
    if (!key.startsWith(prefix)) continue;
    mine.push(value);
    // A turn follows its actions and is recorded once, so they are not needed again.
    written.delete(key);
  }
  const byIndex = new Map(
    mine.flatMap((value) => value.actions.map((one) => [one.index, { one, prompt: value.prompt }] as const)),
  );
  const place = [
    ...(label.round === null ? [] : [`r${label.round}`]),
    ...(label.part === "" ? [] : [label.part]),
    `e${data.episode + 1}`,
    `t${data.turn + 1}`,
  ].join(".");
  return {
    source,
    episode: data.episode,
    turn: data.turn,
    history: data.history,
    parentHash: data.parentHash,
    kept: data.kept,
    candidates: data.candidates.map((value) => {
      const { one, prompt = "turn" } = byIndex.get(value.index) ?? {};
      return {
        ...value,
        id: `${place}.c${value.index + 1}`,
        reply: one?.text ?? "",
        written: one?.tokens.length ?? 0,
        temperature: one?.temperature ?? null,
        finishReason: one?.finishReason ?? "",
        meanLogProb: meanOf(one?.logProbs),
        prompt,
      };
    }),
    prompts: mine.map(({ prompt, promptTokens, messages }) => ({
      name: prompt,
      tokens: promptTokens.length,
      messages,
    })),
    seconds: mine.reduce((sum, value) => sum + value.seconds, 0),
  };
}

function meanOf(values: readonly number[] | undefined): number | null {
  if (values === undefined || values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
