/** @file Unsafe commands executed: none, over a thousand runs of random answers, recounted from the recorded traces. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../../../src/core/random.js";
import { robotRooms } from "../../../../src/tasks/families/robot/robot-rooms.js";
import type { RobotRecord } from "../../../../src/tasks/families/robot/score-robot-run.js";
import { makeScorer } from "../../../../src/tasks/make-scorer.js";
import type { Sample } from "../../../../src/tasks/task.js";
import { recheckRobotTrace } from "../../../support/recheck-robot-trace.js";

const RUNS = 1000;
const scorer = makeScorer("robot");
/** More worlds would only take longer: the answers are what varies. */
const ITEMS = Array.from({ length: 150 }, (_, seed) => item(seed));
const DIRECTIONS = ["north", "east", "south", "west"];

function item(seed: number): Sample {
  const { question, context, answer, meta } = robotRooms.generate(new Random(seed), (seed % 21) / 20);
  return { id: `r${seed}`, question, context: context!, answers: [answer], meta: meta! };
}

/** Plans of all sizes, and things that are none. */
const answer = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(fc.tuple(fc.constantFrom(...DIRECTIONS), fc.integer({ min: -2, max: 20 })), {
      maxLength: 12,
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...DIRECTIONS), fc.integer({ min: 1, max: 99_999 }))
      .map((one) => [one]),
  },
);
const text = fc.oneof(
  { weight: 9, arbitrary: answer.map((plan) => plan.map(([name, cells]) => `${name} ${cells}`).join(", ")) },
  { weight: 1, arbitrary: fc.anything() },
);

test(`no unsafe move in ${RUNS} runs; every stop had its danger; stops and goals are counted right`, () => {
  let seed = 0;
  const sum = { unsafe: 0, needlessStops: 0, moves: 0, stops: 0, goals: 0 };
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 30 }), (answers) => {
      const sample = ITEMS[seed++ % ITEMS.length] as Sample;
      const episode = scorer.play!(sample);
      for (const one of answers) {
        if (!episode.view()) break;
        episode.act(one);
      }
      const record = episode.score(answers.length).details as unknown as RobotRecord;
      const { unsafe, needlessStops, moves, stops, isAtGoal } = recheckRobotTrace(record);
      expect(record.map).toEqual((sample.meta.world as { map: string[] }).map);
      expect(record).toMatchObject({ stopped: stops, travelled: moves });
      expect(record.charge).toBeGreaterThanOrEqual(record.reserve);
      expect(isAtGoal).toBe(record.end === "goal");
      sum.unsafe += unsafe;
      sum.needlessStops += needlessStops;
      sum.moves += moves;
      sum.stops += stops;
      if (isAtGoal) sum.goals++;
    }),
    { numRuns: RUNS, seed: Number(process.env.W4S_TEST_SEED ?? 8) },
  );
  expect(sum).toMatchObject({ unsafe: 0, needlessStops: 0 });
  // The property says something only where robots really moved and were really stopped.
  expect(sum.moves).toBeGreaterThan(4 * RUNS);
  expect(sum.stops).toBeGreaterThan(2 * RUNS);
});

test("the checker itself finds what is unsafe", () => {
  const base = { map: ["#####", "#S.G#", "#o..#", "#####"], battery: 9, reserve: 2 };
  const unsafe = (moves: string, changes = {}) =>
    recheckRobotTrace({ ...base, ...changes, trace: [{ moves }] }).unsafe;
  expect(unsafe("ee")).toBe(0);
  expect(unsafe("n")).toBe(1);
  expect(unsafe("s")).toBe(1);
  expect(unsafe("ee", { battery: 3 })).toBeGreaterThan(0);
  expect(unsafe("w", { map: ["S.G"] })).toBe(1);
  expect(
    recheckRobotTrace({
      ...base,
      trace: [{ moves: "", stopped: { direction: "east", danger: "into a wall" } }],
    }),
  ).toMatchObject({ needlessStops: 1 });
});
