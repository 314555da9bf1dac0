import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, InputError, StorageError } from "../../../src/core/errors.js";
import { encodeLine } from "../../../src/core/jsonl-log.js";
import { trajectorySamples } from "../../../src/learn/examples/trajectory-samples.js";
import { weighSamples } from "../../../src/learn/examples/weigh-samples.js";
import { type DatasetFormat, exportDataset } from "../../../src/learn/export-dataset.js";
import { readTrajectory, TRAJECTORY_VERSION } from "../../../src/records/trajectory.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

interface Reply {
  text: string;
  /** What it answers, where that is not the prompt of its turn. */
  asked?: string;
  /** Undefined: the turn was cut off before it was scored. */
  reward?: number;
}

const policy = {
  id: "tiny",
  modelHash: "m",
  tokenizerHash: "t",
  templateHash: "c",
  adapterHash: null,
  device: "cpu",
};

/** A run with the replies of some prompts; several prompts of one turn number their replies on. */
function makeRun(prompts: { episode: number; turn: number; prompt: string; replies: Reply[] }[]): string {
  const folder = newFolder();
  const records: Record<string, unknown>[] = [
    {
      kind: "header",
      version: TRAJECTORY_VERSION,
      task: { name: "sums", hash: "h" },
      executor: "simulated",
      isSimulated: true,
      policy,
      seed: 0,
    },
  ];
  const turns = new Map<string, Record<string, unknown>[]>();
  for (const { episode, turn, prompt, replies } of prompts) {
    const key = `${episode} ${turn}`;
    const candidates = turns.get(key) ?? [];
    turns.set(key, candidates);
    const first = candidates.length;
    records.push({
      kind: "actions",
      episode,
      turn,
      prompt,
      promptTokens: [1, 2],
      messages: [{ role: "user", content: `${prompt} ${key}` }],
      seconds: 1,
      actions: replies.map(({ text, asked }, i) => ({
        ...(asked === undefined ? {} : { messages: [{ role: "user", content: asked }] }),
        index: first + i,
        repairOf: null,
        attempt: 0,
        seed: i,
        temperature: 1,
        forced: [],
        text,
        tokens: [3],
        finishReason: "stop",
      })),
    });
    for (const [i, { reward }] of replies.entries()) {
      candidates.push({
        index: first + i,
        repairOf: null,
        forced: [],
        techniques: [],
        workflowHash: null,
        source: null,
        outcome: "scored",
        status: "ok",
        accuracy: 0,
        screenAccuracy: null,
        interval: null,
        n: 1,
        calls: 1,
        tokens: 1,
        dollars: null,
        reward,
      });
    }
  }
  for (const [key, all] of turns) {
    const [episode, turn] = key.split(" ").map(Number);
    const candidates = all.filter(({ reward }) => reward !== undefined);
    if (candidates.length === 0) continue;
    const history = { best: 0, previous: 0, sampleCount: 1 };
    records.push({ kind: "turn", episode, turn, history, parentHash: null, candidates, kept: null });
  }
  writeFileSync(join(folder, "trajectories.jsonl"), records.map((one) => `${encodeLine(one)}\n`).join(""));
  return folder;
}

/** Any of the four forms. */
interface ReadRow {
  messages: { role: string; content: string }[];
  weight: number;
  iter: number;
  completion: [{ content: string }];
  label: boolean;
}

async function rowsOf(
  run: string,
  format: DatasetFormat,
  options: Partial<Parameters<typeof exportDataset>[2]> = {},
): Promise<ReadRow[]> {
  const out = join(newFolder(), "rows.jsonl");
  const count = await exportDataset(run, out, { format, ...options });
  const lines = readFileSync(out, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(count);
  return lines.map((line) => JSON.parse(line));
}

const RUN = makeRun([
  {
    episode: 0,
    turn: 0,
    prompt: "turn",
    replies: [
      { text: "middle", reward: 0.5 },
      { text: "best", reward: 1 },
      { text: "worst", reward: -0.1 },
      { text: "", reward: 0 },
    ],
  },
  { episode: 0, turn: 0, prompt: "repair-2", replies: [{ text: "repaired", reward: 1 }] },
  {
    episode: 0,
    turn: 1,
    prompt: "turn",
    replies: [
      { text: "same 1", reward: 0 },
      { text: "same 2", reward: 0 },
    ],
  },
  { episode: 1, turn: 0, prompt: "turn", replies: [{ text: "cut off" }] },
]);
const said = (row: { messages: { content: string }[] }) => row.messages.at(-1)?.content as string;

describe("messages", () => {
  it("are weighted rows of every scored reply that says something", async () => {
    const rows = await rowsOf(RUN, "messages");
    expect(rows[0]).toEqual({
      messages: [
        { role: "user", content: "turn 0 0" },
        { role: "assistant", content: "middle" },
      ],
      weight: Math.exp(0.5 / 0.4),
      reward: 0.5,
      task: "sums",
      iter: 0,
    });
    expect(rows.map(said)).toEqual(["middle", "best", "worst", "repaired", "same 1", "same 2"]);
    expect(rows.map(({ iter }) => iter)).toEqual([0, 0, 0, 0, 1, 1]);
    expect(rows.map(({ weight }) => weight)[2]).toBeCloseTo(Math.exp(-0.25), 12);
  });

  it("take another temperature, or another rule", async () => {
    const hot = await rowsOf(RUN, "messages", { weighting: { kind: "exponential", temperature: 2 } });
    expect(hot.map(({ weight }) => weight)[1]).toBeCloseTo(Math.exp(0.5), 12);
    const binary = await rowsOf(RUN, "messages", { weighting: { kind: "binary", threshold: 0.5 } });
    expect(binary.map(({ weight }) => weight)).toEqual([0, 1, 0, 1, 0, 0]);
    const cold = rowsOf(RUN, "messages", { weighting: { kind: "exponential", temperature: 0 } });
    await expect(cold).rejects.toThrow(ConfigError);
  });
});

/** A turn whose rewards are accuracies: 3 of 4 and then out, 55 % and 60 % of 20, and one that lost its samples. */
function makeScreened(): string {
  const texts = ["lucky", "first", "second", "lost"];
  const run = makeRun([
    { episode: 0, turn: 0, prompt: "turn", replies: texts.map((text) => ({ text, reward: 0 })) },
  ]);
  const file = join(run, "trajectories.jsonl");
  const measured = [
    { outcome: "screened-out", accuracy: null, screenAccuracy: 0.75, n: 4, reward: 0.75 },
    { outcome: "scored", accuracy: 0.55, screenAccuracy: 0.75, n: 20, reward: 0.55 },
    { outcome: "scored", accuracy: 0.6, screenAccuracy: 0.75, n: 20, reward: 0.6 },
    { outcome: "lost", accuracy: null, screenAccuracy: null, n: 0, reward: 0 },
  ];
  const records = readTrajectory(file).map((record) =>
    record.kind === "turn"
      ? {
          ...record,
          candidates: record.candidates.map((one, i) => ({
            ...one,
            ...measured[i],
            workflowHash: `hash ${i}`,
          })),
        }
      : record,
  );
  writeFileSync(file, records.map((one) => `${encodeLine(one)}\n`).join(""));
  return run;
}

describe("screened-out replies", () => {
  it("stand on one scale with survivors; those that lost their samples are left out", async () => {
    const run = makeScreened();
    const rows = await rowsOf(run, "messages", { weighting: { kind: "advantage" } });
    expect(rows.map(said)).toEqual(["lucky", "first", "second"]);
    const samples = trajectorySamples(join(run, "trajectories.jsonl"));
    const settings = { weighting: "advantage", invalid: "keep", unbalanced: true } as const;
    expect(rows.map(({ weight }) => weight)).toEqual(weighSamples([samples], settings, "accuracy", 0)[0]);
    expect(rows[0]!.weight / rows[1]!.weight).toBeLessThan(3);
    expect(Math.exp((0.75 - 0.55) / 0.06)).toBeGreaterThan(28);
  });

  it("cannot be drawn by weights below 0", async () => {
    const run = makeScreened();
    const signed = await rowsOf(run, "messages", { weighting: { kind: "group" } });
    expect(Math.min(...signed.map(({ weight }) => weight))).toBeLessThan(0);
    const drawn = rowsOf(run, "resampled", { weighting: { kind: "group" } });
    await expect(drawn).rejects.toThrow(/some weights are below 0/);
  });
});

describe("resampled", () => {
  it("draws as many rows as there are replies, by weight, the same ones for the same seed", async () => {
    const first = await rowsOf(RUN, "resampled", { seed: 4 });
    expect(first).toHaveLength(6);
    expect(Object.keys(first[0] as ReadRow)).toEqual(["messages"]);
    expect(await rowsOf(RUN, "resampled", { seed: 4 })).toEqual(first);
    const counts = new Map<string, number>();
    let draws = 0;
    for (let seed = 0; seed < 100; seed++) {
      for (const row of await rowsOf(RUN, "resampled", { seed })) {
        counts.set(said(row), (counts.get(said(row)) ?? 0) + 1);
        draws++;
      }
    }
    const weights = { middle: 0.5, best: 1, worst: -0.1, repaired: 1, "same 1": 0, "same 2": 0 };
    const total = Object.values(weights).reduce((sum, reward) => sum + Math.exp(reward / 0.4), 0);
    for (const [text, reward] of Object.entries(weights)) {
      const share = Math.exp(reward / 0.4) / total;
      // Four deviations of a share drawn 600 times.
      const room = 4 * Math.sqrt((share * (1 - share)) / draws);
      expect(Math.abs((counts.get(text) ?? 0) / draws - share), text).toBeLessThan(room);
    }
  });

  it("never draws weight 0, and refuses when there is no other", async () => {
    const weighting = { kind: "binary", threshold: 0.7 } as const;
    const rows = await rowsOf(RUN, "resampled", { weighting });
    expect(new Set(rows.map(said))).toEqual(new Set(["best", "repaired"]));
    const none = rowsOf(RUN, "resampled", { weighting: { kind: "binary", threshold: 5 } });
    await expect(none).rejects.toThrow(/all weights are 0/);
  });
});

describe("kto", () => {
  it("labels what is better than its prompt's mean, or than all where the prompt tells nothing", async () => {
    const rows = await rowsOf(RUN, "kto");
    expect(rows[0]).toEqual({
      prompt: [{ role: "user", content: "turn 0 0" }],
      completion: [{ role: "assistant", content: "middle" }],
      label: true,
    });
    const labels = rows.map(({ completion, label }) => [completion[0].content, label]);
    // Means: 0.467 for the first prompt, 0.4 for all.
    expect(labels).toEqual([
      ["middle", true],
      ["best", true],
      ["worst", false],
      ["repaired", true],
      ["same 1", false],
      ["same 2", false],
    ]);
  });
});

describe("dpo", () => {
  it("pairs the best with the worst reply of a prompt", async () => {
    expect(await rowsOf(RUN, "dpo")).toEqual([
      {
        prompt: [{ role: "user", content: "turn 0 0" }],
        chosen: [{ role: "assistant", content: "best" }],
        rejected: [{ role: "assistant", content: "worst" }],
      },
    ]);
  });

  it("needs replies of different reward", async () => {
    const flat = makeRun([{ episode: 0, turn: 0, prompt: "turn", replies: [{ text: "x", reward: 1 }] }]);
    await expect(rowsOf(flat, "dpo")).rejects.toThrow(InputError);
    await expect(rowsOf(flat, "dpo")).rejects.toThrow(/no prompt with replies of different reward/);
  });
});

describe("files", () => {
  it("are not written over unless asked", async () => {
    const out = join(newFolder(), "rows.jsonl");
    writeFileSync(out, "mine");
    await expect(exportDataset(RUN, out, { format: "dpo" })).rejects.toThrow(/exists already/);
    expect(readFileSync(out, "utf8")).toBe("mine");
    expect(await exportDataset(RUN, out, { format: "dpo", force: true })).toBe(1);
    expect(readFileSync(out, "utf8")).not.toContain("mine");
  });

  it("may be named themselves instead of their run; others are refused", async () => {
    expect(await rowsOf(join(RUN, "trajectories.jsonl"), "messages")).toHaveLength(6);
    await expect(rowsOf(newFolder(), "messages")).rejects.toThrow(/there are no trajectories/);
    const unscored = makeRun([{ episode: 0, turn: 0, prompt: "turn", replies: [{ text: "x" }] }]);
    await expect(rowsOf(unscored, "messages")).rejects.toThrow(/no scored candidates/);
    const silent = makeRun([{ episode: 0, turn: 0, prompt: "turn", replies: [{ text: "", reward: 1 }] }]);
    await expect(rowsOf(silent, "messages")).rejects.toThrow(/no scored candidates with a reply/);
  });

  it("that cannot be written are a fault of storage", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "file"), "");
    mkdirSync(join(folder, "folder"));
    for (const out of [join(folder, "file", "rows.jsonl"), join(folder, "folder")])
      await expect(exportDataset(RUN, out, { format: "dpo", force: true })).rejects.toThrow(StorageError);
  });
});

describe("a team's replies", () => {
  it("go with the conversation they answer, and are compared with replies to the same one only", async () => {
    const replies = [
      { text: "a", reward: 1, asked: "revise A" },
      { text: "b", reward: 0, asked: "revise B" },
      { text: "c", reward: 0.5, asked: "revise A" },
      { text: "d", reward: 0.2 },
    ];
    const run = makeRun([{ episode: 0, turn: 0, prompt: "turn", replies }]);
    const rows = async (format: DatasetFormat) => {
      const out = join(newFolder(), `${format}.jsonl`);
      await exportDataset(run, out, { format });
      return readFileSync(out, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    };
    expect(
      (await rows("messages")).map(({ messages }) =>
        messages.map(({ content }: { content: string }) => content),
      ),
    ).toEqual([
      ["revise A", "a"],
      ["revise B", "b"],
      ["revise A", "c"],
      ["turn 0 0", "d"],
    ]);
    const pairs = await rows("dpo");
    expect(pairs).toHaveLength(1);
    expect(JSON.stringify(pairs[0])).toContain("revise A");
  });
});
