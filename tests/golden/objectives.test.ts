/** @file Objectives that compare replies against PyTorch's float64 losses and slopes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type ComparedName,
  type ComparedReply,
  OBJECTIVE_TABLE,
  type ObjectiveFigures,
} from "../../src/train/loop/objective.js";

/** Sums of some twenty float64 terms of up to 20 nats, and one exponential. */
const BOUND = 1e-13;

interface GoldenReply {
  prompt: string;
  weight: number;
  now: number[];
  start: number[];
  slopes: number[];
}

interface GoldenCase {
  name: ComparedName;
  figures: ObjectiveFigures;
  count: number;
  loss: number;
  replies: GoldenReply[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("objectives/objectives.json", import.meta.url), "utf8"),
) as { cases: GoldenCase[] };

const repliesOf = ({ replies }: Pick<GoldenCase, "replies">): ComparedReply[] =>
  replies.map(({ now, start, ...reply }) => ({
    ...reply,
    now: Float64Array.from(now),
    start: Float64Array.from(start),
  }));

describe("objectives, golden", () => {
  it("has all of the table", () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(Object.keys(OBJECTIVE_TABLE)));
  });

  it.each(cases.map((one, i) => [`${one.name} ${i}`, one] as const))(
    "%s: loss and every slope",
    (_, golden) => {
      const { name, figures, count } = golden;
      const found = OBJECTIVE_TABLE[name].lossOf(repliesOf(golden), figures, count);
      expect(Math.abs(found.loss - golden.loss)).toBeLessThan(BOUND);
      const wanted = golden.replies.map(({ slopes }) => slopes);
      expect(found.slopes.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
      for (const [i, slopes] of wanted.entries())
        for (const [t, slope] of slopes.entries())
          expect(Math.abs((found.slopes[i]?.[t] as number) - slope), `${i} ${t}`).toBeLessThan(BOUND);
      expect(wanted.flat().some((slope) => Math.abs(slope) > 1e-3)).toBe(true);
    },
  );

  it.each(cases.map((one, i) => [`${one.name} ${i}`, one] as const))(
    "%s: who has no part changes nothing",
    (_, golden) => {
      const { name, figures, count } = golden;
      const { lossOf, hasPart } = OBJECTIVE_TABLE[name];
      const silent = { prompt: "four", weight: 0, now: [-1, -2], start: [-1.5, -1], slopes: [] };
      const all = [...golden.replies, silent];
      const has = hasPart(all, figures);
      expect(has.at(-1)).toBe(false);
      const chosen = all.filter((__, i) => has[i]);
      expect(
        Math.abs(lossOf(repliesOf({ replies: chosen }), figures, count).loss - golden.loss),
      ).toBeLessThan(BOUND);
    },
  );
});

describe("what is pushed away", () => {
  const reply = (weight: number, gain: number): ComparedReply => ({
    prompt: "one",
    weight,
    now: Float64Array.of(-1 + gain, -2 + gain),
    start: Float64Array.of(-1, -2),
  });
  const pull = (name: ComparedName, gain: number) => {
    const replies = [reply(1, 0), reply(-1, gain)];
    const { slopes } = OBJECTIVE_TABLE[name].lossOf(replies, {}, 2);
    return slopes[1]?.[0] as number;
  };

  it.each(["preference", "group", "kto"] as const)("%s: is let go once it is far away", (name) => {
    expect(pull(name, 0)).toBeGreaterThan(0.01);
    expect(pull(name, -50)).toBeLessThan(1e-3);
    expect(pull(name, -50)).toBeGreaterThanOrEqual(0);
  });
});
