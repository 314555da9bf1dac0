/** @file Rounds with a scripted team, a table of scores and a trainer that trains nothing: plan, acceptance, resume, result. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { Random } from "../../../src/core/random.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { makeTinyGguf } from "../../../src/formats/gguf/make-tiny-gguf.js";
import type { LearnHooks } from "../../../src/learn/course.js";
import { forecastLearn, learn } from "../../../src/learn/learn.js";
import type { LearnEvent } from "../../../src/learn/learn-event.js";
import { readGgufAdapter, writeGgufAdapter } from "../../../src/lora/gguf-adapter.js";
import { initLora } from "../../../src/lora/init-lora.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { replyNamed, ScriptedPolicy, TableRunner } from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

/** Skill of the bare model and of the adapters of rounds 1, 2, …: share of items its workflows solve. */
function setUp(skills: readonly number[], settings: Record<string, unknown> = {}) {
  const home = folder();
  const modelPath = makeTinyGguf(join(home, "tiny.gguf"));
  const run = join(home, "run");
  const config = parseRunConfig({
    task: "sequences,swaps",
    executor: "simulated",
    model: modelPath,
    run,
    baselines: "direct",
    ...{ episodes: 2, turns: 1, candidates: 2, screen: 0, maxRepairs: 0, explore: 0 },
    ...{ validationLimit: 8, testLimit: 4, seed: 5 },
    learn: { rounds: 2, evaluationEpisodes: 4, ...settings },
  });
  const trained: { round: string; from: string | undefined; weights: number[] }[] = [];
  const events: LearnEvent[] = [];
  const policies: string[] = [];
  const runners: TableRunner[] = [];
  let written = 0;
  const hooks: LearnHooks = {
    onEvent: (event) => void events.push(event),
    team: {
      policy: async (adapters) => {
        const path = adapters.get("policy")?.path;
        const round = path === undefined ? 0 : Number(/adapter-(\d+)/.exec(path)?.[1]);
        policies.push(`round ${round}`);
        const skill = skills[round] as number;
        return new ScriptedPolicy(() => replyNamed(`${skill} ${++written}`));
      },
      release: async () => {},
    },
    runner: () => {
      const runner = new TableRunner((name, sample) => {
        const [skill = "0.25"] = name === "baseline" ? [] : name.split(" ");
        return Number(/\d+$/.exec(sample)?.[0]) % 100 < Number(skill) * 100 ? 1 : 0;
      });
      runners.push(runner);
      return runner;
    },
    trainer: async ({ outFolder, name = "", continueFrom, examples }) => {
      trained.push({ round: name, from: continueFrom, weights: examples.map(({ weight }) => weight) });
      const { config: model } = readModel(readLoadableModel(modelPath));
      const adapter = initLora(model, { rank: 2, alpha: 4, targets: ["attn_q"] }, new Random(Number(name)));
      const adapterPath = join(outFolder, `adapter-${name}-made.gguf`);
      mkdirSync(outFolder, { recursive: true });
      await writeGgufAdapter(adapterPath, adapter);
      return { adapterPath, losses: [2, 1], steps: 2, trainedTokens: 10, peakRssBytes: 1 };
    },
  };
  return { config, hooks, run, trained, events, policies, runners };
}

describe("forecastLearn", () => {
  it("adds up rounds, judgements and the final test, asks nothing, and begins nothing", async () => {
    const { config, hooks, runners, events, policies } = setUp([0.2, 0.5, 0.8]);
    const { forecast, directory } = await forecastLearn(config, hooks);
    // One baseline and 8 candidates on 8 items of sequences; as much of swaps, where 3 policies are judged by 4 episodes.
    const played = 8 + 2 * 2 * 2 * 8 * 2;
    const judged = 8 + 4 * 3 * 2 * 8 * 2;
    // Two designs and the baseline on 4 items of test.
    const tested = 2 * 4 * 2 + 2 * 4;
    expect(forecast.executorCalls).toBe(played + judged + tested);
    expect(forecast.basis[0]).toBe("2 rounds of 2 episodes on sequences, each of 1 × 2 candidates");
    expect(forecast.basis[1]).toBe("3 policies judged on swaps by 4 episodes each");
    expect(forecast.basis.at(-1)).toMatch(/^training is not in the minutes/);
    expect(forecast.minutes).toBe(0);
    expect(runners.flatMap(({ jobs }) => jobs)).toEqual([]);
    expect(policies).toEqual([]);
    expect(existsSync(join(directory, "rounds"))).toBe(false);
    await learn({ ...config, learn: { ...config.learn, rounds: 1 } }, hooks);
    const starts = events.flatMap((event) => (event.type === "run-start" ? [event] : []));
    expect(starts.map(({ isResumed, isDryRun }) => [isResumed, isDryRun])).toEqual([
      [false, true],
      [false, undefined],
    ]);
  });

  it("is no learning run: learn() says where there is one", async () => {
    const { config, hooks } = setUp([0.2]);
    await expect(learn({ ...config, dryRun: true }, hooks)).rejects.toMatchObject({
      hint: expect.stringContaining("--dry-run"),
    });
  });
});

describe("rounds", () => {
  it("collect, train and judge with the adapter before; a better one is accepted and trained on", async () => {
    const { config, hooks, trained, events } = setUp([0.2, 0.5, 0.8]);
    const result = await learn(config, hooks);
    expect(result.rounds.map(({ isAccepted }) => isAccepted)).toEqual([true, true]);
    expect(trained.map(({ round }) => round)).toEqual(["01", "02"]);
    expect(trained[0]?.from).toBeUndefined();
    expect(trained[1]?.from).toMatch(/rounds\/01\/adapter-01-made\.gguf$/);
    expect(result.base?.meanReward).toBeLessThan(result.trained?.meanReward as number);
    expect(result.difference?.meanReward.interval.low).toBeGreaterThan(0);
    expect(result.tasks).toEqual(["sequences"]);
    expect(result.judgeTasks).toEqual(["swaps"]);
    expect(result.isHeldBack).toBe(true);
    expect(events.filter(({ type }) => type === "judge")).toHaveLength(3);
    expect(result.test.map(({ title }) => title)).toEqual([
      expect.stringMatching(/^swaps: /),
      "swaps: best design of the base",
      "swaps: best design of the trained model",
    ]);
  });

  it("the random designer plays the same judging episodes, once, where that control is asked for", async () => {
    const { config, hooks, events } = setUp([0.2, 0.5, 0.8], { control: "random" });
    const result = await learn(config, hooks);
    expect(result.random).toMatchObject({ episodes: 4, validShare: 1 });
    expect(result.againstRandom?.pairs).toBe(4);
    const judged = events.flatMap((event) => (event.type === "judge" ? [event.policy] : []));
    expect(judged).toEqual(["base", "random", "new", "new"]);
    const without = setUp([0.2, 0.5, 0.8]);
    expect((await learn(without.config, without.hooks)).random).toBeUndefined();
  });

  it("a worse adapter is refused: the next round starts from the one before", async () => {
    const { config, hooks, trained, policies } = setUp([0.6, 0.1, 0.7]);
    const result = await learn(config, hooks);
    expect(result.rounds.map(({ isAccepted }) => isAccepted)).toEqual([false, true]);
    expect(result.rounds[0]?.reason).toMatch(/^refused: worse, mean reward −/);
    expect(trained[1]?.from).toBeUndefined();
    expect(result.adapter?.round).toBe(2);
    // Base judged; round 1 collected by the base, judged with its adapter; round 2 the same again.
    expect(policies.filter((name) => name === "round 1")).toHaveLength(1);
  });

  it("`always` takes it all the same, and says so", async () => {
    const { config, hooks } = setUp([0.6, 0.1, 0.7], { accept: "always" });
    const { rounds } = await learn(config, hooks);
    expect(rounds[0]).toMatchObject({
      isAccepted: true,
      reason: expect.stringContaining("whatever comes out"),
    });
  });

  it("a training that its minutes end is gone on with, and the rest of the round stands", async () => {
    const undisturbed = setUp([0.2, 0.5]);
    undisturbed.config.learn.rounds = 1;
    const expected = await learn(undisturbed.config, undisturbed.hooks);
    const { config, hooks, policies } = setUp([0.2, 0.5]);
    config.learn.rounds = 1;
    config.budget = { minutes: 0.02 };
    const { trainer } = hooks;
    hooks.trainer = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const stopped = await learn(config, hooks);
    expect(stopped).toMatchObject({ isComplete: false, stoppedBy: { code: "budget" }, rounds: [] });
    const drawn = policies.length;
    config.budget = {};
    hooks.trainer = trainer;
    const result = await learn(config, hooks);
    expect(result.isComplete).toBe(true);
    expect(result.baseEpisodes).toEqual(expected.baseEpisodes);
    expect(result.rounds.map(({ episodes, card }) => ({ episodes, card }))).toEqual(
      expected.rounds.map(({ episodes, card }) => ({ episodes, card })),
    );
    expect(drawn).toBeGreaterThan(0);
  });

  it("a run that was begun before rewards were shrunk goes on with plain ones", async () => {
    // Scripted replies have equal tokens.
    const spread = setUp([], { rounds: 1, countDuplicates: true });
    let written = 0;
    const policy = new ScriptedPolicy(() => replyNamed(`0.${++written % 2 === 0 ? 25 : 75} ${written}`));
    spread.hooks.team = { policy: async () => policy, release: async () => {} };
    await learn(spread.config, spread.hooks);
    const [shrunk] = spread.trained;
    const manifest = join(spread.run, "run.json");
    const { sum: _, shrinksRewards, ...before } = JSON.parse(readFileSync(manifest, "utf8"));
    expect(shrinksRewards).toBe(true);
    writeFileSync(manifest, JSON.stringify(before));
    // Its log begins at the manifest.
    for (const name of ["events.jsonl", "events.head.json", "summary.json", "rounds/01/round.json"])
      rmSync(join(spread.run, name));
    await learn(spread.config, spread.hooks);
    const plain = spread.trained[1]!.weights;
    expect(plain).toHaveLength(shrunk!.weights.length);
    // Accuracies 0.5 and 1 on the eight items: exp(±0.25 / 0.06), the higher at the cap.
    expect(Math.max(...plain) / Math.min(...plain)).toBeCloseTo(12 / Math.exp(-0.25 / 0.06), 6);
    expect(shrunk!.weights).not.toEqual(plain);
  });

  it("weights follow the rewards of the examples", async () => {
    const { config, hooks, trained } = setUp([0.2, 0.5, 0.8], { weighting: "uniform" });
    await learn(config, hooks);
    expect(new Set(trained[0]?.weights)).toEqual(new Set([1]));
  });

  it("an objective that pushes replies away is refused without a leash, before anything is played", async () => {
    const { config, hooks, policies, run } = setUp([0.2, 0.5], { weighting: "group" });
    await expect(learn(config, hooks)).rejects.toThrow(/weighting group pushes replies away/);
    expect(policies).toEqual([]);
    expect(existsSync(run)).toBe(false);
  });
});

describe("taking up a run", () => {
  it("finished rounds are read: nothing is played, trained or judged again", async () => {
    const first = setUp([0.2, 0.5, 0.8]);
    const before = await learn(first.config, first.hooks);
    const again: string[] = [];
    const after = await learn(first.config, {
      ...first.hooks,
      team: { ...first.hooks.team!, policy: async () => new ScriptedPolicy([]) },
      trainer: async () => {
        again.push("trained");
        throw new Error("trained again");
      },
    });
    expect(again).toEqual([]);
    expect(after.rounds).toEqual(before.rounds);
    expect(after.difference).toEqual(before.difference);
  });

  it("a trainer that was interrupted leaves the round open; the episodes before it are not played again", async () => {
    const made = setUp([0.2, 0.5, 0.8], { rounds: 1 });
    const stopped = await learn(made.config, {
      ...made.hooks,
      trainer: async () => {
        throw new DOMException("stopped", "AbortError");
      },
    });
    expect(stopped).toMatchObject({ isComplete: false, rounds: [], adapter: null });
    expect(existsSync(join(made.run, "summary.json"))).toBe(true);
    const collected = readdirSync(join(made.run, "rounds/01")).filter((name) => name.startsWith("collect-"));
    const [file] = collected.map((name) => readFileSync(join(made.run, "rounds/01", name), "utf8"));
    const result = await learn(made.config, made.hooks);
    expect(result.isComplete).toBe(true);
    expect(readFileSync(join(made.run, "rounds/01", collected[0] as string), "utf8")).toBe(file);
  });

  it("more rounds lengthen a finished run", async () => {
    const made = setUp([0.2, 0.5, 0.8], { rounds: 1 });
    await learn(made.config, made.hooks);
    const longer = { ...made.config, learn: { ...made.config.learn, rounds: 2 } };
    expect((await learn(longer, made.hooks)).rounds.map(({ round }) => round)).toEqual([1, 2]);
    expect(made.trained).toHaveLength(2);
  });

  it("an adapter that is gone is named, with what to do", async () => {
    const made = setUp([0.2, 0.5, 0.8], { rounds: 1 });
    const { adapter } = await learn(made.config, made.hooks);
    expect(readGgufAdapter(adapter!.path).config.rank).toBe(2);
    rmSync(adapter!.path);
    await expect(learn(made.config, made.hooks)).rejects.toThrow(/adapter of round 1 is gone/);
  });
});
