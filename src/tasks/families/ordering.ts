/** @file Family: an order to be worked out from comparisons; one option is right. */
import { type FamilyDefinition, optionLetter, PEOPLE, scaled } from "./family.js";

/** `left` stands somewhere before `right`; with `gap` 1 directly before. */
interface Clue {
  left: string;
  right: string;
  gap: 1 | undefined;
}

interface OrderingProblem {
  /** People in the order of the options. */
  people: string[];
  clues: Clue[];
  /** Place asked for, counted from the left from 0. */
  place: number;
}

function fits(order: readonly string[], { left, right, gap }: Clue): boolean {
  const distance = order.indexOf(right) - order.indexOf(left);
  return gap === undefined ? distance > 0 : distance === gap;
}

/** All orders that fit the clues, by placing one person at a time. */
function ordersFitting(people: readonly string[], clues: readonly Clue[], limit: number): string[][] {
  const found: string[][] = [];
  const place = (order: string[]): void => {
    if (found.length >= limit) return;
    if (order.length === people.length) {
      if (clues.every((clue) => fits(order, clue))) found.push([...order]);
      return;
    }
    for (const person of people) {
      if (order.includes(person)) continue;
      // Whoever must stand before this person has to be placed already.
      if (clues.some((clue) => clue.right === person && !order.includes(clue.left))) continue;
      order.push(person);
      place(order);
      order.pop();
    }
  };
  place([]);
  return found;
}

const PLACES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"] as const;

export const ordering: FamilyDefinition<OrderingProblem> = {
  name: "ordering",
  title: "Ordering puzzles (generated)",
  kind: "choice",
  metric: "choice",
  description:
    "Clues about who stands before whom in a row; the person at one place is asked. The answer is the letter of one option.",
  version: 1,

  make(random, difficulty) {
    const order = random.shuffle(PEOPLE).slice(0, scaled(difficulty, 3, 6));
    const clues: Clue[] = [];
    for (let i = 0; i < order.length; i++) {
      for (let j = i + 1; j < order.length; j++) {
        clues.push({
          left: order[i]!,
          right: order[j]!,
          gap: j === i + 1 && random.chance(0.4) ? 1 : undefined,
        });
      }
    }
    // Taken away one by one in random order while the puzzle keeps its single solution.
    let kept = random.shuffle(clues);
    for (const clue of [...kept]) {
      const rest = kept.filter((other) => other !== clue);
      if (ordersFitting(order, rest, 2).length === 1) kept = rest;
    }
    return {
      people: random.shuffle(order),
      clues: random.shuffle(kept),
      place: random.integer(0, order.length - 1),
    };
  },

  solve({ people, clues, place }) {
    const [order] = ordersFitting(people, clues, 1);
    const person = order![place]!;
    return {
      answer: optionLetter(people.indexOf(person)),
      steps: [`order: ${order!.join(", ")}`, `${PLACES[place]} from the left = ${person}`],
    };
  },

  slips({ people, clues, place }) {
    const order = ordersFitting(people, clues, 1)[0]!;
    // Counted from the other end, or one place off.
    const near = [order.length - 1 - place, place + 1, place - 1].flatMap((index) => order[index] ?? []);
    return [...near, ...people].map((person) => optionLetter(people.indexOf(person)));
  },

  render({ people, clues, place }) {
    const told = clues.map(({ left, right, gap }) =>
      gap === 1
        ? `${left} stands directly to the left of ${right}.`
        : `${left} stands somewhere to the left of ${right}.`,
    );
    return {
      question: `${people.length} people stand in a row. ${told.join(" ")} Who is ${PLACES[place]} from the left?`,
      choices: people,
    };
  },
};
