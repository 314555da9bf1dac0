/** @file Progress lines: phase, rate, time left, money. */
import { describe, expect, it, vi } from "vitest";
import { describeEvent, Progress, spinnerOptions } from "../../../../src/cli/print/progress.js";
import type { RunEvent } from "../../../../src/records/run-event.js";

function setUp(budget = {}) {
  const lines: string[] = [];
  const clock = { now: 0 };
  const progress = new Progress({
    budget,
    isInteractive: false,
    now: () => clock.now,
    write: (line) => lines.push(line),
  });
  return { lines, clock, progress };
}

const tick = (done: number, total = 20, place: { task?: string; episode?: number } = {}): RunEvent => ({
  ...{ type: "job-done", done, total, what: "direct" },
  ...place,
});

it("has no colour with NO_COLOR", () => {
  expect(spinnerOptions({ NO_COLOR: "1" }).color).toBe(false);
  // As everywhere else, an empty one counts for nothing.
  expect(["", undefined].map((NO_COLOR) => spinnerOptions({ NO_COLOR }).color)).toEqual(["cyan", "cyan"]);
});

describe("Progress without a terminal", () => {
  it("prints rate and time left, at most every ten seconds and at the end", () => {
    const { lines, clock, progress } = setUp();
    progress.onEvent(tick(0));
    for (let done = 1; done <= 20; done++) {
      clock.now += 1000;
      progress.onEvent(tick(done));
    }
    expect(lines).toEqual(["direct 0/20", "direct 10/20, 1.0/s, 10 s left", "direct 20/20, 1.0/s"]);
  });

  it("does not count what an earlier session did into the rate", () => {
    const { lines, clock, progress } = setUp();
    progress.onEvent(tick(10));
    clock.now += 20_000;
    progress.onEvent(tick(12));
    expect(lines.at(-1)).toBe("direct 12/20, 10.0 s each, 80 s left");
  });

  it("shows money and its limit, or tokens or calls where no price is known", () => {
    const spent = (dollars: number | null): RunEvent => ({ type: "spent", calls: 3, tokens: 400, dollars });
    const lastLine = (budget: object, event: RunEvent) => {
      const { lines, progress } = setUp(budget);
      progress.onEvent(event);
      progress.onEvent(tick(20));
      return lines.at(-1);
    };
    expect(lastLine({ dollars: 2 }, spent(0.5))).toBe("direct 20/20, $0.500 of $2.00 spent");
    expect(lastLine({}, spent(0.002))).toBe("direct 20/20, $0.0020 spent");
    expect(lastLine({ tokens: 1000 }, spent(null))).toBe("direct 20/20, 400 of 1000 tokens, price unknown");
    expect(lastLine({ calls: 9 }, spent(null))).toBe("direct 20/20, 3 of 9 calls, price unknown");
  });

  it("counts runs that share a budget together", () => {
    const { lines, progress } = setUp({ dollars: 2 });
    const start: RunEvent = {
      ...{ type: "run-start", command: "eval", directory: "runs/a", task: "t" },
      ...{ isResumed: false, executor: "e", policy: "none", isSimulated: false },
    };
    for (const dollars of [0.5, 0.25]) {
      progress.onEvent(start);
      progress.onEvent({ type: "spent", calls: 3, tokens: 400, dollars });
    }
    progress.onEvent(tick(20));
    expect(lines.at(-1)).toBe("direct 20/20, $0.750 of $2.00 spent");
  });

  it("keeps the best workflow so far beside what is going on, where a person watches", () => {
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      const progress = new Progress({ isInteractive: true });
      const scored = (accuracy: number | null, status = "ok"): RunEvent => ({
        ...{ type: "candidate-scored", episode: 0, turn: 0, index: 0, status, accuracy, n: 32, reward: 1 },
        techniques: ["steps", "votes"],
      });
      for (const event of [scored(null, "refused"), scored(0.5), scored(0.9, "screened-out"), scored(0.25)])
        progress.onEvent(event);
      progress.onEvent(tick(3));
      progress.stop();
      const text = write.mock.calls.map(([chunk]) => String(chunk)).join("");
      expect(text).toContain("direct 3/20\n  best workflow so far 50.0% of 32 items, steps + votes");
      expect(text).not.toContain("so far 90.0%");
    } finally {
      write.mockRestore();
    }
  });

  it("names episode and turn", () => {
    const { lines, progress } = setUp();
    progress.onEvent({ type: "episode-start", episode: 0, episodes: 2 });
    progress.onEvent({ type: "turn-start", episode: 0, turn: 1, turns: 3 });
    progress.onEvent(tick(20, 20, { episode: 0 }));
    progress.onEvent(tick(20));
    expect(lines).toEqual([
      "episode 1 of 2, turn 2 of 3: writing workflows",
      "episode 1 of 2, turn 2 of 3: direct 20/20",
      "direct 20/20",
    ]);
  });

  it("tells episodes that are played at the same time apart, each with its own rate", () => {
    const { lines, clock, progress } = setUp();
    const places = [
      { task: "a", episode: 0 },
      { task: "b", episode: 0 },
    ];
    for (const place of places) {
      progress.onEvent({ type: "episode-start", ...place, episodes: 2 });
      progress.onEvent({ type: "turn-start", ...place, turn: 0, turns: 1 });
      progress.onEvent(tick(0, 20, place));
    }
    lines.length = 0;
    clock.now += 10_000;
    progress.onEvent(tick(5, 20, places[0]));
    clock.now += 10_000;
    progress.onEvent(tick(20, 20, places[1]));
    progress.onEvent(tick(20, 20, places[0]));
    expect(lines).toEqual([
      "a, episode 1 of 2, turn 1 of 1: direct 5/20, 2.0 s each, 30 s left",
      "b, episode 1 of 2, turn 1 of 1: direct 20/20, 1.0/s",
      "a, episode 1 of 2, turn 1 of 1: direct 20/20, 1.0/s",
    ]);
  });

  it("shows hostile names harmlessly", () => {
    const { lines, progress } = setUp();
    progress.onEvent({ type: "warning", message: "\x1b[2Jgone\n" });
    expect(lines).toEqual(["warning: \\x1b[2Jgone\\x0a"]);
  });
});

describe("describeEvent", () => {
  it("labels a simulated executor", () => {
    const event: RunEvent = {
      type: "run-start",
      command: "optimize",
      directory: "runs/a",
      task: "t",
      isResumed: true,
      executor: "simulated:1",
      policy: "local:abc",
      isSimulated: true,
    };
    expect(describeEvent(event)).toEqual([
      "optimize t: going on in runs/a",
      "executor simulated:1 (simulated), weak model local:abc",
    ]);
  });

  it("says that a price is unknown instead of zero", () => {
    const forecast = {
      executorCalls: 5,
      executorReplies: 9,
      executorTokens: 100,
      dollars: null,
      minutes: 1,
      isMeasured: false,
      basis: [],
    };
    expect(describeEvent({ type: "forecast", forecast })[0]).toContain("price unknown");
  });
});
