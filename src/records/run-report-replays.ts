/** @file The replays of a run of a robot task, as reports draw them. */
import { join } from "node:path";
import { z } from "zod";
import { readState } from "./run-report-state.js";

const trace = z.array(
  z.object({
    /** Cells moved: n, e, s, w. */
    moves: z.string().regex(/^[nesw]*$/),
    stopped: z.object({ direction: z.string(), danger: z.string() }).exactOptional(),
    refused: z.string().exactOptional(),
  }),
);

const replay = z.object({
  kind: z.literal("robot"),
  workflow: z.string(),
  split: z.string(),
  sampleId: z.string(),
  /** 0–1. */
  score: z.number(),
  /** One line: how it ended, lengths, stopped commands, calls. */
  summary: z.string(),
  /** Rows from north to south: `#` wall, `o` crate, `S` start, `G` goal, `.` free. */
  map: z.array(z.string().regex(/^[#.oSG]+$/)),
  trace,
});

export type ReportReplay = z.infer<typeof replay>;

/** Empty where the run has none; throws as readState(). */
export function readReplays(directory: string): ReportReplay[] {
  const found = readState(join(directory, "replays.json"), z.object({ replays: z.array(replay) }));
  return found?.replays ?? [];
}
