/** @file `w4s learn` killed in every phase of its rounds: it ends like a run that was not, and pays nothing twice. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { doneBy, drawMoments, dyingAt, KILLS_A_PART, killAtEach } from "../support/kill-moments.js";
import { startLearnBench } from "../support/learn-bench.js";
import { requestId, storedRequests } from "../support/paid-calls.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const LAST_ROUND = 2;

const newFolder = useTemporaryFolder();

/** What is written in the phases of a round. */
const PHASES: Record<string, (round: number) => string> = {
  // The second line of a collected file holds what the weak model has written.
  write: (round) => `rounds/0${round}/collect-.*:2$`,
  collect: (round) => `rounds/0${round}/collect-|events.jsonl (round-start ${round}|phase ${round} [seg])`,
  judge: (round) => `rounds/0${round}/judge-|events.jsonl (judge ${round}|phase ${round} judge)`,
  accept: (round) => `rounds/0${round}/round.json`,
  train: (round) => `rounds/0${round}/|events.jsonl (examples|train|phase) ${round}`,
};

const phasesOf = (round: number) => Object.keys(PHASES).map((phase) => `${phase} ${round}`);
const PARTS: readonly string[] = [
  // Before the first round there is only the base to judge.
  ...["start", "judge 0"],
  // In the gate each phase is met in one of the two rounds; `make kills` meets it in both.
  ...(KILLS_A_PART > 1
    ? [...phasesOf(1), ...phasesOf(LAST_ROUND)]
    : [...phasesOf(1).filter((_, i) => i % 2 === 0), ...phasesOf(LAST_ROUND).filter((_, i) => i % 2 === 1)]),
  "end",
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

it(`ends like an undisturbed run after kills in all phases of its rounds (seed ${SEED})`, async () => {
  const { folder, server, learn: learnBoth, outcome } = await startLearnBench(newFolder());
  const learn = (run: string) => learnBoth(run, ["--task", "counting", "--episodes", "1"]);
  const undisturbed = await runCli(learn("undisturbed"), { env: dyingAt(join(folder, "undisturbed")) });
  expect(`${undisturbed.code} ${undisturbed.stderr}`).toMatch(/^0 /);
  const callsOfOne = server.chats.length;
  const drawn = drawMoments(doneBy(undisturbed), {
    partOf: (name) => PARTS.find((part) => part === partOf(name)),
    perPart: KILLS_A_PART,
    // Calls in flight are broken off in kill-resume.test.ts, and here by `make kills`.
    callsPerPart: KILLS_A_PART - 1,
    random: new Random(SEED),
  });

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
  expect(new Set(died.map(({ part }) => part))).toEqual(new Set(PARTS));
  console.log(
    `${died.length} of ${drawn.length} kills, ${callsOfOne} calls undisturbed, 0 stored replies asked again`,
  );
  await server.close();
});
