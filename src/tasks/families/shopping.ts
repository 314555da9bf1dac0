/** @file Family: a bill with quantities, a discount, and change from a note. All sums are in cents. */
import { type FamilyDefinition, PEOPLE, scaled } from "./family.js";

const GOODS = [
  ["apple", "apples"],
  ["loaf of bread", "loaves of bread"],
  ["bottle of milk", "bottles of milk"],
  ["notebook", "notebooks"],
  ["pen", "pens"],
  ["candle", "candles"],
  ["jar of honey", "jars of honey"],
  ["cup", "cups"],
  ["towel", "towels"],
  ["bar of soap", "bars of soap"],
] as const;

interface Line {
  goods: number;
  quantity: number;
  cents: number;
}

interface ShoppingProblem {
  person: string;
  lines: Line[];
  /** Per cent off the whole bill; 0 for none. */
  discount: number;
  /** The note paid with, in whole dollars; undefined when the total is asked. */
  paid: number | undefined;
}

function bill(lines: readonly Line[]): number {
  return lines.reduce((sum, { quantity, cents }) => sum + quantity * cents, 0);
}

function dueCents({ lines, discount }: Pick<ShoppingProblem, "lines" | "discount">): number {
  return (bill(lines) * (100 - discount)) / 100;
}

function dollars(cents: number): string {
  return String(Math.round(cents) / 100);
}

/** Price as on a tag: always two decimals. */
function tag(cents: number): string {
  return `$${(Math.round(cents) / 100).toFixed(2)}`;
}

export const shopping: FamilyDefinition<ShoppingProblem> = {
  name: "shopping",
  title: "Shopping and change (generated)",
  kind: "math",
  metric: "exact-number",
  description:
    "Bills with quantities, prices and discounts; the total or the change in dollars is asked. The answer is a number such as 12.35.",
  version: 1,

  make(random, difficulty) {
    const order = random.shuffle(GOODS.map((_, index) => index));
    const lineCount = scaled(difficulty, 1, 4);
    const step = difficulty < 0.35 ? 50 : 5;
    const lines = order.slice(0, lineCount).map((goods) => ({
      goods,
      quantity: random.integer(2, 3 + scaled(difficulty, 1, 6)),
      cents: step * random.integer(Math.ceil(100 / step), Math.floor(900 / step)),
    }));
    // A discount only where it leaves whole cents.
    const fair = [5, 10, 15, 20, 25].filter((percent) => (bill(lines) * percent) % 100 === 0);
    const discount = fair.length > 0 && random.chance(0.25 + 0.6 * difficulty) ? random.pick(fair) : 0;
    const notes = [10, 20, 50, 100, 200, 500, 1000];
    const asksChange = random.chance(0.5);
    const due = dueCents({ lines, discount });
    const paid = asksChange ? notes.find((note) => note * 100 > due) : undefined;
    return { person: random.pick(PEOPLE), lines, discount, paid };
  },

  solve({ lines, discount, paid }) {
    const parts = lines.map(({ quantity, cents }) => `${quantity} * ${dollars(cents)}`);
    const sum = bill(lines);
    const steps = [`${parts.join(" + ")} = ${dollars(sum)}`];
    let cents = sum;
    if (discount > 0) {
      cents = dueCents({ lines, discount });
      steps.push(`${dollars(sum)} - ${discount}% = ${dollars(cents)}`);
    }
    if (paid !== undefined) {
      steps.push(`${paid} - ${dollars(cents)} = ${dollars(paid * 100 - cents)}`);
      cents = paid * 100 - cents;
    }
    return { answer: dollars(cents), steps };
  },

  slips({ lines, discount, paid }) {
    const finish = (due: number) => (paid === undefined ? due : paid * 100 - due);
    const sum = bill(lines);
    const single = lines.map((line, index) => (index === 0 ? { ...line, quantity: 1 } : line));
    const slips = [
      discount > 0 ? finish(sum) : finish(bill(single)),
      finish((bill(single) * (100 - discount)) / 100),
      paid === undefined ? sum + 100 : dueCents({ lines, discount }),
      // The discount taken as dollars, and a carry lost.
      finish(sum - discount * 100),
      finish(dueCents({ lines, discount }) - 100),
    ];
    return slips.filter((cents) => cents > 0).map(dollars);
  },

  render({ person, lines, discount, paid }) {
    const bought = lines.map(({ goods, quantity, cents }) => {
      const [one, many] = GOODS[goods]!;
      return `${quantity} ${many} at ${tag(cents)} per ${one}`;
    });
    const list = bought.length > 1 ? `${bought.slice(0, -1).join(", ")} and ${bought.at(-1)}` : bought[0];
    const off = discount > 0 ? ` A coupon takes ${discount}% off the whole bill.` : "";
    const ask =
      paid === undefined
        ? "How many dollars is the bill?"
        : `${person} pays with $${paid}. How many dollars of change does ${person} get?`;
    return { question: `${person} buys ${list}.${off} ${ask}` };
  },
};
