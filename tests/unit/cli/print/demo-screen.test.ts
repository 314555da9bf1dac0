/** @file The demo's last screen: what it says in words for each outcome, and that it is one screen. */
import { describe, expect, it } from "vitest";
import { demoScreen } from "../../../../src/cli/print/demo-screen.js";
import { columnsOf } from "../../../../src/cli/print/wrap-words.js";
import type { LearnResult } from "../../../../src/commands.js";

const SCREEN_LINES = 40;
const RUN = "runs/learn-counting-shopping-unit-conversion-sequen-c98d234c";
const PLACES = {
  model: "nano",
  spent: "15691 calls, 3.2 M tokens, $0.858 (simulated executor)",
  report: `${RUN}/report.html`,
  peft: `${RUN}/peft`,
};

const score = (meanReward: number) => ({
  ...{ episodes: 12, meanReward, best: 0.75, validShare: 1, distinctShare: 0.925 },
  ...{ executorTokensPerCandidate: 12_884, techniques: {} },
});
const difference = (mean: number, verdict: string, pairs = 12) => ({
  ...{ pairs, verdict, best: { mean, interval: { low: mean - 0.1, high: mean + 0.1 } } },
  meanReward: { mean, interval: { low: mean - 0.1, high: mean + 0.1 } },
});
const row = (task: string, name: string, accuracy: number, n = 40) => ({
  name,
  title: `${task}: ${name}`,
  accuracy,
  n,
});

function made(more: object = {}): LearnResult {
  return {
    ...{ isSimulated: true, isHeldBack: true, judgeTasks: ["sequences", "swaps"] },
    ...{ base: score(0.377), trained: score(0.604), random: score(0.591) },
    ...{ difference: difference(0.227, "better"), againstRandom: difference(0.013, "not told apart") },
    test: [
      row("sequences", "executor alone, direct", 0.4),
      row("swaps", "executor alone, direct", 0.6),
      row("sequences", "executor alone, five votes", 0.75),
      row("swaps", "executor alone, five votes", 0.85),
      row("sequences", "trained", 0.8, 60),
      row("swaps", "trained", 1, 20),
    ],
    adapter: { path: `${RUN}/rounds/02/adapter-02-b308e1d914f2.gguf`, hash: "b", round: 2 },
    ...more,
  } as unknown as LearnResult;
}

/** On one line, as read aloud. */
const said = (more?: object) => demoScreen(made(more), PLACES, 80).replace(/\s+/g, " ");

describe("the demo's last screen", () => {
  it("says three figures in words", () => {
    expect(said()).toContain(
      "1. Training made the small model a better designer: on puzzles of kinds that it was not trained on, its workflows are right for 60.4% of the items, before training for 37.7% (+0.227 [+0.127, +0.327], 12 pairs of episodes).",
    );
    expect(said()).toContain(
      "2. On 80 test items that were opened once, its best workflows reach 85.0%; a plain question to the same strong model 50.0%, five votes 80.0%.",
    );
    expect(said()).toContain(
      "3. The control, techniques drawn at random without any model, designs as well, as far as this tells: 59.1% (trained model minus control",
    );
    expect(said()).toContain("SIMULATED");
  });

  it("leads from the simulated demo to a real one, and from that to a longer run", () => {
    expect(said()).toContain("a real model w4s demo --real");
    const real = said({ isSimulated: false });
    expect(real).toContain("a longer run w4s learn --preset real --max-minutes 90");
    expect(real).not.toContain("demo --real");
  });

  it("says as plainly what did not work", () => {
    expect(said({ difference: difference(-0.2, "worse") })).toContain(
      "1. Training made the small model a worse designer",
    );
    expect(said({ difference: difference(0.01, "not told apart", 4) })).toContain(
      "1. Training shows no difference: on puzzles of kinds that it was not trained on, its workflows are right for 60.4% of the items, before training for 37.7% (+0.010, 4 pairs of episodes).",
    );
    expect(said({ againstRandom: difference(-0.2, "worse") })).toContain(
      "without any model, designs better: 59.1%",
    );
    const none = said({ adapter: null, trained: null, difference: null, test: [], random: undefined });
    expect(none).toContain("1. Nothing was learned: no adapter was accepted.");
    expect(none).not.toContain("2. ");
  });

  it.each([80, 120, 200])("fits on one screen of %d columns", (width) => {
    const lines = demoScreen(made(), PLACES, width)
      .split("\n")
      .map((line) => Math.max(1, Math.ceil(columnsOf(line) / width)));
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(SCREEN_LINES);
  });
});
