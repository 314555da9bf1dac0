/** @file Words by which files, folders and columns name a split. */
import type { SplitName } from "../task.js";

const WORDS: Readonly<Record<string, SplitName>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  development: "validation",
  test: "test",
  testing: "test",
};

/** The split that a value names, or undefined. */
export function splitOf(value: unknown): SplitName | undefined {
  if (typeof value !== "string") return undefined;
  const word = value.trim().toLowerCase();
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
}

/** The split that a name tells of by one of its words: "train.csv", "data-valid-00000-of-00002", "tickets_test". */
export function splitInName(name: string): SplitName | undefined {
  const found = name.split(/[^\p{L}]+/u).flatMap((word) => splitOf(word) ?? []);
  return new Set(found).size === 1 ? found[0] : undefined;
}
