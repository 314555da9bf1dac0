import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { LATER_SHARE } from "../../../src/design/race.js";

import { usualBaselines } from "../../../src/evaluate/baselines/usual-baselines.js";
import { CONFIRMED } from "../../../src/run/confirm-best.js";
import { forecastRun, isOff, remeasured } from "../../../src/run/forecast-run.js";
import { BASELINE_ITEMS } from "../../../src/run/search-plan.js";
import type { Sample } from "../../../src/tasks/task.js";

const SETTINGS = {
  task: "t",
  executor: "simulated",
  episodes: 2,
  turns: 3,
  candidates: 4,
  testLimit: 10,
  maxTokens: 100,
};
const samples: Sample[] = Array.from({ length: 20 }, (_, i) => ({
  id: String(i),
  question: "q".repeat(400),
  answers: ["1"],
  meta: {},
}));
const baselines = usualBaselines("number");

describe("forecastRun", () => {
  it("adds up candidates, baselines and the final test", () => {
    const forecast = forecastRun(
      parseRunConfig({ ...SETTINGS, screen: 0 }),
      samples,
      baselines,
      undefined,
      true,
    );
    // 3 remote baselines × (20 + 10), and (24 candidates × 20 + 10 test items) × 2 calls.
    expect(forecast.executorCalls).toBe(3 * 30 + (24 * 20 + 10) * 2);
    expect(forecast.dollars).toBeNull();
    expect(forecast.isMeasured).toBe(false);
  });

  it("counts screening, and no test where none is made", () => {
    const forecast = forecastRun(
      parseRunConfig({ ...SETTINGS, screen: 4 }),
      samples,
      baselines,
      undefined,
      false,
    );
    // A turn: 4 candidates × 4 samples, then 2 of them on the other 16.
    expect(forecast.executorCalls).toBe(3 * 20 + 6 * (16 + 32) * 2);
  });

  it("counts a race, what baselines see of its pool, and the confirmation", () => {
    const forecast = forecastRun(
      parseRunConfig({ ...SETTINGS, screen: 4 }),
      Array.from({ length: 40 }, () => samples[0]!),
      baselines,
      undefined,
      false,
      1,
      { confirmation: 20 },
    );
    // 6 turns of 4 candidates, each on 4 samples and on so many more as later blocks may cost; as much as six workflows on 20.
    const searched = 6 * 4 * 4 * (1 + LATER_SHARE);
    expect(forecast.executorCalls).toBe(
      Math.round(3 * BASELINE_ITEMS + 20 + (searched + (CONFIRMED - 1) * 20) * 2),
    );
    expect(forecast.basis[0]).toContain(
      "race over 40 validation samples in blocks of 4; the best of them go on over 20 others",
    );
  });

  it("prices prompt and reply tokens apart", () => {
    const config = parseRunConfig({ ...SETTINGS, screen: 0 });
    const free = forecastRun(config, samples, baselines, { inputPerMillion: 0, outputPerMillion: 0 }, true);
    const input = forecastRun(config, samples, baselines, { inputPerMillion: 1, outputPerMillion: 0 }, true);
    expect(free.dollars).toBe(0);
    // 100 tokens of question and 60 of instructions a call.
    expect(input.dollars).toBeCloseTo((input.executorCalls * 160) / 1e6, 9);
  });
});

describe("isOff", () => {
  it("says a forecast again when it was measured first, and when it is off by a factor of two", () => {
    const guessed = forecastRun(parseRunConfig(SETTINGS), samples, baselines, undefined, true);
    const measured = (minutes: number) => ({ ...guessed, isMeasured: true, minutes });
    expect(isOff(guessed, measured(guessed.minutes))).toBe(true);
    expect(isOff(measured(10), measured(19))).toBe(false);
    expect(isOff(measured(10), measured(20))).toBe(true);
    expect(isOff(measured(10), measured(5))).toBe(true);
    expect(isOff(measured(0), measured(0))).toBe(false);
  });
});

describe("remeasured", () => {
  it("takes the time from what the executor has shown", () => {
    const forecast = forecastRun(
      parseRunConfig({ ...SETTINGS, screen: 0 }),
      samples,
      baselines,
      undefined,
      true,
    );
    const measured = remeasured(forecast, { seconds: 50, replies: 10, replyTokens: 1000 }, 4);
    // 100 tokens a reply at 20 tokens/s: 5 s each.
    expect(measured.minutes).toBeCloseTo((forecast.executorReplies * 5) / 60, 1);
    expect(measured.isMeasured).toBe(true);
    expect(measured.basis.filter((line) => line.startsWith("minutes:"))).toHaveLength(1);
  });
});
