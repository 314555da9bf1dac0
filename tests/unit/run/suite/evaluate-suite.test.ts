/** @file Rows that design in a suite obey the same approval, rules and reward as every other search. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../../src/config/config-layers.js";
import { makeTinyGguf } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { readTrajectory, type TurnRecord } from "../../../../src/records/trajectory.js";
import type { RunHooks } from "../../../../src/run/run-hooks.js";
import { evaluateSuite } from "../../../../src/run/suite/evaluate-suite.js";
import { parseSuite } from "../../../../src/run/suite/load-suite.js";
import { replyNamed, ScriptedPolicy, TableRunner } from "../../../support/scripted-search.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();

async function design(settings: Record<string, unknown>, hooks: RunHooks = {}) {
  const home = folder();
  const run = join(home, "run");
  const model = makeTinyGguf(join(home, "tiny.gguf"));
  const config = parseRunConfig({
    task: "suite",
    executor: "simulated",
    weak: "none",
    run,
    screen: 0,
    ...settings,
  });
  const suite = parseSuite(
    "name: s\ntasks: [sequences]\nlimit: 4\nrows:\n  - baseline: direct\n  - name: designed\n" +
      `    policy: { model: ${JSON.stringify(model)}, episodes: 1, turns: 1, candidates: 1 }\n`,
    "s.yaml",
  );
  const policy = new ScriptedPolicy([replyNamed("a"), replyNamed("b")]);
  const runner = new TableRunner((name) => (name === "a" ? 1 : 0.5));
  const result = await evaluateSuite(config, suite, { policy, runner: () => runner, ...hooks });
  const designs = join(run, "designs");
  const turns = () =>
    readdirSync(designs).flatMap((row) =>
      readTrajectory(join(designs, row, "sequences.jsonl")).filter(
        (one): one is TurnRecord => one.kind === "turn",
      ),
    );
  return { result, policy, runner, turns };
}

/** An alias is always a server: calls may cost money. */
const PAID = { executors: { other: { url: "http://127.0.0.1:9/v1", model: "m" } } };

describe("a row that designs", () => {
  it("asks before its workflow first runs, and what is refused does not run", async () => {
    const asked: string[] = [];
    const { turns, runner } = await design(
      { ...PAID, approve: true },
      {
        approve: async ({ source }) => {
          asked.push(source);
          return "no";
        },
      },
    );
    expect(asked).toHaveLength(1);
    expect(turns()[0]?.candidates[0]?.status).toBe("not-approved");
    expect(runner.jobs.some(({ source }) => source.includes('"a"'))).toBe(false);
  });

  it("is not scored 0 for what the executor lost: the suite waits for its samples", async () => {
    const isDesign = (name: string) => name === "a";
    const down = new TableRunner((name) => (isDesign(name) ? "error" : 1));
    const { result, runner } = await design({}, { runner: () => down });
    expect(runner.jobs).toEqual([]);
    expect(result).toMatchObject({ isComplete: false, stoppedBy: { code: "lost-samples" }, rows: [] });
    expect(String(result.stoppedBy)).toContain("at least 100.0% of its samples");
  });

  it("is not told of calls that the rules forbid", async () => {
    const rulesFile = join(folder(), "rules.yaml");
    const simulatedWeak = { weak: "simulated" };
    const free = await design(simulatedWeak);
    expect(free.policy.acts[0]?.prompt).toContain("agent.weak");
    writeFileSync(rulesFile, "forbid:\n  calls: [weak.text, weak.json]\n");
    const bound = await design({ ...simulatedWeak, rulesFile });
    expect(bound.policy.acts[0]?.prompt).not.toContain("agent.weak");
  });

  it("is rewarded by the weights of the configuration", async () => {
    const weights = (accuracy: number, calls: number) => ({
      reward: "composite" as const,
      rewardWeights: {
        accuracy,
        efficiency: 1,
        coherence: 0,
        relevance: 0,
        calls,
        tokens: 1,
        steps: 0,
        latency: 0,
      },
    });
    const one = await design(weights(0, 1));
    const two = await design(weights(3, 1));
    expect(one.turns()[0]?.candidates[0]?.reward).toBe(1);
    expect(two.turns()[0]?.candidates[0]?.reward).toBe(1);
    const half = await design(
      { reward: "composite", rewardWeights: weights(1, 1).rewardWeights },
      {
        runner: () => new TableRunner(() => 0.5),
      },
    );
    expect(half.turns()[0]?.candidates[0]?.reward).toBe(0.75);
  });
});
