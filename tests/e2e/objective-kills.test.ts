/** @file Trainer processes killed in and between their checkpoints, for every objective: the adapter has the same bytes. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { actionExample } from "../../src/train/data/example.js";
import { writeExamples } from "../../src/train/data/example-file.js";
import type {
  TrainerMessage,
  TrainerOrder,
  TrainerResult,
} from "../../src/train/process/trainer-protocol.js";
import { DEFAULT_TRAIN_SETTINGS, type TrainSettings } from "../../src/train/train-settings.js";
import { KILLS_A_PART } from "../support/kill-moments.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** Of each objective; `make kills` takes 20. */
const KILLS = KILLS_A_PART > 1 ? 20 : 5;
const UPDATES = 2 * Math.ceil((KILLS + 1) / 2);
const CHECKPOINT_EVERY = 2;

const CHILD = new URL("../../dist/train/process/trainer-child.js", import.meta.url).pathname;
const PRELOAD = new URL("../support/die-at.mjs", import.meta.url).href;
const newFolder = useTemporaryFolder();

/** Two prompts with three replies each, of which an update takes one: its groups stay whole. */
async function orderOf(objective: TrainSettings["objective"]): Promise<TrainerOrder> {
  const folder = newFolder();
  const random = new Random(4);
  const draw = (length: number) => Int32Array.from({ length }, () => random.integer(3, 400));
  const weights = objective === "weighted" ? [3, 1, 0.2] : [1, -0.5, -0.8];
  const examples = ["a", "b"].flatMap((group) => {
    const promptTokens = draw(10);
    return weights.map((weight) => actionExample({ promptTokens, actionTokens: draw(5), weight, group }));
  });
  const examplesPath = join(folder, "examples.jsonl");
  await writeExamples(examplesPath, examples);
  return {
    modelPath: makeTinyGguf(join(folder, "tiny.gguf"), { blocks: 1, width: 32 }),
    modelHash: "model",
    examplesPath,
    dataHash: "data",
    settings: {
      ...DEFAULT_TRAIN_SETTINGS,
      objective,
      batchSize: 3,
      epochs: UPDATES / 2,
      learningRate: 1e-2,
      dropout: 0.1,
    },
    checkpointFolder: join(folder, "checkpoints"),
    checkpointEvery: CHECKPOINT_EVERY,
    outFolder: folder,
    name: "lora",
    origin: {},
    threads: 1,
    weights: "f32",
  };
}

interface Attempt {
  /** Moment at which the process died. */
  died: string | undefined;
  result: TrainerResult | undefined;
  /** Updates that were done before it began, and all it wrote to stderr. */
  resumedAt: number | undefined;
  said: string;
}

/** Trains in a process that dies at the first of the moments that comes. */
async function attempt(order: TrainerOrder, moments: readonly string[]): Promise<Attempt> {
  const child = fork(CHILD, [], {
    execArgv: [`--import=${PRELOAD}`],
    env: { DIE_AT: JSON.stringify({ run: order.outFolder, moments }) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const seen: Attempt = { died: undefined, result: undefined, resumedAt: undefined, said: "" };
  child.stderr?.on("data", (chunk: Buffer) => {
    seen.said += chunk.toString();
  });
  child.on("message", (message: TrainerMessage) => {
    if (message.type === "ready") child.send({ type: "train", order });
    if (message.type === "event" && message.event.type === "plan") seen.resumedAt = message.event.resumedAt;
    if (message.type === "done") seen.result = message.result;
    if (message.type === "error") seen.said += JSON.stringify(message.error);
    if (message.type === "done" || message.type === "error") child.disconnect();
  });
  // "close" does not come where the channel was closed from this side.
  await Promise.all([once(child, "exit"), once(child.stderr as Readable, "end")]);
  return { ...seen, died: /^died (.*)$/m.exec(seen.said)?.[1] };
}

/** One in each update: while it is told where it has no checkpoint, else in the middle of, before, or after its checkpoint. */
function momentsOf(): string[] {
  return Array.from({ length: KILLS }, (_, i) => {
    const update = i + 1;
    if (update % CHECKPOINT_EVERY !== 0) return `before update ${update}`;
    const way = ["after", "half", "before"][(update / CHECKPOINT_EVERY) % 3] as string;
    return `${way} checkpoints/checkpoint-${String(update).padStart(8, "0")}.safetensors`;
  });
}

it.each(["weighted", "preference", "group", "kto"] as const)(
  `%s: ${KILLS} kills leave the same bytes`,
  async (objective) => {
    const undisturbed = (await attempt(await orderOf(objective), [])).result as TrainerResult;
    expect(undisturbed.losses).toHaveLength(UPDATES);
    const name = basename(undisturbed.adapterPath);
    const order = await orderOf(objective);
    // The last one is no update: all is learned, and the adapter not yet there.
    let left = [...momentsOf().slice(1), `before ${name}`];
    let last = await attempt(order, left);
    for (let kept = 0; last.died !== undefined; last = await attempt(order, left)) {
      expect(last.died, last.said).toBe(left[0]);
      // It went on from a checkpoint, two updates back at most.
      expect(last.resumedAt).toBeGreaterThanOrEqual(kept);
      kept = last.resumedAt as number;
      left = left.slice(1);
    }
    expect(left).toEqual([]);
    expect(last.resumedAt, last.said).toBe(UPDATES);
    const result = last.result as TrainerResult;
    expect(result.losses).toEqual(undisturbed.losses);
    expect(basename(result.adapterPath)).toBe(name);
    expect(readFileSync(result.adapterPath).equals(readFileSync(undisturbed.adapterPath))).toBe(true);
  },
);
