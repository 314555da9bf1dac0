/** @file Recorded trajectories as training data for other tools: weighted chat rows, resampled rows, KTO rows, DPO pairs. */
import { InputError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { Random } from "../core/random.js";
import { groupBy, mean } from "../core/statistics.js";
import { refuseExisting, writeAtomic } from "../core/write-atomic.js";
import { readTrajectory } from "../records/trajectory.js";
import { type ExampleWeightOptions, exampleWeights } from "../train/data/example-weights.js";
import { trajectoryFiles } from "./examples/trajectory-samples.js";

/**
 * `messages`: `{messages, weight, reward, task, iter}`, read with weights by Fireworks and w4s, without by others;
 * `resampled`: rows drawn by weight, for trainers that know no weights; `kto`: label = better than the mean of its
 * prompt's replies, or than the mean of all where these are equal or there is one; `dpo`: the best and the worst reply of each prompt.
 */
export type DatasetFormat = "messages" | "resampled" | "kto" | "dpo";

interface Row {
  prompt: { role: string; content: string }[];
  reply: string;
  reward: number;
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
    weighting?: ExampleWeightOptions | undefined;
    seed?: number | undefined;
    force?: boolean | undefined;
  },
): Promise<number> {
  refuseExisting(outPath, options.force);
  const rows = readRows(path);
  const weights = exampleWeights(
    rows.map(({ reward }) => reward),
    options.weighting ?? { kind: "exponential" },
  );
  const lines = FORMATS[options.format](rows, weights, options.seed ?? 0);
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
    const rewardOf = (group: readonly Row[]) => mean(group.map(({ reward }) => reward));
    const overall = rewardOf(rows);
    const baselines = new Map(
      [...groupBy(rows, ({ key }) => key)].map(([key, group]) => [
        key,
        differ(group) ? rewardOf(group) : overall,
      ]),
    );
    return rows.map((row) => ({
      prompt: row.prompt,
      completion: [{ role: "assistant", content: row.reply }],
      label: row.reward > (baselines.get(row.key) as number),
    }));
  },

  dpo: (rows) =>
    [...groupBy(rows, ({ key }) => key).values()].flatMap((group) => {
      const best = group.reduce((a, b) => (b.reward > a.reward ? b : a));
      const worst = group.reduce((a, b) => (b.reward < a.reward ? b : a));
      if (!differ(group)) return [];
      const reply = ({ reply: content }: Row) => [{ role: "assistant", content }];
      return [{ prompt: best.prompt, chosen: reply(best), rejected: reply(worst) }];
    }),
};

function conversation({ prompt, reply }: Row) {
  return [...prompt, { role: "assistant", content: reply }];
}

function differ(rows: readonly Row[]): boolean {
  return rows.some(({ reward }) => reward !== rows[0]?.reward);
}

function readRows(path: string): Row[] {
  if (path.endsWith(".gguf")) {
    throw new InputError(`${path} is no trajectory`, {
      hint: "adapters are exported with --to gguf, peft or merged",
    });
  }
  const rows = trajectoryFiles(path).flatMap(fileRows);
  if (rows.length === 0)
    throw new InputError(`${path} has no scored candidates with a reply`, {
      hint: "let at least one turn finish",
    });
  return rows;
}

function fileRows(file: string): Row[] {
  const records = readTrajectory(file);
  const rewards = new Map<string, number>();
  let task = "";
  for (const record of records) {
    if (record.kind === "header") task = record.task.name;
    if (record.kind !== "turn") continue;
    for (const { index, reward } of record.candidates)
      rewards.set(`${record.episode} ${record.turn} ${index}`, reward);
  }
  return records.flatMap((record) => {
    if (record.kind !== "actions") return [];
    const { episode, turn, messages: prompt } = record;
    return record.actions.flatMap(({ index, text, messages: own }): Row[] => {
      const reward = rewards.get(`${episode} ${turn} ${index}`);
      // In a team, a reply may answer another conversation than the turn's, such as a request to revise a draft.
      const place = `${file} ${episode} ${turn} ${record.prompt}`;
      const key = own === undefined ? place : `${place} ${hashJson(own)}`;
      // A turn cut off by a kill has no rewards; an empty reply teaches nothing, and some trainers refuse it.
      return reward === undefined || text === ""
        ? []
        : [{ prompt: own ?? prompt, reply: text, reward, task, iter: turn, key }];
    });
  });
}
