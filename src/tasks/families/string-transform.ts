/** @file Family: letter operations carried out on a word, one after the other. */
import { type FamilyDefinition, scaled } from "./family.js";

const WORDS =
  "lantern orchard puzzle harbour meadow copper violin thunder blanket compass glacier pepper saddle window kettle marble rocket summit tunnel walnut yellow zipper butter canyon".split(
    " ",
  );

type Operation =
  | { type: "reverse" }
  | { type: "remove-vowels" }
  | { type: "rotate"; by: number }
  | { type: "swap-ends" }
  | { type: "sort" }
  | { type: "shift"; by: number }
  | { type: "drop"; nth: number }
  | { type: "double-first" };

interface StringProblem {
  word: string;
  operations: Operation[];
}

const VOWELS = /[aeiou]/g;

function apply(word: string, operation: Operation): string {
  const letters = [...word];
  switch (operation.type) {
    case "reverse":
      return letters.reverse().join("");
    case "remove-vowels":
      return word.replace(VOWELS, "");
    case "rotate":
      return word.slice(operation.by) + word.slice(0, operation.by);
    case "swap-ends":
      return letters.length < 2 ? word : letters.at(-1) + word.slice(1, -1) + letters[0];
    case "sort":
      return letters.sort().join("");
    case "shift":
      return letters
        .map((letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + operation.by) % 26) + 97))
        .join("");
    case "drop":
      return letters.filter((_, index) => (index + 1) % operation.nth !== 0).join("");
    case "double-first":
      return letters[0] + word;
  }
}

function run(word: string, operations: readonly Operation[]): string {
  return operations.reduce(apply, word);
}

function instruction(operation: Operation): string {
  switch (operation.type) {
    case "reverse":
      return "write it backwards";
    case "remove-vowels":
      return "remove every vowel (a, e, i, o, u)";
    case "rotate":
      return `move the first ${operation.by} letters to the end`;
    case "swap-ends":
      return "swap the first and the last letter";
    case "sort":
      return "put the letters into alphabetical order";
    case "shift":
      return `replace every letter by the one ${operation.by} places later in the alphabet (after z comes a)`;
    case "drop":
      return `remove every letter at a position divisible by ${operation.nth}, counted from 1`;
    case "double-first":
      return "write the first letter twice";
  }
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
    const possible: Operation[] = [
      { type: "reverse" },
      { type: "remove-vowels" },
      { type: "rotate", by: random.integer(2, 4) },
      { type: "swap-ends" },
      { type: "sort" },
      { type: "shift", by: random.integer(1, difficulty < 0.5 ? 1 : 4) },
      { type: "drop", nth: random.integer(2, 4) },
      { type: "double-first" },
    ];
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
    const list = operations.map((operation, index) => `${index + 1}. ${instruction(operation)}`).join("; ");
    return { question: `Start with the string "${word}" and do this in order: ${list}. What is the result?` };
  },
};
