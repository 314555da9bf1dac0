/** @file Family: how many there are, of letters, numbers, pairs and choices. */
import type { Random } from "../../core/random.js";
import { type Family, generator, scaled, scaledSize } from "./family.js";

const PHRASES = [
  "the quick grey otter swims under seven narrow bridges",
  "a little rabbit sleeps between tall green trees",
  "every summer the old baker sells sweet plum cakes",
  "seven sailors carried eleven barrels across the deck",
  "the teacher writes three letters on the yellow board",
] as const;

/** A kind of question; `P` is what decides its answer. */
interface CountingKind<P> {
  draw(random: Random, difficulty: number, size: number): P;
  count(problem: P): number;
  steps(problem: P, count: number): string[];
  /** Wrong counts, beside one too many and one too few. */
  slips(problem: P, count: number): number[];
  question(problem: P): string;
}

function kind<P>({ draw, count, steps, slips, question }: CountingKind<P>): Family["generate"] {
  return generator<P>({
    make: (random, difficulty) => draw(random, difficulty, scaledSize(difficulty, 40, 600)),
    solve: (problem) => ({ answer: String(count(problem)), steps: steps(problem, count(problem)) }),
    slips(problem) {
      const right = count(problem);
      return [...slips(problem, right), right + 1, right - 1].filter((value) => value >= 0).map(String);
    },
    render: (problem) => ({ question: question(problem) }),
  });
}

function occurrences(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

const letters = kind<{ phrase: string; letter: string }>({
  draw(random, difficulty) {
    const words = random.shuffle(random.pick(PHRASES).split(" ")).slice(0, scaled(difficulty, 3, 9));
    return { phrase: words.join(" "), letter: random.pick([...new Set(words.join(""))].sort()) };
  },
  count: ({ phrase, letter }) => occurrences(phrase, letter),
  steps({ phrase, letter }, count) {
    const parts = phrase.split(" ").map((word) => `${word} ${occurrences(word, letter)}`);
    return [parts.join(", "), `total = ${count}`];
  },
  slips: (_, count) => [count + 2],
  question: ({ phrase, letter }) => `How often does the letter "${letter}" occur in "${phrase}"?`,
});

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a * b) / x;
}

/** Multiples up to `high`, and up to `low` without it. */
function multiplesUpTo({ low, high }: { low: number; high: number }, by: number): [number, number] {
  return [Math.floor(high / by), Math.floor((low - 1) / by)];
}

interface Multiples {
  low: number;
  high: number;
  divisor: number;
  not: number | undefined;
}

function multiplesWithin({ not, ...range }: Multiples): number {
  const count = (by: number) => multiplesUpTo(range, by).reduce((a, b) => a - b);
  return count(range.divisor) - (not === undefined ? 0 : count(leastCommonMultiple(range.divisor, not)));
}

const multiples = kind<Multiples>({
  draw(random, difficulty, size) {
    const low = random.integer(1, size);
    const divisor = random.integer(3, 9);
    const not = random.chance(difficulty)
      ? random.pick([2, 4, 5, 7, 11].filter((by) => by % divisor !== 0))
      : undefined;
    const high = low + random.integer(Math.ceil(size / 2), size);
    return { low, high, divisor, not: not !== undefined && divisor % not === 0 ? undefined : not };
  },
  count: multiplesWithin,
  steps({ not, ...range }, count) {
    const [a, b] = multiplesUpTo(range, range.divisor);
    const steps = [`multiples of ${range.divisor}: ${a} - ${b} = ${a - b}`];
    if (not !== undefined)
      steps.push(
        `without multiples of ${leastCommonMultiple(range.divisor, not)}: ${a - b} - ${a - b - count} = ${count}`,
      );
    return steps;
  },
  slips: (problem) => [multiplesWithin({ ...problem, not: undefined })],
  question({ low, high, divisor, not }) {
    const but = not === undefined ? "" : ` but not by ${not}`;
    return `How many whole numbers from ${low} to ${high}, both included, are divisible by ${divisor}${but}?`;
  },
});

/** Numbers from 0 to limit whose decimal form has the digit. */
function withDigit(limit: number, digit: number): number {
  let count = 0;
  for (let number = 0; number <= limit; number++) if (String(number).includes(String(digit))) count++;
  return count;
}

const digits = kind<{ low: number; high: number; digit: number }>({
  draw(random, _, size) {
    const low = random.integer(1, size);
    const high = low + random.integer(15, Math.max(16, Math.round(size / 2)));
    return { low, high, digit: random.integer(1, 9) };
  },
  count: ({ low, high, digit }) => withDigit(high, digit) - withDigit(low - 1, digit),
  steps({ low, high, digit }, count) {
    const [a, b] = [withDigit(high, digit), withDigit(low - 1, digit)];
    return [`up to ${high}: ${a}, up to ${low - 1}: ${b}`, `${a} - ${b} = ${count}`];
  },
  slips: ({ low, high }, count) => [Math.round((high - low) / 10), count + 10],
  question: ({ low, high, digit }) =>
    `How many whole numbers from ${low} to ${high}, both included, contain the digit ${digit}?`,
});

const handshakes = kind<{ people: number; clubs: number }>({
  draw: (random, difficulty) => ({
    people: random.integer(4, 5 + scaled(difficulty, 1, 15)),
    clubs: random.integer(1, scaled(difficulty, 1, 5)),
  }),
  count: ({ people, clubs }) => clubs * ((people * (people - 1)) / 2),
  steps({ people, clubs }, count) {
    const each = count / clubs;
    return [`${people} * ${people - 1} / 2 = ${each}`, `${each} * ${clubs} = ${count}`];
  },
  slips: ({ people, clubs }, count) => [count * 2, clubs * people ** 2],
  question({ people, clubs }) {
    const where =
      clubs === 1
        ? `In a club of ${people} people`
        : `In each of ${clubs} separate clubs of ${people} people`;
    return `${where}, everyone shakes hands once with everyone else of the same club. How many handshakes is that in total?`;
  },
});

const outfits = kind<{ shirts: number; trousers: number; hats: number; forbidden: number }>({
  draw: (random, difficulty) => ({
    shirts: random.integer(2, scaled(difficulty, 4, 9)),
    trousers: random.integer(2, scaled(difficulty, 4, 8)),
    hats: random.integer(1, scaled(difficulty, 1, 5)),
    forbidden: random.integer(0, scaled(difficulty, 0, 3)),
  }),
  count: ({ shirts, trousers, hats, forbidden }) => (shirts * trousers - forbidden) * hats,
  steps({ shirts, trousers, hats, forbidden }, count) {
    const pairs = shirts * trousers - forbidden;
    return [`${shirts} * ${trousers} - ${forbidden} = ${pairs}`, `${pairs} * ${hats} = ${count}`];
  },
  slips: ({ shirts, trousers, hats }) => [shirts * trousers * hats, shirts + trousers + hats],
  question({ shirts, trousers, hats, forbidden }) {
    const rule =
      forbidden === 0 ? "" : ` ${forbidden} of the pairs of shirt and trousers may not be worn together.`;
    return `A wardrobe has ${shirts} shirts, ${trousers} trousers and ${hats} ${hats === 1 ? "hat" : "hats"}. An outfit is one of each.${rule} How many outfits are possible?`;
  },
});

export const counting: Family = {
  name: "counting",
  title: "Counting puzzles (generated)",
  kind: "math",
  metric: "exact-number",
  description:
    "Counts of letters, numbers with a property, pairs and combinations. The answer is one whole number.",
  version: 1,
  generate: (random, difficulty) =>
    random.pick([letters, multiples, digits, handshakes, outfits])(random, difficulty),
};
