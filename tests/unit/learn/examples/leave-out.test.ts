/** @file What training does without: too long, too light, nothing to compare; each counted once. */
import { describe, expect, it } from "vitest";
import { leaveOut } from "../../../../src/learn/examples/leave-out.js";
import { actionExample } from "../../../../src/train/data/example.js";

const example = (weight: number, { prompt = 4, action = 2, group = "one" } = {}) =>
  actionExample({
    promptTokens: new Int32Array(prompt).fill(7),
    actionTokens: new Int32Array(action).fill(8),
    weight,
    group,
  });
const REFUSE = { truncate: "refuse" } as const;

describe("leaveOut", () => {
  it("keeps everything where nothing is asked", () => {
    const examples = [example(0), example(3), example(-1)];
    expect(leaveOut(examples, REFUSE, {})).toEqual({
      stays: [true, true, true],
      leftOut: { tooLong: 0, light: 0, silent: 0 },
    });
  });

  it("takes out what is too long, with the prompt cut where that is allowed", () => {
    const examples = [example(1), example(1, { prompt: 9 }), example(1, { prompt: 2, action: 6 })];
    const limit = 6;
    expect(leaveOut(examples, REFUSE, { limit })).toMatchObject({
      stays: [true, false, false],
      leftOut: { tooLong: 2 },
    });
    // One prompt token and six of the reply are still seven.
    expect(leaveOut(examples, { truncate: "middle" }, { limit })).toMatchObject({
      stays: [true, true, false],
      leftOut: { tooLong: 1 },
    });
  });

  it("takes out the lightest that carry at most a share of all weight, and never all", () => {
    const examples = [0.2, 5, 0.1, 0, 4.7].map((weight) => example(weight));
    expect(leaveOut(examples, REFUSE, { lightShare: 0.05 }).stays).toEqual([false, true, false, false, true]);
    expect(leaveOut(examples, REFUSE, { lightShare: 0.0099 }).leftOut.light).toBe(1);
    expect(leaveOut(examples, REFUSE, { lightShare: 0 }).leftOut.light).toBe(1);
    const alike = [1, 1, 1].map((weight) => example(weight));
    expect(leaveOut(alike, REFUSE, { lightShare: 0.05 }).leftOut.light).toBe(0);
    const nothing = [example(0), example(0)];
    expect(leaveOut(nothing, REFUSE, { lightShare: 0.05 }).leftOut.light).toBe(0);
  });

  it("takes out what an objective cannot compare, within an episode and prompt", () => {
    const examples = [
      example(0.3),
      example(0.31),
      example(0.1),
      example(0, { prompt: 5 }),
      example(0.9, { group: "two" }),
    ];
    const settings = { ...REFUSE, objective: "preference" as const };
    expect(leaveOut(examples, settings, {})).toMatchObject({
      stays: [true, true, true, false, false],
      leftOut: { tooLong: 0, light: 0, silent: 2 },
    });
    // A partner that is too long is none.
    expect(leaveOut([example(1, { action: 9 }), example(0)], settings, { limit: 8 }).leftOut).toEqual({
      tooLong: 1,
      light: 0,
      silent: 1,
    });
    const group = { ...REFUSE, objective: "group" as const };
    expect(leaveOut(examples, group, { lightShare: 0.4 }).stays).toEqual([true, true, true, false, true]);
  });
});
