/** @file Family: stories about a running amount, with facts that do not matter at higher difficulty. */
import { type FamilyDefinition, PEOPLE, plainNumber, scaled, scaledSize } from "./family.js";

const THINGS = ["marbles", "stickers", "beads", "coins", "shells", "cards", "buttons", "stamps"] as const;

type Event =
  | { type: "buy"; packs: number; each: number }
  | { type: "give"; count: number }
  | { type: "share"; parts: number }
  | { type: "double" }
  | { type: "find"; count: number };

interface WordProblem {
  person: string;
  thing: string;
  start: number;
  events: Event[];
  /** A number that has nothing to do with the amount. */
  aside: { person: string; count: number } | undefined;
}

function after(amount: number, event: Event): number {
  switch (event.type) {
    case "buy":
      return amount + event.packs * event.each;
    case "give":
      return amount - event.count;
    case "share":
      return amount - amount / event.parts;
    case "double":
      return amount * 2;
    case "find":
      return amount + event.count;
  }
}

function total({ start, events }: { start: number; events: readonly Event[] }): number {
  return events.reduce(after, start);
}

const FRACTIONS: Readonly<Record<number, string>> = { 2: "half", 3: "a third", 4: "a quarter", 5: "a fifth" };

function sentence(event: Event, person: string, thing: string): string {
  switch (event.type) {
    case "buy":
      return `${person} buys ${event.packs} packs of ${event.each} ${thing} each.`;
    case "give":
      return `${person} gives away ${event.count} of them.`;
    case "share":
      return `${person} gives ${FRACTIONS[event.parts]} of all the ${thing} to a friend.`;
    case "double":
      return `An aunt then doubles what ${person} has.`;
    case "find":
      return `${person} finds ${event.count} more.`;
  }
}

export const wordProblems: FamilyDefinition<WordProblem> = {
  name: "word-problems",
  title: "Arithmetic word problems (generated)",
  kind: "math",
  metric: "exact-number",
  description: "Short stories about an amount that changes several times. The answer is one whole number.",
  version: 1,

  make(random, difficulty) {
    const [person, other] = random.shuffle(PEOPLE) as [string, string];
    const size = scaledSize(difficulty, 10, 90);
    const start = random.integer(size, size * 2);
    const events: Event[] = [];
    const count = scaled(difficulty, 2, 5);
    while (events.length < count) {
      const amount = total({ start, events });
      const parts = [2, 3, 4, 5].filter((divisor) => amount % divisor === 0);
      const possible: Event[] = [
        {
          type: "buy",
          packs: random.integer(2, 3 + scaled(difficulty, 0, 9)),
          each: random.integer(3, size),
        },
        { type: "find", count: random.integer(2, size) },
      ];
      if (amount > 4) possible.push({ type: "give", count: random.integer(2, Math.ceil(amount / 2)) });
      if (parts.length > 0) possible.push({ type: "share", parts: random.pick(parts) });
      if (amount < 2000) possible.push({ type: "double" });
      const event = random.pick(possible);
      if (event.type !== events.at(-1)?.type) events.push(event);
    }
    const hasAside = random.chance(difficulty);
    const aside = hasAside ? { person: other, count: random.integer(3, size) } : undefined;
    return { person, thing: random.pick(THINGS), start, events, aside };
  },

  solve(problem) {
    const steps: string[] = [];
    let amount = problem.start;
    for (const event of problem.events) {
      const next = after(amount, event);
      const sum: Record<Event["type"], string> = {
        buy: event.type === "buy" ? `${amount} + ${event.packs} * ${event.each}` : "",
        give: event.type === "give" ? `${amount} - ${event.count}` : "",
        share: event.type === "share" ? `${amount} - ${amount} / ${event.parts}` : "",
        double: `${amount} * 2`,
        find: event.type === "find" ? `${amount} + ${event.count}` : "",
      };
      steps.push(`${sum[event.type]} = ${next}`);
      amount = next;
    }
    return { answer: plainNumber(amount), steps };
  },

  slips(problem) {
    const { events, start, aside } = problem;
    const right = total(problem);
    const last = events.at(-1)!;
    // Taken packs for pieces; the part given taken for the part kept; the last event left out or turned round.
    const misread = events.map((event): Event => {
      if (event.type === "buy") return { type: "find", count: event.packs + event.each };
      return event;
    });
    const kept = events.map((event): Event => {
      return event.type === "share" && event.parts > 2 ? { type: "give", count: event.parts } : event;
    });
    const turned =
      last.type === "give"
        ? right + 2 * last.count
        : right - 2 * (right - total({ start, events: events.slice(0, -1) }));
    const slips = [
      total({ start, events: misread }),
      total({ start, events: events.slice(0, -1) }),
      total({ start, events: kept }),
      turned,
      total({ start, events: events.slice(1) }),
    ];
    if (aside) slips.unshift(right + aside.count);
    return slips
      .map((value) => Math.round(value))
      .filter((value) => value >= 0)
      .map(plainNumber);
  },

  render({ person, thing, start, events, aside }) {
    const lines = [`${person} has ${start} ${thing}.`];
    for (const event of events) lines.push(sentence(event, person, thing));
    if (aside) lines.splice(2, 0, `${aside.person} has ${aside.count} ${thing} and only watches.`);
    lines.push(`How many ${thing} does ${person} have in the end?`);
    return { question: lines.join(" ") };
  },
};
