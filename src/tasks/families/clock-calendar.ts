/** @file Family: times of day, weekdays and dates, moved by durations. */
import type { Random } from "../../core/random.js";
import { type Family, generator, scaled, scaledSize } from "./family.js";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
const MONTH_NAMES =
  "January February March April May June July August September October November December".split(" ");
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const DAY_MINUTES = 24 * 60;

const STAGES = ["drives", "waits", "walks", "reads", "rests", "cooks", "works", "swims"] as const;

function clock(minutes: number): string {
  const wrapped = ((minutes % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES;
  const text = (value: number) => String(value).padStart(2, "0");
  return `${text(Math.floor(wrapped / 60))}:${text(wrapped % 60)}`;
}

function duration(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  const parts: string[] = [];
  if (hours > 0) parts.push(`${hours} ${hours === 1 ? "hour" : "hours"}`);
  if (rest > 0 || hours === 0) parts.push(`${rest} ${rest === 1 ? "minute" : "minutes"}`);
  return parts.join(" ");
}

function weekdayAfter(weekday: number, days: number): string {
  return WEEKDAYS[(((weekday + days) % 7) + 7) % 7]!;
}

function dateText(month: number, day: number): string {
  return `${MONTH_NAMES[month]} ${day}`;
}

function dateAfter(month: number, day: number, days: number): string {
  let [m, d] = [month, day + days];
  while (d > MONTH_DAYS[m]!) {
    d -= MONTH_DAYS[m]!;
    m = (m + 1) % 12;
  }
  return dateText(m, d);
}

interface TimeProblem {
  start: number;
  stages: { what: string; minutes: number }[];
  isBackwards: boolean;
}

const time = generator<TimeProblem>({
  make(random, difficulty) {
    const step = difficulty < 0.3 ? 5 : 1;
    const most = Math.floor(scaledSize(difficulty, 90, 400) / step);
    const stages = random
      .shuffle(STAGES)
      .slice(0, scaled(difficulty, 1, 4))
      .map((what) => ({ what, minutes: step * random.integer(Math.ceil(10 / step), most) }));
    const start = step * random.integer(0, DAY_MINUTES / step - 1);
    return { start, stages, isBackwards: random.chance(difficulty * 0.6) };
  },

  solve({ start, stages, isBackwards }) {
    const sign = isBackwards ? -1 : 1;
    let now = start;
    const steps = stages.map(({ minutes }) => {
      const before = now;
      now += sign * minutes;
      return `${clock(before)} ${sign < 0 ? "-" : "+"} ${duration(minutes)} = ${clock(now)}`;
    });
    return { answer: clock(now), steps };
  },

  slips({ start, stages, isBackwards }) {
    const sign = isBackwards ? -1 : 1;
    const minutes = sign * stages.reduce((sum, stage) => sum + stage.minutes, 0);
    const end = start + minutes;
    // An hour lost in the carry, the wrong direction, a stage left out, minutes added as decimals.
    const left = end - sign * stages.at(-1)!.minutes;
    return [end - sign * 60, start - minutes, left, end + 40, end + 10].map(clock);
  },

  render({ start, stages, isBackwards }) {
    const told = stages.map(({ what, minutes }) => `${what} for ${duration(minutes)}`);
    const list = told.length > 1 ? `${told.slice(0, -1).join(", ")} and then ${told.at(-1)}` : told[0];
    const question = isBackwards
      ? `A traveller ${list}, and is done at exactly ${clock(start)}. At what time did it all begin?`
      : `From ${clock(start)} on a traveller ${list}. What time is it then?`;
    return { question: `${question} Write the time as HH:MM on a 24-hour clock.` };
  },
});

function drawDays(random: Random, difficulty: number): number {
  return random.integer(3, scaledSize(difficulty, 20, 300));
}

const weekday = generator<{ today: number; days: number; isBackwards: boolean }>({
  make(random, difficulty) {
    const days = drawDays(random, difficulty);
    return { today: random.integer(0, 6), days, isBackwards: random.chance(difficulty * 0.6) };
  },

  solve({ today, days, isBackwards }) {
    const answer = weekdayAfter(today, isBackwards ? -days : days);
    return {
      answer,
      steps: [
        `${days} days = ${Math.floor(days / 7)} weeks and ${days % 7} days`,
        `${WEEKDAYS[today]} and ${days % 7} days ${isBackwards ? "back" : "on"} = ${answer}`,
      ],
    };
  },

  slips({ today, days, isBackwards }) {
    const moved = isBackwards ? -days : days;
    return [moved + 1, moved - 1, -moved, moved + 2].map((shift) => weekdayAfter(today, shift));
  },

  render({ today, days, isBackwards }) {
    const when = isBackwards ? `was it ${days} days ago` : `will it be in ${days} days`;
    return { question: `Today is ${WEEKDAYS[today]}. Which day of the week ${when}?` };
  },
});

/** A date in a year of 365 days. */
const date = generator<{ month: number; day: number; days: number }>({
  make(random, difficulty) {
    const days = drawDays(random, difficulty);
    const month = random.integer(0, 11);
    return { month, day: random.integer(1, MONTH_DAYS[month]!), days: Math.min(days, 120) };
  },

  solve(problem) {
    const steps: string[] = [];
    let { month, day, days } = problem;
    while (day + days > MONTH_DAYS[month]!) {
      const rest = MONTH_DAYS[month]! - day;
      steps.push(`${rest} days to the end of ${MONTH_NAMES[month]}, ${days - rest} left`);
      days -= rest;
      day = 0;
      month = (month + 1) % 12;
    }
    const answer = dateText(month, day + days);
    return { answer, steps: [...steps, `${MONTH_NAMES[month]} ${day} + ${days} days = ${answer}`] };
  },

  slips: ({ month, day, days }) =>
    [days + 1, days - 1, days + 2, days + 30].map((shift) => dateAfter(month, day, Math.max(0, shift))),

  render: ({ month, day, days }) => ({
    question: `Today is ${dateText(month, day)} of a year with 365 days, and the next year has 365 days too. Which date is it ${days} days later? Write it like ${dateText(0, 1)}.`,
  }),
});

export const clockCalendar: Family = {
  name: "clock-calendar",
  title: "Clock and calendar (generated)",
  kind: "text",
  metric: "exact-match",
  metricOptions: { normalize: "spaces", ignoreCase: true },
  description:
    "Times of day, weekdays and dates moved forward or back. The answer is a time such as 07:45, a weekday, or a date such as March 5.",
  version: 1,
  generate: (random, difficulty) => random.pick([time, time, weekday, date])(random, difficulty),
};
