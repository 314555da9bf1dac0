/** @file What the evidence on real models is measured with: fixed in a file before any judged task is opened. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { hashFile } from "../../dist/core/file-hash.js";
import { resolveModel } from "../../dist/hub/model-hub.js";

/**
 * What is trained on: all generated families of questions but two, on which designs of the trained model are looked at before anything is judged
 * (ordering, shopping), and multiple choice that wants words; NAME-train is cut from a dataset's train split. The designer sees the
 * task alone, so that families are all it can learn from which tasks want what.
 */
const FAMILIES = [
  "counting",
  "word-problems",
  "swaps",
  "string-transform",
  "multi-hop",
  "commonsenseqa-train",
  "sequences",
  "table-lookup",
  "unit-conversion",
  "clock-calendar",
  "kinds",
  "jobs",
  "reviews",
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
 * they gained nothing that was worth two to seven times the tokens, and in one collection 50 of 72 were such (docs/results/learn-real-settings.md).
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
  episodes: 26,
  candidates: 6,
  rounds: 1,
  epochs: 6,
  "batch-size": 4,
  /** Share of all weight that the lightest examples may carry to be left out of training. */
  "light-share": 0.2,
  block: 5,
  pool: 5,
  "judge-episodes": 4,
  "judge-candidates": 3,
  "judge-pool": 13,
  test: 10,
  /**
   * Caps of a reply: short on the training families, where programs and answers fit; room for words on the judged tasks. The second
   * is not 200 as well since, in an earlier setting that was judged, 90 % of the direct replies to one task ended there.
   */
  "reply-tokens": 200,
  "judge-reply-tokens": 250,
  /** Of designs where nothing is learned any more. Chosen by how often designs for generated families hold a program (docs/results/learn-real-settings.md). */
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
    /** The designs that are trained on are drawn from the grammar, with techniques dealt to them: the weak model writes none. */
    exploreBy: "draw",
    /** No workflow is shown: SmolLM2 copied it, before and after training (docs/results/learn-real-settings.md). */
    promptStyle: "task",
    without: WITHOUT,
    /** Share of the judged pool that only the confirmation meets. */
    confirm: 0.375,
    baselines: ["direct", "always-code", "few-shot-5"],
    /** Which of them is held against designs: right for 22.4 % of the items of the families over three seeds (15.9 % direct, 15.1 % with examples). */
    fixed: "always-code",
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
