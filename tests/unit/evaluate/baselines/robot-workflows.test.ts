/** @file Workflows on robot runs: one call for every control step, with sandbox, quotas, store and rule layer in force. */
import PQueue from "p-queue";
import { afterAll, describe, expect, test } from "vitest";
import { MockChatModel } from "w4s/testing";
import { Budget } from "../../../../src/core/budget.js";
import { ModelCallError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { mean } from "../../../../src/core/statistics.js";
import { robotBaselines } from "../../../../src/evaluate/baselines/robot-baselines.js";
import { makeJobs } from "../../../../src/evaluate/evaluation.js";
import { LocalJobRunner } from "../../../../src/evaluate/local-job-runner.js";
import { WorkflowRunner } from "../../../../src/evaluate/workflow-runner.js";
import { CallStore } from "../../../../src/llm/call-store.js";
import type { ChatModel } from "../../../../src/llm/chat-model.js";
import { MeteredModel } from "../../../../src/llm/metered-model.js";
import {
  SIMULATED_WEAK_SKILL,
  SimulatedChatModel,
} from "../../../../src/llm/simulated/simulated-chat-model.js";
import type { RobotRecord } from "../../../../src/tasks/families/robot/score-robot-run.js";
import { generateFamily } from "../../../../src/tasks/families.js";
import { loadTask } from "../../../../src/tasks/load-task.js";
import { makeScorer } from "../../../../src/tasks/make-scorer.js";
import { simulatedItems } from "../../../../src/tasks/simulated-items.js";
import type { Sample } from "../../../../src/tasks/task.js";
import { Gbnf } from "../../../../src/workflow/gbnf.js";
import { extractWorkflow } from "../../../../src/workflow/reading/extract-workflow.js";
import { QuickJsSandbox } from "../../../../src/workflow/sandbox/quickjs-sandbox.js";
import { subsetGrammar } from "../../../../src/workflow/subset-grammar.js";
import { workflowHash } from "../../../../src/workflow/workflow-hash.js";
import type { Sandbox } from "../../../../src/workflow/workflow-run.js";
import { InProcessSandbox } from "../../../support/in-process-sandbox.js";
import { recheckRobotTrace } from "../../../support/recheck-robot-trace.js";

const scorer = makeScorer("robot");
const task = await loadTask("robot-rooms");
const items = await task.load("train");
const sandbox = new QuickJsSandbox();
afterAll(() => sandbox.close());

const wrap = (body: string) => `export default async function workflow(agent, task) {\n${body}\n}\n`;
const record = (details: unknown) => details as RobotRecord;

/** A simulated executor that is told of every view before the workflow sees it. */
function simulated(skill = 0) {
  const model = new SimulatedChatModel({ seed: 1, skill });
  return { model, onSample: (sample: Sample) => model.register(simulatedItems([sample])) };
}

function runnerWith(
  model: ChatModel,
  options: { store?: CallStore; weak?: ChatModel; onSample?(sample: Sample): void; box?: Sandbox } = {},
) {
  const { store = CallStore.open(":memory:"), weak, onSample, box = sandbox } = options;
  const meter = (chat: ChatModel, role: string) =>
    new MeteredModel({ model: chat, role, store, budget: new Budget(), seed: 0 });
  return new LocalJobRunner({
    sandbox: box,
    models: {
      executor: meter(model, "executor"),
      aliases: new Map(),
      ...(weak ? { weak: meter(weak, "weak") } : {}),
    },
    store,
    scorer,
    limits: {},
    maxTokens: 512,
    queue: new PQueue({ concurrency: 4 }),
    ...(onSample ? { onSample } : {}),
  });
}

const jobsOf = (source: string, samples: readonly Sample[]) =>
  makeJobs({ hash: workflowHash(source), source }, samples, task, { seed: 3, settingsHash: "s" });

describe("one call for every control step", () => {
  test("the workflow sees the state of each step, keeps nothing between two, and its calls are summed up", async () => {
    const model = new MockChatModel(({ messages }) => [/step (\d+) of/.exec(messages[0]!.content)![1]!]);
    const source = wrap(
      'globalThis.seen = (globalThis.seen ?? 0) + 1; const [step] = await agent.text(task.question); agent.log(`${step}/${globalThis.seen} `); return "stop";',
    );
    const [result] = await runnerWith(model).run(jobsOf(source, items.slice(0, 1)));
    const steps = record(result!.details).controlSteps;
    expect(steps).toBe((items[0]!.meta.world as { steps: number }).steps);
    expect(result).toMatchObject({
      status: "ok",
      score: 0,
      isCorrect: false,
      usage: { executor: { calls: steps } },
    });
    expect(result!.log!.match(/\d+\/1\b/g)).toHaveLength(steps);
    expect(JSON.parse(result!.answer!)).toHaveLength(steps);
    expect(model.requests).toHaveLength(steps);
    const [first] = model.requests;
    expect(JSON.stringify(first)).not.toMatch(/misfindings|distractors|"map"/);
  });

  test.each([
    ["throws", 'throw new Error("lost");', "threw", /step 1: .*lost/],
    [
      "asks too often",
      'for (let i = 0; i < 21; i++) await agent.text(`${i}`); return "stop";',
      "budget",
      /step 1: /,
    ],
    [
      "fails later",
      'if (task.question.includes("step 2 of")) throw new Error("late"); return "stop";',
      "threw",
      /step 2: .*late/,
    ],
    ["answers nothing", "return undefined;", "bad-result", /step 1: /],
  ])("a workflow that %s ends the run and scores nothing", async (_, body, status, message) => {
    const [result] = await runnerWith(new MockChatModel(() => ["x"])).run(
      jobsOf(wrap(body), items.slice(0, 1)),
    );
    expect(result).toMatchObject({ status, score: 0, isCorrect: false });
    expect(result!.message).toMatch(message);
    expect(result!.details).toBeUndefined();
  });

  test("a finished run is found again, and a broken-off one pays no reply twice", async () => {
    const store = CallStore.open(":memory:");
    const source = robotBaselines()[0]!.source;
    const jobs = jobsOf(source, items.slice(0, 3));
    const { model, onSample } = simulated();
    let asked = 0;
    let failures = 0;
    let failing: string | undefined;
    const chat = model.chat.bind(model);
    model.chat = async (request) => {
      if (++asked === 5) failing = request.callKey;
      // The call, and the same when its play is taken up again at the end.
      if (request.callKey === failing && failures++ < 2) throw new ModelCallError("server", "gone");
      return await chat(request);
    };
    const broken = await runnerWith(model, { store, onSample }).run(jobs);
    expect(broken.map(({ status }) => status).sort()).toEqual(["error", "ok", "ok"]);
    const results = await runnerWith(model, { store, onSample }).run(jobs);
    expect(results.every(({ status }) => status === "ok")).toBe(true);
    const calls = results.reduce((sum, { usage }) => sum + usage.executor!.calls, 0);
    // Only the call that failed was asked again.
    expect(asked).toBe(calls + 2);
    expect(await runnerWith(model, { store, onSample }).run(jobs)).toEqual(results);
    expect(asked).toBe(calls + 2);
  });
});

describe("baselines with the simulated executor", () => {
  const { splits } = generateFamily("robot-rooms", {
    seed: 11,
    counts: { train: 24, validation: 0, test: 0 },
  });
  const drawn = splits.train!.map((line): Sample => {
    const { id, question, context, answer, meta } = line;
    return { id, question, context: context!, answers: [answer as string], meta: { ...meta } };
  });
  const scoreOf = async (name: string, weakSkill?: number) => {
    const { model, onSample } = simulated();
    const weak = simulated(weakSkill ?? SIMULATED_WEAK_SKILL);
    const source = robotBaselines().find((seed) => seed.name === name)!.source;
    const results = await runnerWith(model, {
      weak: weak.model,
      box: new InProcessSandbox(),
      onSample: (sample) => {
        onSample(sample);
        weak.onSample(sample);
      },
    }).run(jobsOf(source, drawn));
    expect(results.every(({ status }) => status === "ok")).toBe(true);
    return mean(results.map(({ score }) => score));
  };

  test("steps, reading the sensors first, and a check by the strong model beat a direct answer and the weak model", async () => {
    const names = [
      "direct",
      "chain-of-thought",
      "sensors-first",
      "weak-commands-strong-sensors",
      "weak-alone",
    ];
    const scores = new Map<string, number>();
    for (const name of names) scores.set(name, await scoreOf(name));
    const of = (name: string) => scores.get(name) as number;
    expect(of("chain-of-thought")).toBeGreaterThan(of("direct") + 0.05);
    expect(of("sensors-first")).toBeGreaterThan(of("direct") + 0.15);
    expect(of("weak-commands-strong-sensors")).toBeGreaterThan(of("direct") + 0.05);
    expect(of("weak-commands-strong-sensors")).toBeGreaterThan(of("weak-alone") + 0.1);
  });
});

describe("random workflows", () => {
  // W4S_ROBOT_WORKFLOWS=1000 takes about a minute.
  const count = Number(process.env.W4S_ROBOT_WORKFLOWS ?? 40);

  test(`${count} workflows drawn from the subset's grammar, asked of a model that answers anything: no unsafe move`, async () => {
    const random = new Random(Number(process.env.W4S_TEST_SEED ?? 20));
    const reply = () => {
      const command = `${random.pick(["north", "east", "south", "west"])} ${random.integer(0, 9)}`;
      return random.pick([
        command,
        `<answer>${command}</answer>`,
        `{"answer": "${command}"}`,
        "No, thank you.",
      ]);
    };
    const model = new MockChatModel(({ n = 1 }) => Array.from({ length: n }, reply));
    const grammar = new Gbnf(subsetGrammar({ answer: "commands", offers: new Set(["weak"]), context: true }));
    await using runner = new WorkflowRunner({ executor: model, weak: model });
    const sum = { unsafe: 0, needlessStops: 0, moves: 0, stops: 0, runs: 0 };
    for (let i = 0; i < count; i++) {
      const extracted = extractWorkflow(grammar.sample(random));
      if (!extracted.ok) throw new Error(extracted.error);
      const short = items[i % items.length]!;
      const world = { ...(short.meta.world as object), steps: 3 };
      const sample = { ...short, id: `${short.id}/${i}`, meta: { world } };
      const { status, score, error } = await runner.play(extracted.source, sample, scorer);
      expect(`${status} ${error ?? ""}`).toBe("ok ");
      const check = recheckRobotTrace(record(score!.details));
      sum.runs++;
      for (const key of ["unsafe", "needlessStops", "moves", "stops"] as const) sum[key] += check[key];
    }
    expect(sum).toMatchObject({ runs: count, unsafe: 0, needlessStops: 0 });
    expect(sum.stops).toBeGreaterThan(count / 10);
    if (process.env.W4S_ROBOT_WORKFLOWS) process.stdout.write(`${JSON.stringify(sum)}\n`);
  });

  test("no answer, field or global of a workflow switches the rule layer off", async () => {
    const attempts = [
      'return { answer: "north 9", safe: false, rules: "off", override: true };',
      'return [{ direction: "north", cells: 9, unsafe: true, force: true }];',
      'Object.prototype.reserve = -99; Object.prototype.danger = undefined; return "north 9, west 9";',
      'task.meta = { world: { map: ["S.G"] } }; task.context = ""; return "north 9";',
      'Array.prototype.push = () => 0; String.prototype.includes = () => true; return "north 9, east 9";',
      'return "north 9".concat(", east 9".repeat(20));',
      'agent.ruleLayer = null; globalThis.dangerOf = () => undefined; return "south 9, east 9, north 9";',
    ];
    await using runner = new WorkflowRunner({ executor: new MockChatModel(() => ["x"]) });
    for (const body of attempts) {
      for (const sample of items.slice(0, 1)) {
        const { score } = await runner.play(wrap(body), sample, scorer);
        if (!score) continue;
        expect(recheckRobotTrace(record(score.details)), body).toMatchObject({ unsafe: 0, needlessStops: 0 });
        expect(record(score.details).map).toEqual((sample.meta.world as { map: string[] }).map);
      }
    }
  });
});
