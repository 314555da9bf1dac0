/** @file Episodes side by side: when one begins, how they end together, and that none of it changes what they come to. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BudgetExceededError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import type { CandidateDraw, Policy } from "../../../src/design/policy.js";
import { type Evaluation, resultHash } from "../../../src/evaluate/evaluation.js";
import { trajectorySamples } from "../../../src/learn/examples/trajectory-samples.js";
import { readTurns } from "../../../src/records/read-turns.js";
import { alone, playSideBySide, type Seat } from "../../../src/run/side-by-side.js";
import { madeBench, replyNamed, TableRunner } from "../../support/scripted-search.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

/** Several rounds of the event loop: whatever can begin has begun. */
const settled = () => sleep(5);

/** A promise that is resolved from outside. */
function gate(): { wait: Promise<void>; open: () => void } {
  let open = () => {};
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
}

describe("playSideBySide", () => {
  it("begins the next episode where nobody is writing, however much is evaluated", async () => {
    const begun: number[] = [];
    const [written, rest] = [gate(), gate()];
    const all = playSideBySide(3, undefined, async (index, seat) => {
      begun.push(index);
      await seat.write(() => (index === 0 ? written.wait : Promise.resolve()));
      await seat.evaluate(() => rest.wait);
      return index;
    });
    await settled();
    // The weak model writes: another episode could but wait behind it.
    expect(begun).toEqual([0]);
    written.open();
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    rest.open();
    expect(await all).toEqual([0, 1, 2]);
  });

  it("keeps no more than sixteen open", async () => {
    const begun: number[] = [];
    const rest = gate();
    const all = playSideBySide(20, undefined, async (index, seat) => {
      begun.push(index);
      await seat.write(async () => {});
      await seat.evaluate(() => rest.wait);
    });
    await sleep(50);
    expect(begun).toHaveLength(16);
    rest.open();
    await all;
    expect(begun).toHaveLength(20);
  });

  it("asks the weak model one thing at a time, in the order of asking", async () => {
    let writing = 0;
    const order: number[] = [];
    await playSideBySide(4, undefined, async (index, seat) => {
      for (let turn = 0; turn < 3; turn++) {
        await seat.write(async () => {
          expect(++writing).toBe(1);
          order.push(index);
          await sleep(1);
          writing--;
        });
        await seat.evaluate(() => sleep(4));
      }
    });
    expect(order).toHaveLength(12);
    expect(order.slice(0, 2)).toEqual([0, 1]);
  });

  it("ends in order where one fails: the others may finish what they do, no further one begins, the first error is thrown", async () => {
    const done: string[] = [];
    const failing = playSideBySide(5, undefined, async (index, seat) => {
      done.push(`begins ${index}`);
      await seat.write(async () => {});
      if (index === 1) throw new BudgetExceededError("calls", 1, 1);
      await seat.evaluate(() => sleep(20));
      done.push(`finishes ${index}`);
      seat.stop.signal.throwIfAborted();
    });
    await expect(failing).rejects.toThrow(BudgetExceededError);
    expect(done).toEqual(["begins 0", "begins 1", "finishes 0"]);
  });

  it("ends with the reason of the run's signal", async () => {
    const controller = new AbortController();
    const all = playSideBySide(3, controller.signal, async (_, seat) => {
      await seat.evaluate(() => sleep(10));
      seat.stop.signal.throwIfAborted();
    });
    controller.abort(new DOMException("interrupted", "AbortError"));
    await expect(all).rejects.toThrow("interrupted");
  });
});

/** Writes by its seeds, as a model does: a quarter of what it writes fails, and of the repairs too. */
class SeededPolicy implements Policy {
  readonly info = {
    ...{ id: "seeded", modelHash: "m", tokenizerHash: "t", templateHash: "c" },
    ...{ adapterHash: null, device: "none" },
  };
  readonly style = "compact";
  readonly canForce = false;
  calls = 0;

  async act(_prompt: unknown, draws: readonly CandidateDraw[]): ReturnType<Policy["act"]> {
    this.calls++;
    await sleep(this.calls % 3);
    const actions = draws.map(({ seed }) => {
      const number = new Random(seed).integer(0, 11);
      const text = replyNamed(number % 4 === 0 ? `bad-${number}` : `w${number}`);
      return { text, tokens: [number, seed % 1000], finishReason: "stop" };
    });
    return { promptTokens: [1, 2], actions };
  }
}

/** Some jobs take longer than others; after `most` of them the budget is used up. */
class SlowRunner extends TableRunner {
  most = Number.POSITIVE_INFINITY;

  override async run(...[jobs, options]: Parameters<TableRunner["run"]>) {
    const results = [];
    for (const job of jobs) {
      options.stop?.signal.throwIfAborted();
      if (job.sample.id.endsWith("1")) await sleep(1);
      if (this.jobs.length >= this.most) {
        const error = new BudgetExceededError("calls", this.most, this.most);
        options.stop?.abort(error);
        throw error;
      }
      results.push(...(await super.run([job], options)));
    }
    return results;
  }
}

const EPISODES = 4;

function table(name: string, sample: string) {
  if (name.startsWith("bad")) return "threw" as const;
  const item = Number(sample.split("/")[1]);
  return Number(name.slice(1)) % 7 > item ? 1 : 0;
}

interface Session {
  /** One after the other instead of side by side. */
  isSerial?: boolean | undefined;
  /** Jobs until the budget is used up. */
  most?: number | undefined;
}

/** Plays all episodes on the file; what is told of them does not depend on how. */
async function play(path: string, { isSerial = false, most = Number.POSITIVE_INFINITY }: Session = {}) {
  const runner = new SlowRunner(table);
  runner.most = most;
  const { bench } = madeBench(table, { turns: 2, candidates: 3, maxRepairs: 2, screen: 3 }, { runner });
  const policy = new SeededPolicy();
  const log = bench.openLog(path, policy);
  try {
    const playOne = (episode: number, seat: Seat) => bench.episode(policy, { log, seat }, episode);
    const found: Awaited<ReturnType<typeof playOne>>[] = [];
    if (isSerial)
      for (let episode = 0; episode < EPISODES; episode++) found.push(await playOne(episode, alone()));
    else found.push(...(await playSideBySide(EPISODES, undefined, playOne)));
    return { found: found.flat(), turns: log.turns(), calls: policy.calls, jobs: runner.jobs.length };
  } finally {
    log.close();
  }
}

/** All that training and the result depend on. */
async function outcomeOf(path: string, { found, turns }: Awaited<ReturnType<typeof play>>) {
  const stored = await readTurns(path);
  return {
    found: found.map(({ hash, title }) => [hash, title]),
    hash: resultHash(found.map(({ evaluation }): Evaluation => evaluation)),
    turns,
    examples: trajectorySamples(path),
    stored: stored.turns.map(({ candidates, prompts, episode, turn }) => ({
      ...{ episode, turn, candidates },
      prompts: prompts.map(({ name, messages }) => [name, messages]),
    })),
  };
}

const lines = (path: string) => readFileSync(path, "utf8").trim().split("\n");
const placesIn = (path: string) =>
  lines(path).flatMap((line) => {
    const { kind, episode, turn } = JSON.parse(line);
    return kind === "turn" ? [`${episode}/${turn}`] : [];
  });

describe("episodes of a search", () => {
  it("come to the same however many are open: turns, rewards, winner, examples and their order", async () => {
    const files = folder();
    const [serial, mixed] = [join(files, "serial.jsonl"), join(files, "mixed.jsonl")];
    const one = await outcomeOf(serial, await play(serial, { isSerial: true }));
    expect(await outcomeOf(mixed, await play(mixed))).toEqual(one);
    // The case is what it is meant to be: episodes lie mixed in the file, and repairs were written.
    expect(placesIn(mixed)).not.toEqual([...placesIn(mixed)].sort());
    expect(one.examples.some(({ candidate }) => candidate.repairOf !== null)).toBe(true);
    expect(one.examples.map(({ episode }) => episode)).toEqual(
      one.examples.map(({ episode }) => episode).sort(),
    );
  });

  it("go on from wherever each of them was stopped, and write nothing twice", async () => {
    const whole = join(folder(), "whole.jsonl");
    const undisturbed = await play(whole);
    const expected = await outcomeOf(whole, undisturbed);
    const path = join(folder(), "stopped.jsonl");
    for (const share of [0.2, 0.4, 0.6, 0.8]) {
      const most = Math.round(share * undisturbed.jobs);
      await expect(play(path, { most })).rejects.toThrow(BudgetExceededError);
    }
    const open = new Set(placesIn(path).map((place) => place.split("/")[0]));
    expect(open.size).toBeGreaterThan(1);
    // A kill in the middle of a line.
    appendFileSync(path, '{"kind":"turn","episode":1,');
    const last = await play(path);
    expect(await outcomeOf(path, last)).toEqual(expected);
    expect(lines(path)).toHaveLength(lines(whole).length);
    expect(last.calls).toBeLessThan(undisturbed.calls);
  });

  it("keep what they found until another one failed", async () => {
    const path = join(folder(), "failing.jsonl");
    const { bench } = madeBench(table, { turns: 3, candidates: 3 }, { runner: new SlowRunner(table) });
    const policy = new SeededPolicy();
    const log = bench.openLog(path, policy);
    const found: unknown[][] = [];
    const all = playSideBySide(3, undefined, async (episode, seat) => {
      found[episode] = [];
      const order = { log, seat, found: found[episode] as never };
      while (episode === 2 && found.flat().length === 0) await sleep(1);
      if (episode === 2) throw new BudgetExceededError("calls", 1, 1);
      await bench.episode(policy, order, episode);
    });
    await expect(all).rejects.toThrow(BudgetExceededError);
    const scored = log.turns().flatMap(({ candidates }) => candidates.filter(({ n }) => n > 0));
    log.close();
    expect(found.flat()).toHaveLength(scored.length);
    expect(scored.length).toBeGreaterThan(0);
  });
});
