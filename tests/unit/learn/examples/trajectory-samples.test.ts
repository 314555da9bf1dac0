/** @file What recorded teams teach whom: own replies with own prompts, and the reward of the candidate they led to. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { selectSamples } from "../../../../src/learn/examples/select-samples.js";
import { trajectorySamples } from "../../../../src/learn/examples/trajectory-samples.js";
import {
  type ActionRecord,
  type CandidateRecord,
  TrajectoryLog,
  type TrajectoryRecord,
} from "../../../../src/records/trajectory.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

const member = (name: string, tokenizerHash: string) => ({
  name,
  modelHash: `model ${name}`,
  tokenizerHash,
  adapterHash: null,
});

const action = (index: number, more: Partial<ActionRecord>): ActionRecord => ({
  index,
  repairOf: null,
  attempt: 0,
  seed: index,
  temperature: 0.8,
  forced: [],
  text: `reply ${index}`,
  tokens: [100 + index],
  finishReason: "stop",
  ...more,
});

const candidate = (index: number, accuracy: number): CandidateRecord => ({
  index,
  repairOf: null,
  forced: [],
  techniques: [],
  workflowHash: `hash ${index}`,
  source: "",
  outcome: "scored",
  status: "ok",
  accuracy,
  screenAccuracy: null,
  interval: null,
  n: 4,
  calls: 4,
  tokens: 40,
  dollars: 0,
  reward: accuracy,
});

function recorded(actions: ActionRecord[], accuracies: number[], tokenizers = ["t", "t"]): string {
  const path = join(newFolder(), "trajectories.jsonl");
  const log = new TrajectoryLog(path);
  const [first = "t", second = "t"] = tokenizers;
  const records: TrajectoryRecord[] = [
    {
      kind: "header",
      version: 1,
      task: { name: "counting", hash: "h" },
      executor: "simulated",
      isSimulated: true,
      policy: {
        id: "team",
        modelHash: "model p",
        tokenizerHash: first,
        templateHash: "t",
        adapterHash: null,
        device: "CPU",
        members: [member("p", first), member("c", second)],
      },
      seed: 0,
    },
    {
      kind: "actions",
      episode: 0,
      turn: 0,
      prompt: "turn",
      promptTokens: [1],
      messages: [],
      seconds: 0,
      actions,
    },
    {
      kind: "turn",
      episode: 0,
      turn: 0,
      history: { best: 0, previous: 0, sampleCount: 4 },
      parentHash: null,
      candidates: accuracies.map((accuracy, index) =>
        Number.isNaN(accuracy)
          ? { ...candidate(index, 0), outcome: "lost", accuracy: null }
          : candidate(index, accuracy),
      ),
      kept: 0,
    },
  ];
  for (const record of records) log.append(record);
  log.close();
  return path;
}

const review = (token: number) => ({
  policy: "c",
  kind: "review" as const,
  promptTokens: [2, 2],
  text: "Review.",
  tokens: [token],
});

describe("trajectorySamples of a team", () => {
  const path = recorded(
    [
      action(0, { policy: "p", helpers: [review(7)] }),
      action(1, { policy: "p", promptTokens: [3, 3, 3], helpers: [review(7)] }),
    ],
    [0.25, 0.75],
  );

  it("gives a sample per action and helper, with its writer, its own prompt and the shared reward", () => {
    const samples = trajectorySamples(path);
    expect(
      samples.map(({ policy, helper, promptTokens, tokens, reward, index }) => ({
        policy,
        helper,
        promptTokens,
        tokens,
        reward,
        index,
      })),
    ).toEqual([
      { policy: "c", helper: "review", promptTokens: [2, 2], tokens: [7], reward: 0.25, index: 0 },
      { policy: "p", helper: undefined, promptTokens: [1], tokens: [100], reward: 0.25, index: 0 },
      { policy: "c", helper: "review", promptTokens: [2, 2], tokens: [7], reward: 0.75, index: 1 },
      { policy: "p", helper: undefined, promptTokens: [3, 3, 3], tokens: [101], reward: 0.75, index: 1 },
    ]);
  });

  it("gives none for a candidate that lost its samples, and none at all where every one did", () => {
    const actions = [action(0, { policy: "p" }), action(1, { policy: "p" })];
    expect(trajectorySamples(recorded(actions, [0.5, Number.NaN]))).toMatchObject([{ index: 0 }]);
    expect(trajectorySamples(recorded(actions, [Number.NaN, Number.NaN]))).toEqual([]);
  });

  it("keeps equal reviews of different worth, and the best of each kind of reply", () => {
    const samples = trajectorySamples(path);
    const settings = {
      keep: "all",
      onlySuccess: false,
      untilLastReward: false,
      invalid: "keep",
      countDuplicates: false,
    } as const;
    expect(selectSamples(samples, settings)).toHaveLength(4);
    const best = selectSamples(samples, { ...settings, keep: "best" });
    expect(best.map(({ helper, reward }) => [helper, reward])).toEqual([
      ["review", 0.75],
      [undefined, 0.75],
    ]);
  });

  it("leaves out what another tokenizer has sampled, and refuses a model that none of them is", () => {
    const mixed = recorded([action(0, { policy: "p", helpers: [review(7)] })], [0.5], ["t", "other"]);
    const of = (tokenizerHash: string) =>
      trajectorySamples(mixed, { tokenizerHash }).map(({ policy }) => policy);
    expect(of("t")).toEqual(["p"]);
    expect(of("other")).toEqual(["c"]);
    expect(() => of("third")).toThrow(/sampled with another tokenizer/);
  });
});
