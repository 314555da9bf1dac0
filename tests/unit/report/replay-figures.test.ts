/** @file Replays of robot runs on the page: drawn as they were, escaped, and refused when they are not what a run wrote. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Replay } from "../../../src/records/replay-record.js";
import { htmlReport } from "../../../src/report/html-report.js";
import { replayFigures } from "../../../src/report/replay-figures.js";
import { readRunReport } from "../../../src/report/run-report.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { makeRun } from "./made-run.js";
import { XSS_STRINGS } from "./xss-strings.js";

const folder = useTemporaryFolder();

const REPLAY: Replay = {
  kind: "robot",
  workflow: "executor alone, direct",
  split: "test",
  sampleId: "robot-rooms/test/0001",
  score: 0.925,
  summary: "reached the goal, 2 cells (shortest 2), 1 stopped (south into a crate), 2 calls",
  map: ["#####", "#S.G#", "#o..#", "#####"],
  trace: [{ moves: "", stopped: { direction: "south", danger: "into a crate" } }, { moves: "ee" }],
};

async function pageWith(replays: readonly unknown[]): Promise<string> {
  const run = join(folder(), "run");
  makeRun(run);
  writeFileSync(join(run, "replays.json"), JSON.stringify({ replays }));
  return htmlReport(await readRunReport(run));
}

describe("replays", () => {
  it("draws walls, crates, the way, the stations and each stopped command where it was", () => {
    const drawing = replayFigures([REPLAY])!.text;
    expect(drawing.match(/class="wall"/g)).toHaveLength(14);
    expect(drawing.match(/class="crate"/g)).toHaveLength(1);
    expect(drawing).toContain('points="30,30 50,30 70,30"');
    expect(drawing.match(/class="station" cx="30" cy="30"/g)).toHaveLength(2);
    // Between the start and the crate south of it.
    expect(drawing).toContain('class="stop" d="M26 36');
    expect(drawing).toContain("test, score 0.925: reached the goal");
  });

  it("puts the runs of one item beside each other, in the order of the items", () => {
    const other = { ...REPLAY, sampleId: "b" };
    const drawing = replayFigures([REPLAY, other, { ...REPLAY, workflow: "best" }])!.text;
    const order = [...drawing.matchAll(/<figcaption>(.*?)<\/figcaption>/g)].map((match) => match[1]);
    expect(order).toEqual([
      "robot-rooms/test/0001: executor alone, direct",
      "robot-rooms/test/0001: best",
      "b: executor alone, direct",
    ]);
  });

  it("is a section of the page, and none where there are no replays", async () => {
    const page = await pageWith([REPLAY]);
    expect(page).toContain('<a href="#replays">Replays</a>');
    expect(page).not.toMatch(/\sstyle=/);
    expect(await pageWith([])).not.toContain("#replays");
  });

  it("shows hostile names and summaries as text", async () => {
    const page = await pageWith(
      XSS_STRINGS.map((text, index) => ({
        ...REPLAY,
        workflow: text,
        summary: text,
        sampleId: `${index}${text}`,
      })),
    );
    const quiet = await pageWith([REPLAY]);
    for (const mark of [/<script\b/gi, /<img\b/gi, /<iframe\b/gi]) {
      expect(page.match(mark)?.length).toBe(quiet.match(mark)?.length);
    }
  });

  it.each([
    ["a map of other marks", { map: ["<b>"] }],
    ["moves that are none", { moves: "up" }],
    ["no map", { map: undefined }],
  ])("a changed file is refused: %s", async (_, { moves, ...change }: { moves?: string; map?: unknown }) => {
    const trace = moves === undefined ? REPLAY.trace : [{ moves }];
    await expect(pageWith([{ ...REPLAY, ...change, trace }])).rejects.toThrow(/replays\.json: replays\.0/);
  });
});
