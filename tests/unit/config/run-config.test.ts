/** @file The configuration: ranges, sources, misspelt keys, hostile files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { flagName } from "../../../src/cli/run-flags.js";
import { configExample } from "../../../src/config/config-example.js";
import { loadRunConfig, readConfigFile } from "../../../src/config/config-file.js";
import { configWarnings, parseRunConfig, variableOf } from "../../../src/config/config-layers.js";
import { withoutHeaderValues } from "../../../src/config/executor-params.js";
import { identityOf, suiteSettings } from "../../../src/config/run-identity.js";
import { serveSchema } from "../../../src/config/serve-schema.js";
import { decidesOf, SETTINGS } from "../../../src/config/settings.js";
import { ConfigError } from "../../../src/core/errors.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const MINIMUM = { task: "arithmetic", executor: "simulated" };

function refusal(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error("nothing was refused");
}

function yamlFile(text: string | Buffer): string {
  const path = join(folder(), "w4s.config.yaml");
  writeFileSync(path, text);
  return path;
}

const polluted = () => ({}) as Record<string, unknown>;
afterEach(() => {
  expect(polluted().polluted).toBeUndefined();
  expect(polluted().task).toBeUndefined();
});

describe("parseRunConfig", () => {
  it("fills in defaults, and parsing the result again changes nothing", () => {
    const config = parseRunConfig({ ...MINIMUM, run: "first", budget: { dollars: 2 } });
    expect(config).toMatchObject({
      turns: 4,
      candidates: 5,
      budget: { dollars: 2 },
      run: join("runs", "first"),
    });
    expect(config.limits.modelCalls).toBe(20);
    expect(parseRunConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("reads a key by the name it had before, and says what it is called now", () => {
    const told: string[] = [];
    const config = loadRunConfig({
      file: yamlFile("policyFile: file.yaml\n"),
      env: { W4S_POLICY_FILE: "variable.yaml" },
      flags: new Map([
        ["task", "arithmetic"],
        ["executor", "simulated"],
        ["policyFile", "flag.yaml"],
      ]),
      flagName,
      onWarning: (message) => told.push(message),
    });
    expect(config.rulesFile).toBe("flag.yaml");
    expect(config).not.toHaveProperty("policyFile");
    expect(told).toEqual([
      expect.stringMatching(/w4s\.config\.yaml: policyFile is now called .*w4s\.config\.yaml: rulesFile$/),
      "W4S_POLICY_FILE is now called W4S_RULES_FILE",
      "--policy is now called --rules",
    ]);
  });

  it("treats an undefined member as absent", () => {
    expect(parseRunConfig({ ...MINIMUM, model: undefined })).not.toHaveProperty("model");
  });

  it.each([
    [{ executor: "simulated" }, "task: missing"],
    [{ task: "x" }, "executor: missing"],
    [{ ...MINIMUM, episodes: "10" }, 'episodes: "10" must be a whole number from 1 to 10000'],
    [{ ...MINIMUM, episodes: -1 }, "episodes: -1 must be a whole number from 1 to 10000"],
    [{ ...MINIMUM, turns: 1.5 }, "turns: 1.5 must be a whole number from 1 to 50"],
    [{ ...MINIMUM, temperature: Number.NaN }, "temperature: NaN must be a number from 0 to 2"],
    [
      { ...MINIMUM, temperature: Number.POSITIVE_INFINITY },
      "temperature: Infinity must be a number from 0 to 2",
    ],
    [{ ...MINIMUM, concurrency: 0 }, "concurrency: 0 must be a whole number from 1 to 256"],
    [{ ...MINIMUM, budget: { dollars: -5 } }, "budget.dollars: -5 must be a number above 0"],
    [{ ...MINIMUM, budget: 5 }, "budget: 5 "],
    [{ ...MINIMUM, maxRepairs: 4 }, "maxRepairs: 4 must be a whole number from 0 to 3"],
    [{ ...MINIMUM, gpu: "rocm" }, 'gpu: "rocm" must be one of auto, off, cuda, vulkan, metal'],
    [{ ...MINIMUM, dryRun: "yes" }, 'dryRun: "yes" must be true or false'],
    [{ ...MINIMUM, task: "a\nb" }, "control characters"],
    [{ ...MINIMUM, price: { inputPerMillion: 1 } }, "price.outputPerMillion: missing"],
    [{ ...MINIMUM, executors: { a: { url: "http://h/v1" } } }, "executors.a.model: missing"],
    [{ ...MINIMUM, executors: { "a b": { url: "http://h/v1", model: "m" } } }, "must be an alias"],
  ])("refuses %j", (input, message) => {
    const error = refusal(() => parseRunConfig(input as never));
    expect(error.message).toContain(message);
    expect(error.hint).toBeTruthy();
  });

  it.each([
    [{ ...MINIMUM, episods: 3 }, "episods", "episodes"],
    [{ ...MINIMUM, budget: { dolars: 3 } }, "budget.dolars", "dollars"],
    [{ ...MINIMUM, limits: { memroyBytes: 3 } }, "limits.memroyBytes", "memoryBytes"],
    [{ ...MINIMUM, executors: { a: { url: "http://h", modle: "m" } } }, "executors.a.modle", "model"],
  ])("names the nearest key for %j", (input, key, near) => {
    const error = refusal(() => parseRunConfig(input as never));
    expect(error.message).toContain(`${key}: unknown key`);
    expect(error.hint).toBe(`did you mean ${near}?`);
  });

  it("refuses keys of prototypes like any unknown key", () => {
    for (const key of ["__proto__", "constructor", "toString"]) {
      const error = refusal(() =>
        parseRunConfig(JSON.parse(`{"task":"x","executor":"simulated","${key}":{"polluted":1}}`)),
      );
      expect(error.message).toContain(`${key}: unknown key`);
    }
  });

  it.each([null, 5, "text", [1]])("refuses %j as a whole", (input) => {
    expect(refusal(() => parseRunConfig(input as never)).message).toContain("must be a map");
  });
});

describe("executors", () => {
  it.each([
    "openai:https://api.example.com/v1",
    "openai:http://127.0.0.1:1/v1",
    "local:smollm2-135m",
    "simulated",
    "replay:runs/a",
  ])("accepts %s", (executor) => {
    expect(parseRunConfig({ ...MINIMUM, executor }).executor).toBe(executor);
  });

  it("accepts an alias of the config, and only that", () => {
    const executors = { big: { url: "https://h/v1", model: "m" } };
    expect(parseRunConfig({ ...MINIMUM, executor: "big", executors }).executor).toBe("big");
    expect(refusal(() => parseRunConfig({ ...MINIMUM, executor: "bg", executors })).message).toContain(
      "(big)",
    );
  });

  it.each([
    "openai:file:///etc/passwd",
    "openai:ftp://h/v1",
    "openai:",
    "openai:127.0.0.1:8080",
    "openai:/v1",
    "local:",
    "replay:",
    "http://127.0.0.1/v1",
    "file:x",
    "toString",
    "",
  ])("refuses %j", (executor) => {
    expect(refusal(() => parseRunConfig({ ...MINIMUM, executor })).message).toContain("executor");
  });

  it("refuses user and password in a URL, and does not repeat them", () => {
    const error = refusal(() => parseRunConfig({ ...MINIMUM, executor: "openai:https://me:s3cret@h/v1" }));
    expect(`${error.message} ${error.hint}`).not.toContain("s3cret");
  });

  it("refuses a key where a variable's name belongs, and does not repeat it", () => {
    const error = refusal(() => parseRunConfig({ ...MINIMUM, apiKeyEnv: "sk-s3cret" }));
    expect(error.message).toContain("apiKeyEnv");
    expect(error.message).not.toContain("s3cret");
  });

  it("warns when a key would go unencrypted to another host, and only then", () => {
    const env = { OPENAI_API_KEY: "k" };
    const warned = (executor: string, from: Record<string, string>, apiKeyEnv?: string) =>
      configWarnings(parseRunConfig({ ...MINIMUM, executor, apiKeyEnv }), from).length;
    expect(warned("openai:http://10.0.0.1/v1", env, "OPENAI_API_KEY")).toBe(1);
    // The default key does not go there at all.
    expect(warned("openai:http://10.0.0.1/v1", env)).toBe(0);
    expect(warned("openai:http://10.0.0.1/v1", {}, "OPENAI_API_KEY")).toBe(0);
    for (const host of ["127.0.0.1:8080", "localhost", "[::1]:80"])
      expect(warned(`openai:http://${host}/v1`, env)).toBe(0);
    expect(warned("openai:https://10.0.0.1/v1", env)).toBe(0);
  });
});

describe("run names", () => {
  it.each(["a", "gsm8k-1", "A.b_c", "runs/a", "x".repeat(200)])("accepts %s below runs/", (run) => {
    expect(parseRunConfig({ ...MINIMUM, run }).run).toBe(run.startsWith("runs/") ? run : `runs/${run}`);
  });

  it("accepts an absolute path as it stands, and another root", () => {
    expect(parseRunConfig({ ...MINIMUM, run: "/data/out/a" }).run).toBe("/data/out/a");
    expect(parseRunConfig({ ...MINIMUM, run: "a", runsRoot: "../elsewhere" }).run).toBe("../elsewhere/a");
    expect(parseRunConfig({ ...MINIMUM, run: "../elsewhere/a", runsRoot: "../elsewhere" }).run).toBe(
      "../elsewhere/a",
    );
  });

  it.each([
    "../x",
    "a/../../x",
    "runs/../x",
    "/data/../x",
    "..",
    ".",
    "",
    ".hidden",
    "a\nb",
    "a\0b",
    "CON",
    "nul.txt",
    "lpt1",
    "x".repeat(300),
    "a.",
    "-rf",
    "a//b",
    "a\\..\\b",
  ])("refuses %j", (run) => {
    expect(refusal(() => parseRunConfig({ ...MINIMUM, run })).message).toContain("run: ");
  });
});

describe("sources", () => {
  const flags = (values: Record<string, string | boolean>) => new Map(Object.entries(values));

  it("let flags win over the environment, that over the file, that over defaults", () => {
    const file = yamlFile(
      "task: from-file\nexecutor: simulated\nseed: 1\nturns: 2\nepisodes: 3\nbudget:\n  calls: 5\n  tokens: 6\n",
    );
    const config = loadRunConfig({
      file,
      env: { W4S_TASK: "from-env", W4S_SEED: "7", W4S_BUDGET_CALLS: "50" },
      flags: flags({ seed: "9", "budget.dollars": "1.5", dryRun: true }),
    });
    expect(config).toMatchObject({
      task: "from-env",
      seed: 9,
      turns: 2,
      episodes: 3,
      candidates: 5,
      dryRun: true,
    });
    expect(config.budget).toEqual({ calls: 50, tokens: 6, dollars: 1.5 });
  });

  it("read the file of the working folder if there is one, and a named one must exist", () => {
    const cwd = folder();
    const env = { W4S_TASK: "t", W4S_EXECUTOR: "simulated" };
    expect(loadRunConfig({ cwd, env }).seed).toBe(0);
    writeFileSync(join(cwd, "w4s.config.yaml"), "seed: 4\n");
    expect(loadRunConfig({ cwd, env }).seed).toBe(4);
    const missing = join(cwd, "other.yaml");
    expect(refusal(() => loadRunConfig({ file: missing, env })).message).toContain(missing);
    expect(refusal(() => loadRunConfig({ cwd, env: { ...env, W4S_CONFIG: missing } })).message).toContain(
      missing,
    );
  });

  it("read the nearest file upwards, whose paths are those of its folder, up to the root of a repository", () => {
    const root = folder();
    const deep = join(root, "a", "b");
    mkdirSync(join(root, "data"));
    mkdirSync(deep, { recursive: true });
    const env = { W4S_EXECUTOR: "simulated" };
    const text = "task: data\nmodel: nano\nrunsRoot: out\ntools: tools.js\nseed: 4\n";
    writeFileSync(join(root, "w4s.config.yaml"), text);
    expect(loadRunConfig({ cwd: deep, env })).toMatchObject({
      ...{ seed: 4, task: "../../data", model: "nano", runsRoot: "../../out", tools: "../../tools.js" },
    });
    expect(loadRunConfig({ cwd: root, env })).toMatchObject({ task: "data", runsRoot: "out" });
    mkdirSync(join(root, "a", ".git"));
    expect(refusal(() => loadRunConfig({ cwd: deep, env })).message).toContain("task: missing");
    writeFileSync(join(root, "a", "w4s.config.yaml"), "task: nearer\n");
    expect(loadRunConfig({ cwd: deep, env }).task).toBe("nearer");
  });

  it("tell of a file whose name is not read", () => {
    const env = { W4S_TASK: "t", W4S_EXECUTOR: "simulated" };
    for (const name of ["w4s.config.yml", "w4s.config.json"]) {
      const cwd = folder();
      const told: string[] = [];
      mkdirSync(join(cwd, ".git"));
      writeFileSync(join(cwd, name), "seed: 4\n");
      expect(loadRunConfig({ cwd, env, onWarning: (message) => told.push(message) }).seed).toBe(0);
      expect(told).toEqual([`${name} is not read: call it w4s.config.yaml, or pass --config ${name}`]);
    }
  });

  it("take a run as a shell completes it, and names with blanks and letters of any script", () => {
    const runOf = (run: string, runsRoot = "runs") =>
      loadRunConfig({
        hasFile: false,
        env: {},
        defaults: { task: "t", executor: "simulated", run, runsRoot },
      }).run;
    for (const run of ["foo", "./foo", "foo/", "runs/foo/", "./runs/foo"])
      expect(runOf(run), run).toBe(join("runs", "foo"));
    expect(runOf("foo", "./out/")).toBe(join("out", "foo"));
    expect(runOf("mein Lauf ä 1")).toBe(join("runs", "mein Lauf ä 1"));
    for (const run of ["..", "a/../b", "foo. ", "-foo", "a\nb", "./", "/"])
      expect(refusal(() => runOf(run)).message, run).toContain("run");
  });

  it("say what was meant by an executor without its kind, and a URL without its scheme", () => {
    const message = (executor: string) =>
      refusal(() => loadRunConfig({ hasFile: false, env: {}, defaults: { task: "t", executor } })).message;
    expect(message("http://127.0.0.1:9101/v1")).toContain("did you mean openai:http://127.0.0.1:9101/v1?");
    expect(message("openai:localhost:9101/v1")).toContain("did you mean http://localhost:9101/v1?");
    expect(message("openai:127.0.0.1:9101")).toContain("did you mean http://127.0.0.1:9101?");
    expect(message("openai:ftp://x")).not.toContain("did you mean");
  });

  it("are named in errors", () => {
    const env = { W4S_TASK: "t", W4S_EXECUTOR: "simulated" };
    const flagName = (path: string) => `--${path}`;
    expect(refusal(() => loadRunConfig({ env: { ...env, W4S_SEED: "x" } })).message).toBe(
      'W4S_SEED: "x" must be a whole number from 0 to 2147483647',
    );
    expect(refusal(() => loadRunConfig({ env, flags: flags({ seed: "1e309" }), flagName })).message).toMatch(
      /^--seed: Infinity/,
    );
    const file = yamlFile("seed: -1\n");
    expect(refusal(() => loadRunConfig({ env, file })).message).toContain(`${file}: seed: -1`);
    expect(refusal(() => loadRunConfig({ env: {}, cwd: folder(), flagName })).hint).toContain("--task");
  });

  it("take numbers from the environment and flags as text, but not from a file", () => {
    const env = {
      W4S_TASK: "t",
      W4S_EXECUTOR: "simulated",
      W4S_TEMPERATURE: "7e-1",
      W4S_FRESH: "1",
      W4S_DRY_RUN: "false",
    };
    expect(loadRunConfig({ env })).toMatchObject({ temperature: 0.7, fresh: true, dryRun: false });
    for (const text of ["", " 1", "1 ", "0x10", "1_000", "١", "--1"]) {
      expect(refusal(() => loadRunConfig({ env: { ...env, W4S_TEMPERATURE: text } })).message).toContain(
        "W4S_TEMPERATURE",
      );
    }
  });

  it("refuse a misspelt variable and leave foreign ones alone", () => {
    const env = { W4S_TASK: "t", W4S_EXECUTOR: "simulated" };
    const error = refusal(() => loadRunConfig({ env: { ...env, W4S_BUGDET_DOLLARS: "1" } }));
    expect(error.hint).toBe("did you mean W4S_BUDGET_DOLLARS?");
    for (const name of ["W4S_HOME", "W4S_DATASETS", "W4S_SHARED", "W4S_SOMETHING_ENTIRELY_OTHER", "OTHER"]) {
      expect(loadRunConfig({ env: { ...env, [name]: "x" } }).task).toBe("t");
    }
  });

  it("give every key a variable of its own", () => {
    const names = [...SETTINGS.keys()].map(variableOf);
    expect(new Set(names).size).toBe(names.length);
    expect(variableOf("limits.wallMs")).toBe("W4S_LIMITS_WALL_MS");
  });
});

describe("readConfigFile", () => {
  const read = (text: string | Buffer) => loadRunConfig({ file: yamlFile(text), env: {} });

  it("accepts plain YAML with comments, an anchor, a BOM and CRLF", () => {
    const text = "\ufeff# mine\r\ntask: &name arithmetic\r\nrun: *name\r\nexecutor: simulated\r\n";
    expect(read(text)).toMatchObject({ task: "arithmetic", run: "runs/arithmetic" });
  });

  it("refuses an alias bomb quickly", () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const items = i === 0 ? '"lol"' : Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ");
      return `a${i}: &a${i} [${items}]`;
    });
    const start = process.cpuUsage();
    expect(refusal(() => read(`${levels.join("\n")}\ntask: *a11\n`)).message).toContain("not usable YAML");
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(5000);
  });

  it.each([
    ["duplicate keys", "task: a\ntask: b\n", /:2:1: /],
    ["tags of functions", "task: !!js/function 'function () {}'\nexecutor: simulated\n", /tag/i],
    ["tags of types", "task: !!python/object:os.system x\n", /tag/i],
    ["other tags", "task: !mine x\n", /tag/i],
    ["a list", "- task\n", /must be a map/],
    ["a text", "hello\n", /must be a map/],
    ["broken YAML", "task: [1, 2\n", /not usable YAML/],
    ["two documents", "task: a\n---\ntask: b\n", /not usable YAML/],
    [
      "the key __proto__",
      "task: a\nexecutor: simulated\n__proto__:\n  polluted: 1\n",
      /__proto__: unknown key/,
    ],
    ["merge keys", "base: &b\n  seed: 1\n<<: *b\n", /unknown key/],
    ["infinite numbers", "task: a\nexecutor: simulated\nseed: .inf\n", /seed: Infinity/],
    ["numbers beyond range", "task: a\nexecutor: simulated\nseed: 1e309\n", /seed: Infinity/],
    ["quoted numbers", 'task: a\nexecutor: simulated\nseed: "1"\n', /seed: "1" must be a whole number/],
    [
      "words for booleans",
      "task: a\nexecutor: simulated\nfresh: yes\n",
      /fresh: "yes" must be true or false/,
    ],
    ["nothing at all", "", /task: missing/],
  ])("refuses %s", (_name, text, message) => {
    expect(refusal(() => read(text)).message).toMatch(message);
  });

  it("refuses bytes that are no UTF-8, a folder, and a file over 1 MiB", () => {
    expect(refusal(() => read(Buffer.from([0x74, 0xff, 0xfe]))).message).toContain("cannot read");
    expect(refusal(() => read(`# ${"x".repeat(1024 * 1024)}\n`)).message).toContain("larger than");
    const directory = join(folder(), "w4s.config.yaml");
    mkdirSync(directory);
    expect(refusal(() => readConfigFile(directory)).message).toContain("not a regular file");
  });

  it("survives nesting 10 000 deep", () => {
    expect(refusal(() => read(`task: ${"[".repeat(10_000)}`)).message).toContain("not usable YAML");
  });
});

describe("what was given and is wrong", () => {
  it("is told before what is missing", () => {
    const { message } = refusal(() =>
      loadRunConfig({ env: {}, hasFile: false, defaults: { task: "input", queue: "nowhere" } }),
    );
    expect(message).toContain("queue");
    const mode = refusal(() =>
      loadRunConfig({ env: {}, hasFile: false, defaults: { task: "input", serve: { mcp: "telepathy" } } }),
    );
    expect(mode.message).toContain("serve.mcp");
    const seed = refusal(() => loadRunConfig({ env: {}, hasFile: false, defaults: { seed: -1 } }));
    expect(seed.message).toContain("seed: -1");
  });
});

describe("configExample", () => {
  it("shows a value that each key takes", () => {
    const keys = configExample()
      .split("\n")
      .flatMap((line) => /^#(\w+): (true|false|[\d.]+|NAME)$/.exec(line)?.slice(1) ?? []);
    for (let at = 0; at < keys.length; at += 2) {
      const [key = "", value = ""] = keys.slice(at);
      const text = `task: t\nexecutor: simulated\n${key}: ${value}\n`;
      if (/^(task|executor|queue|apiKeyEnv|judge|instructionsBy|weak|batch)/.test(key)) continue;
      expect(() => loadRunConfig({ file: yamlFile(text), env: {} }), `${key}: ${value}`).not.toThrow();
    }
    expect(configExample()).toContain("\n#stream: true\n");
  });

  it("is a valid file with only the given keys active, which names every key", () => {
    const given = { task: "arithmetic", executor: "simulated", model: "a: b # c", budget: { dollars: 3 } };
    const text = configExample(given);
    const config = loadRunConfig({ file: yamlFile(text), env: {} });
    expect(config).toEqual(parseRunConfig(given));
    const bare = configExample();
    for (const path of SETTINGS.keys())
      expect(bare).toMatch(new RegExp(`^#? *${path.split(".").at(-1)}:`, "m"));
  });

  it("shows defaults that are the defaults: uncommented, they change nothing", () => {
    const active = configExample({ task: "t", executor: "simulated" })
      .split("\n")
      .filter((line) => !/NAME|^# \S|^#executors|^# {2}(big| {2})/.test(line))
      .map((line) => line.replace(/^#/, ""))
      // What has no default shows its smallest value.
      .filter(
        (line) =>
          !/^(apiKeyEnv|designer|reward|confirm|exploreBy|instructions|threads|maxTokens|concurrency|requestsPerMinute|timeoutMs|idleTimeoutMs|maxRetries|stream|sendSeed|maxWaitSeconds|batch[A-Z]\w+|minScore|price|budget|rewardWeights|validationLimit):|^ {2}(dollars|tokens|calls|minutes|\w+PerMillion|evaluationTurns|collaboration|control|\w+Schedule|keepTurns|weightTemperature|weightCap|objective|topLayers|beta|clip|pairGap|kl|wholeGroups|lightShare|tokenBudget|truncate|heldOutShare|maxMemory|device|learningRate|(?:day|key)[A-Z]\w+):/.test(
            line,
          ),
      )
      .join("\n");
    expect(loadRunConfig({ file: yamlFile(active), env: {} })).toEqual({
      ...parseRunConfig({ task: "t", executor: "simulated" }),
      // The section is absent where it is not named.
      serve: serveSchema.parse({}),
    });
    expect(active).toContain("limits:");
    expect(active).toContain("wallMs: 300000");
  });
});

describe("batches", () => {
  const real = { ...MINIMUM, executor: "openai:http://127.0.0.1:1/v1", executorModel: "m" };

  it.each([
    [{ ...MINIMUM, executor: "simulated", batch: true }, /batch.*server has batches.*simulated has none/],
    [{ ...MINIMUM, executor: "local:a.gguf", batch: true }, /batch.*local:a\.gguf has none/],
    [{ ...MINIMUM, executor: "replay:runs/x", batch: true }, /batch.*has none/],
    [{ ...real, batchRequests: 10 }, /batchRequests.*batches only/],
    [{ ...real, batch: true, batchPrice: 2 }, /batchPrice.*0 to 1/],
    [{ ...real, batch: true, concurrency: 8 }, /concurrency.*nothing in batches/],
  ])("refuses %j with a reason", (input, message) => {
    expect(refusal(() => parseRunConfig(input)).message).toMatch(message);
  });

  it("refuses calls at once beside a flag, and lets a file keep them for other runs", () => {
    const file = yamlFile(
      "task: t\nexecutor: openai:http://127.0.0.1:1/v1\nexecutorModel: m\nconcurrency: 8\n",
    );
    const flags = new Map<string, string | boolean>([["batch", true]]);
    const flagName = (path: string) => `--${path}`;
    expect(loadRunConfig({ file, env: {}, flags, flagName }).batch).toBe(true);
    flags.set("concurrency", "3");
    const { message, hint } = refusal(() => loadRunConfig({ file, env: {}, flags, flagName }));
    expect(message).toContain("--concurrency: means nothing in batches");
    expect(hint).toContain("--batch");
  });
});

describe("params", () => {
  const SECRET = "sk-canary-0123456789abcdef";
  const params = { reasoning_effort: "low", headers: { "api-key": SECRET } };

  it.each([
    [{ model: "x" }, /model.*executorModel/],
    [{ extra_body: { max_tokens: 5 } }, /max_tokens.*maxTokens/],
    [{ headers: { "api-key": 5, authorization: SECRET } }, /params\.headers\.api-key/],
    [{ headers: SECRET }, /must be a map of texts/],
    ["low", /must be a map/],
  ])("refuses %j without showing it", (bad, message) => {
    for (const input of [
      { ...MINIMUM, params: bad },
      { ...MINIMUM, executors: { a: { url: "http://h/v1", model: "m", params: bad } } },
    ]) {
      const error = refusal(() => parseRunConfig(input as never));
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain(SECRET);
    }
  });

  it("decides results, but for the values of headers, which no record holds", () => {
    const executors = { a: { url: "http://h/v1", model: "m", params } };
    const config = parseRunConfig({ ...MINIMUM, params, executors });
    expect(config.params).toEqual(params);
    for (const record of [identityOf(config, "eval"), suiteSettings(config), withoutHeaderValues(config)]) {
      const text = JSON.stringify(record);
      expect(text).not.toContain(SECRET);
      expect(text.match(/reasoning_effort/g)).toHaveLength(2);
    }
    const rotated = parseRunConfig({
      ...MINIMUM,
      params: { ...params, headers: { "api-key": "new" } },
      executors,
    });
    expect(identityOf(rotated, "eval")).toEqual(identityOf(config, "eval"));
  });
});

describe("maxTokens", () => {
  it("depends on the executor where nothing is said; a replay has what was recorded", () => {
    const tokensOf = (executor: string, more = {}) =>
      parseRunConfig({ ...MINIMUM, executor, ...more }).maxTokens;
    const executors = { big: { url: "http://h/v1", model: "m" } };
    expect(tokensOf("openai:http://h/v1")).toBe(2048);
    expect(tokensOf("big", { executors })).toBe(2048);
    expect(tokensOf("local:nano")).toBe(768);
    expect(tokensOf("simulated")).toBe(512);
    expect(tokensOf("local:nano", { maxTokens: 9 })).toBe(9);
    const recorded = folder();
    writeFileSync(join(recorded, "config.resolved.json"), '{"maxTokens":77}');
    expect(tokensOf(`replay:${recorded}`)).toBe(77);
    expect(tokensOf("replay:runs/none")).toBe(2048);
  });
});

describe("decidesOf", () => {
  it("counts every key to the results but those that only say how, where or on which terms they are found", () => {
    const config = { ...parseRunConfig(MINIMUM), policies: {}, price: {}, run: "", cache: "" };
    const keys = new Set(
      [...SETTINGS.keys()].map((path) => path.split(".")[0] ?? "").concat(Object.keys(config)),
    );
    const by: Record<string, string[]> = {};
    for (const key of keys) by[decidesOf(key)] = [...(by[decidesOf(key)] ?? []), key].sort();
    const { results: _, ...rest } = by;
    expect(rest).toEqual({
      learning: ["learn", "policies"],
      terms: ["approve", "approveFile", "price", "rulesFile"],
      pace: [
        "batch",
        "batchBytes",
        "batchPrice",
        "batchRequests",
        "concurrency",
        "idleTimeoutMs",
        "maxErrors",
        "maxRetries",
        "maxWaitSeconds",
        "minScore",
        "requestsPerMinute",
        "stream",
        "threads",
        "timeoutMs",
      ],
      session: ["budget", "cache", "dryRun", "forceUnlock", "fresh", "queue", "run", "runsRoot", "serve"],
    });
  });
});

describe("tools", () => {
  const parse = (tools: unknown) => parseRunConfig({ ...MINIMUM, tools } as never).tools;

  it("are a module, servers, or both", () => {
    expect(parse("tools.mjs")).toBe("tools.mjs");
    const both = {
      module: "tools.mjs",
      mcp: [{ command: "npx", args: ["-y", "p"], env: ["TOKEN"], only: ["a"] }],
    };
    expect(parse(both)).toEqual(both);
    expect(parse({ mcp: [{ url: "https://example.org/mcp", apiKeyEnv: "KEY" }] })).toBeDefined();
  });

  it.each<[string, unknown, RegExp]>([
    ["a number", 3, /tools: 3 must be a file|Invalid/],
    ["no servers", { mcp: [] }, /tools\.mcp: .*must name a server/],
    ["servers alone", { mcp: { command: "npx" } }, /tools\.mcp: .*must be a list of servers/],
    ["neither", { mcp: [{}] }, /tools\.mcp\.0: .*either command or url/],
    ["both", { mcp: [{ command: "a", url: "http://a.b/mcp" }] }, /either command or url/],
    ["a URL without its scheme", { mcp: [{ url: "example.org/mcp" }] }, /complete http\(s\) URL/],
    ["a password in the URL", { mcp: [{ url: "https://a:secret@example.org/mcp" }] }, /must not carry/],
    [
      "a value where a name is meant",
      { mcp: [{ command: "a", env: ["TOKEN=secret"] }] },
      /tools\.mcp\.0\.env\.0: \(value not shown\)/,
    ],
    [
      "values by name",
      { mcp: [{ command: "a", env: { TOKEN: "secret" } }] },
      /tools\.mcp\.0\.env: \(value not shown\) must be a list/,
    ],
    ["a key for a command", { mcp: [{ command: "a", apiKeyEnv: "KEY" }] }, /belongs to a url/],
    ["a misspelt key", { mcp: [{ comand: "a" }] }, /tools\.mcp\.0\.comand: unknown key/],
  ])("refuses %s", (_name, tools, message) => {
    const error = refusal(() => parse(tools));
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.hint}`).not.toContain("secret");
    if (_name === "a misspelt key") expect(error.hint).toContain("command");
  });

  it("warn where a key is sent unencrypted", () => {
    const config = parseRunConfig({
      ...MINIMUM,
      tools: { mcp: [{ url: "http://example.org/mcp", apiKeyEnv: "KEY" }] },
    });
    expect(configWarnings(config, { KEY: "x" })).toEqual([
      expect.stringContaining("unencrypted to example.org"),
    ]);
  });
});
