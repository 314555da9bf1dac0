/** @file What the evidence on real models is measured with: fixed in a file before any judged task is opened. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { hashFile } from "../../dist/core/file-hash.js";
import { resolveModel } from "../../dist/hub/model-hub.js";

/**
 * What is trained on. Programs pay in the first four, words in the last two, as measured on these families with the 0.5 B executor
 * (docs/real-models.md); NAME-train is cut from a dataset's train split.
 */
const FAMILIES = [
  "counting",
  "word-problems",
  "swaps",
  "string-transform",
  "multi-hop",
  "commonsenseqa-train",
];
/** Held back from training. Baselines are measured on it too, and nothing is judged on it. */
const HELD_BACK = "ordering";
/** Tasks nobody trains on or chooses settings by. */
const JUDGED = [
  "word_sorting",
  "object_counting",
  "multistep_arithmetic_two",
  "tracking_shuffled_objects_three_objects",
  "strategyqa",
];

/**
 * Shapes that ask the executor several times for one answer, and programs that read values: over 140 candidates on these families
 * they gained nothing that was worth two to seven times the tokens, and in one collection 50 of 72 were such (docs/real-models.md).
 */
const WITHOUT = [
  "self-consistency",
  "prompt-vote",
  "escalate",
  "ask-again",
  "check-draft",
  "decompose",
  "program-vote",
  "extract-compute",
];

/** Sizes of a seed; each is a flag of the same name. */
export const SIZES = {
  episodes: 18,
  candidates: 6,
  rounds: 1,
  epochs: 3,
  "batch-size": 4,
  /** Share of all weight that the lightest examples may carry to be left out of training. */
  "light-share": 0.05,
  block: 5,
  pool: 5,
  "judge-episodes": 2,
  "judge-candidates": 3,
  "judge-pool": 8,
  test: 6,
  /**
   * Caps of a reply: short on the training families, where programs and answers fit; room for words on the judged tasks. The second
   * is not 200 as well since, in an earlier setting that was judged, 90 % of the direct replies to one task ended there.
   */
  "reply-tokens": 200,
  "judge-reply-tokens": 250,
  /** Of designs where nothing is learned any more. Chosen by how often designs for generated families hold a program (docs/real-models.md). */
  "judge-temperature": 0.5,
};

/**
 * @param {{ model: string, executor: string, tasks?: string, families?: string }} named
 * @param {Partial<typeof SIZES>} sizes
 */
export function settingsOf({ model, executor, tasks, families }, sizes) {
  return {
    model,
    executor,
    families: families?.split(",") ?? FAMILIES,
    heldBack: HELD_BACK,
    judged: tasks?.split(",") ?? JUDGED,
    ...SIZES,
    ...sizes,
    /** Of the designs that are trained on. */
    temperature: 0.8,
    /** No workflow is shown: SmolLM2 copied it, before and after training (docs/real-models.md). */
    promptStyle: "task",
    without: WITHOUT,
    /** Share of the judged pool that only the confirmation meets. */
    confirm: 0.375,
    baselines: ["direct", "always-code", "few-shot-5"],
  };
}

/** The settings with a local executor named by its file and content, wherever it lies: as they are written and shown. */
export async function shownSettings(settings) {
  const [, file] = /^local:(.*)$/.exec(settings.executor) ?? [];
  if (file === undefined) return settings;
  return {
    ...settings,
    executor: `local:${basename(file)}`,
    executorSha256: await hashFile(await resolveModel(file)),
  };
}

/**
 * Writes the settings, or finds them as they were.
 * @returns their hash
 */
export function fixSettings(path, settings) {
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  if (existsSync(path)) {
    if (readFileSync(path, "utf8") !== text)
      throw new Error(`${path} holds other settings: give the same flags again, or another --root`);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return createHash("sha256").update(text).digest("hex");
}
