/** @file All generated families, and datasets drawn from them. */
import { ConfigError } from "../core/errors.js";
import { nearNames } from "../core/near-names.js";
import { Random } from "../core/random.js";
import type { DatasetManifest } from "./dataset-manifest.js";
import { clockCalendar } from "./families/clock-calendar.js";
import { counting } from "./families/counting.js";
import { defineFamily, type Family, type GeneratedProblem } from "./families/family.js";
import { jobs } from "./families/jobs.js";
import { kinds } from "./families/kinds.js";
import { multiHop } from "./families/multi-hop.js";
import { ordering } from "./families/ordering.js";
import { reviews } from "./families/reviews.js";
import { robotRooms } from "./families/robot/robot-rooms.js";
import { sequences } from "./families/sequences.js";
import { shopping } from "./families/shopping.js";
import { stringTransform } from "./families/string-transform.js";
import { swaps } from "./families/swaps.js";
import { tableLookup } from "./families/table-lookup.js";
import { unitConversion } from "./families/unit-conversion.js";
import { wordProblems } from "./families/word-problems.js";
import { foldText } from "./sample-key.js";
import { SPLIT_NAMES, type SplitName } from "./task.js";
import type { DatasetContent, DatasetLine } from "./write-dataset.js";

export const FAMILIES: readonly Family[] = [
  defineFamily(wordProblems),
  defineFamily(shopping),
  defineFamily(unitConversion),
  clockCalendar,
  defineFamily(tableLookup),
  defineFamily(stringTransform),
  counting,
  defineFamily(sequences),
  defineFamily(ordering),
  defineFamily(swaps),
  defineFamily(multiHop),
  defineFamily(kinds),
  defineFamily(jobs),
  defineFamily(reviews),
];

/** Families whose items are played step by step (docs/robot.md). */
export const ROBOT_FAMILIES: readonly Family[] = [robotRooms];

/** @throws {ConfigError} listing near names. */
function familyByName(name: string): Family {
  const all = [...FAMILIES, ...ROBOT_FAMILIES];
  const family = all.find((candidate) => candidate.name === name);
  if (family) return family;
  const names = all.map((candidate) => candidate.name);
  const near = nearNames(name, names);
  throw new ConfigError(`unknown family ${JSON.stringify(name)}`, {
    hint: near.length > 0 ? `did you mean ${near.join(" or ")}?` : `families: ${names.join(", ")}`,
  });
}

/** Seed, difficulty and size of a generated dataset. */
export interface GenerateOptions {
  /** Seed of all items. Default 0. */
  seed?: number | undefined;
  /** 0–1, or a range each item draws its own from. Default [0, 1]. */
  difficulty?: number | readonly [number, number] | undefined;
  /** Items per split; a split of 0 is left out. Default train 40, validation 40, test 40. */
  counts?: Partial<Record<SplitName, number>> | undefined;
}

const DEFAULT_COUNTS: Readonly<Record<SplitName, number>> = { train: 40, validation: 40, test: 40 };

/** Options that the samples in this package's `datasets/` were drawn with; a test holds them to it. */
export const FROZEN_SAMPLE: GenerateOptions = { seed: 2026, counts: { train: 40, validation: 40, test: 40 } };

/** Draws in a row that only repeat known items before a family is taken for exhausted at this difficulty. */
const MAX_REPEATS = 2000;

/**
 * Dataset of a generated family, in memory: the same name, seed, difficulty and counts give the same bytes. No item occurs twice.
 * @throws {ConfigError} on an unknown family, a difficulty outside 0–1, or more items than there are.
 */
export function generateFamily(name: string, options: GenerateOptions = {}): DatasetContent {
  const family = familyByName(name);
  const seed = options.seed ?? 0;
  const difficulty = options.difficulty ?? [0, 1];
  const [low, high] = typeof difficulty === "number" ? [difficulty, difficulty] : difficulty;
  if (!(low >= 0 && low <= high && high <= 1)) {
    throw new ConfigError(
      `difficulty must be a number from 0 to 1, or a rising range; got ${JSON.stringify(difficulty)}`,
    );
  }
  const counts = { ...DEFAULT_COUNTS, ...options.counts };
  const used = new Set<string>();
  const splits: Partial<Record<SplitName, DatasetLine[]>> = {};
  for (const split of SPLIT_NAMES) {
    if (!Number.isInteger(counts[split]) || counts[split] < 0) {
      throw new ConfigError(
        `the count of ${split} items must be a whole number from 0; got ${counts[split]}`,
      );
    }
    if (counts[split] === 0) continue;
    const random = new Random(seed).derive("family", name, family.version, split);
    splits[split] = Array.from({ length: counts[split] }, (_, index) => {
      const [item, level] = drawUnused(family, random, used, () =>
        roundLevel(low + (high - low) * random.next()),
      );
      return toLine(`${name}/${split}/${String(index + 1).padStart(4, "0")}`, item, level);
    });
  }
  return { manifest: manifestOf(family, seed, difficulty), splits };
}

function drawUnused(
  family: Family,
  random: Random,
  used: Set<string>,
  level: () => number,
): [GeneratedProblem, number] {
  for (let tries = 0; tries < MAX_REPEATS; tries++) {
    const difficulty = level();
    const item = family.generate(random, difficulty);
    const key = foldText(JSON.stringify([item.question, item.context, item.choices]));
    if (used.has(key)) continue;
    used.add(key);
    return [item, difficulty];
  }
  throw new ConfigError(
    `family ${family.name} has no more different items at this difficulty (${used.size} drawn)`,
    {
      hint: "ask for fewer items or a wider range of difficulty",
    },
  );
}

function roundLevel(level: number): number {
  return Math.round(level * 100) / 100;
}

function toLine(id: string, item: GeneratedProblem, difficulty: number): DatasetLine {
  const { question, context, choices, answer, distractors, steps, facts, meta } = item;
  return { id, question, context, choices, answer, meta: { difficulty, distractors, steps, facts, ...meta } };
}

function manifestOf(
  family: Family,
  seed: number,
  difficulty: number | readonly [number, number],
): Omit<DatasetManifest, "splits"> {
  const { generate: _, version, ...about } = family;
  return {
    ...about,
    license: "Apache-2.0",
    family: family.name,
    generator: { version, seed, difficulty: typeof difficulty === "number" ? difficulty : [...difficulty] },
    notes:
      "Generated; meta.difficulty is 0 to 1, meta.distractors are answers of typical slips, meta.steps the worked solution.",
  };
}
