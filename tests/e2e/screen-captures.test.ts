/** @file What commands print on screens of 80 and 200 columns, kept as files: no line of a table wraps, nor any of a help page. */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { columnsOf } from "../../src/cli/print/wrap-words.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { useCliHost } from "../support/cli-host.js";
import { ROOT } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder()();
const host = useCliHost();

beforeAll(() => {
  cpSync(join(ROOT, "tests/fixtures/runs-0.1"), join(folder, "runs"), { recursive: true });
  makeTinyGguf(join(folder, "tiny.gguf"));
  const labels = ["billing", "shipping", "technical"];
  const rows = Array.from(
    { length: 30 },
    (_, at) =>
      `T${at},"Ticket ${at}: what I ordered has not come, and nobody answers",${labels[at % 3]},mail`,
  );
  writeFileSync(join(folder, "tickets.csv"), `ticket_id,text,label,source\n${rows.join("\n")}\n`);
  const bench = (value: number) => ({
    machine: {
      ...{ cpu: "a processor of a shared machine", threads: 2, memoryGiB: 8 },
      ...{ node: "v20.20.2", platform: "linux-x64", date: "2026-01-01" },
    },
    tables: {
      sandbox: [
        {
          name: "one run of a short workflow in a warm process",
          value,
          unit: "ms",
          mean: value,
          sd: 0.1,
          n: 5,
        },
        { name: "start of a process", value: 20 * value, unit: "ms", limit: "at most 200", isOk: true },
      ],
    },
  });
  for (const [name, value] of Object.entries({ before: 4, now: 3 }))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(bench(value)));
});

/** Commands that write nothing, or the same again. */
const COMMANDS: Record<string, string> = {
  runs: "runs",
  "report-collect": "report collect --text",
  "report-eval": "report eval --text",
  "report-suite": "report suite --text",
  "report-compare": "report optimize --compare runs/collect --text",
  "inspect-eval": "inspect runs/eval",
  "inspect-suite": "inspect runs/suite",
  "inspect-audit": "inspect runs/learn --audit",
  "inspect-trajectory": "inspect runs/optimize/trajectories.jsonl",
  "inspect-model": "inspect tiny.gguf",
  "inspect-adapter": "inspect runs/learn/rounds/02/adapter-02-552cafb5b35e.gguf",
  relabel: "relabel runs/learn --reward accuracy",
  "data-list": "data list",
  "data-validate": "data validate word-problems",
  "data-import": "data import tickets.csv tickets --kind choice --choices-from label --dry-run",
  "bench-list": "bench --list",
  "bench-compare": "bench --from now.json --compare before.json",
  init: "init --output init.yaml --task word-problems --model nano --executor simulated --no-check --yes --force",
  "export-card": "export latest --to card --out card.md --force",
};

const PAGES = [
  ...["", "demo", "learn", "optimize", "collect", "train", "export", "relabel", "rollback", "import", "eval"],
  ...[
    "runs",
    "report",
    "run",
    "serve",
    "worker",
    "models",
    "models list",
    "models pull",
    "data",
    "data list",
  ],
  ...["data validate", "data import", "bench", "doctor", "init", "score", "completion", "inspect"],
];

const w4s = (width: number, words: string) =>
  host(
    words.split(" ").filter((word) => word !== ""),
    {
      cwd: folder,
      env: { COLUMNS: String(width), W4S_HOME: join(folder, "home") },
    },
  );

/** Lines of more columns than the screen has; one word alone stays whole, so that it can be copied. */
function tooWide(text: string, width: number): string[] {
  return text.split("\n").filter((line) => columnsOf(line) > width && line.trim().includes(" "));
}

describe.each([80, 200])("on a screen of %i columns", (width) => {
  it.each(Object.entries(COMMANDS))("%s fits", async (name, words) => {
    const { code, stdout, stderr } = await w4s(width, words);
    expect(stderr, stderr).not.toMatch(/^w4s|error/);
    expect(code).toBe(0);
    // Paths of this machine are none of another.
    if (![folder, ROOT].some((path) => stdout.includes(path)))
      await expect(stdout).toMatchFileSnapshot(`./captures/${name}-${width}.txt`);
    expect(tooWide(stdout, width)).toEqual([]);
  });

  it("help pages fit, but for lines of commands that are to be copied", async () => {
    for (const page of PAGES) {
      const { stdout } = await w4s(width, `help ${page}`);
      expect(stdout).toContain(`Usage: w4s ${page}`.trim());
      const isCommand = (line: string) => /^ {2,}(\$|--|-d|openai:)/.test(line) || line.includes(" $ ");
      const lines = tooWide(stdout, width).filter((line) => !isCommand(line));
      expect(lines, page).toEqual([]);
    }
  });
});
