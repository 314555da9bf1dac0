/** @file Family: amounts in mixed units, added up and told in another unit. */
import { type FamilyDefinition, plainNumber, scaled, scaledSize } from "./family.js";

/** Each quantity as its units from small to large, told in the smallest, so that all sums are whole. */
const QUANTITIES = {
  length: { millimetres: 1, centimetres: 10, metres: 1000, kilometres: 1_000_000 },
  mass: { grams: 1, kilograms: 1000, tonnes: 1_000_000 },
  time: { seconds: 1, minutes: 60, hours: 3600, days: 86_400 },
  volume: { millilitres: 1, centilitres: 10, litres: 1000 },
} as const;

type QuantityName = keyof typeof QUANTITIES;

interface Part {
  value: number;
  unit: number;
}

interface ConversionProblem {
  quantity: QuantityName;
  /** Each amount is a list of parts ("3 hours 20 minutes"); amounts are added. */
  amounts: Part[][];
  /** The sum is taken this many times. */
  times: number;
  target: number;
}

const SUBJECT: Readonly<Record<QuantityName, string>> = {
  length: "A rope is made of pieces of",
  mass: "A crate holds loads of",
  time: "A machine runs for",
  volume: "A tank is filled with",
};

function units(quantity: QuantityName): { name: string; size: number }[] {
  return Object.entries(QUANTITIES[quantity]).map(([name, size]) => ({ name, size }));
}

function smallest(quantity: QuantityName, parts: readonly Part[]): number {
  return parts.reduce((sum, { value, unit }) => sum + value * units(quantity)[unit]!.size, 0);
}

function inTarget({ quantity, target }: ConversionProblem, amount: number): string {
  return plainNumber(amount / units(quantity)[target]!.size);
}

function sum(problem: ConversionProblem): number {
  return problem.amounts.reduce((all, parts) => all + smallest(problem.quantity, parts), 0) * problem.times;
}

function partText(quantity: QuantityName, { value, unit }: Part): string {
  const { name } = units(quantity)[unit]!;
  return `${value} ${value === 1 ? name.slice(0, -1) : name}`;
}

export const unitConversion: FamilyDefinition<ConversionProblem> = {
  name: "unit-conversion",
  title: "Unit conversion (generated)",
  kind: "math",
  metric: "exact-number",
  metricOptions: { tolerance: 1e-6 },
  description:
    "Lengths, masses, times and volumes in mixed units, added and told in one unit. The answer is a number without the unit.",
  version: 1,

  make(random, difficulty) {
    const quantity = random.pick(Object.keys(QUANTITIES) as QuantityName[]);
    const largest = units(quantity).length - 1;
    const unit = random.integer(1, largest);
    const amounts = Array.from({ length: scaled(difficulty, 1, 3) }, () => {
      const parts: Part[] = [{ value: random.integer(2, scaledSize(difficulty, 9, 40)), unit }];
      const lower = unit - 1;
      const room = units(quantity)[unit]!.size / units(quantity)[lower]!.size;
      if (random.chance(0.3 + 0.6 * difficulty)) {
        parts.push({ value: random.integer(1, Math.min(room - 1, 950)), unit: lower });
      }
      return parts;
    });
    const times = random.chance(difficulty * 0.8) ? random.integer(2, 7) : 1;
    const problem: ConversionProblem = { quantity, amounts, times, target: 0 };
    // A target in which the answer has at most three decimals.
    const fitting = units(quantity).flatMap(({ size }, index) => {
      const told = (sum(problem) / size) * 1000;
      return index !== unit && Number.isInteger(told) && told >= 10 ? [index] : [];
    });
    return { ...problem, target: random.pick(fitting.length > 0 ? fitting : [0]) };
  },

  solve(problem) {
    const { quantity, amounts, times, target } = problem;
    const base = units(quantity)[0]!.name;
    const steps = amounts.map((parts) => {
      const terms = parts.map(({ value, unit }) => `${value} * ${units(quantity)[unit]!.size}`);
      return `${terms.join(" + ")} = ${smallest(quantity, parts)} ${base}`;
    });
    const all = sum(problem);
    if (amounts.length > 1) {
      const terms = amounts.map((parts) => smallest(quantity, parts));
      steps.push(`${terms.join(" + ")} = ${all / times} ${base}`);
    }
    if (times > 1) steps.push(`${all / times} * ${times} = ${all} ${base}`);
    const answer = inTarget(problem, all);
    if (target > 0) steps.push(`${all} / ${units(quantity)[target]!.size} = ${answer}`);
    return { answer, steps };
  },

  slips(problem) {
    const { quantity, amounts, times, target } = problem;
    const all = sum(problem);
    const without = amounts.reduce((sum, parts) => sum + smallest(quantity, parts.slice(0, 1)), 0) * times;
    // Hours counted as 100 minutes, or a factor ten off; the smaller parts or the repetition forgotten.
    const decimal = quantity === "time" && target < units(quantity).length - 1 ? (all / 60) * 100 : all * 10;
    return [decimal, without, all / times, all / 10, all * 100].map((value) => inTarget(problem, value));
  },

  render({ quantity, amounts, times, target }) {
    const told = amounts.map((parts) => parts.map((part) => partText(quantity, part)).join(" "));
    const list = told.length > 1 ? `${told.slice(0, -1).join(", then ")} and then ${told.at(-1)}` : told[0];
    const repeat = times > 1 ? ` The same happens ${times} times.` : "";
    const name = units(quantity)[target]!.name;
    return { question: `${SUBJECT[quantity]} ${list}.${repeat} How many ${name} is that in total?` };
  },
};
