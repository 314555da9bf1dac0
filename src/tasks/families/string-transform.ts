/** @file Family: letter operations carried out on a word, one after the other. */
import type { Random } from "../../core/random.js";
import { type FamilyDefinition, scaled } from "./family.js";

const WORDS =
  "lantern orchard puzzle harbour meadow copper violin thunder blanket compass glacier pepper saddle window kettle marble rocket summit tunnel walnut yellow zipper butter canyon".split(
    " ",
  );

/** A letter operation; `by` is the number it was drawn with, where it has one. */
interface OperationKind {
  apply(word: string, by: number): string;
  say(by: number): string;
  draw?(random: Random, difficulty: number): number;
}

const KINDS: Readonly<Record<string, OperationKind>> = {
  reverse: {
    apply: (word) => [...word].reverse().join(""),
    say: () => "write it backwards",
  },
  "remove-vowels": {
    apply: (word) => word.replace(/[aeiou]/g, ""),
    say: () => "remove every vowel (a, e, i, o, u)",
  },
  rotate: {
    draw: (random) => random.integer(2, 4),
    apply: (word, by) => word.slice(by) + word.slice(0, by),
    say: (by) => `move the first ${by} letters to the end`,
  },
  "swap-ends": {
    apply: (word) => (word.length < 2 ? word : word.at(-1) + word.slice(1, -1) + word[0]),
    say: () => "swap the first and the last letter",
  },
  sort: {
    apply: (word) => [...word].sort().join(""),
    say: () => "put the letters into alphabetical order",
  },
  shift: {
    draw: (random, difficulty) => random.integer(1, difficulty < 0.5 ? 1 : 4),
    apply: (word, by) =>
      word.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + by) % 26) + 97)),
    say: (by) => `replace every letter by the one ${by} places later in the alphabet (after z comes a)`,
  },
  drop: {
    draw: (random) => random.integer(2, 4),
    apply: (word, by) => [...word].filter((_, index) => (index + 1) % by !== 0).join(""),
    say: (by) => `remove every letter at a position divisible by ${by}, counted from 1`,
  },
  "double-first": {
    apply: (word) => word[0] + word,
    say: () => "write the first letter twice",
  },
};

interface Operation {
  kind: string;
  by: number;
}

interface StringProblem {
  word: string;
  operations: Operation[];
}

function apply(word: string, { kind, by }: Operation): string {
  return KINDS[kind]!.apply(word, by);
}

function run(word: string, operations: readonly Operation[]): string {
  return operations.reduce(apply, word);
}

export const stringTransform: FamilyDefinition<StringProblem> = {
  name: "string-transform",
  title: "String transformation (generated)",
  kind: "text",
  metric: "exact-match",
  metricOptions: { normalize: "spaces", ignoreCase: true },
  description: "A word is changed by several letter operations in order. The answer is the resulting string.",
  version: 1,

  make(random, difficulty) {
    const count = scaled(difficulty, 1, 4);
    let word = random.pick(WORDS);
    // Longer strings are harder to keep track of.
    if (random.chance(difficulty * 0.7)) word += random.pick(WORDS);
    const possible = Object.entries(KINDS).map(([kind, { draw }]) => ({
      kind,
      by: draw?.(random, difficulty) ?? 0,
    }));
    return { word, operations: random.shuffle(possible).slice(0, count) };
  },

  solve({ word, operations }) {
    const steps: string[] = [];
    let now = word;
    for (const operation of operations) {
      const next = apply(now, operation);
      steps.push(`${now} -> ${next}`);
      now = next;
    }
    return { answer: now, steps };
  },

  slips({ word, operations }) {
    const right = run(word, operations);
    const swapped = [...operations];
    if (swapped.length > 1) [swapped[0], swapped[1]] = [swapped[1]!, swapped[0]!];
    // An operation forgotten, two in the wrong order, neighbouring letters confused, a letter lost.
    const middle = Math.floor(right.length / 2);
    return [
      right.slice(0, middle - 1) +
        (right[middle] ?? "") +
        (right[middle - 1] ?? "") +
        right.slice(middle + 1),
      run(word, operations.slice(0, -1)),
      run(word, swapped),
      right.slice(0, middle) + right.slice(middle + 1),
      run(word, operations.slice(1)),
    ].filter((text) => text !== "");
  },

  render({ word, operations }) {
    const list = operations.map(({ kind, by }, index) => `${index + 1}. ${KINDS[kind]!.say(by)}`).join("; ");
    return { question: `Start with the string "${word}" and do this in order: ${list}. What is the result?` };
  },
};
