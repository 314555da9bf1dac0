/** @file Writes run directories of any size and content, in the form that the commands write them. */
import { appendFileSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeLine } from "../../../src/core/jsonl-log.js";
import { Random } from "../../../src/core/random.js";
import type { LearnResult } from "../../../src/learn/learn-result.js";
import type { EpisodeScore, RoundRecord } from "../../../src/records/round-record.js";
import type { RunEvent } from "../../../src/records/run-event.js";
import type {
  ActionsRecord,
  CandidateRecord,
  TrajectoryHeader,
  TurnRecord,
} from "../../../src/records/trajectory.js";
import type { OptimizeResult } from "../../../src/run/optimize.js";
import { workflowHash } from "../../../src/workflow/workflow-hash.js";

export interface MadeRun {
  episodes?: number;
  turns?: number;
  candidates?: number;
  /** Tokens of each prompt and reply: what makes real runs big. */
  tokens?: number;
  /** A text put wherever a run holds text of others; the number names the place. */
  text?: (place: number) => string;
  /** Without one the run counts as not finished. */
  hasSummary?: boolean;
  seed?: number;
}

const CODE = [
  "export default async function workflow(agent, task) {",
  "  const [reply] = await agent.text(task.question + ' Think step by step.');",
  "  return number(reply);",
  "}",
  "",
].join("\n");

export function madeSource(text: string): string {
  return `// ${text.replaceAll("\n", " ")}\n${CODE}`;
}

/** Writes a finished `optimize` run. @returns how many candidates it has */
export function makeRun(directory: string, made: MadeRun = {}): number {
  const { episodes = 2, turns = 2, candidates = 3, tokens = 8, hasSummary = true, seed = 0 } = made;
  const text = made.text ?? ((place: number) => `plain ${place}`);
  const random = new Random(seed);
  mkdirSync(directory, { recursive: true });
  const write = (name: string, value: unknown) =>
    writeFileSync(join(directory, name), `${JSON.stringify(value, null, 2)}\n`);
  const append = (name: string, record: object) =>
    appendFileSync(join(directory, name), `${encodeLine(record as Record<string, unknown>)}\n`);
  write("run.json", {
    command: "optimize",
    executor: text(1),
    isSimulated: true,
    version: 1,
    identity: { task: text(0), taskHash: "a".repeat(64), modelHash: "b".repeat(64) },
  });
  write("config.resolved.json", { task: text(0), model: text(2), seed, budget: { dollars: 1 } });
  const policy = {
    id: text(2),
    modelHash: "b".repeat(64),
    tokenizerHash: "c".repeat(64),
    templateHash: "d".repeat(64),
    adapterHash: null,
    device: text(3),
  };
  const header: TrajectoryHeader = {
    kind: "header",
    version: 1,
    task: { name: text(0), hash: "a".repeat(64) },
    executor: text(1),
    isSimulated: true,
    policy,
    seed,
  };
  append("trajectories.jsonl", header);
  const events: RunEvent[] = [
    {
      type: "run-start",
      command: "optimize",
      directory,
      task: text(0),
      isResumed: false,
      executor: text(1),
      policy: text(2),
      isSimulated: true,
    },
    { type: "warning", message: text(4) },
    { type: "test-opened", items: 10, purpose: text(5) },
    { type: "spent", calls: 120, tokens: 34_000, dollars: 0.25 },
    { type: "run-end", directory, isComplete: true },
  ];
  for (const [index, event] of events.entries())
    append("events.jsonl", { at: new Date(Date.UTC(2026, 0, 2, 3, 4, index * 30)).toISOString(), ...event });

  const ids = () => Array.from({ length: tokens }, () => random.integer(0, 50_000));
  let count = 0;
  for (let episode = 0; episode < episodes; episode++) {
    let parent: { hash: string; accuracy: number } = { hash: "0".repeat(64), accuracy: 0.25 };
    let best = 0.25;
    for (let turn = 0; turn < turns; turn++) {
      const list: CandidateRecord[] = [];
      const actions: ActionsRecord["actions"] = [];
      for (let index = 0; index < candidates; index++) {
        count++;
        const kind = random.integer(0, 3);
        const source = madeSource(`${text(6)} ${episode}/${turn}/${index}`);
        const accuracy = random.integer(0, 8) / 8;
        const isInvalid = kind === 0;
        const isScored = kind > 1;
        list.push({
          index,
          repairOf: null,
          forced: random.chance(0.5) ? [text(7)] : [],
          techniques: [text(7)],
          workflowHash: isInvalid ? null : workflowHash(source),
          source: isInvalid ? null : source,
          outcome: isInvalid ? "invalid" : isScored ? "scored" : "screened-out",
          status: isInvalid ? text(8) : "ok",
          ...(isInvalid ? { message: `${text(9)} at line ${index + 1}` } : {}),
          accuracy: isScored ? accuracy : null,
          screenAccuracy: isInvalid ? null : accuracy,
          interval: isScored ? { low: accuracy / 2, high: (1 + accuracy) / 2 } : null,
          n: isScored ? 8 : 0,
          calls: 9,
          tokens: 700,
          dollars: 0.001,
          reward: isScored && accuracy > best ? 1 : 0,
        });
        actions.push({
          index,
          repairOf: null,
          attempt: 0,
          seed: random.integer(0, 1000),
          temperature: 0.8,
          forced: [],
          text: `${text(10)}\n${source}`,
          tokens: ids(),
          logProbs: Array.from({ length: tokens }, () => -0.5),
          finishReason: text(11),
        });
      }
      append("trajectories.jsonl", {
        kind: "actions",
        episode,
        turn,
        prompt: "turn",
        promptTokens: ids(),
        messages: [{ role: text(12), content: `${text(13)}\nepisode ${episode}, turn ${turn}` }],
        seconds: 1.5,
        actions,
      } satisfies ActionsRecord);
      const valid = list.filter(({ accuracy }) => accuracy !== null);
      const kept = valid.sort((a, b) => (b.accuracy ?? 0) - (a.accuracy ?? 0))[0] ?? null;
      append("trajectories.jsonl", {
        kind: "turn",
        episode,
        turn,
        history: { best, previous: parent.accuracy, sampleCount: 8 },
        parentHash: parent.hash,
        candidates: [...list].sort((a, b) => a.index - b.index),
        kept: kept?.index ?? null,
      } satisfies TurnRecord);
      if (kept?.workflowHash) {
        parent = { hash: kept.workflowHash, accuracy: kept.accuracy ?? 0 };
        best = Math.max(best, kept.accuracy ?? 0);
      }
    }
  }
  if (hasSummary) write("summary.json", summary(directory, text));
  return count;
}

/** What the commands write, but for the forecast and the errors that end a run. */
type Summary<T> = Omit<T, "forecast" | "stoppedBy">;

function summary(directory: string, text: (place: number) => string): Summary<OptimizeResult> {
  const row = (name: string, title: string, split: "validation" | "test", accuracy: number) => ({
    name,
    title,
    split,
    workflowHash: "e".repeat(64),
    executor: text(1),
    isSimulated: true,
    n: 40,
    accuracy,
    interval: { low: accuracy - 0.1, high: accuracy + 0.1 },
    callsPerSample: 2,
    tokensPerSample: 150,
    dollarsPerSample: 0.0002,
    errors: 1,
    statusCounts: { ok: 38, [text(8)]: 2 },
  });
  return {
    command: "optimize",
    directory,
    task: text(0),
    executor: text(1),
    policy: text(2),
    device: text(3),
    isSimulated: true,
    validation: [
      row(text(14), text(14), "validation", 0.5),
      row("best", `best workflow (${text(15)})`, "validation", 0.75),
    ],
    test: [row(text(14), text(14), "test", 0.45), row("best", `best workflow (${text(15)})`, "test", 0.7)],
    best: { title: text(15), hash: "e".repeat(64), source: madeSource(text(6)), isBaseline: false },
    pareto: { unit: "tokens", points: [] },
    candidates: {
      count: 12,
      validShare: 0.75,
      distinctShare: 1,
      meanReward: 0.4,
      techniques: { [text(7)]: 1 },
    },
    breakEven: { [text(14)]: 1234, [`${text(14)} too`]: null },
    resultHash: "9".repeat(64),
    warnings: [text(4)],
    spent: {
      rows: [
        {
          role: text(16),
          model: text(17),
          calls: 120,
          cachedCalls: 7,
          promptTokens: 30_000,
          completionTokens: 4000,
          dollars: 0.25,
          estimatedCalls: 3,
        },
      ],
      calls: 120,
      tokens: 34_000,
      dollars: 0.25,
    },
    isComplete: true,
  };
}

/** Adds two rounds as `w4s learn` leaves them, the second one refused. */
export function addRounds(
  directory: string,
  text: (place: number) => string = (place) => `round text ${place}`,
): RoundRecord[] {
  const stat = (mean: number) => ({ mean, interval: { low: mean - 0.05, high: mean + 0.05 } });
  const difference = (mean: number, pairs: number) => ({ pairs, meanReward: stat(mean), best: stat(mean) });
  return [1, 2].map((round) => {
    const folder = join(directory, "rounds", String(round).padStart(2, "0"));
    mkdirSync(folder, { recursive: true });
    const record: RoundRecord = {
      version: 1,
      round,
      plan: { episodes: [{ task: text(0), count: 3 }], reason: text(20) },
      card: {
        candidates: 24,
        examples: 20,
        validShare: 0.75,
        distinctShare: 0.5,
        rewards: { mean: 0.4, lowest: 0, highest: 1 },
        histogram: [{ low: 0, high: 1, count: 24 }],
        weights: { lowest: 1, highest: 2 },
        promptTokens: 4000,
        actionTokens: 900,
        tasks: [],
      },
      adapter: `rounds/0${round}/${text(21)}.gguf`,
      adapterHash: String(round).repeat(64),
      parentHash: round === 1 ? null : "1".repeat(64),
      training: { steps: 4, firstLoss: 2, lastLoss: 1.25, trainedTokens: 5000, peakRssBytes: 300 * 2 ** 20 },
      episodes: [0.4, 0.5].map((meanReward, episode) => episodeScore(text(0), meanReward, episode)),
      score: { ...POLICY_SCORE, techniques: { [text(7)]: 0.5 } },
      againstBase: difference(round === 1 ? 0.15 : -0.2, 4 * round),
      againstPrevious: difference(round === 1 ? 0.15 : -0.35, 4 * round),
      isAccepted: round === 1,
      reason: round === 1 ? "accepted: not worse, mean reward +0.150" : `refused: ${text(22)}`,
      seconds: { generate: 12, train: 34 },
      best: [{ task: text(0), accuracy: 0.75, hash: "f".repeat(64), source: madeSource(text(6)) }],
    };
    writeFileSync(join(folder, "round.json"), JSON.stringify(record));
    for (let step = 1; step <= 4; step++) {
      const event = { at: "2026-01-02T03:04:05.000Z", type: "step", step, loss: 2 - step / 5, totalSteps: 4 };
      appendFileSync(join(folder, "train.jsonl"), `${encodeLine(event)}\n`);
    }
    return record;
  });
}

const POLICY_SCORE = {
  episodes: 2,
  meanReward: 0.45,
  best: 0.75,
  validShare: 0.9,
  distinctShare: 0.8,
  executorTokensPerCandidate: 321,
  techniques: {},
};

export function episodeScore(task: string, meanReward: number, episode = 0): EpisodeScore {
  return {
    task,
    seed: 0,
    episode,
    meanReward,
    best: 0.75,
    candidates: 6,
    valid: 5,
    workflows: ["f".repeat(64)],
    executorTokens: 1926,
    dollars: null,
    techniques: { steps: 3 },
  };
}

/** Turns a made run into one of `w4s learn`: its trajectories become those of two rounds. */
export function makeLearnRun(directory: string, made: MadeRun = {}): void {
  const text = made.text ?? ((place: number) => `plain ${place}`);
  makeRun(directory, made);
  const rounds = addRounds(directory, text);
  for (const { round } of rounds)
    copyFileSync(
      join(directory, "trajectories.jsonl"),
      join(directory, `rounds/0${round}/collect-made.jsonl`),
    );
  rmSync(join(directory, "trajectories.jsonl"));
  const { test, spent } = summary(directory, text);
  const { againstBase } = rounds[0] as RoundRecord;
  const learned: Summary<LearnResult> = {
    command: "learn",
    directory,
    model: text(2),
    modelHash: "b".repeat(64),
    executor: text(1),
    isSimulated: true,
    tasks: [text(0)],
    judgeTasks: [`${text(0)} held back`],
    isHeldBack: true,
    rounds,
    adapter: { path: `${directory}/${text(21)}.gguf`, hash: "1".repeat(64), round: 1 },
    base: { ...POLICY_SCORE, meanReward: 0.3 },
    baseEpisodes: [0.2, 0.4].map((meanReward, episode) => episodeScore(text(0), meanReward, episode)),
    trained: POLICY_SCORE,
    difference: againstBase,
    test,
    best: { title: text(15), hash: "e".repeat(64), source: madeSource(text(6)), isBaseline: false },
    breakEven: [{ task: text(0), baseline: text(14), samples: 77 }],
    warnings: [text(4)],
    spent,
    isComplete: true,
  };
  writeFileSync(join(directory, "summary.json"), JSON.stringify(learned));
}
