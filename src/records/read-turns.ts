/** @file The turns and candidates of a run as they were stored: token ids are counted, not kept. */
import { InputError } from "../core/errors.js";
import { mean } from "../core/statistics.js";
import { readLogLines } from "./read-events.js";
import { playedTrajectories, type RunTrajectory } from "./run-files.js";
import {
  type ActionsRecord,
  type CandidateRecord,
  parseTrajectory,
  type TrajectoryHeader,
  type TurnRecord,
} from "./trajectory.js";

/** One trajectory file: who wrote it, for which task. */
export interface TrajectorySource
  extends Pick<TrajectoryHeader, "executor" | "isSimulated" | "policy" | "seed"> {
  /** Path inside the run directory. */
  file: string;
  /** Number of the round as its folder is named, or null. */
  round: number | null;
  task: string;
  taskHash: string;
}

export interface StoredCandidate extends CandidateRecord {
  /** Unique in the run, such as "e1.t2.c3", counted from 1. */
  id: string;
  /** Reply of the weak model, or "" where the record of it is lost. */
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

/** A turn with its candidates; `episode` and `turn` count from 0. */
export interface StoredTurn extends Omit<TurnRecord, "kind" | "candidates"> {
  source: TrajectorySource;
  candidates: StoredCandidate[];
  /** Prompts the weak model read: the turn's own prompt ("turn"), then those of repairs. */
  prompts: { name: string; tokens: number; messages: { role: string; content: string }[] }[];
  /** The weak model wrote for this long. */
  seconds: number;
}

/**
 * The turns that a run searched or trained on: file by file, by episode and turn.
 * @param path - a run directory, or one trajectory file
 * @throws {InputError | StorageError} as readTrajectory does
 */
export async function readTurns(path: string): Promise<{ turns: StoredTurn[]; sources: TrajectorySource[] }> {
  const turns: StoredTurn[] = [];
  const sources: TrajectorySource[] = [];
  const files = playedTrajectories(path);
  for (const file of files) {
    const found = await readFile(file, files.length > 1);
    if (found.source) sources.push(found.source);
    for (const turn of found.turns) turns.push(turn);
  }
  return { turns, sources };
}

async function readFile(
  { file, path, round, part }: RunTrajectory,
  isOneOfMany: boolean,
): Promise<{ source: TrajectorySource | undefined; turns: StoredTurn[] }> {
  const place = [...(round === null ? [] : [`r${round}`]), ...(isOneOfMany && part !== "" ? [part] : [])];
  const turns: StoredTurn[] = [];
  const written = new Map<string, ActionsRecord>();
  let source: TrajectorySource | undefined;
  let line = 0;
  for await (const value of readLogLines(path)) {
    line++;
    const record = parseTrajectory(value, path, line);
    if (record.kind === "header") {
      const { task, ...header } = record;
      source = { ...header, file, round, task: task.name, taskHash: task.hash };
    } else if (record.kind === "actions") {
      written.set(`${record.episode}/${record.turn}/${record.prompt}`, record);
    } else if (source === undefined) {
      throw new InputError(`${path} has no header`, { hint: "run the command again with --fresh" });
    } else {
      turns.push(joinTurn(record, source, written, place));
    }
  }
  // Episodes that were played at the same time lie mixed in a file.
  turns.sort((a, b) => a.episode - b.episode || a.turn - b.turn);
  return { source, turns };
}

function joinTurn(
  { kind: _, candidates, ...record }: TurnRecord,
  source: TrajectorySource,
  written: Map<string, ActionsRecord>,
  filePlace: readonly string[],
): StoredTurn {
  const mine: ActionsRecord[] = [];
  const { episode, turn } = record;
  const prefix = `${episode}/${turn}/`;
  for (const [key, value] of written) {
    if (!key.startsWith(prefix)) continue;
    mine.push(value);
    // A turn follows its actions and is recorded once, so they are not needed again.
    written.delete(key);
  }
  const byIndex = new Map(
    mine.flatMap((value) => value.actions.map((one) => [one.index, { one, prompt: value.prompt }] as const)),
  );
  const place = [...filePlace, `e${episode + 1}`, `t${turn + 1}`].join(".");
  return {
    ...record,
    source,
    candidates: candidates.map((value) => {
      const { one, prompt = "turn" } = byIndex.get(value.index) ?? {};
      return {
        ...value,
        id: `${place}.c${value.index + 1}`,
        reply: one?.text ?? "",
        written: one?.tokens.length ?? 0,
        temperature: one?.temperature ?? null,
        finishReason: one?.finishReason ?? "",
        meanLogProb: one?.logProbs?.length ? mean(one.logProbs) : null,
        prompt,
      };
    }),
    prompts: mine
      .sort((a, b) => (a.actions[0]?.index ?? 0) - (b.actions[0]?.index ?? 0))
      .map(({ prompt, promptTokens, messages }) => ({
        name: prompt,
        tokens: promptTokens.length,
        messages,
      })),
    seconds: mine.reduce((sum, value) => sum + value.seconds, 0),
  };
}
