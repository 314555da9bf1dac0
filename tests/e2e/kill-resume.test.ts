/** @file `w4s optimize` killed at writes and calls of every turn: it ends with the same result and pays nothing twice. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import {
  doneBy,
  drawMoments,
  dyingAt,
  KILLS_A_PART,
  killAtEach,
  oneOfEachPart,
} from "../support/kill-moments.js";
import { withoutPrograms } from "../support/no-programs.js";
import { namedReply, requestId, storedRequests } from "../support/paid-calls.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_122);
const CONCURRENCY = 3;

const newFolder = useTemporaryFolder();
let folder: string;
let server: FakeOpenAI;

beforeAll(async () => {
  folder = newFolder();
  makeTinyDesigner(join(folder, "tiny.gguf"));
  server = await startFakeOpenAI({ delayMs: 2, reply: namedReply });
});

afterAll(() => server.close());

function command(run: string): string[] {
  return [
    "optimize",
    ...["--task", "word-problems", "--model", join(folder, "tiny.gguf"), "--gpu", "off", "--threads", "1"],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--weak", "none"],
    ...["--episodes", "2", "--turns", "2", "--candidates", "2", "--max-repairs", "1", "--screen", "2"],
    ...["--validation-limit", "5", "--test-limit", "5", "--concurrency", String(CONCURRENCY), "--seed", "5"],
    ...["--instructions", "1", ...withoutPrograms(folder), "--run", join(folder, run)],
  ];
}

function outcome(run: string) {
  const summary = JSON.parse(readFileSync(join(folder, run, "summary.json"), "utf8"));
  const { best, resultHash, test, validation } = summary;
  return { best, resultHash, test, validation };
}

/** Each write by the turn in which it comes, or "start", or "end". */
function partsOf(done: readonly string[]): Map<string, string> {
  let part = "start";
  const parts = new Map<string, string>();
  for (const name of done) {
    const turn = /^events\.jsonl (turn-start \d \d|test-opened)/.exec(name)?.[1];
    if (turn !== undefined) part = turn === "test-opened" ? "end" : turn;
    parts.set(name, part);
  }
  return parts;
}

it(`ends like an undisturbed run after kills in all turns (seed ${SEED})`, async () => {
  const undisturbed = await runCli(command("undisturbed"), { env: dyingAt(join(folder, "undisturbed")) });
  expect(undisturbed.code, undisturbed.stderr).toBe(0);
  const callsOfOne = server.chats.length;
  const done = doneBy(undisturbed);
  const parts = partsOf(done);
  const offered = drawMoments(done, {
    partOf: (name) => parts.get(name),
    perPart: KILLS_A_PART,
    random: new Random(SEED),
  });
  const drawn = KILLS_A_PART > 1 ? offered : oneOfEachPart(offered);

  const run = join(folder, "killed");
  const paidTwice: string[] = [];
  const { died, last } = await killAtEach(drawn, async (left) => {
    const stored = storedRequests(run);
    const before = server.chats.length;
    const result = await runCli(command("killed"), { env: dyingAt(run, left) });
    const asked = server.chats.slice(before).map(({ body }) => requestId(body));
    paidTwice.push(...asked.filter((id) => stored.has(id)));
    return result;
  });
  expect(last.code, last.stderr).toBe(0);
  expect(outcome("killed")).toEqual(outcome("undisturbed"));
  expect(paidTwice).toEqual([]);
  expect(new Set(died.map(({ part }) => part))).toEqual(new Set(parts.values()));
  expect(died.some(({ moment }) => moment.includes(" call "))).toBe(true);
  const lost = server.chats.length - 2 * callsOfOne;
  console.log(`${died.length} kills, ${callsOfOne} calls undisturbed, ${lost} calls lost in flight`);
  expect(lost).toBeGreaterThanOrEqual(0);
  // Each kill may lose what was in flight, no more.
  expect(lost).toBeLessThanOrEqual(died.length * CONCURRENCY);
});
