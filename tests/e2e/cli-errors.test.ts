/** @file Wrong input at the command line: exit code, and a last line of stderr that says what, where and what to do. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { expectFailure, lastLine } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { type CliOptions, type CliResult, runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const runHosted = useCliHost();
const folder = useTemporaryFolder();
const KEY = "canary-9f8e7d6c5b4a";

let work: string;
let tiny: string;
let server: FakeOpenAI;

beforeAll(async () => {
  work = folder();
  tiny = makeTinyGguf(join(work, "tiny.gguf"));
  server = await startFakeOpenAI({ apiKey: KEY, refusesOtherModels: true, reply: () => "the answer is 5" });
});
afterAll(async () => server.close());

/** Runs in the temporary folder, so that no run directory lands in the repository. */
const w4s = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runHosted(args, { cwd: work, ...options });

const SIMULATED = ["--task", "word-problems", "--executor", "simulated"];
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
};
const WORKFLOW =
  "export default async function workflow(agent, task) { return (await agent.text(task.question))[0]; }\n";

describe("usage (exit 2)", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown command", ["optimze"], /unknown command 'optimze'.*optimize/],
    ["an unknown flag", ["optimize", "--tsk", "x"], /unknown option '--tsk'.*--task/],
    ["a flag without its value", ["eval", "--seed"], /--seed.* argument missing/],
    ["too many words", ["doctor", "x"], /too many arguments/],
    ["a missing subcommand", ["models"], /subcommand is missing/],
    ["no task", ["eval", "--executor", "simulated"], /task: missing.*--task/],
    ["no executor", ["eval", "--task", "word-problems"], /executor: missing.*--executor/],
    [
      "a technique to leave out that is none",
      ["optimize", ...SIMULATED, "--designer", "random", "--without", "steps,decompse"],
      /"decompse" is no technique.*decompose/,
    ],
    [
      "a negative budget",
      ["eval", ...SIMULATED, "--max-dollars", "-1"],
      /--max-dollars: -1 must be a number above 0/,
    ],
    [
      "a number that is none",
      ["eval", ...SIMULATED, "--seed", "ten"],
      /--seed: "ten" must be a whole number/,
    ],
    [
      "a number beyond range",
      ["eval", ...SIMULATED, "--concurrency", "0"],
      /--concurrency: 0 .* from 1 to 256/,
    ],
    ["an unknown split", ["eval", ...SIMULATED, "--split", "exam"], /--split.*train, validation or test/],
    [
      "a run name that leaves its root",
      ["eval", ...SIMULATED, "--run", "../x"],
      /--run: "\.\.\/x" must be a name/,
    ],
    [
      "a URL with a password",
      ["eval", "--task", "x", "--executor", "openai:http://a:hunter2@h/v1"],
      /--executor: .*user name or password/,
    ],
    [
      "a file URL",
      ["eval", "--task", "x", "--executor", "openai:file:///etc/passwd"],
      /--executor: .*http\(s\)/,
    ],
    [
      "an unknown executor",
      ["eval", "--task", "x", "--executor", "gpt-4"],
      /--executor: "gpt-4" must be openai:URL/,
    ],
    ["a missing config file", ["eval", ...SIMULATED, "--config", "none.yaml"], /none\.yaml/],
    ["nothing to run", ["run", "w.js", "--executor", "simulated"], /no input|cannot read the workflow/],
    ["an unknown kind", ["data", "import", "a", "b", "--kind", "maths"], /maths.*invalid/],
  ])("%s", async (_name, args, message) => {
    const result = await w4s(args);
    if (args[0] === "run") expect([2, 3]).toContain(result.code);
    else expectFailure(result, 2, message);
    expect(result.stdout).toBe("");
    expect(result.stderr).not.toContain("hunter2");
  });

  it("an unknown key of the config file, with the nearest one", async () => {
    const config = file(
      "w4s.config.yaml",
      "task: word-problems\nexecutor: simulated\nbudget:\n  dolars: 5\n",
    );
    expectFailure(
      await w4s(["eval", "--config", config]),
      2,
      /budget\.dolars: unknown key; did you mean dollars\?/,
    );
  });

  it("a config file that is an alias bomb, or has tags", async () => {
    const lines = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? "x"
            : Array(10)
                .fill(`*a${i - 1}`)
                .join(",")
        }]`,
    );
    expectFailure(await w4s(["eval", "--config", file("c.yaml", lines.join("\n"))]), 2, /not usable YAML/);
    expectFailure(
      await w4s(["eval", "--config", file("c.yaml", "task: !!js/function x\n")]),
      2,
      /not usable YAML/,
    );
  });

  it("init does not overwrite, and says how", async () => {
    const cwd = folder();
    const first = await runCli(["init", "--yes", "--model", "nano"], { cwd });
    expect(first.code, first.stderr).toBe(0);
    // Ends with the checks of doctor.
    expect(first.stdout).toMatch(/weak model +│ ok/);
    expect(first.stdout).toMatch(/wrote w4s\.config\.yaml; next: w4s optimize --dry-run/);
    expectFailure(
      await runCli(["init", "--yes"], { cwd }),
      2,
      /w4s\.config\.yaml exists already; pass --force/,
    );
    expect(
      (await runCli(["init", "--yes", "--force", "--no-check", "--task", "ordering"], { cwd })).code,
    ).toBe(0);
    const poor = ["init", "--yes", "--executor", "openai:http://127.0.0.1:1/v1", "--max-dollars", "much"];
    expectFailure(
      await runCli([...poor, "--output", "poor.yaml"], { cwd }),
      2,
      /--max-dollars|budget\.dollars/,
    );
    expect(existsSync(join(cwd, "poor.yaml"))).toBe(false);
    // The file is written whatever the checks find.
    const gone = ["init", "--yes", "--executor", "openai:http://127.0.0.1:1/v1", "--executor-model", "m"];
    const written = await runCli([...gone, "--max-dollars", "2", "--output", "gone.yaml"], { cwd });
    expect(written.code, written.stderr).toBe(0);
    expect(written.stdout).toMatch(/endpoint +│ failed[\s\S]*next: w4s doctor/);
    expect(readFileSync(join(cwd, "gone.yaml"), "utf8")).toMatch(/^budget:\n {2}dollars: 2$/m);
    expect(readFileSync(join(cwd, "w4s.config.yaml"), "utf8")).toMatch(/^task: ordering$/m);
  });

  it("init refuses what the next command would refuse, and proposes what can solve the data", async () => {
    const cwd = folder();
    const table = join(cwd, "own.csv");
    writeFileSync(table, `question,answer\n${[1, 2, 3, 4, 5].map((i) => `q${i},${i}`).join("\n")}\n`);
    expect((await w4s(["data", "import", table, "datasets/own", "--kind", "math"], { cwd })).code).toBe(0);
    const init = (words: string[], env = {}) =>
      w4s(["init", "--yes", "--no-check", "--force", ...words], { cwd, env });
    const written = () => readFileSync(join(cwd, "w4s.config.yaml"), "utf8");
    expect((await init([])).code).toBe(0);
    expect(written()).toMatch(/^task: own$/m);
    expect(written()).toMatch(/^executor: local:qwen/m);
    const env = { OPENAI_BASE_URL: "http://127.0.0.1:1/v1", OPENAI_MODEL: "m" };
    expect((await init([], env)).stdout).toMatch(/openai:http:\/\/127\.0\.0\.1:1\/v1; price: \$0 in/);
    expect(written()).toMatch(/^executorModel: m$/m);
    expect((await init([], { OPENAI_API_KEY: "k" })).stdout).toMatch(/api\.openai\.com.*by the list/);
    const remote = ["--executor", "openai:https://models.example/v1", "--executor-model", "theirs"];
    expectFailure(
      await init([...remote, "--max-dollars", "2"]),
      2,
      /price of theirs is unknown.*--price-input/,
    );
    expect((await init(remote)).stdout).toMatch(/price: unknown for theirs/);
    const price = ["--price-input", "1", "--price-output", "2"];
    expect((await init([...remote, ...price, "--max-dollars", "2"])).code).toBe(0);
    expect(written()).toMatch(/^price:\n {2}inputPerMillion: 1\n {2}outputPerMillion: 2$/m);
    expectFailure(await init(["--executor", "simulated"]), 2, /cannot solve own.*--executor openai:URL/);
    expectFailure(await init(["--executor", "openai:http://127.0.0.1:1/v1"]), 2, /--executor-model/);
    expectFailure(await init(["--task", "nosuch"]), 3, /unknown dataset "nosuch"/);
  });

  it("flags of the data that are none name the flag that helps", async () => {
    expectFailure(await w4s(["data", "import", "a", "b", "--question", "q"]), 2, /--field question=NAME/);
    expectFailure(await w4s(["data", "import", "a", "b", "--nope"]), 2, /see w4s data import --help/);
    expectFailure(await w4s(["data", "import", "a"]), 2, /the folder to write is missing/);
    expectFailure(await w4s(["eval", "--task", "a", "--task", "b"]), 2, /given twice/);
    const table = file("own.csv", `question,answer\n${[1, 2, 3].map((i) => `q${i},${i}`).join("\n")}\n`);
    for (const split of ["train=100", "train=1.8", "test=0"]) {
      const refused = await w4s([
        "data",
        "import",
        table,
        join(folder(), "o"),
        "--kind",
        "math",
        "--split",
        split,
      ]);
      expectFailure(refused, 2, /--split train=/);
      expect(refused.stderr).not.toContain("report it");
    }
  });

  it("--json gives the same as one object on stdout", async () => {
    const result = await w4s(["eval", ...SIMULATED, "--max-dollars", "-1", "--json"]);
    expect(result.code).toBe(2);
    expect(JSON.parse(result.stdout)).toEqual({
      error: {
        code: "config",
        message: expect.stringContaining("--max-dollars: -1"),
        hint: expect.any(String),
      },
    });
  });

  it("--debug shows the place", async () => {
    const result = await w4s(["eval", ...SIMULATED, "--max-dollars", "-1", "--debug"]);
    expect(result.stderr).toMatch(/^\s+at .*:\d+:\d+/m);
    expect(lastLine(result)).toMatch(/^--max-dollars: -1/);
  });
});

describe("input files (exit 3)", () => {
  it.each<[string, () => string[], RegExp]>([
    [
      "an unknown task, with a near name",
      () => ["eval", "--task", "word-problem", "--executor", "simulated"],
      /unknown dataset.*word-problems/,
    ],
    ["a run that is not here", () => ["report", "nosuch"], /no run nosuch.*w4s runs/],
    ["latest without any run", () => ["inspect", "latest", "--runs-root", folder()], /no run below/],
    ["a run without a workflow", () => ["run", folder(), "--question", "q"], /holds no best-workflow\.js/],
    [
      "an input line that is none",
      () => [
        "run",
        file("w.js", WORKFLOW),
        ...["--executor", "simulated", "--input", file("in.jsonl", '{"question":"a"}\n{"text":"b"}\n')],
      ],
      /line 2: unknown field "text"/,
    ],
    [
      "a task folder that is none",
      () => ["eval", "--task", folder(), "--executor", "simulated"],
      /no dataset\.json/,
    ],
    ["a missing model", () => ["optimize", ...SIMULATED, "--model", "/nowhere/x.gguf"], /nowhere\/x\.gguf/],
    [
      "a model name that is not here",
      () => ["optimize", ...SIMULATED, "--model", "smollm2-135m"],
      /w4s models pull smollm2-135m/,
    ],
    [
      "a workflow that is not there",
      () => ["eval", "none.js", ...SIMULATED],
      /cannot read the workflow none\.js/,
    ],
    [
      "an input that is no JSON",
      () => ["run", file("w.js", WORKFLOW), "--executor", "simulated", "--input", file("i.json", "{")],
      /line 1: not JSON/,
    ],
    [
      "an input of the wrong shape",
      () => ["run", file("w.js", WORKFLOW), "--executor", "simulated", "--input", file("i.json", '{"q":1}')],
      /unknown field "q"/,
    ],
    [
      "an item that does not exist",
      () => ["run", file("w.js", WORKFLOW), ...SIMULATED, "--item", "x/1"],
      /has no item "x\/1"/,
    ],
    ["a file to inspect that is not there", () => ["inspect", "none.gguf"], /cannot read none\.gguf/],
    ["a folder that is no run", () => ["inspect", folder()], /no run directory/],
    [
      "a file of no known kind",
      () => ["inspect", file("x.txt", "hello")],
      /no GGUF file, workflow \(\.js\), trajectory/,
    ],
    ["a trajectory of a newer version", () => ["inspect", newerTrajectory()], /newer w4s/],
    [
      "a replay of no run",
      () => ["eval", "--task", "word-problems", "--executor", `replay:${folder()}`],
      /is no run directory/,
    ],
  ])("%s", async (_name, args, message) => {
    expectFailure(await w4s(args(), { env: { W4S_HOME: folder() } }), 3, message);
  });

  it.skipIf(process.platform === "win32")("a pipe or a device is not opened", async () => {
    const pipe = join(folder(), "pipe.gguf");
    execFileSync("mkfifo", [pipe]);
    expectFailure(await w4s(["inspect", pipe]), 3, /neither a file nor a directory/);
    expectFailure(await w4s(["inspect", "/dev/zero"]), 3, /neither a file nor a directory/);
  });

  it.each<[string, () => Buffer, RegExp]>([
    ["cut within the header", () => readFileSync(tiny).subarray(0, 1000), /^bad GGUF: /],
    [
      "cut within the tensors",
      () => readFileSync(tiny).subarray(0, readFileSync(tiny).length - 4096),
      /^bad GGUF: /,
    ],
    [
      "a web page",
      () => Buffer.from("<!doctype html><html></html>".padEnd(4000)),
      /^bad GGUF: magic: .*web page/,
    ],
    ["empty", () => Buffer.alloc(0), /^bad GGUF: /],
  ])("a GGUF file that is %s is refused before native code sees it", async (_name, bytes, message) => {
    const path = file("bad.gguf", bytes());
    expectFailure(await w4s(["inspect", path]), 3, message);
    expectFailure(await w4s(["optimize", ...SIMULATED, "--model", path]), 3, message);
    const json = await w4s(["inspect", path, "--json"]);
    expect(JSON.parse(json.stdout).error).toMatchObject({ code: "bad-gguf" });
  });

  it("a bad line of a dataset, by file and line", async () => {
    const directory = dataset([
      '{"id":"a","question":"1+1?","answer":"2"}',
      '{"id":"b","question":"1+2?","answer":',
      '{"id":"c"}',
    ]);
    expectFailure(
      await w4s(["eval", "--task", directory, "--executor", "simulated"]),
      3,
      /validation\.jsonl:2:\d+|validation\.jsonl.*line 2/,
    );
    const report = await w4s(["data", "validate", directory]);
    expectFailure(report, 3, /validation\.jsonl:2/);
    expect(report.stdout).toContain("validation.jsonl:3");
  });

  it("bad lines and shared items are accepted when that is asked for, with a warning", async () => {
    const line = (id: string, question: string) => JSON.stringify({ id, question, answer: "2" });
    const directory = dataset(
      [line("a", "1+1?"), "{", line("c", "3-1?")],
      [line("d", "1 + 1?"), line("e", "1+1?")],
    );
    const workflow = file("w.js", "export default async function workflow() { return 2; }\n");
    const executor = ["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model"];
    const command = ["eval", workflow, "--no-baselines", "--task", directory, ...executor];
    const result = await w4s([...command, "--skip-bad", "--allow-overlap"], { env: { OPENAI_API_KEY: KEY } });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toMatch(/warning: validation\.jsonl: 1 bad lines left out/);
    expect(result.stderr).toMatch(/warning: allowed: .*overlap/);
  });

  it("splits that share items, and a dataset without items", async () => {
    const line = '{"id":"a","question":"1+1?","answer":"2"}';
    const shared = dataset([line], [line.replace('"a"', '"b"')]);
    expectFailure(
      await w4s(["eval", "--task", shared, "--executor", "simulated"]),
      3,
      /split overlap|overlap/,
    );
    expectFailure(await w4s(["eval", "--task", dataset([]), "--executor", "simulated"]), 3, /0 items/);
  });
});

describe("executor (exit 4)", () => {
  const remote = (more: string[], env: Record<string, string> = {}) =>
    w4s(["eval", "--task", "word-problems", "--executor", `openai:${server.baseUrl}`, ...more], { env });

  it("a wrong key, which is not repeated", async () => {
    const before = server.requests.length;
    const result = await remote(["--executor-model", "fake-model"], { OPENAI_API_KEY: "wrong-key-123456" });
    expectFailure(result, 4, /OPENAI_API_KEY|key/i);
    expect(result.stderr + result.stdout).not.toContain("wrong-key-123456");
    expect(server.requests.length - before).toBeLessThanOrEqual(4);
  });

  it("an unknown model, with the names there are", async () => {
    const before = server.chats.length;
    expectFailure(
      await remote(["--executor-model", "gpt-9"], { OPENAI_API_KEY: KEY }),
      4,
      /gpt-9.*fake-model/,
    );
    // One request at most, to learn whether the name works although the list lacks it.
    expect(server.chats.length - before).toBeLessThanOrEqual(1);
  });

  it("a server that is not there, by host and port", async () => {
    // Nobody listens there; a port that was just closed may be taken by another test.
    const result = await w4s([
      "eval",
      "--task",
      "word-problems",
      "--executor",
      "openai:http://127.0.0.1:1/v1",
      "--executor-model",
      "m",
    ]);
    expectFailure(result, 4, /127\.0\.0\.1:1\b/);
  });

  it("a web page instead of an API", async () => {
    const page = await startFakeOpenAI({
      intercept:
        () =>
        ({ response }) => {
          response.writeHead(200, { "content-type": "text/html" });
          response.end("<!doctype html><title>hello</title>");
        },
    });
    try {
      const result = await w4s([
        "eval",
        "--task",
        "word-problems",
        "--executor",
        `openai:${page.baseUrl}`,
        "--executor-model",
        "m",
      ]);
      expectFailure(result, 4, /not an OpenAI-compatible endpoint/);
    } finally {
      await page.close();
    }
  });
});

function newerTrajectory(): string {
  const path = join(folder(), "trajectories.jsonl");
  const sum = execFileSync(process.execPath, [
    "--input-type=module",
    "-e",
    `import { encodeLine } from ${JSON.stringify(new URL("../../dist/core/jsonl-log.js", import.meta.url).href)};
     process.stdout.write(encodeLine({ kind: "header", version: 99 }) + "\\n");`,
  ]);
  writeFileSync(path, sum);
  return path;
}

/** A dataset folder of validation lines, and train lines where given. */
function dataset(validation: string[], train?: string[]): string {
  const directory = folder();
  mkdirSync(directory, { recursive: true });
  const splits: Record<string, { file: string }> = { validation: { file: "validation.jsonl" } };
  writeFileSync(join(directory, "validation.jsonl"), validation.map((line) => `${line}\n`).join(""));
  if (train) {
    splits.train = { file: "train.jsonl" };
    writeFileSync(join(directory, "train.jsonl"), train.map((line) => `${line}\n`).join(""));
  }
  writeFileSync(
    join(directory, "dataset.json"),
    JSON.stringify({ name: "mine", kind: "math", metric: "exact-number", splits }),
  );
  return directory;
}
