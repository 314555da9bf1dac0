/** @file Recorded trajectories as training data for other tools: weighted chat rows, resampled rows, KTO rows, DPO pairs. */
import { InputError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { Random } from "../core/random.js";
import { groupBy, mean } from "../core/statistics.js";
import { refuseExisting, writeAtomic } from "../core/write-atomic.js";
import { readTrajectory } from "../records/trajectory.js";
import { type ObjectiveOptions, type RewardedExample, weighExamples } from "./examples/objectives.js";
import { rewardedCandidates, trajectoryFiles } from "./examples/trajectory-samples.js";

/**
 * `messages`: `{messages, weight, reward, task, iter}`, read with weights by Fireworks and w4s, without by others;
 * `resampled`: rows drawn by weight, for trainers that know no weights; `kto`: label = better than the mean of its
 * prompt's replies, or than the mean of all where these are equal or there is one; `dpo`: the best and the worst reply of each prompt.
 */
export type DatasetFormat = "messages" | "resampled" | "kto" | "dpo";

interface Row extends RewardedExample {
  prompt: { role: string; content: string }[];
  reply: string;
  task: string;
  /** Number of the turn, from 0. */
  iter: number;
  /** Rows with the same key answer the same prompt. */
  key: string;
}

/**
 * Writes recorded replies as JSONL rows for another trainer.
 * @returns the number of rows
 * @param path a run directory, or its trajectories.jsonl
 * @throws {InputError} when it has no scored candidates, or no two different rewards for a prompt (dpo)
 * @throws {ConfigError} when the target exists and force is not given
 * @throws {StorageError}
 */
export async function exportDataset(
  path: string,
  outPath: string,
  options: {
    format: DatasetFormat;
    /** Default exponential: the reference's weights. */
    weighting?: ObjectiveOptions | undefined;
    seed?: number | undefined;
    force?: boolean | undefined;
  },
): Promise<number> {
  refuseExisting(outPath, options.force);
  const { weighting = { kind: "exponential" }, seed = 0 } = options;
  const files = readRows(path);
  const weights = files.map((rows, file) =>
    weighExamples(rows, weighting, new Random(seed).derive("shuffled", file)),
  );
  const lines = FORMATS[options.format](files.flat(), weights.flat(), seed);
  if (lines.length === 0) {
    throw new InputError(`${path} has no prompt with replies of different reward`, {
      hint: "collect more candidates, or export messages",
    });
  }
  await writeAtomic(outPath, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return lines.length;
}

const FORMATS: Readonly<
  Record<DatasetFormat, (rows: readonly Row[], weights: readonly number[], seed: number) => object[]>
> = {
  messages: (rows, weights) =>
    rows.map((row, i) => ({
      messages: conversation(row),
      weight: weights[i],
      reward: row.reward,
      task: row.task,
      iter: row.iter,
    })),

  resampled: (rows, weights, seed) => {
    const random = new Random(seed).derive("resampled");
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (weights.some((weight) => weight < 0))
      throw new InputError("some weights are below 0: rows cannot be drawn by them", {
        hint: "export messages, or use --weighting advantage",
      });
    if (total === 0) throw new InputError("all weights are 0", { hint: "use exponential weights" });
    return rows.map(() => {
      let left = random.next() * total;
      const index = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return { messages: conversation(rows[index < 0 ? rows.length - 1 : index] as Row) };
    });
  },

  kto: (rows) => {
    const worthOfAll = (group: readonly Row[]) => mean(group.map(worthOf));
    const overall = worthOfAll(rows);
    const baselines = new Map(
      [...groupBy(rows, ({ key }) => key)].map(([key, group]) => [
        key,
        differ(group) ? worthOfAll(group) : overall,
      ]),
    );
    return rows.map((row) => ({
      prompt: row.prompt,
      completion: [{ role: "assistant", content: row.reply }],
      label: worthOf(row) > (baselines.get(row.key) as number),
    }));
  },

  dpo: (rows) =>
    [...groupBy(rows, ({ key }) => key).values()].flatMap((group) => {
      const best = group.reduce((a, b) => (worthOf(b) > worthOf(a) ? b : a));
      const worst = group.reduce((a, b) => (worthOf(b) < worthOf(a) ? b : a));
      if (!differ(group)) return [];
      const reply = ({ reply: content }: Row) => [{ role: "assistant", content }];
      return [{ prompt: best.prompt, chosen: reply(best), rejected: reply(worst) }];
    }),
};

function conversation({ prompt, reply }: Row) {
  return [...prompt, { role: "assistant", content: reply }];
}

/** The reward without luck, where it is known. */
function worthOf({ reward, shrunk }: Row): number {
  return shrunk?.estimate ?? reward;
}

function differ(rows: readonly Row[]): boolean {
  return rows.some((row) => worthOf(row) !== worthOf(rows[0] as Row));
}

/** Rows by trajectory file. */
function readRows(path: string): Row[][] {
  if (path.endsWith(".gguf")) {
    throw new InputError(`${path} is no trajectory`, {
      hint: "adapters are exported with --to gguf, peft or merged",
    });
  }
  const files = trajectoryFiles(path).map(fileRows);
  if (files.flat().length === 0)
    throw new InputError(`${path} has no scored candidates with a reply`, {
      hint: "let at least one turn finish",
    });
  return files;
}

function fileRows(file: string): Row[] {
  const records = readTrajectory(file);
  const header = records.find((record) => record.kind === "header");
  const turns = records.filter((record) => record.kind === "turn");
  const scored = new Map(
    rewardedCandidates(turns, header).map((one) => [
      `${one.turn.episode} ${one.turn.turn} ${one.candidate.index}`,
      one,
    ]),
  );
  return records.flatMap((record) => {
    if (record.kind !== "actions") return [];
    const { episode, turn, messages: prompt } = record;
    return record.actions.flatMap(({ index, text, messages: own }): Row[] => {
      const found = scored.get(`${episode} ${turn} ${index}`);
      // In a team, a reply may answer another conversation than the turn's, such as a request to revise a draft.
      const place = `${file} ${episode} ${turn} ${record.prompt}`;
      const key = own === undefined ? place : `${place} ${hashJson(own)}`;
      // A turn cut off by a kill has no rewards, and a candidate that lost its samples none that says anything; an empty
      // reply teaches nothing, and some trainers refuse it.
      if (found === undefined || found.candidate.outcome === "lost" || text === "") return [];
      const { reward, shrunk } = found;
      const state = `${episode} ${turn}`;
      return [
        {
          prompt: own ?? prompt,
          reply: text,
          reward,
          shrunk,
          state,
          task: header?.task.name ?? "",
          iter: turn,
          key,
        },
      ];
    });
  });
}
