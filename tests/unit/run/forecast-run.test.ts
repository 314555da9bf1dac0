import { describe, expect, it, vi } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { LATER_SHARE } from "../../../src/design/race.js";

import { usualBaselines } from "../../../src/evaluate/baselines/usual-baselines.js";
import type { Price } from "../../../src/llm/prices.js";
import { CONFIRMED } from "../../../src/run/confirm-best.js";
import { forecastRun } from "../../../src/run/forecast-run.js";
import { ForecastWatch, isOff, remeasured } from "../../../src/run/measured-forecast.js";
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
    const forecast = forecastRun(parseRunConfig({ ...SETTINGS, screen: 0 }), {
      ...{ validation: samples, baselines, testItems: 10 },
    });
    // 3 remote baselines × (20 + 10), and (24 candidates × 20 + 10 test items) × 2 calls.
    expect(forecast.executorCalls).toBe(3 * 30 + (24 * 20 + 10) * 2);
    expect(forecast.dollars).toBeNull();
    expect(forecast.isMeasured).toBe(false);
  });

  it("counts screening, and no test where none is made", () => {
    const forecast = forecastRun(parseRunConfig({ ...SETTINGS, screen: 4 }), {
      ...{ validation: samples, baselines, testItems: 0 },
    });
    // A turn: 4 candidates × 4 samples, then 2 of them on the other 16.
    expect(forecast.executorCalls).toBe(3 * 20 + 6 * (16 + 32) * 2);
  });

  it("counts a race, what baselines see of its pool, and the confirmation", () => {
    const forecast = forecastRun(parseRunConfig({ ...SETTINGS, screen: 4 }), {
      validation: Array.from({ length: 40 }, () => samples[0]!),
      ...{ baselines, testItems: 0, race: { confirmation: 20 } },
    });
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
    const priced = (price: Price) =>
      forecastRun(config, { validation: samples, baselines, price, testItems: 10 });
    const free = priced({ inputPerMillion: 0, outputPerMillion: 0 });
    const input = priced({ inputPerMillion: 1, outputPerMillion: 0 });
    expect(free.dollars).toBe(0);
    // 100 tokens of question and 60 of instructions a call.
    expect(input.dollars).toBeCloseTo((input.executorCalls * 160) / 1e6, 9);
  });
});

describe("the time of the local model", () => {
  const pace = { perTurn: 30, perPromptToken: 0.01, perReplyToken: 0.1 };
  const config = parseRunConfig({ ...SETTINGS, screen: 0 });
  const plan = { validation: samples, baselines, testItems: 12 };
  const forecast = forecastRun(config, { ...plan, pace });
  const without = forecastRun(config, plan);

  it("is part of the forecast: its turns, and the items that it answers alone", () => {
    // 160 tokens of an item, and half of 100 reply tokens.
    const perItem = 160 * 0.01 + 50 * 0.1;
    expect(forecast.weakMinutes).toBeCloseTo((6 * 30 + (20 + 12) * perItem) / 60, 1);
    expect(forecast.minutes).toBeCloseTo(without.minutes + forecast.weakMinutes!, 1);
    expect(forecast.basis.at(-1)).toBe(
      "local model: 6 turns of 30.0 s, 32 items alone of 6.6 s, as measured",
    );
    expect(without).not.toHaveProperty("weakMinutes");
  });

  it("leaves out designs that are drawn from the grammar", () => {
    const turns = (more: Partial<typeof config>) =>
      forecastRun({ ...config, ...more }, { ...plan, pace }).weakWork?.turns;
    expect(turns({ explore: 0.5, exploreBy: "draw" })).toBe(3);
    expect(turns({ explore: 1, exploreBy: "draw" })).toBe(0);
    expect(turns({ explore: 1, exploreBy: "model" })).toBe(6);
  });

  it("is all there is beside a simulated executor", () => {
    const simulated = forecastRun(config, { ...plan, pace, isSimulated: true });
    expect(simulated.minutes).toBe(simulated.weakMinutes);
    expect(simulated.isMeasured).toBe(true);
  });

  it("is said again when turns, or the items answered alone, take twice as long or half as long", () => {
    const watch = new ForecastWatch(forecast, () => [], 4);
    expect(watch.onWritten("0 0", 40)).toBeUndefined();
    const slower = watch.onWritten("0 1", 1200);
    // Turns of 620 s in the mean.
    expect(slower?.weakMinutes).toBeCloseTo((6 * 620 + 32 * 6.6) / 60, 0);
    expect(slower?.basis.filter((line) => line.startsWith("local model:"))).toHaveLength(1);
    // A repair belongs to the turn it was written for.
    expect(watch.onWritten("0 1", 10)).toBeUndefined();
    let weakCalls = 0;
    const ledger = () => [{ role: "weak", calls: weakCalls, completionTokens: 5 } as never];
    const alone = new ForecastWatch(forecastRun(config, { ...plan, pace, isSimulated: true }), ledger, 4);
    weakCalls = 20;
    expect(alone.onBaseline({ calls: 20, replies: 20, n: 20 })?.weakMinutes).toBeCloseTo(3, 1);
  });

  it("takes the speed of all baselines so far, so that a terse one does not halve what a wordy one has doubled", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      let [calls, completionTokens] = [0, 0];
      const ledger = () => [{ role: "executor", calls, completionTokens } as never];
      const watch = new ForecastWatch(forecast, ledger, 4);
      const baseline = (seconds: number, tokens: number) => {
        [calls, completionTokens] = [calls + 10, completionTokens + tokens];
        vi.advanceTimersByTime(1000 * seconds);
        const again = watch.onBaseline({ calls: 10, replies: 10, n: 10 });
        return again && again.minutes - (again.weakMinutes ?? 0);
      };
      const minutes = (perReply: number) => (forecast.executorReplies * perReply) / 60;
      expect(baseline(10, 100)).toBeCloseTo(minutes(1), 1);
      expect(baseline(90, 2000)).toBeCloseTo(minutes(5), 1);
      // 11 s of the last one alone would say a quarter of it.
      expect(baseline(11, 100)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it("asks for a budget only where none is set", () => {
    const limited = forecastRun({ ...config, budget: { calls: 5 } }, plan);
    expect(without.basis.join()).toContain("set a budget");
    expect(limited.basis.join()).not.toContain("set a budget");
  });
});

describe("isOff", () => {
  it("says a forecast again when it was measured first, and when it is off by a factor of two", () => {
    const guessed = forecastRun(parseRunConfig(SETTINGS), {
      ...{ validation: samples, baselines, testItems: 10 },
    });
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
    const forecast = forecastRun(parseRunConfig({ ...SETTINGS, screen: 0 }), {
      ...{ validation: samples, baselines, testItems: 10 },
    });
    const speed = { seconds: 50, replies: 10, replyTokens: 1000, atOnce: 4 };
    const measured = remeasured(forecast, speed, 4);
    // 100 tokens a reply at 20 tokens/s: 5 s each.
    expect(measured.minutes).toBeCloseTo((forecast.executorReplies * 5) / 60, 1);
    expect(measured.isMeasured).toBe(true);
    expect(measured.basis.filter((line) => line.startsWith("minutes:"))).toHaveLength(1);
    expect(measured.basis.join()).toContain("measured with 4 at once");
    // Five items say little of the speed at 32.
    expect(remeasured(forecast, speed, 32).basis.join()).toContain(
      "measured with 4 at once, less where 32 at once are faster",
    );
  });
});
