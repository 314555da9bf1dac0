/** @file Bench with a scripted policy and a table of scores: episode, repair, screening, approval, rewards, resume, final test. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.js";
import { workflowOf } from "../../../src/design/workflow-of.js";
import { bestOf } from "../../../src/evaluate/common-items.js";
import { TaskExamples } from "../../../src/evaluate/examples/task-examples.js";
import { readTrajectory } from "../../../src/records/trajectory.js";
import {
  madeBench,
  madeTask,
  replyNamed,
  ScriptedPolicy,
  workflowNamed,
} from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const hashOf = (name: string) => {
  const read = workflowOf(replyNamed(name));
  return "workflow" in read ? read.workflow.hash : read.failure;
};
/** Half of the items right for `name` by default; everything else as the table says. */
const scores = (table: Record<string, number>) => (name: string, sample: string) =>
  Number(sample.split("/")[1]) < (table[name] ?? 0) * 8 ? 1 : 0;

async function play(
  made: ReturnType<typeof madeBench>,
  policy: ScriptedPolicy,
  path = join(folder(), "trajectories.jsonl"),
  number = 0,
) {
  const log = made.bench.openLog(path, policy);
  try {
    const found = await made.bench.episode(policy, { log }, number);
    return { found, turns: log.turns(), path };
  } finally {
    log.close();
  }
}

const items = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `validation/${i}`,
    question: `What is ${i} + ${i}?`,
    answers: [String(2 * i)],
    meta: {},
  }));

describe("a workflow that asks for examples where there are none", () => {
  it("is told of once a bench, with the reason; one that brings its own is not", async () => {
    const task = madeTask({ splits: ["validation"] });
    const workedPath = join(folder(), "worked.json");
    const examples = new TaskExamples({
      task,
      seed: 0,
      workedPath,
      solve: async () => ({ asked: 0, lost: 0, solutions: [] }),
    });
    const { bench, events } = madeBench(() => 1, {}, { task, examples });
    const source = "export default async (agent) => (await agent.examples(3))[0].answer;";
    const parts = { format: "w4s-workflow" as const, version: 1 as const, examples: [] };
    const warnings = () => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    await bench.evaluate([{ hash: "a", source, carried: parts }], items(2), { what: "a" });
    expect(warnings()).toEqual([]);
    for (const hash of ["b", "c"]) await bench.evaluate([{ hash, source }], items(2), { what: hash });
    expect(warnings()).toEqual(["agent.examples is not offered for sums: it has no train split"]);
  });
});

describe("baselines", () => {
  it("are evaluated once, and told as they are done", async () => {
    const { bench, runner } = madeBench(scores({ baseline: 0.5 }));
    const told: string[] = [];
    const [first] = await bench.baselines((baseline) => told.push(baseline.title));
    expect(first?.evaluation).toMatchObject({ accuracy: 0.5, n: 8, calls: 8, tokens: 120 });
    expect(await bench.baselines()).toEqual([first]);
    expect(told).toEqual([first?.title]);
    expect(runner.jobs).toHaveLength(8);
  });

  it("an unknown name is refused before anything runs", async () => {
    const { bench, runner } = madeBench(() => 1, { baselines: "direct,magic" });
    await expect(bench.baselines()).rejects.toThrow('there is no baseline "magic"');
    expect(runner.jobs).toEqual([]);
  });
});

describe("episode", () => {
  it("keeps the best candidate of a turn, and the next one starts from it", async () => {
    const made = madeBench(scores({ baseline: 0.25, a: 0.5, b: 0.75, c: 0.25, d: 1 }), { turns: 2 });
    const policy = new ScriptedPolicy(["a", "b", "c", "d"].map(replyNamed));
    const { found, turns } = await play(made, policy);
    expect(found.map(({ evaluation }) => evaluation.accuracy)).toEqual([0.5, 0.75, 0.25, 1]);
    expect(turns.map(({ kept }) => kept)).toEqual([1, 1]);
    expect(turns[0]?.history).toEqual({ best: 0.25, previous: 0.25, sampleCount: 8 });
    expect(turns[1]).toMatchObject({
      parentHash: hashOf("b"),
      history: { best: 0.75, previous: 0.75, sampleCount: 8 },
    });
    expect(policy.acts[1]?.prompt).toContain('return "b"');
    expect(policy.acts[1]?.prompt).not.toContain('return "a"');
  });

  it("`best` as parent goes back to an earlier workflow after a worse turn", async () => {
    const table = scores({ baseline: 0.25, a: 0.75, b: 0.5, c: 0.5 });
    const made = madeBench(table, { turns: 3, candidates: 1, parent: "best" });
    const { turns } = await play(made, new ScriptedPolicy(["a", "b", "c"].map(replyNamed)));
    expect(turns.map(({ parentHash }) => parentHash).slice(1)).toEqual([hashOf("a"), hashOf("a")]);
  });

  it("rewards by what was known when the turn began", async () => {
    const made = madeBench(scores({ baseline: 0.5, a: 0.75, b: 0.5, c: 0.125 }), {
      candidates: 3,
      reward: "discrete",
    });
    const { turns } = await play(made, new ScriptedPolicy(["a", "b", "c"].map(replyNamed)));
    expect(turns[0]?.candidates.map(({ reward }) => reward)).toEqual([1, 0, -0.1]);
  });

  it("the composite reward has the weights of the run", async () => {
    const made = madeBench(scores({ baseline: 0.5, a: 0.5 }), {
      candidates: 1,
      reward: "composite",
      rewardWeights: {
        ...{ accuracy: 1, efficiency: 1, coherence: 0, relevance: 0 },
        ...{ calls: 1, tokens: 0, steps: 0, latency: 0 },
      },
    });
    const { turns } = await play(made, new ScriptedPolicy([replyNamed("a")]));
    // As many calls as the baseline: efficiency 1, accuracy 0.5, equal weights.
    expect(turns[0]?.candidates[0]?.reward).toBe(0.75);
  });

  it("equal candidates are evaluated once", async () => {
    const made = madeBench(scores({ a: 0.5 }), { candidates: 3 });
    const { turns } = await play(made, new ScriptedPolicy(["a", "a", "a"].map(replyNamed)));
    expect(turns[0]?.candidates.map(({ accuracy }) => accuracy)).toEqual([0.5, 0.5, 0.5]);
    expect(made.runner.ranOn("validation/3")).toEqual(["baseline", "a"]);
  });

  it("draws of another seed are other draws, and a share of them is forced", async () => {
    const drawn = async (drawSeed: number) => {
      const made = madeBench(scores({}), { candidates: 4, explore: 0.5 });
      const policy = new ScriptedPolicy(["a", "b", "c", "d"].map(replyNamed), { canForce: true });
      const log = made.bench.openLog(join(folder(), "t.jsonl"), policy);
      await made.bench.episode(policy, { log, draws: { drawSeed } }, 0);
      log.close();
      return policy.acts[0]!;
    };
    const [one, again, other] = [await drawn(1), await drawn(1), await drawn(2)];
    expect(one.explored).toBe(2);
    expect(again).toEqual(one);
    expect(other.seeds).not.toEqual(one.seeds);
  });
});

describe("repair", () => {
  const failing = (name: string) => (name.startsWith("bad") ? ("threw" as const) : 1);

  it("a workflow that fails the quick check is written again, and the failed one counts as invalid", async () => {
    const made = madeBench(failing, { candidates: 1, maxRepairs: 3 });
    const policy = new ScriptedPolicy([replyNamed("bad-1"), replyNamed("bad-2"), replyNamed("good")]);
    const { turns, found } = await play(made, policy);
    expect(turns[0]?.candidates.map(({ outcome, repairOf, status }) => [outcome, repairOf, status])).toEqual([
      ["invalid", null, "threw"],
      ["invalid", 0, "threw"],
      ["scored", 1, "ok"],
    ]);
    expect(found).toHaveLength(1);
    expect(policy.acts[1]?.prompt).toContain("bad-1 ended as threw");
    // What failed on the first item is not run on the others.
    expect(made.runner.ranOn("validation/5")).toEqual(["baseline", "good"]);
  });

  it("a reply without a workflow is repaired too, and tries are bounded", async () => {
    const made = madeBench(failing, { candidates: 1, maxRepairs: 1 });
    const { turns, found } = await play(made, new ScriptedPolicy(["no code at all", "nor here"]));
    expect(turns[0]?.candidates.map(({ status }) => status)).toEqual(["extract-failed", "extract-failed"]);
    expect(found).toEqual([]);
    expect(turns[0]?.kept).toBeNull();
  });

  it("an outage at the quick check is no failure of the workflow", async () => {
    let isDown = true;
    const made = madeBench(
      (name, sample) => {
        if (name !== "a" || sample !== "validation/0" || !isDown) return 1;
        isDown = false;
        return "error";
      },
      { candidates: 1, maxRepairs: 3 },
    );
    const { turns } = await play(made, new ScriptedPolicy([replyNamed("a")]));
    expect(turns[0]?.candidates.map(({ outcome, accuracy }) => [outcome, accuracy])).toEqual([["scored", 1]]);
  });
});

describe("what prompts quote", () => {
  it("is of the train split: the example, and the failures of the workflow that is shown", async () => {
    const made = madeBench((_, sample) => (sample === "validation/3" ? 1 : 0), { candidates: 1 });
    const policy = new ScriptedPolicy([replyNamed("a")]);
    await play(made, policy);
    expect(policy.acts[0]?.prompt).toContain("Accuracy 12.5% on 8 validation samples");
    expect(
      policy.acts[0]?.prompt.match(/question "Of train \d\?", got "baseline", right "\d+"/g),
    ).toHaveLength(1);
    expect(policy.acts[0]?.prompt).not.toContain("What is");
    const shown = made.runner.jobs.filter(({ sample }) => sample.id.startsWith("train/"));
    expect(shown.map(({ source }) => source).every((source) => !source.includes('"a"'))).toBe(true);
    expect(shown).toHaveLength(4);
    expect(made.events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  it("a message of the quick check is that of a run on a train item", async () => {
    const made = madeBench((name) => (name === "bad" ? "threw" : 1), { candidates: 1, maxRepairs: 1 });
    const run = made.runner.run.bind(made.runner);
    made.runner.run = async (jobs, options) =>
      (await run(jobs, options)).map((result) =>
        result.status === "threw" ? { ...result, message: `at ${result.sampleId}` } : result,
      );
    const policy = new ScriptedPolicy([replyNamed("bad"), replyNamed("good")]);
    await play(made, policy);
    expect(policy.acts[1]?.prompt).toMatch(/failed its quick check: "at train\/\d"/);
  });

  it("without a train split is of validation, without answers, which is said once", async () => {
    const task = madeTask({ splits: ["validation", "test"] });
    const made = madeBench(() => 0, { candidates: 1, turns: 2 }, { task });
    const policy = new ScriptedPolicy([replyNamed("a"), replyNamed("b")]);
    const { path } = await play(made, policy);
    await play(made, new ScriptedPolicy([replyNamed("a"), replyNamed("b")]), path, 1);
    expect(policy.acts[1]?.prompt).toMatch(/question "What is \d \+ \d\?", got "a"/);
    expect(policy.acts[1]?.prompt).not.toContain("right");
    expect(made.events.filter(({ type }) => type === "warning")).toHaveLength(1);
    expect(made.runner.jobs.every(({ sample }) => sample.id.startsWith("validation/"))).toBe(true);
  });

  it("costs nothing where the designer reads no prompt, nor for a turn that was put before", async () => {
    const made = madeBench(() => 0, { candidates: 2 });
    const policy = Object.assign(new ScriptedPolicy([replyNamed("a"), replyNamed("b")]), { isBlind: true });
    const { path } = await play(made, policy);
    expect(made.runner.jobs.every(({ sample }) => sample.id.startsWith("validation/"))).toBe(true);
    const again = madeBench(() => 0, { candidates: 2 });
    await play(again, new ScriptedPolicy([]), path);
    expect(again.runner.jobs.every(({ sample }) => sample.id.startsWith("validation/"))).toBe(true);
  });

  it("leaves out train items that validation holds too", async () => {
    const task = madeTask();
    const made = madeBench(
      () => 0,
      { candidates: 1 },
      { task: { ...task, load: () => task.load("validation") } },
    );
    const policy = new ScriptedPolicy([replyNamed("a")]);
    await play(made, policy);
    expect(made.runner.jobs.every(({ sample }) => sample.id.startsWith("validation/"))).toBe(true);
    expect(policy.acts[0]?.prompt).not.toContain("right");
  });
});

describe("faults of the executor", () => {
  /** The table's results with a kind for those that are lost. */
  const lostTo = (made: ReturnType<typeof madeBench>, fault: string) => {
    const run = made.runner.run.bind(made.runner);
    made.runner.run = async (jobs, options) =>
      (await run(jobs, options)).map((result) => (result.status === "error" ? { ...result, fault } : result));
    return made;
  };

  it("the quick check is on an item that the baselines finished, and lost there is not invalid", async () => {
    const made = lostTo(
      madeBench(
        (name, sample) =>
          sample === "validation/0" || (name === "a" && sample === "validation/1") ? "error" : 1,
        { candidates: 2, maxRepairs: 3 },
        // Two of twenty lost leave a candidate eligible.
        { validation: items(20) },
      ),
      "refused",
    );
    const { turns } = await play(made, new ScriptedPolicy(["a", "b"].map(replyNamed)));
    expect(turns[0]?.candidates.map(({ outcome }) => outcome)).toEqual(["scored", "scored"]);
    expect(made.runner.jobs.filter(({ source }) => source.includes('"b"'))[0]?.sample.id).toBe(
      "validation/1",
    );
  });

  it.each([
    ["refused", "threw", 1],
    ["context-length", "threw", 1],
    ["timeout", "error", 0],
    ["length", "error", 0],
  ])(
    "%s on an item that a baseline got through ends as %s; on one that none did it is lost",
    async (fault, status, counted) => {
      const lost = new Set(["validation/0", "validation/1"]);
      const made = lostTo(
        madeBench((name, sample) =>
          lost.has(sample) && (name === "a" || sample === "validation/0") ? "error" : 1,
        ),
        fault,
      );
      await made.bench.baselines();
      const workflow = { hash: hashOf("a"), source: workflowNamed("a") };
      const [evaluation] = await made.bench.evaluate([workflow], made.bench.validation, { what: "x" });
      expect(evaluation?.results.slice(0, 2).map((result) => result.status)).toEqual(["error", status]);
      expect(evaluation?.n).toBe(6 + counted);
    },
  );
});

describe("screening", () => {
  it("lets the better half through, and none that is worse than its parent there", async () => {
    const table = scores({ baseline: 0.25, a: 0.5, b: 0.125, c: 0, d: 0.25 });
    const made = madeBench(table, { candidates: 4, screen: 4 });
    const { turns } = await play(made, new ScriptedPolicy(["a", "b", "c", "d"].map(replyNamed)));
    const rows = turns[0]?.candidates.map(({ outcome, screenAccuracy }) => [outcome, screenAccuracy]);
    expect(rows).toEqual([
      ["scored", 1],
      ["screened-out", 0.25],
      ["screened-out", 0],
      ["scored", 0.5],
    ]);
    expect(made.runner.ranOn("validation/7")).toEqual(["baseline", "a", "d"]);
  });

  it("always leaves one", async () => {
    const made = madeBench(scores({ baseline: 1 }), { candidates: 2, screen: 2 });
    const { found } = await play(made, new ScriptedPolicy(["a", "b"].map(replyNamed)));
    expect(found).toHaveLength(1);
  });
});

describe("lost samples", () => {
  const numberOf = (sample: string) => Number(sample.split("/")[1]);
  const twelve = { validation: items(12) };

  it("a design that is right where it is quick and lost where it is slow is not kept", async () => {
    // Direct is right on 10 of 12. Design A is right on the 2 easy ones and times out on the others.
    const table = (name: string, sample: string) => {
      if (name === "baseline") return numberOf(sample) < 10 ? 1 : 0;
      return name === "a" && numberOf(sample) >= 2 ? ("error" as const) : 1;
    };
    const made = madeBench(table, { candidates: 1, reward: "discrete" }, twelve);
    const { turns, found } = await play(made, new ScriptedPolicy([replyNamed("a")]));
    expect(turns[0]?.candidates[0]).toMatchObject({
      outcome: "lost",
      accuracy: null,
      n: 2,
      lost: 10,
      reward: 0,
    });
    expect(turns[0]?.kept).toBeNull();
    expect(bestOf([...(await made.bench.baselines()), ...found])?.title).toBe("executor alone, direct");
    // Filled, it may win in the next session; its turn stands as it was recorded.
    const filled = madeBench(
      (name, sample) => (name === "a" ? 1 : table(name, sample)),
      { candidates: 1 },
      twelve,
    );
    const again = await play(filled, new ScriptedPolicy([replyNamed("a")]));
    expect(bestOf([...(await filled.bench.baselines()), ...again.found])?.hash).toBe(hashOf("a"));
  });

  it("are in no comparison of a turn: history and rewards are those of the common samples", async () => {
    // 20 samples; the first is hard: only b has it right. a has lost it and is right on all the others but one.
    const table = (name: string, sample: string) => {
      const i = numberOf(sample);
      if (name === "a") return i === 0 ? ("error" as const) : i === 1 ? 0 : 1;
      if (name === "b") return i === 1 ? 0 : 1;
      return i < 2 ? 0 : 1;
    };
    const made = madeBench(table, { reward: "accuracy" }, { validation: items(20) });
    const { turns } = await play(made, new ScriptedPolicy([replyNamed("a"), replyNamed("b")]));
    const [turn] = turns;
    const [a, b] = turn!.candidates;
    expect([a?.accuracy, b?.accuracy]).toEqual([18 / 19, 19 / 20]);
    // On the 19 common samples both have 18, and the baseline shows these to be easier by 18/19 − 18/20.
    expect(a?.reward).toBeCloseTo(0.9);
    expect(b?.reward).toBeCloseTo(0.9);
    expect([a?.commonAccuracy, b?.commonAccuracy]).toEqual([a?.reward, b?.reward]);
    expect(turn?.history).toMatchObject({ sampleCount: 20 });
    expect(turn?.history.best).toBeCloseTo(0.9);
  });

  it("of a parent or of a candidate shift no score of the screening to other samples", async () => {
    // The parent has lost the first sample and has the second right alone; the candidates have the first one only.
    const table = (name: string, sample: string) => {
      const i = numberOf(sample);
      if (name === "baseline") return i === 0 ? ("error" as const) : i === 1 ? 1 : 0;
      return name === "a" ? (i < 2 ? 1 : 0) : i === 0 ? 1 : 0;
    };
    const made = madeBench(table, { candidates: 4, screen: 4 }, twelve);
    const { turns } = await play(made, new ScriptedPolicy(["a", "b", "c", "d"].map(replyNamed)));
    expect(turns[0]?.candidates.map(({ outcome }) => outcome)).toEqual([
      "scored",
      "screened-out",
      "screened-out",
      "screened-out",
    ]);
  });

  it("in the screening leave a candidate out without a reward", async () => {
    const table = (name: string, sample: string) =>
      name === "a" && numberOf(sample) === 1 ? ("error" as const) : name === "b" ? 0.5 : 1;
    const made = madeBench(table, { candidates: 2, screen: 4 });
    const { turns } = await play(made, new ScriptedPolicy([replyNamed("a"), replyNamed("b")]));
    expect(turns[0]?.candidates).toMatchObject([
      { outcome: "lost", screenAccuracy: null, lost: 1, reward: 0 },
      { outcome: "scored", screenAccuracy: 0.5 },
    ]);
  });

  it("of all baselines end the search before anything is designed, naming the least share", async () => {
    const policy = new ScriptedPolicy([replyNamed("a")]);
    const made = madeBench((_, sample) => (numberOf(sample) < 3 ? "error" : 1), {}, twelve);
    await expect(play(made, policy)).rejects.toThrow(/at least 25\.0% of its samples/);
    expect(policy.acts).toEqual([]);
  });

  it("in any pattern leave the winner that the samples of all have, whatever came later", async () => {
    const row = fc.array(fc.record({ isRight: fc.boolean(), isLost: fc.nat(19).map((n) => n === 0) }), {
      minLength: 12,
      maxLength: 12,
    });
    const names = ["baseline", "a", "b", "c"];
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 4, maxLength: 4 }), fc.nat(5), async (rows, delay) => {
        const table = (name: string, sample: string) => {
          const { isRight, isLost } = rows[names.indexOf(name)]![numberOf(sample)]!;
          return isLost ? ("error" as const) : Number(isRight);
        };
        const lostOf = (cells: (typeof rows)[number]) => cells.filter(({ isLost }) => isLost).length;
        fc.pre(lostOf(rows[0]!) <= 1);
        const made = madeBench(table, { candidates: 3 }, twelve);
        const run = made.runner.run.bind(made.runner);
        made.runner.run = async (jobs, options) => {
          // Later samples come back first.
          for (let tick = 0; tick < delay; tick++) await Promise.resolve();
          const done = await run([...jobs].reverse(), options);
          return done.reverse();
        };
        const { turns } = await play(made, new ScriptedPolicy(["a", "b", "c"].map(replyNamed)));
        const eligible = rows.filter((cells) => lostOf(cells) <= 1);
        const common = rows[0]!.flatMap((_, i) => (eligible.every((cells) => !cells[i]!.isLost) ? [i] : []));
        const right = (cells: (typeof rows)[number]) => common.filter((i) => cells[i]!.isRight).length;
        const designs = eligible.filter((cells) => cells !== rows[0]);
        const kept = turns[0]?.kept ?? null;
        if (designs.length === 0) expect(kept).toBeNull();
        else expect(right(rows[1 + kept!]!)).toBe(Math.max(...designs.map(right)));
      }),
      { numRuns: 60 },
    );
  });
});

describe("approval", () => {
  it("is asked before a designed workflow first runs; what is refused neither runs nor is repaired", async () => {
    const asked: string[][] = [];
    const approval = {
      refused: async (workflows: readonly { hash: string; source: string }[]) => {
        asked.push(workflows.map(({ source }) => /return "(.*)"/.exec(source)![1]!));
        return new Set(workflows.filter(({ source }) => source.includes('"b"')).map(({ hash }) => hash));
      },
    };
    const made = madeBench(scores({ a: 0.5, b: 1 }), { maxRepairs: 3 }, { approval });
    const { turns, path } = await play(made, new ScriptedPolicy(["a", "b"].map(replyNamed)));
    expect(asked).toEqual([["a", "b"]]);
    expect(turns[0]?.candidates.map(({ status }) => status)).toEqual(["ok", "not-approved"]);
    expect(made.runner.jobs.some(({ source }) => source.includes('"b"'))).toBe(false);
    // A finished turn stands as it was decided.
    await play(made, new ScriptedPolicy([]), path);
    expect(asked).toHaveLength(1);
  });
});

describe("resume", () => {
  it("a finished episode is read: nobody is asked, and what was found is the same", async () => {
    const table = scores({ baseline: 0.25, a: 0.5, b: 0.75 });
    const first = await play(madeBench(table), new ScriptedPolicy(["a", "b"].map(replyNamed)));
    const written = readFileSync(first.path, "utf8");
    const again = await play(madeBench(table), new ScriptedPolicy([]), first.path);
    expect(again.found).toEqual(first.found);
    expect(readFileSync(first.path, "utf8")).toBe(written);
  });

  it("cut after the replies were stored, the turn is scored without asking for them again", async () => {
    const table = scores({ baseline: 0.25, a: 0.5, b: 0.75 });
    const whole = await play(madeBench(table), new ScriptedPolicy(["a", "b"].map(replyNamed)));
    const lines = readFileSync(whole.path, "utf8").trimEnd().split("\n");
    const path = join(folder(), "cut.jsonl");
    writeFileSync(path, `${lines.slice(0, 2).join("\n")}\n`);
    expect(readTrajectory(path).map(({ kind }) => kind)).toEqual(["header", "actions"]);
    const policy = new ScriptedPolicy([]);
    const resumed = await play(madeBench(table), policy, path);
    expect(policy.acts).toEqual([]);
    expect(resumed.turns).toEqual(whole.turns);
    expect(resumed.found).toEqual(whole.found);
  });

  it("stops at an abort before the next turn, with the turns before it on disk", async () => {
    const stop = new AbortController();
    const table = scores({ a: 0.5 });
    const made = madeBench(
      table,
      { turns: 3, candidates: 1 },
      {
        signal: stop.signal,
        emit: (event) => {
          if (event.type === "turn-end") stop.abort();
        },
      },
    );
    const path = join(folder(), "t.jsonl");
    await expect(play(made, new ScriptedPolicy([replyNamed("a")]), path)).rejects.toThrow("aborted");
    expect(readTrajectory(path).filter(({ kind }) => kind === "turn")).toHaveLength(1);
  });
});

describe("finalTest", () => {
  const contestants = ["a", "b"].map((name) => ({
    name,
    title: `workflow ${name}`,
    hash: hashOf(name),
    source: workflowNamed(name),
  }));

  it("opens test once for all contestants, on the same items, and says so", async () => {
    const { bench, runner, events } = madeBench((name) => (name === "a" ? 1 : 0), { testLimit: 3 });
    const tested = await bench.finalTest(contestants, "a and b");
    expect(tested.map(({ row }) => [row.name, row.title, row.split, row.n, row.accuracy])).toEqual([
      ["a", "workflow a", "test", 3, 1],
      ["b", "workflow b", "test", 3, 0],
    ]);
    expect(events.filter(({ type }) => type === "test-opened")).toEqual([
      { type: "test-opened", items: 3, purpose: "a and b" },
    ]);
    const [one, two] = ["a", "b"].map((name) =>
      runner.jobs.filter(({ source }) => source.includes(`"${name}"`)).map(({ sample }) => sample.id),
    );
    expect(one).toEqual(two);
  });

  it("stays closed where the task has no test split, or the limit is 0", async () => {
    const without = madeBench(() => 1, {}, { task: madeTask({ splits: ["train", "validation"] }) });
    expect(await without.bench.finalTest(contestants, "")).toEqual([]);
    const zero = madeBench(() => 1, { testLimit: 0 });
    expect(await zero.bench.finalTest(contestants, "")).toEqual([]);
    expect([...without.events, ...zero.events].filter(({ type }) => type === "test-opened")).toEqual([]);
  });

  it("an empty split is the user's to mend", async () => {
    const { bench } = madeBench(() => 1, {}, { task: madeTask({ items: 0 }) });
    await expect(bench.finalTest(contestants, "")).rejects.toThrow(InputError);
  });
});

describe("a trajectory", () => {
  it("is gone on with by the model and adapter that began it only", () => {
    const made = madeBench(() => 1);
    const path = join(folder(), "trajectories.jsonl");
    const policy = (adapterHash: string | null) =>
      Object.assign(new ScriptedPolicy(() => ""), {
        info: { ...new ScriptedPolicy(() => "").info, modelHash: "m", adapterHash },
      });
    const open = (adapterHash: string | null) => made.bench.openLog(path, policy(adapterHash)).close();
    open("a1");
    open("a1");
    for (const other of ["a2", null])
      expect(() => open(other)).toThrow(/adapter a1, and would go on with model m, adapter/);
  });
});
