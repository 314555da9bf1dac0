/** @file Kills a command at moments chosen by what it does: a write, half a write, a call, never by the clock. */
import type { Random } from "../../src/core/random.js";
import type { CliResult } from "./run-cli.js";

const PRELOAD = new URL("./die-at.mjs", import.meta.url).href;
/** A row of fewer calls is not broken off. */
const LEAST_CALLS = 4;

/** Of each part of a run, in the gate; `make kills` takes more. */
export const KILLS_A_PART = Number(process.env.W4S_TEST_KILLS ?? 1);

/** What die-at.mjs dies at: "half rounds/01/train.jsonl:3", "after call 2". */
export type Moment = string;

/** Environment of a command whose run tells what it does, and which dies at the first of `moments` that comes. */
export function dyingAt(run: string, moments: readonly Moment[] = []): Record<string, string> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, DIE_AT: JSON.stringify({ run, moments }) };
}

/** Names of the writes and calls of a run under dyingAt(), in order. */
export function doneBy({ stderr }: CliResult): string[] {
  return [...stderr.matchAll(/^comes (.*)$/gm)].map(([, name]) => name as string);
}

export interface DrawnMoment {
  moment: Moment;
  /** Of the run. */
  part: string;
}

export interface DrawOptions {
  /** Part of the run that a write belongs to; undefined: of none, so that nothing is killed there. */
  partOf: (write: string) => string | undefined;
  /** Writes of each part. */
  perPart: number;
  /** Calls of each part. Default: as many. */
  callsPerPart?: number | undefined;
  random: Random;
}

/**
 * Draws moments from all parts of an undisturbed run, in the order of their coming: writes of each part, and calls, at
 * most one of each row of calls. Writes that come twice by one name are left out: a session that was taken up again would meet
 * them too early.
 */
export function drawMoments(
  done: readonly string[],
  { partOf, perPart, callsPerPart = perPart, random }: DrawOptions,
): DrawnMoment[] {
  const offered: (DrawnMoment & { isCall: boolean })[] = [];
  let calls = 0;
  for (const name of done) {
    if (name.startsWith("call ")) calls++;
    const part = name.startsWith("call ") ? undefined : partOf(name);
    if (part === undefined || done.indexOf(name) !== done.lastIndexOf(name)) continue;
    if (calls >= LEAST_CALLS) {
      const moment = `${random.chance(0.5) ? "before" : "after"} call ${random.integer(2, calls)}`;
      offered.push({ moment, part, isCall: true });
    }
    calls = 0;
    const ways = /^events\.jsonl |:\d+$/.test(name) ? ["before", "half", "after"] : ["before", "after"];
    offered.push(...ways.map((way) => ({ moment: `${way} ${name}`, part, isCall: false })));
  }
  const chosen = new Set<DrawnMoment>();
  for (const part of new Set(offered.map((one) => one.part))) {
    for (const isCall of [false, true]) {
      const some = offered.filter((one) => one.part === part && one.isCall === isCall);
      while (some.length > (isCall ? callsPerPart : perPart))
        some.splice(random.integer(0, some.length - 1), 1);
      for (const one of some) chosen.add(one);
    }
  }
  return offered.filter((one) => chosen.has(one));
}

/** One of the drawn moments of each part: a write and a call in turns, where the part has both. */
export function oneOfEachPart(drawn: readonly DrawnMoment[]): DrawnMoment[] {
  const parts = [...new Set(drawn.map(({ part }) => part))];
  return parts.map((part, index) => {
    const offered = drawn.filter((one) => one.part === part);
    const wantsCall = index % 2 === 1;
    return (
      offered.find(({ moment }) => moment.includes(" call ") === wantsCall) ?? (offered[0] as DrawnMoment)
    );
  });
}

/**
 * Runs a command again and again: it dies at the first of the moments that comes, then at the first of those after it,
 * and so on, until it ends by itself.
 * @param attempt - runs the command once, in an environment of dyingAt()
 * @returns the moments at which it died, and how it ended
 */
export async function killAtEach<T extends { moment: Moment }>(
  moments: readonly T[],
  attempt: (left: readonly Moment[]) => Promise<CliResult>,
): Promise<{ died: T[]; last: CliResult }> {
  const died: T[] = [];
  for (let left = moments; ; ) {
    const last = await attempt(left.map(({ moment }) => moment));
    const words = /^died (.*)$/m.exec(last.stderr)?.[1];
    const index = left.findIndex(({ moment }) => moment === words);
    if (last.signal !== "SIGKILL" || index < 0) return { died, last };
    died.push(left[index] as T);
    left = left.slice(index + 1);
  }
}
