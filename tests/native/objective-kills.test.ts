/** @file Trainer processes killed around their checkpoints, for every objective: the adapter has the same bytes. */
import { fork } from "node:child_process";
import { basename, join } from "node:path";
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
const KILLS = KILLS_A_PART > 1 ? 20 : 2;
const UPDATES = KILLS + 2;

const CHILD = new URL("../../dist/train/process/trainer-child.js", import.meta.url).pathname;
const PRELOAD = new URL("../support/die-at.mjs", import.meta.url).href;
const newFolder = useTemporaryFolder();

async function orderOf(objective: TrainSettings["objective"]): Promise<TrainerOrder> {
  const folder = newFolder();
  const random = new Random(4);
  const draw = (length: number) => Int32Array.from({ length }, () => random.integer(3, 400));
  const examples = ["a", "b"].flatMap((group) => {
    const promptTokens = draw(10);
    const weights = objective === "weighted" ? [3, 1, 0.2] : [1, -0.5, -0.8];
    return weights.map((weight) => actionExample({ promptTokens, actionTokens: draw(5), weight, group }));
  });
  const examplesPath = join(folder, "examples.jsonl");
  await writeExamples(examplesPath, examples);
  return {
    modelPath: makeTinyGguf(join(folder, "tiny.gguf"), { blocks: 1, width: 32 }),
    modelHash: "model",
    examplesPath,
    dataHash: "data",
    settings: { ...DEFAULT_TRAIN_SETTINGS, objective, batchSize: 3, epochs: UPDATES / 2, learningRate: 1e-2 },
    checkpointFolder: join(folder, "checkpoints"),
    checkpointEvery: 1,
    outFolder: folder,
    name: "lora",
    origin: {},
    threads: 1,
    weights: "f32",
  };
}

/** Trains in a process that dies at the first of the moments that comes; its words about that, or its result. */
async function attempt(order: TrainerOrder, moments: readonly string[]) {
  const child = fork(CHILD, [], {
    execArgv: [`--import=${PRELOAD}`],
    env: { PATH: process.env.PATH, DIE_AT: JSON.stringify({ run: order.outFolder, moments }) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  let result: TrainerResult | undefined;
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.on("message", (message: TrainerMessage) => {
    if (message.type === "ready") child.send({ type: "train", order });
    if (message.type === "done") result = message.result;
    if (message.type === "done" || message.type === "error") child.disconnect();
  });
  await new Promise((resolve) => child.once("close", resolve));
  return { died: /^died (.*)$/m.exec(said)?.[1], result, said };
}

it.each(["weighted", "preference", "group", "kto"] as const)(
  "%s: killed and taken up again",
  async (objective) => {
    const { result: undisturbed } = await attempt(await orderOf(objective), []);
    const order = await orderOf(objective);
    let left = Array.from({ length: KILLS }, (_, i) => {
      const step = String(i + 1).padStart(8, "0");
      return `${i % 2 === 0 ? "before" : "after"} checkpoints/checkpoint-${step}.safetensors`;
    });
    let last = await attempt(order, left);
    for (; last.died !== undefined; last = await attempt(order, left)) {
      expect(last.died).toBe(left[0]);
      left = left.slice(1);
    }
    expect(left).toEqual([]);
    const outcome = (one: TrainerResult | undefined) => one && [basename(one.adapterPath), one.losses];
    expect(outcome(last.result)?.[1], last.said).toHaveLength(UPDATES);
    expect(outcome(last.result)).toEqual(outcome(undisturbed));
  },
);
