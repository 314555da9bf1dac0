/** @file Family: times of day, weekdays and dates, moved by durations. */
import type { Random } from "../../core/random.js";
import { type FamilyDefinition, scaled, scaledSize } from "./family.js";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
const MONTHS = [
  ["January", 31],
  ["February", 28],
  ["March", 31],
  ["April", 30],
  ["May", 31],
  ["June", 30],
  ["July", 31],
  ["August", 31],
  ["September", 30],
  ["October", 31],
  ["November", 30],
  ["December", 31],
] as const;

const DAY_MINUTES = 24 * 60;

type CalendarProblem =
  | { type: "time"; start: number; stages: { what: string; minutes: number }[]; isBackwards: boolean }
  | { type: "weekday"; weekday: number; days: number; isBackwards: boolean }
  /** Date in a year of 365 days. */
  | { type: "date"; month: number; day: number; days: number };

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
  return `${MONTHS[month]![0]} ${day}`;
}

function dateAfter(month: number, day: number, days: number): string {
  let [m, d] = [month, day + days];
  while (d > MONTHS[m]![1]) {
    d -= MONTHS[m]![1];
    m = (m + 1) % 12;
  }
  return dateText(m, d);
}

function makeTime(random: Random, difficulty: number): CalendarProblem {
  const step = difficulty < 0.3 ? 5 : 1;
  const stages = random
    .shuffle(STAGES)
    .slice(0, scaled(difficulty, 1, 4))
    .map((what) => ({
      what,
      minutes:
        step * random.integer(Math.ceil(10 / step), Math.floor(scaledSize(difficulty, 90, 400) / step)),
    }));
  return {
    type: "time",
    start: step * random.integer(0, DAY_MINUTES / step - 1),
    stages,
    isBackwards: random.chance(difficulty * 0.6),
  };
}

function minutesOf(stages: readonly { minutes: number }[]): number {
  return stages.reduce((sum, { minutes }) => sum + minutes, 0);
}

export const clockCalendar: FamilyDefinition<CalendarProblem> = {
  name: "clock-calendar",
  title: "Clock and calendar (generated)",
  kind: "text",
  metric: "exact-match",
  metricOptions: { normalize: "spaces", ignoreCase: true },
  description:
    "Times of day, weekdays and dates moved forward or back. The answer is a time such as 07:45, a weekday, or a date such as March 5.",
  version: 1,

  make(random, difficulty) {
    const type = random.pick(["time", "time", "weekday", "date"] as const);
    if (type === "time") return makeTime(random, difficulty);
    const days = random.integer(3, scaledSize(difficulty, 20, 300));
    if (type === "weekday") {
      return { type, weekday: random.integer(0, 6), days, isBackwards: random.chance(difficulty * 0.6) };
    }
    const month = random.integer(0, 11);
    return { type, month, day: random.integer(1, MONTHS[month]![1]), days: Math.min(days, 120) };
  },

  solve(problem) {
    if (problem.type === "time") {
      const sign = problem.isBackwards ? -1 : 1;
      let now = problem.start;
      const steps = problem.stages.map(({ minutes }) => {
        const before = now;
        now += sign * minutes;
        return `${clock(before)} ${sign < 0 ? "-" : "+"} ${duration(minutes)} = ${clock(now)}`;
      });
      return { answer: clock(now), steps };
    }
    if (problem.type === "weekday") {
      const { weekday, days, isBackwards } = problem;
      const answer = weekdayAfter(weekday, isBackwards ? -days : days);
      const turn = isBackwards ? "back" : "on";
      return {
        answer,
        steps: [
          `${days} days = ${Math.floor(days / 7)} weeks and ${days % 7} days`,
          `${WEEKDAYS[weekday]} and ${days % 7} days ${turn} = ${answer}`,
        ],
      };
    }
    const steps: string[] = [];
    let { month, day, days } = problem;
    while (day + days > MONTHS[month]![1]) {
      const rest = MONTHS[month]![1] - day;
      steps.push(`${rest} days to the end of ${MONTHS[month]![0]}, ${days - rest} left`);
      days -= rest;
      day = 0;
      month = (month + 1) % 12;
    }
    const answer = dateText(month, day + days);
    return { answer, steps: [...steps, `${MONTHS[month]![0]} ${day} + ${days} days = ${answer}`] };
  },

  slips(problem) {
    if (problem.type === "time") {
      const { start, stages, isBackwards } = problem;
      const minutes = minutesOf(stages);
      const sign = isBackwards ? -1 : 1;
      const end = start + sign * minutes;
      // An hour lost in the carry, the wrong direction, a stage left out, minutes added as decimals.
      return [
        end - sign * 60,
        start - sign * minutes,
        end - sign * stages.at(-1)!.minutes,
        end + 40,
        end + 10,
      ].map(clock);
    }
    if (problem.type === "weekday") {
      const { weekday, days, isBackwards } = problem;
      const moved = isBackwards ? -days : days;
      return [moved + 1, moved - 1, -moved, moved + 2].map((shift) => weekdayAfter(weekday, shift));
    }
    const { month, day, days } = problem;
    return [days + 1, days - 1, days + 2, days + 30].map((shift) =>
      dateAfter(month, day, Math.max(0, shift)),
    );
  },

  render(problem) {
    if (problem.type === "time") {
      const { start, stages, isBackwards } = problem;
      const told = stages.map(({ what, minutes }) => `${what} for ${duration(minutes)}`);
      const list = told.length > 1 ? `${told.slice(0, -1).join(", ")} and then ${told.at(-1)}` : told[0];
      const question = isBackwards
        ? `A traveller ${list}, and is done at exactly ${clock(start)}. At what time did it all begin?`
        : `From ${clock(start)} on a traveller ${list}. What time is it then?`;
      return { question: `${question} Write the time as HH:MM on a 24-hour clock.` };
    }
    if (problem.type === "weekday") {
      const { weekday, days, isBackwards } = problem;
      const when = isBackwards ? `was it ${days} days ago` : `will it be in ${days} days`;
      return { question: `Today is ${WEEKDAYS[weekday]}. Which day of the week ${when}?` };
    }
    const { month, day, days } = problem;
    return {
      question: `Today is ${dateText(month, day)} of a year with 365 days, and the next year has 365 days too. Which date is it ${days} days later? Write it like ${dateText(0, 1)}.`,
    };
  },
};
