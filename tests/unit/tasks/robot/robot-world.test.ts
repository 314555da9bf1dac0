/** @file Worlds, sensors and runs by seed: solvable, repeatable, and as noisy as they say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { hashJson } from "../../../../src/core/hash.js";
import { Random } from "../../../../src/core/random.js";
import { nextLeg } from "../../../../src/tasks/families/robot/next-leg.js";
import { MAX_RANGE, readSensors, trueRange } from "../../../../src/tasks/families/robot/read-sensors.js";
import { readWorld, worldProblem } from "../../../../src/tasks/families/robot/read-world.js";
import { robotRooms } from "../../../../src/tasks/families/robot/robot-rooms.js";
import { RobotRun } from "../../../../src/tasks/families/robot/robot-run.js";
import { DIRECTIONS, findMark, type World } from "../../../../src/tasks/families/robot/world.js";
import { FROZEN_SAMPLE, generateFamily, ROBOT_FAMILIES } from "../../../../src/tasks/families.js";
import { loadTask } from "../../../../src/tasks/load-task.js";
import { parseSampleLine } from "../../../../src/tasks/reading/parse-sample-line.js";
import { simulatedItems } from "../../../../src/tasks/simulated-items.js";
import { validateDataset } from "../../../../src/tasks/validate-dataset.js";
import { writeDataset } from "../../../../src/tasks/write-dataset.js";
import { recheckRobotTrace } from "../../../support/recheck-robot-trace.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const packageDatasets = fileURLToPath(new URL("../../../../datasets", import.meta.url));

function drawn(seed: number, difficulty: number): World {
  return readWorld({ id: "x", meta: robotRooms.generate(new Random(seed), difficulty).meta! });
}

function playRightly(world: World): RobotRun {
  const run = new RobotRun(world);
  while (run.end === undefined) run.act([nextLeg(run)]);
  return run;
}

const SEEDS = Array.from({ length: 120 }, (_, seed) => seed);

test("every drawn world is solved by one who reads the sensors rightly, without a stop, within half its budgets", () => {
  for (const seed of SEEDS) {
    const world = drawn(seed, (seed % 11) / 10);
    const run = playRightly(world);
    expect(run.end, `seed ${seed}`).toBe("goal");
    expect(run.trace.some((step) => step.stopped)).toBe(false);
    expect(run.trace.length).toBeLessThanOrEqual((world.steps - 2) / 1.6 + 1);
    expect(recheckRobotTrace({ ...world, trace: run.trace })).toMatchObject({ unsafe: 0, isAtGoal: true });
  }
});

test("worlds grow with difficulty, and crates stand in most of them", () => {
  const mean = (difficulty: number, figure: (world: World) => number) =>
    SEEDS.slice(0, 40).reduce((sum, seed) => sum + figure(drawn(seed, difficulty)), 0) / 40;
  const cells = ({ map }: World) => map.join("").length;
  const crates = ({ map }: World) => map.join("").split("o").length - 1;
  expect(mean(1, cells)).toBeGreaterThan(2 * mean(0, cells));
  expect(mean(1, crates)).toBeGreaterThan(3 * mean(0, crates));
  expect(mean(0, crates)).toBeGreaterThan(1);
});

test("the same seed gives the same worlds, readings and runs on every machine", () => {
  const runs = SEEDS.slice(0, 30).map((seed) => {
    const world = drawn(seed, 0.7);
    const { trace } = playRightly(world);
    return [world, readSensors(world, findMark(world, "S"), 1), trace];
  });
  // Changes with every wanted change of generator, sensors or rules; raise the family's version then.
  expect(hashJson(runs).slice(0, 16)).toBe("818b8766c3d7237a");
});

describe("range sensors", () => {
  const world = { ...drawn(5, 0.8), noise: 0.3 };
  const start = findMark(world, "S");

  test("without noise all readings are true; the true range ends at walls, crates and six cells", () => {
    for (const seed of SEEDS.slice(0, 30)) {
      const quiet = { ...drawn(seed, 0.5), noise: 0 };
      const cell = findMark(quiet, "S");
      const readings = readSensors(quiet, cell, 1);
      for (const direction of DIRECTIONS) {
        const range = trueRange(quiet, cell, direction);
        expect(readings[direction]).toEqual([range, range, range]);
        const [dx, dy] = { north: [0, -1], east: [1, 0], south: [0, 1], west: [-1, 0] }[direction] as [
          number,
          number,
        ];
        const marks = Array.from(
          { length: range },
          (_, i) => quiet.map[cell.y + dy * (i + 1)]?.[cell.x + dx * (i + 1)],
        );
        expect(marks.every((mark) => mark !== undefined && ".SG".includes(mark))).toBe(true);
        const next = quiet.map[cell.y + dy * (range + 1)]?.[cell.x + dx * (range + 1)];
        if (range < MAX_RANGE) expect("#o").toContain(next);
      }
    }
  });

  test("the same seed, step and cell give the same readings; another seed or step gives others", () => {
    const many = (seed: number, shift: number) =>
      Array.from({ length: 20 }, (_, step) => readSensors({ ...world, seed }, start, step + shift));
    expect(many(1, 0)).toEqual(many(1, 0));
    expect(many(1, 0)).not.toEqual(many(2, 0));
    expect(many(1, 0)).not.toEqual(many(1, 20));
  });

  test("about as many readings are off as the noise says, by one cell or two, and most middles are right", () => {
    let [off, all, wrongMiddles, middles] = [0, 0, 0, 0];
    for (let step = 1; step <= 400; step++) {
      const readings = readSensors(world, start, step);
      for (const direction of DIRECTIONS) {
        const range = trueRange(world, start, direction);
        // At the ends of the scale a wrong reading can be clipped to the true one.
        if (range < 2 || range > MAX_RANGE - 2) continue;
        for (const value of readings[direction]) {
          all++;
          if (value !== range) off++;
          expect(Math.abs(value - range)).toBeLessThanOrEqual(2);
        }
        middles++;
        if ([...readings[direction]].sort((a, b) => a - b)[1] !== range) wrongMiddles++;
      }
    }
    expect(all).toBeGreaterThan(500);
    expect(off / all).toBeGreaterThan(0.24);
    expect(off / all).toBeLessThan(0.36);
    expect(wrongMiddles / middles).toBeLessThan(0.2);
  });
});

describe("the shipped dataset", () => {
  test("is what the generator makes today, loads, and its splits share nothing", async () => {
    const directory = join(folder(), "robot-rooms");
    await writeDataset(directory, generateFamily("robot-rooms", FROZEN_SAMPLE));
    for (const file of ["dataset.json", "train.jsonl", "validation.jsonl", "test.jsonl"]) {
      const [shipped, made] = [join(packageDatasets, "robot-rooms"), directory].map((root) =>
        readFileSync(join(root, file), "utf8"),
      );
      expect(shipped === made, file).toBe(true);
    }
    expect(await validateDataset(directory)).toMatchObject({ isValid: true, overlaps: [] });
    const task = await loadTask("robot-rooms");
    expect(task).toMatchObject({ kind: "robot", metric: "robot", family: "robot-rooms" });
    for (const split of task.splits) {
      const samples = await task.load(split);
      expect(simulatedItems(samples)).toHaveLength(40);
      for (const sample of samples) expect(playRightly(readWorld(sample)).end).toBe("goal");
    }
    expect(ROBOT_FAMILIES.map(({ name }) => name)).toEqual(["robot-rooms"]);
  });

  const line = (change: (world: Record<string, unknown>) => void) => {
    const world: Record<string, unknown> = { ...drawn(1, 0.3) };
    change(world);
    return { id: "a", question: "q", answer: "east 1", meta: { world } };
  };
  test.each([
    [
      "no world",
      (world: Record<string, unknown>) => Object.assign(world, { map: undefined }),
      /meta\.world\.map/,
    ],
    [
      "unknown field",
      (world: Record<string, unknown>) => Object.assign(world, { safety: "off" }),
      /Unrecognized key/,
    ],
    [
      "rows of two lengths",
      (world: Record<string, unknown>) => Object.assign(world, { map: ["S.", "G"] }),
      /one length/,
    ],
    [
      "two goals",
      (world: Record<string, unknown>) => Object.assign(world, { map: ["SGG"] }),
      /one S and one G/,
    ],
    ["no way", (world: Record<string, unknown>) => Object.assign(world, { map: ["S#G"] }), /no way leads/],
    [
      "a crate in the only way",
      (world: Record<string, unknown>) => Object.assign(world, { map: ["SoG"] }),
      /no way leads/,
    ],
    ["other marks", (world: Record<string, unknown>) => Object.assign(world, { map: ["S<G"] }), /# \. o S G/],
    ["noise above 1", (world: Record<string, unknown>) => Object.assign(world, { noise: 1.5 }), /noise/],
    [
      "reserve above the battery",
      (world: Record<string, unknown>) => Object.assign(world, { reserve: 99_999 }),
      /reserve/,
    ],
    ["no steps", (world: Record<string, unknown>) => Object.assign(world, { steps: 0 }), /steps/],
    [
      "a huge map",
      (world: Record<string, unknown>) => Object.assign(world, { map: [`${"S".padEnd(64, ".")}G`] }),
      /at most 64/,
    ],
  ])("a bad world is refused: %s", (_, change, message) => {
    expect(() => parseSampleLine(JSON.stringify(line(change)), { kind: "robot", metric: "robot" })).toThrow(
      message,
    );
  });

  test("an item of another kind of thing is refused with its name", () => {
    expect(worldProblem({ world: "a map" })).toHaveProperty("problem");
    expect(() => readWorld({ id: "item-7", meta: {} })).toThrow(/item-7: meta\.world/);
  });
});
