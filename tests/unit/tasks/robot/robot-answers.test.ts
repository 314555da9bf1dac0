/** @file A hand-made table of tricky answers: what is read from them, what moves, and what the run is worth. */
import { describe, expect, test } from "vitest";
import { parseCommands } from "../../../../src/tasks/families/robot/parse-commands.js";
import { ROBOT_WEIGHTS } from "../../../../src/tasks/families/robot/score-robot-run.js";
import { makeScorer } from "../../../../src/tasks/make-scorer.js";
import type { Sample } from "../../../../src/tasks/task.js";

/**
 * S is at column 1, row 1; G at column 5, row 3. The shortest way has 6 cells: east 2, south 2, east 2. "o" at (4,1).
 */
const WORLD = {
  map: ["#######", "#S..o.#", "#.#.#.#", "#.#..G#", "#.....#", "#######"],
  battery: 20,
  reserve: 4,
  steps: 5,
  noise: 0,
  seed: 1,
};
const sample = (world: object = WORLD): Sample => ({
  id: "hand",
  question: "q",
  answers: ["east 2"],
  meta: { world },
});
const scorer = makeScorer("robot");

/** Success, shortest way, nothing stopped, no calls: 0.5 + 0.25 + 0.15 + 0.1. */
const FULL = 1;
const nested = (value: unknown, depth: number): unknown => (depth === 0 ? value : [nested(value, depth - 1)]);

const TABLE: [name: string, answer: unknown, moves: string, value: number, why?: string][] = [
  ["plain", "east 2, south 2, east 2", "eesseee".slice(0, 6), FULL],
  ["one a line", "east 2\nsouth 2\neast 2", "eessee", FULL],
  ["numbered list", "1. east 2\n2. south 2\n3. east 2", "eessee", FULL],
  ["bullets", "- east 2\n* south 2\n• east 2", "eessee", FULL],
  ["letters", "e2 s2 e2", "eessee", FULL],
  ["upper case", "EAST 2, SOUTH 2, EAST 2.", "eessee", FULL],
  ["number first", "2 cells east, 2 cells south, 2 cells east", "eessee", FULL],
  ["metres and centimetres", "east 2 m, south 200 cm, 2 metres to the east", "eessee", FULL],
  ["number words", "go east two, then south two, and finally east two", "eessee", FULL],
  ["single steps", "east east south south east east", "eessee", FULL],
  ["arrows between", "east 2 → south 2 → east 2", "eessee", FULL],
  ["full-width digits", "east ２, south ２, east ２", "eessee", FULL],
  ["tag", "I see. <answer>east 2, south 2, east 2</answer>", "eessee", FULL],
  ["mark", "The walls are clear.\nAnswer: east 2, south 2, east 2", "eessee", FULL],
  ["markdown", "**east 2**, `south 2`, _east 2_", "eessee", FULL],
  ["list", ["east 2", "south 2", "east 2"], "eessee", FULL],
  ["nested lists", [["east 2"], [["south 2"], ["east 2"]]], "eessee", FULL],
  ["JSON text", '["east 2", "south 2", "east 2"]', "eessee", FULL],
  [
    "objects",
    [
      { direction: "east", cells: 2 },
      { direction: "south", cells: 2 },
      { direction: "east", cells: "2" },
    ],
    "eessee",
    FULL,
  ],
  ["object in a tag", '<answer>{"commands": ["east 2", "south 2, east 2"]}</answer>', "eessee", FULL],
  ["answer field", { answer: "east 2, south 2, east 2" }, "eessee", FULL],
  ["past the goal", "east 2, south 2, east 9", "eessee", FULL],
  ["a way round: 0.5 + 0.25 × 6/8 + 0.25", "south 3, east 2, north 1, east 2", "ssseenee", 0.9375],
  ["into the crate", "east 3, south 2, east 2", "ee", 0, "east into a crate"],
  ["into a wall", "north 1", "", 0, "north into a wall"],
  ["decimal that is whole", "east 2.0, south 2.0, east 2.0", "eessee", FULL],
  ["half a cell", "east 1.5 m", "", 0, "not a whole number"],
  ["50 cm", "east 50 cm", "", 0, "not a whole number"],
  ["no cell", "east 0", "", 0, "not even one cell"],
  ["negative", "east -2", "", 0, "not a command"],
  ["refusal", "I'm sorry, I cannot help with that.", "", 0, "not a command"],
  ["prose with directions", "Go east, because the north is blocked.", "", 0, "not a command"],
  ["a negated command", "do not go east 2", "", 0, "not a command"],
  ["relative", "turn left and go forward 2", "", 0, "not a command"],
  ["empty", "", "", 0, "no command"],
  ["spaces", " \n\t ", "", 0, "no command"],
  ["empty list", [], "", 0, "no command"],
  ["null", null, "", 0, "no text"],
  ["number", 42, "", 0, "no text"],
  ["boolean", true, "", 0, "no text"],
  ["object without commands", { plan2: "east 2" }, "", 0, "an object without commands"],
  ["inherited field", JSON.parse('{"__proto__": {"answer": "east 2"}}'), "", 0, "an object without commands"],
  ["broken JSON", '["east 2", "south 2"', "", 0, "no JSON"],
  ["other script", "на восток 2", "", 0, "not a command"],
  ["diagonal", "north-east 2", "", 0, "not a command"],
  ["diagonal in one word", "southeast 2", "", 0, "not a command"],
  ["a range", "east 2-3", "", 0, "not a command"],
  ["look-alike letter", "еast 2", "", 0, "not a command"],
  ["emoji", "➡️2", "", 0, "not a command"],
  ["zero-width space inside", "ea\u200bst 2", "", 0, "not a command"],
  ["stop first", "stop, east 2", "", 0, "control steps"],
  ["a million commands as text", "east 1 ".repeat(1_000_000), "", 0, "longer than"],
  ["a million commands as a list", Array.from({ length: 1_000_000 }, () => "east 1"), "", 0, "more than 32"],
  ["lists in lists without end", nested("east 2", 60), "", 0, "nested too deeply"],
  ["JSON in JSON without end", JSON.stringify(nested("east 2", 60)), "", 0, "nested too deeply"],
  ["an endless number", `east ${"9".repeat(400)}`, "", 0, "not a whole number"],
  ["a huge number", "east 999999999", "ee", 0, "east into a crate"],
  ["direction as code", { direction: "east); robot.unlock(", cells: 2 }, "", 0, "not a command"],
];

test("the table has more than thirty entries, each of another name", () => {
  expect(new Set(TABLE.map(([name]) => name)).size).toBe(TABLE.length);
  expect(TABLE.length).toBeGreaterThanOrEqual(30);
});

test.each(TABLE)("%s", (_, answer, moves, value, why) => {
  const score = scorer.score(answer, sample({ ...WORLD, steps: 1 }));
  const details = score.details as { trace: { moves: string }[]; stopped: number };
  expect(details.trace.map((step) => step.moves).join("")).toBe(moves);
  expect(score.value).toBeCloseTo(value, 10);
  expect(score.isCorrect).toBe(value > 0);
  if (why !== undefined) expect(score.extracted).toContain(why);
});

describe("the formula", () => {
  const played = (answers: unknown[], calls: number, world: object = WORLD) => {
    const episode = scorer.play!(sample(world));
    for (const answer of answers) {
      if (!episode.view()) break;
      episode.act(answer);
    }
    return episode.score(calls);
  };

  test("one stop and 12 calls: 0.5 + 0.25 + 0.15/2 + 0.1 × 0.88", () => {
    const score = played(["east 3", "south 2", "east 2"], 12);
    expect(score.value).toBeCloseTo(0.5 + 0.25 + 0.075 + 0.088, 10);
    expect(score.details).toMatchObject({
      end: "goal",
      travelled: 6,
      shortest: 6,
      stopped: 1,
      calls: 12,
      parts: { success: 1, path: 1, safety: 0.5, calls: 0.88 },
    });
    expect(score.extracted).toBe(
      "reached the goal, 6 cells (shortest 6), 1 stopped (east into a crate), 12 calls",
    );
  });

  test("more than 100 calls leave nothing of the calls part", () => {
    expect(played(["east 2, south 2, east 2"], 250).value).toBeCloseTo(0.9, 10);
  });

  test("a goal that was not reached is worth nothing, however near", () => {
    expect(played(["east 2, south 2, east 1"], 1)).toMatchObject({ value: 0, isCorrect: false });
  });

  test("the reserve is never touched: the robot stops one cell before", () => {
    const score = played(["east 2, south 2, east 2"], 1, { ...WORLD, battery: 9 });
    expect(score.details).toMatchObject({ end: "battery", travelled: 5, charge: 4, stopped: 1 });
    expect(score.extracted).toContain("east below the battery reserve");
  });

  test("control steps run out, also by answers that are no commands", () => {
    const score = played(
      Array.from({ length: 9 }, () => "let me think"),
      1,
    );
    expect(score.details).toMatchObject({ end: "steps", controlSteps: 5, refused: 5, travelled: 0 });
  });

  test("the weights make one, and after the end nothing happens", () => {
    expect(Object.values(ROBOT_WEIGHTS).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
    const episode = scorer.play!(sample());
    episode.act("east 2, south 2, east 2");
    expect(episode.view()).toBeUndefined();
    episode.act("west 2");
    expect(episode.score(1).details).toMatchObject({ travelled: 6, controlSteps: 1 });
  });

  test("a view tells where the robot is and what happened, and nothing of unseen crates", () => {
    const episode = scorer.play!(sample());
    const first = episode.view()!;
    expect(first.question).toContain(
      "The robot R stands at column 1, row 1, the goal G is at column 5, row 3.",
    );
    expect(first.question).toContain("north 0 0 0; east 2 2 2; south 3 3 3; west 0 0 0");
    expect(first.context).toContain("#R....#");
    expect(first.context).not.toMatch(/^#.*o.*#$/m);
    episode.act("east 5");
    const second = episode.view()!;
    expect(second.question).toContain(
      "moved it 2 cells; then it was stopped: east would have gone into a crate.",
    );
    expect(second.context).toContain("#..Ro.#");
    expect(JSON.stringify([second.answers, second.meta])).toBe("[[],{}]");
  });
});

test("a parser that is given anything gives commands of at least one cell, or a reason", () => {
  for (const [, answer] of TABLE) {
    const parsed = parseCommands(answer);
    if ("refused" in parsed) expect(parsed.refused).not.toBe("");
    else for (const { cells } of parsed.commands) expect(cells).toBeGreaterThanOrEqual(1);
  }
});
