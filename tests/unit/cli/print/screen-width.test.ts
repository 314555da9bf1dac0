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
import { outputWidth, writeOut } from "../../../../src/cli/print/output.js";
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

const PRINTED: Record<string, () => void | Promise<void>> = {
  optimize: () => printSearch(summary("optimize") as never, { dryRun: false, budget: {} } as never),
  collect: () => printSearch(summary("collect") as never, { dryRun: false, budget: {} } as never),
  eval: () => printEvaluation(summary("eval") as never, {}),
  learn: () => printLearning(summary("learn") as never, {}),
  doctor: () => writeOut(findingsTable(FINDINGS)),
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
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
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
    // A word that is longer stays whole; the text of a workflow is printed as it is.
    const isOwn = (line: string) => !/^\s*(\/\/|const |return |export |await |`|Step|for |if )/.test(line);
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
