/** @file Family: how many there are, of letters, numbers, pairs and choices. */
import { type FamilyDefinition, scaled, scaledSize } from "./family.js";

const PHRASES = [
  "the quick grey otter swims under seven narrow bridges",
  "a little rabbit sleeps between tall green trees",
  "every summer the old baker sells sweet plum cakes",
  "seven sailors carried eleven barrels across the deck",
  "the teacher writes three letters on the yellow board",
] as const;

type CountingProblem =
  | { type: "letter"; phrase: string; letter: string }
  | { type: "multiples"; low: number; high: number; divisor: number; not: number | undefined }
  | { type: "digits"; low: number; high: number; digit: number }
  | { type: "pairs"; people: number; clubs: number }
  | { type: "outfits"; shirts: number; trousers: number; hats: number; forbidden: number };

function multiplesUpTo(limit: number, divisor: number): number {
  return Math.floor(limit / divisor);
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a * b) / x;
}

/** Numbers from 0 to limit whose decimal form has the digit. */
function withDigit(limit: number, digit: number): number {
  let count = 0;
  for (let number = 0; number <= limit; number++) if (String(number).includes(String(digit))) count++;
  return count;
}

function answerOf(problem: CountingProblem): number {
  switch (problem.type) {
    case "letter":
      return problem.phrase.split(problem.letter).length - 1;
    case "multiples": {
      const { low, high, divisor, not } = problem;
      const count = (by: number) => multiplesUpTo(high, by) - multiplesUpTo(low - 1, by);
      return count(divisor) - (not === undefined ? 0 : count(leastCommonMultiple(divisor, not)));
    }
    case "digits":
      return withDigit(problem.high, problem.digit) - withDigit(problem.low - 1, problem.digit);
    case "pairs":
      return problem.clubs * ((problem.people * (problem.people - 1)) / 2);
    case "outfits":
      return problem.shirts * problem.trousers * problem.hats - problem.forbidden * problem.hats;
  }
}

export const counting: FamilyDefinition<CountingProblem> = {
  name: "counting",
  title: "Counting puzzles (generated)",
  kind: "math",
  metric: "exact-number",
  description:
    "Counts of letters, numbers with a property, pairs and combinations. The answer is one whole number.",
  version: 1,

  make(random, difficulty) {
    const type = random.pick(["letter", "multiples", "digits", "pairs", "outfits"] as const);
    const size = scaledSize(difficulty, 40, 600);
    switch (type) {
      case "letter": {
        const phrase = random
          .shuffle(random.pick(PHRASES).split(" "))
          .slice(0, scaled(difficulty, 3, 9))
          .join(" ");
        const letters = [...new Set(phrase.replaceAll(" ", ""))].sort();
        return { type, phrase, letter: random.pick(letters) };
      }
      case "multiples": {
        const low = random.integer(1, size);
        const divisor = random.integer(3, 9);
        const not = random.chance(difficulty)
          ? random.pick([2, 4, 5, 7, 11].filter((by) => by % divisor !== 0))
          : undefined;
        return {
          type,
          low,
          high: low + random.integer(Math.ceil(size / 2), size),
          divisor,
          not: not !== undefined && divisor % not === 0 ? undefined : not,
        };
      }
      case "digits": {
        const low = random.integer(1, size);
        return {
          type,
          low,
          high: low + random.integer(15, Math.max(16, Math.round(size / 2))),
          digit: random.integer(1, 9),
        };
      }
      case "pairs":
        return {
          type,
          people: random.integer(4, 5 + scaled(difficulty, 1, 15)),
          clubs: random.integer(1, scaled(difficulty, 1, 5)),
        };
      case "outfits": {
        const shirts = random.integer(2, scaled(difficulty, 4, 9));
        const trousers = random.integer(2, scaled(difficulty, 4, 8));
        const hats = random.integer(1, scaled(difficulty, 1, 5));
        return { type, shirts, trousers, hats, forbidden: random.integer(0, scaled(difficulty, 0, 3)) };
      }
    }
  },

  solve(problem) {
    const answer = String(answerOf(problem));
    switch (problem.type) {
      case "letter": {
        const parts = problem.phrase
          .split(" ")
          .map((word) => `${word} ${word.split(problem.letter).length - 1}`);
        return { answer, steps: [parts.join(", "), `total = ${answer}`] };
      }
      case "multiples": {
        const { low, high, divisor, not } = problem;
        const [a, b] = [multiplesUpTo(high, divisor), multiplesUpTo(low - 1, divisor)];
        const steps = [`multiples of ${divisor}: ${a} - ${b} = ${a - b}`];
        if (not !== undefined)
          steps.push(
            `without multiples of ${leastCommonMultiple(divisor, not)}: ${a - b} - ${a - b - Number(answer)} = ${answer}`,
          );
        return { answer, steps };
      }
      case "digits": {
        const [a, b] = [withDigit(problem.high, problem.digit), withDigit(problem.low - 1, problem.digit)];
        return {
          answer,
          steps: [`up to ${problem.high}: ${a}, up to ${problem.low - 1}: ${b}`, `${a} - ${b} = ${answer}`],
        };
      }
      case "pairs": {
        const each = (problem.people * (problem.people - 1)) / 2;
        return {
          answer,
          steps: [
            `${problem.people} * ${problem.people - 1} / 2 = ${each}`,
            `${each} * ${problem.clubs} = ${answer}`,
          ],
        };
      }
      case "outfits": {
        const { shirts, trousers, hats, forbidden } = problem;
        const pairs = shirts * trousers;
        return {
          answer,
          steps: [
            `${shirts} * ${trousers} - ${forbidden} = ${pairs - forbidden}`,
            `${pairs - forbidden} * ${hats} = ${answer}`,
          ],
        };
      }
    }
  },

  slips(problem) {
    const right = answerOf(problem);
    const near = [right + 1, right - 1];
    const typical: Record<CountingProblem["type"], () => number[]> = {
      letter: () => [right + 2],
      multiples: () => (problem.type === "multiples" ? [answerOf({ ...problem, not: undefined })] : []),
      digits: () =>
        problem.type === "digits" ? [Math.round((problem.high - problem.low) / 10), right + 10] : [],
      pairs: () => (problem.type === "pairs" ? [right * 2, problem.clubs * problem.people ** 2] : []),
      outfits: () =>
        problem.type === "outfits"
          ? [
              problem.shirts * problem.trousers * problem.hats,
              problem.shirts + problem.trousers + problem.hats,
            ]
          : [],
    };
    return [...typical[problem.type](), ...near].filter((value) => value >= 0).map(String);
  },

  render(problem) {
    switch (problem.type) {
      case "letter":
        return { question: `How often does the letter "${problem.letter}" occur in "${problem.phrase}"?` };
      case "multiples": {
        const { low, high, divisor, not } = problem;
        const but = not === undefined ? "" : ` but not by ${not}`;
        return {
          question: `How many whole numbers from ${low} to ${high}, both included, are divisible by ${divisor}${but}?`,
        };
      }
      case "digits":
        return {
          question: `How many whole numbers from ${problem.low} to ${problem.high}, both included, contain the digit ${problem.digit}?`,
        };
      case "pairs": {
        const { people, clubs } = problem;
        const where =
          clubs === 1
            ? `In a club of ${people} people`
            : `In each of ${clubs} separate clubs of ${people} people`;
        return {
          question: `${where}, everyone shakes hands once with everyone else of the same club. How many handshakes is that in total?`,
        };
      }
      case "outfits": {
        const { shirts, trousers, hats, forbidden } = problem;
        const rule =
          forbidden === 0 ? "" : ` ${forbidden} of the pairs of shirt and trousers may not be worn together.`;
        return {
          question: `A wardrobe has ${shirts} shirts, ${trousers} trousers and ${hats} ${hats === 1 ? "hat" : "hats"}. An outfit is one of each.${rule} How many outfits are possible?`,
        };
      }
    }
  },
};
