/** @file Family: stories about a running amount, with facts that do not matter at higher difficulty. */
import { type FamilyDefinition, PEOPLE, plainNumber, scaled, scaledSize } from "./family.js";

const THINGS = ["marbles", "stickers", "beads", "coins", "shells", "cards", "buttons", "stamps"] as const;

/** What happens to an amount; `count` is of packs, pieces or equal parts, `each` the pieces of a pack. */
interface Event {
  type: keyof typeof EVENTS;
  count: number;
  each: number;
}

interface EventKind {
  after(amount: number, event: Omit<Event, "type">): number;
  /** The same as a sum. */
  sum(amount: number, event: Omit<Event, "type">): string;
  told(event: Omit<Event, "type">, person: string, thing: string): string;
}

const FRACTIONS: Readonly<Record<number, string>> = { 2: "half", 3: "a third", 4: "a quarter", 5: "a fifth" };

const EVENTS = {
  buy: {
    after: (amount, { count, each }) => amount + count * each,
    sum: (amount, { count, each }) => `${amount} + ${count} * ${each}`,
    told: ({ count, each }, person, thing) => `${person} buys ${count} packs of ${each} ${thing} each.`,
  },
  give: {
    after: (amount, { count }) => amount - count,
    sum: (amount, { count }) => `${amount} - ${count}`,
    told: ({ count }, person) => `${person} gives away ${count} of them.`,
  },
  share: {
    after: (amount, { count }) => amount - amount / count,
    sum: (amount, { count }) => `${amount} - ${amount} / ${count}`,
    told: ({ count }, person, thing) =>
      `${person} gives ${FRACTIONS[count]} of all the ${thing} to a friend.`,
  },
  double: {
    after: (amount) => amount * 2,
    sum: (amount) => `${amount} * 2`,
    told: (_, person) => `An aunt then doubles what ${person} has.`,
  },
  find: {
    after: (amount, { count }) => amount + count,
    sum: (amount, { count }) => `${amount} + ${count}`,
    told: ({ count }, person) => `${person} finds ${count} more.`,
  },
} as const satisfies Record<string, EventKind>;

interface WordProblem {
  person: string;
  thing: string;
  start: number;
  events: Event[];
  /** A number that has nothing to do with the amount. */
  aside: { person: string; count: number } | undefined;
}

function total({ start, events }: { start: number; events: readonly Event[] }): number {
  return events.reduce((amount, event) => EVENTS[event.type].after(amount, event), start);
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
          count: random.integer(2, 3 + scaled(difficulty, 0, 9)),
          each: random.integer(3, size),
        },
        { type: "find", count: random.integer(2, size), each: 1 },
      ];
      if (amount > 4)
        possible.push({ type: "give", count: random.integer(2, Math.ceil(amount / 2)), each: 1 });
      if (parts.length > 0) possible.push({ type: "share", count: random.pick(parts), each: 1 });
      if (amount < 2000) possible.push({ type: "double", count: 1, each: 1 });
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
      const { after, sum } = EVENTS[event.type];
      const next = after(amount, event);
      steps.push(`${sum(amount, event)} = ${next}`);
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
      return event.type === "buy" ? { ...event, type: "find", count: event.count + event.each } : event;
    });
    const kept = events.map((event): Event => {
      return event.type === "share" && event.count > 2 ? { ...event, type: "give" } : event;
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
    for (const event of events) lines.push(EVENTS[event.type].told(event, person, thing));
    if (aside) lines.splice(2, 0, `${aside.person} has ${aside.count} ${thing} and only watches.`);
    lines.push(`How many ${thing} does ${person} have in the end?`);
    return { question: lines.join(" ") };
  },
};
