/** @file The race: who meets the next block, what it costs, and that a finished turn is not raced again. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nextInRace, type Racer } from "../../../src/design/race.js";
import { workflowOf } from "../../../src/design/workflow-of.js";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import { madeBench, replyNamed, ScriptedPolicy } from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const sample = (id: number) => ({
  id: `validation/${id}`,
  question: `What is ${id}?`,
  answers: ["1"],
  meta: {},
});

/** Right on `right` of the first `n` of 40 items, for so many tokens each. */
function racer(hash: string, right: number, n: number, { tokens = 100, lost = 0 } = {}): Racer {
  const results = Array.from({ length: n }, (_, i) => ({
    sampleId: `validation/${i}`,
    status: i < n - lost ? "ok" : "error",
    score: i < right ? 1 : 0,
    usage: { executor: { calls: 1, promptTokens: tokens, completionTokens: 0, dollars: 0 } },
  })) as unknown as JobResult[];
  const order = Array.from({ length: 40 }, (_, i) => sample(i));
  return { hash, source: hash, order, evaluation: summarize(hash, results, 1, 2) };
}
const names = (racers: readonly Racer[]) => racers.map(({ hash }) => hash);
const race = { width: 3, block: 4, tokens: 1e6 };

describe("nextInRace", () => {
  it("takes the most promising ones, at most so many at once", () => {
    const field = [racer("a", 4, 4), racer("b", 3, 4), racer("c", 2, 4), racer("d", 0, 4), racer("e", 1, 4)];
    expect(names(nextInRace(field, race))).toEqual(["a", "b", "c"]);
    expect(names(nextInRace([...field].reverse(), { ...race, width: 1 }))).toEqual(["a"]);
  });

  it("leaves out who cannot win any more, and stops where one is left", () => {
    const strong = racer("strong", 36, 38);
    expect(names(nextInRace([strong, racer("weak", 3, 36), racer("close", 31, 36)], race))).toEqual(
      expect.not.arrayContaining(["weak"]),
    );
    expect(nextInRace([strong, racer("weak", 3, 36)], race)).toEqual([]);
    // A single candidate is measured on: it races against nobody but the baselines.
    expect(names(nextInRace([racer("single", 1, 4)], race))).toEqual(["single"]);
  });

  it("lets cheap ones go first, and pays for no block that the tokens do not reach", () => {
    const dear = racer("dear", 3, 4, { tokens: 1000 });
    const cheap = racer("cheap", 3, 4, { tokens: 100 });
    expect(names(nextInRace([dear, cheap], race))).toEqual(["cheap", "dear"]);
    expect(names(nextInRace([dear, cheap], { ...race, tokens: 4399 }))).toEqual(["cheap"]);
    expect(names(nextInRace([dear, cheap], { ...race, tokens: 4400 }))).toEqual(["cheap", "dear"]);
  });

  it("measures nobody who has met all items, or lost too many", () => {
    const field = [racer("whole", 30, 40), racer("lost", 6, 8, { lost: 2 }), racer("open", 7, 8)];
    expect(names(nextInRace(field, race))).toEqual(["open"]);
  });
});

describe("an episode with a race", () => {
  const settings = { screen: 2, isRacing: true, turns: 2, candidates: 4 };
  const hashOf = (name: string) => {
    const read = workflowOf(replyNamed(name));
    return "workflow" in read ? read.workflow.hash : "";
  };
  const scripted = () =>
    new ScriptedPolicy(["good", "bad", "poor", "fair", "late", "bad", "later", "last"].map(replyNamed));
  const table = (name: string, id: string) => {
    const at = Number(id.split("/")[1]);
    const share = { baseline: 0.5, good: 1, fair: 0.5, late: 0.75 }[name] ?? 0;
    return Number((at * 5) % 8 < share * 8);
  };

  async function play(path: string, made: ReturnType<typeof madeBench>) {
    const policy = scripted();
    const log = made.bench.openLog(path, policy);
    const found = await made.bench.episode(policy, { log }, 0);
    const turns = log.turns();
    log.close();
    return { found, turns };
  }

  it("shows each candidate the first block of its turn, and survivors more; n stands beside every score", async () => {
    const made = madeBench(table, settings);
    const { found, turns } = await play(join(folder(), "t.jsonl"), made);
    const [first, second] = turns;
    const of = (name: string) => first!.candidates.find(({ workflowHash }) => workflowHash === hashOf(name))!;
    expect(of("good")).toMatchObject({ outcome: "scored", accuracy: 1 });
    expect(of("good").n).toBeGreaterThan(2);
    expect(of("bad")).toMatchObject({ outcome: "screened-out", accuracy: null, screenAccuracy: 0, n: 2 });
    // Shrunk: neither certain nor hopeless.
    expect(of("good").commonAccuracy).toBeLessThan(1);
    expect(of("bad").commonAccuracy).toBeGreaterThan(0);
    expect(first!.kept).toBe(of("good").index);
    // The second turn begins one block further on.
    const asked = (name: string) =>
      made.runner.jobs.filter(({ source }) => source.includes(`"${name}"`)).map(({ sample }) => sample.id);
    expect(asked("bad").slice(0, 2)).toEqual(["validation/0", "validation/1"]);
    expect(asked("later")).toEqual(expect.arrayContaining(["validation/2", "validation/3"]));
    // An early candidate is measured on in later turns, and what is drawn twice runs once.
    expect(second!.race![hashOf("good")]).toBeGreaterThanOrEqual(first!.race![hashOf("good")]!);
    expect(found.map(({ hash }) => hash)).toEqual(
      ["good", "bad", "poor", "fair", "late", "later", "last"].map(hashOf),
    );
    for (const { evaluation, level } of found) {
      expect(evaluation.results).toHaveLength(second!.race![evaluation.workflowHash]!);
      expect(level).toBeDefined();
    }
  });

  it("is not raced again when it is taken up, and goes on as it would have", async () => {
    const path = join(folder(), "t.jsonl");
    const first = await play(path, madeBench(table, settings));
    const again = madeBench(table, settings);
    const second = await play(path, again);
    expect(second.turns).toEqual(first.turns);
    expect(second.found).toEqual(first.found);
    const asked = first.turns.at(-1)!.race!;
    const { length: baseline } = again.runner.jobs.filter(({ source }) => !source.includes('return "'));
    expect(again.runner.jobs.length - baseline).toBe(
      Object.values(asked).reduce((sum, count) => sum + count, 0) +
        // The quick check of a workflow that was drawn again, on the first item of a later turn.
        again.runner.jobs.filter(
          ({ source, sample: { id } }) => source.includes('"bad"') && id === "validation/2",
        ).length,
    );
  });
});
