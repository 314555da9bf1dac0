/** @file Family: things change hands several times; who holds which at the end is asked. */
import { type FamilyDefinition, optionLetter, PEOPLE, scaled } from "./family.js";

const COLOURS = ["red", "blue", "green", "white", "black"] as const;

interface SwapProblem {
  people: string[];
  /** `colours[i]` is held by `people[i]` at the start; also the order of the options. */
  colours: string[];
  /** Pairs of people (by index) that swap what they hold, in order. */
  swaps: [number, number][];
  asked: number;
}

/** Colour that each person holds after the swaps, as an index into colours. */
function hold({ colours, swaps }: Pick<SwapProblem, "colours" | "swaps">): number[] {
  const held = colours.map((_, index) => index);
  for (const [a, b] of swaps) [held[a], held[b]] = [held[b]!, held[a]!];
  return held;
}

export const swaps: FamilyDefinition<SwapProblem> = {
  name: "swaps",
  title: "Tracking swapped things (generated)",
  kind: "choice",
  metric: "choice",
  description:
    "People swap coloured balls several times; the colour of the ball one of them has at the end is asked. The answer is the letter of one option.",
  version: 1,

  make(random, difficulty) {
    const count = scaled(difficulty, 3, 5);
    const people = random.shuffle(PEOPLE).slice(0, count);
    const swaps: [number, number][] = [];
    const length = scaled(difficulty, 2, 6);
    while (swaps.length < length) {
      const [a, b] = random.shuffle(people.map((_, index) => index)) as [number, number];
      const last = swaps.at(-1);
      // The same two right again would undo the swap before.
      if (last?.includes(a) && last.includes(b)) continue;
      swaps.push([a, b]);
    }
    return {
      people,
      colours: random.shuffle(COLOURS).slice(0, count),
      swaps,
      asked: random.integer(0, count - 1),
    };
  },

  solve(problem) {
    const { people, colours, swaps, asked } = problem;
    const steps = swaps.map((pair, index) => {
      const held = hold({ colours, swaps: swaps.slice(0, index + 1) });
      return pair.map((i) => `${people[i]} ${colours[held[i]!]!}`).join(", ");
    });
    return { answer: optionLetter(hold(problem)[asked]!), steps };
  },

  slips(problem) {
    const { swaps, asked, colours } = problem;
    const forgotten = swaps.map(
      (_, skip) => hold({ ...problem, swaps: swaps.filter((_, index) => index !== skip) })[asked]!,
    );
    return [...forgotten, asked, ...colours.map((_, index) => index)].map(optionLetter);
  },

  render({ people, colours, swaps, asked }) {
    const start = people.map((person, index) => `${person} has the ${colours[index]} ball`).join(", ");
    const moves = swaps.map(([a, b]) => `${people[a]} and ${people[b]} swap.`).join(" ");
    return {
      question: `At the start ${start}. Then ${moves} Which colour is the ball of ${people[asked]} at the end?`,
      choices: colours,
    };
  },
};
