/** @file `w4s learn` killed in every phase of one of its rounds: it ends like a run that was not, and pays nothing twice. */
import { join } from "node:path";
import { expect } from "vitest";
import { Random } from "../../src/core/random.js";
import { doneBy, drawMoments, dyingAt, killAtEach } from "./kill-moments.js";
import type { LearnBench } from "./learn-bench.js";
import { requestId, storedRequests } from "./paid-calls.js";
import { runCli } from "./run-cli.js";

export const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const LAST_ROUND = 2;
/** Besides calls: one of each row. */
const WRITES_A_PHASE = 2;
/** Of each round; 30 in all. A trainer may get further than a kill of its parent was meant to let it. */
const LEAST_KILLS = { 1: 17, [LAST_ROUND]: 13 };

/** What is written in the phases of a round. */
const PHASES: Record<string, (round: number) => string> = {
  // The second line of a collected file holds what the weak model has written.
  write: (round) => `rounds/0${round}/collect-.*:2$`,
  collect: (round) => `rounds/0${round}/collect-|events.jsonl (round-start ${round}|phase ${round} [seg])`,
  judge: (round) => `rounds/0${round}/judge-|events.jsonl (judge ${round}|phase ${round} judge)`,
  accept: (round) => `rounds/0${round}/round.json`,
  train: (round) => `rounds/0${round}/|events.jsonl (examples|train|phase) ${round}`,
};

/** Parts of a run in which the test of a round kills: with the first goes what comes before, with the last what comes after. */
const partsOf = (round: number): string[] => [
  // Before the first round there is only the base to judge.
  ...(round === 1 ? ["start", "judge 0"] : []),
  ...Object.keys(PHASES).map((phase) => `${phase} ${round}`),
  ...(round === LAST_ROUND ? ["end"] : []),
];

function partOf(name: string): string | undefined {
  // Not told again when a kill falls between the record of the round and this.
  if (name.startsWith("events.jsonl round-end")) return undefined;
  for (let round = 0; round <= LAST_ROUND; round++) {
    for (const [phase, written] of Object.entries(PHASES))
      if (new RegExp(`^(${written(round)})`).test(name)) return `${phase} ${round}`;
  }
  return /^(run|config)\.|run-start/.test(name) ? "start" : "end";
}

/** Runs `w4s learn` undisturbed, and again with a kill in every part of `round`, and compares the two. */
export async function killInRound(
  round: 1 | typeof LAST_ROUND,
  { folder, server, learn, outcome }: LearnBench,
): Promise<void> {
  const undisturbed = await runCli(learn("undisturbed"), { env: dyingAt(join(folder, "undisturbed")) });
  expect(`${undisturbed.code} ${undisturbed.stderr}`).toMatch(/^0 /);
  const callsOfOne = server.chats.length;
  const parts = partsOf(round);
  const drawn = drawMoments(doneBy(undisturbed), {
    partOf,
    perPart: WRITES_A_PHASE,
    random: new Random(SEED),
  }).filter(({ part }) => parts.includes(part));

  const run = join(folder, "killed");
  const paidTwice: string[] = [];
  const { died, last } = await killAtEach(drawn, async (left) => {
    const stored = storedRequests(run);
    const before = server.chats.length;
    const result = await runCli(learn("killed"), { env: dyingAt(run, left) });
    const asked = server.chats.slice(before).map(({ body }) => requestId(body));
    paidTwice.push(...asked.filter((id) => stored.has(id)));
    return result;
  });
  expect(`${last.code} ${last.stderr}`).toMatch(/^0 /);
  expect(outcome("killed")).toEqual(outcome("undisturbed"));
  expect(paidTwice).toEqual([]);
  expect(new Set(died.map(({ part }) => part))).toEqual(new Set(parts));
  expect(died.length).toBeGreaterThanOrEqual(LEAST_KILLS[round]);
  console.log(
    `${died.length} of ${drawn.length} kills, ${callsOfOne} calls undisturbed, 0 stored replies asked again`,
  );
}
