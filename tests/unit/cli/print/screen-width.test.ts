/** @file Everything that commands print as a table, on screens of 80 and 200 columns, from runs of version 0.1 and fixed data. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findingsTable } from "../../../../src/cli/check-health.js";
import { printEvaluation } from "../../../../src/cli/commands/eval.js";
import { printRun, turnsSummary } from "../../../../src/cli/commands/inspect.js";
import { printLearning } from "../../../../src/cli/commands/learn.js";
import { modelsTable } from "../../../../src/cli/commands/models.js";
import { printReport } from "../../../../src/cli/commands/report.js";
import { printAnswer } from "../../../../src/cli/commands/run.js";
import { printScore } from "../../../../src/cli/commands/score.js";
import { servingText } from "../../../../src/cli/commands/serve.js";
import { printTraining, reportTraining } from "../../../../src/cli/commands/train.js";
import { workerText } from "../../../../src/cli/commands/worker.js";
import { demoScreen } from "../../../../src/cli/print/demo-screen.js";
import { outputWidth, writeErr, writeOut, writeProse } from "../../../../src/cli/print/output.js";
import { pairs, table } from "../../../../src/cli/print/tables.js";
import { columnsOf } from "../../../../src/cli/print/wrap-words.js";
import { printSearch } from "../../../../src/cli/search-action.js";
import { cardText } from "../../../../src/evaluate/workflow-card.js";
import { listModels } from "../../../../src/hub/model-hub.js";
import { readSummary } from "../../../../src/records/run-summary.js";
import { bestLevel } from "../../../../src/records/trajectory.js";
import { cellText } from "../../../../src/report/report-table.js";
import { readRunReport } from "../../../../src/report/run-report.js";
import { textReport } from "../../../../src/report/text-report.js";

const stored = (name: string) =>
  join(fileURLToPath(new URL("../../../fixtures/runs-0.1", import.meta.url)), name);

/** A summary of version 0.1 in the shape that its command returns today. */
const summary = (name: string) => ({
  ...{ pareto: { points: [], unit: "dollars" }, directories: ["runs/stored"] },
  ...readSummary(stored(name)),
  directory: `runs/${name}`,
});

const FINDINGS = [
  { check: "Node.js", status: "ok", detail: "v20.20.2, linux-x64" },
  {
    check: "disk of models",
    status: "warning",
    detail: "1.2 GiB free: a run needs little, models need 0.1 to 1.1 GiB each",
  },
  {
    check: "weak model",
    status: "ok",
    detail: "/var/cache/w4s/models/smollm2-135m-instruct-q8_0.gguf, llama, 138.1 MiB",
  },
  {
    check: "endpoint",
    status: "failed",
    detail: "no answer from http://127.0.0.1:8080/v1: connection refused",
  },
] as const;

const TRAINING = {
  adapterPath: "adapters/first/adapter-lora-552cafb5b35e.gguf",
  ...{ examples: 48, leftOut: { ties: 3 }, steps: 18, trainedTokens: 61_204, peakRssBytes: 1.42e9 },
  sameExamples: { before: 9.7889, after: 9.4407 },
};

const ANSWER = {
  ...{ status: "ok", answer: { label: "billing", sure: true }, log: "asked twice\n" },
  usage: {
    executor: { calls: 6, promptTokens: 1204, completionTokens: 388, dollars: 0.0021 },
    weak: { calls: 1, promptTokens: 90, completionTokens: 12, dollars: 0 },
  },
  tools: [{ tool: "look-up", bytes: 214, milliseconds: 12 }],
  score: { value: 1, extracted: "billing", details: "as expected" },
};

const PRINTED: Record<string, () => void | Promise<void>> = {
  optimize: () => printSearch(summary("optimize") as never, { dryRun: false, budget: {} } as never),
  collect: () => printSearch(summary("collect") as never, { dryRun: false, budget: {} } as never),
  eval: () => printEvaluation(summary("eval") as never, {}),
  learn: () => printLearning(summary("learn") as never, {}),
  doctor: () => writeOut(findingsTable(FINDINGS)),
  run: () => printAnswer(ANSWER as never),
  "run-failed": () =>
    printAnswer({ ...ANSWER, status: "timed-out", error: "no end after 30 s", tools: [] } as never),
  score: () =>
    printScore({
      ...{ tokens: new Array(812), perplexity: 14.2093, forwardMs: 1830, omittedTokens: 40 },
      llama: { perplexity: 14.2101, meanDifference: 4.1e-6, largestDifference: 1.3e-5 },
    } as never),
  train: () => {
    reportTraining({
      ...{
        type: "plan",
        weights: "weights: f32, 538 MB",
        memory: "memory: about 1.42 GB of 8 GB",
        examples: 48,
      },
      ...{ heldOutExamples: 5, resumedAt: 0, totalSteps: 18, parameterCount: 460_800, forecastMs: 95_000 },
      shortened: [{ index: 3, removedTokens: 120 }],
    } as never);
    reportTraining({
      ...{
        type: "step",
        step: 1,
        totalSteps: 18,
        epoch: 1,
        loss: 9.7889,
        gradientNorm: 1.234,
        tokensPerSecond: 812.3,
      },
      ...{ tokens: 3400, plainTokens: 9100, splitCount: 0, repeatedTokens: 0, leftMs: 90_000 },
    } as never);
    printTraining(TRAINING as never, 91_000);
  },
  serve: () =>
    writeProse(
      servingText({ url: "http://127.0.0.1:8080/v1", models: ["tickets", "invoices-2026", "robot"] }),
    ),
  worker: () => {
    const models = { executor: "openai:https://api.example/v1#large", weak: "local:39a6b91faf9b" };
    writeErr(workerText({ name: "node-7-4711", models, hasPython: true } as never));
    writeOut("2000 jobs in 84 batches");
  },
  demo: () =>
    writeOut(
      demoScreen(summary("learn") as never, {
        spent: "15691 calls, 3.2 M tokens, $0.858 (simulated executor)",
        ...{ model: "nano", report: "runs/learn-counting/report.html", peft: "runs/learn-counting/peft" },
      }),
    ),
  "models-list": () => writeOut(modelsTable(listModels({ home: "/nowhere" }))),
  ...Object.fromEntries(
    ["optimize", "learn"].flatMap((name) => [
      [
        `report-${name}`,
        async () => printReport(textReport(await readRunReport(stored(name))), { cardText, cellText }),
      ],
      [
        `inspect-${name}`,
        async () => {
          const run = await readRunReport(stored(name));
          printRun(`runs/${name}`, run, turnsSummary({ bestLevel }, run.turns), cardText);
        },
      ],
    ]),
  ),
};

let printed = "";
beforeEach(() => {
  printed = "";
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((text) => {
      printed += text;
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe.each([80, 200])("on a screen of %i columns", (width) => {
  it.each(Object.entries(PRINTED))("%s fits", async (name, print) => {
    vi.stubEnv("COLUMNS", String(width));
    await print();
    expect(printed.trim()).not.toBe("");
    await expect(printed).toMatchFileSnapshot(`./captures/${name}-${width}.txt`);
    // A word that is longer stays whole; the text of a workflow is printed as it is, and commands are to be copied.
    const isOwn = (line: string) =>
      !/^\s*(\/\/|const |return |export |await |`|Step|for |if )|^ .* w4s export /.test(line);
    const tooWide = printed
      .split("\n")
      .filter((line) => columnsOf(line) > width && line.trim().includes(" "));
    expect(tooWide.filter(isOwn)).toEqual([]);
  });
});

describe("outputWidth", () => {
  const file = { isTTY: false, columns: 0 };
  it("is COLUMNS, else that of the terminal, and none in files and pipes", () => {
    expect(outputWidth(file, { COLUMNS: "100" })).toBe(100);
    expect(outputWidth({ isTTY: true, columns: 90 }, {})).toBe(90);
    expect(outputWidth(file, {})).toBe(Number.POSITIVE_INFINITY);
    for (const odd of ["", "0", "-5", "wide", "1e999"])
      expect(outputWidth(file, { COLUMNS: odd })).toBe(Number.POSITIVE_INFINITY);
    expect(outputWidth(file, { COLUMNS: "3" })).toBe(40);
  });
});

describe("table", () => {
  const head = ["workflow", "split", "accuracy", "note"];
  const rows = [
    ["direct", "test", "50.0%", "the plain question, asked once and taken as it comes"],
    ["five votes", "test", "75.0%", "the same question five times, and the answer that came most often"],
  ];

  it("says once what is equal in all rows, and lets long cells go on below themselves", () => {
    const text = table(head, rows, [], 60);
    expect(text).toMatch(/^in all rows: split test\nworkflow +accuracy +note\n/);
    expect(text).toMatch(/\n {20,}\S/);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
  });

  it("makes every row a paragraph where columns do not fit", () => {
    const wide = Array.from({ length: 14 }, (_, at) => `column-${at}`);
    const text = table(
      wide,
      [wide.map((_, at) => `value-${at}`), wide.map((_, at) => `other-${at}`)],
      [],
      50,
    );
    expect(text.split("\n")[0]).toBe("value-0");
    expect(text).toContain("  column-1 value-1; column-2 value-2;\n");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(50);
    for (let at = 1; at < 14; at++) expect(text).toContain(`column-${at} other-${at}`);
  });

  it("loses no cell at any width", () => {
    for (let width = 40; width < 140; width += 7) {
      const words = table(head, rows, [], width).replace(/\s+/g, " ");
      for (const cell of ["direct", "five", "50.0%", "75.0%", "test", "often"]) expect(words).toContain(cell);
    }
  });

  it("keeps columns at their right edge in the open form", () => {
    const text = table(
      ["name", "some long name of it", "value"],
      [
        ["a", "x ".repeat(30), 5],
        ["b", "y", 12345],
      ],
      ["value"],
      50,
    );
    expect(text).toMatch(/ {4}5$/m);
  });
});

describe("pairs", () => {
  it("lets long values go on below themselves", () => {
    expect(
      pairs(
        [
          ["spent", "12 calls, 3 tokens"],
          ["run", "runs/x"],
        ],
        22,
      ),
    ).toBe("spent  12 calls, 3\n       tokens\nrun    runs/x");
  });

  it("begins a value below its name where a word of it does not fit beside it", () => {
    const rows = [
      ["hash", "0123456789".repeat(3)],
      ["run", "x"],
    ] as const;
    expect(pairs(rows, 35)).toBe(`hash\n    ${"0123456789".repeat(3)}\nrun   x`);
    expect(pairs(rows, 36)).toBe(`hash  ${"0123456789".repeat(3)}\nrun   x`);
  });

  it("begins values below names that take more than a third of the screen", () => {
    expect(
      pairs(
        [
          ["a rather long name", "yes"],
          ["short", 3],
        ],
        40,
      ),
    ).toBe("a rather long name\n    yes\nshort\n    3");
  });
});
