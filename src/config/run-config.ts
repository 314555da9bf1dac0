/** @file The configuration of a run: every key with its range, default and meaning, checked in one place. */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { between, decides, flag, oneOf, positive, text, whole } from "./config-fields.js";
import { defaultConcurrency } from "./executor-lanes.js";
import { executorParams } from "./executor-params.js";
import { learnSchema } from "./learn-schema.js";
import { policiesSchema } from "./policies-schema.js";
import { badQueueUrl } from "./queue-url.js";
import { defaultReplyTokens } from "./reply-tokens.js";
import { REWARD_NAMES, rewardWeightsSchema } from "./reward-shares.js";
import { serveSchema } from "./serve-schema.js";
import { toolsSchema } from "./tools-schema.js";

const MAX_RUN_NAME = 200;

/** Why a base URL cannot be used, or undefined. Keys belong in the environment, so user:pass is refused. */
export function badBaseUrl(url: string): string | undefined {
  // A host with its port, or a path, and nothing before it.
  const meant = /^[\w.-]+(:\d+)?(\/.*)?$/.test(url) ? `; did you mean http://${url}?` : "";
  if (!URL.canParse(url)) return `must be a complete http(s) URL such as http://127.0.0.1:8080/v1${meant}`;
  const { protocol, username, password } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return `must be an http(s) URL, not ${protocol}${meant}`;
  if (username || password)
    return "must not carry a user name or password; name the key's variable in apiKeyEnv";
  return undefined;
}

const baseUrl = z.string({ error: "must be a base URL" }).superRefine((url, context) => {
  const why = badBaseUrl(url);
  if (why) context.addIssue({ code: "custom", message: why });
});

const queueUrl = z.string({ error: "must be redis://HOST:PORT" }).superRefine((url, context) => {
  const why = badQueueUrl(url);
  if (why) context.addIssue({ code: "custom", message: why });
});

const EXECUTOR_KINDS: ReadonlySet<string> = new Set(["openai", "local", "simulated", "replay"]);

const executorName = text(
  "an executor: openai:URL, local:FILE|NAME, simulated, replay:RUN or an alias",
).superRefine((spec, context) => {
  const colon = spec.indexOf(":");
  const kind = colon < 0 ? spec : spec.slice(0, colon);
  const rest = colon < 0 ? "" : spec.slice(colon + 1);
  let why: string | undefined;
  if (kind === "openai")
    why = rest === "" ? "needs a base URL: openai:http://127.0.0.1:8080/v1" : badBaseUrl(rest);
  else if ((kind === "local" || kind === "replay") && rest === "") why = `needs a name: ${kind}:NAME`;
  if (why) context.addIssue({ code: "custom", message: why });
});

const variableName = text("the name of an environment variable", 200).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: "must be the name of an environment variable, not the key itself",
});

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d|lock|cache)(\.|$)/i;

/** Why a text cannot name a run directory, or undefined. */
export function badRunName(name: string): string | undefined {
  if (name.length > MAX_RUN_NAME) return `must be at most ${MAX_RUN_NAME} characters`;
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._-]*$/u.test(name) || /[. ]$/.test(name)) {
    return "must be a name of letters, digits, blanks, dots, dashes and underscores (use runsRoot for the folder)";
  }
  if (RESERVED.test(name)) return `must not be the reserved name ${name}`;
  return undefined;
}

/**
 * Why a run cannot be written there, or undefined. A name lands under runsRoot and cannot leave it; an absolute
 * path is taken as it is, since whoever names it has chosen its root.
 */
function badRun(named: string, runsRoot: string): string | undefined {
  const run = withoutEnds(named);
  const path = runPath(run, runsRoot);
  const below = run === path && !isAbsolute(run) ? run.slice(rootPrefix(runsRoot).length) : run;
  const parts = below.split(/[\\/]/);
  if (isAbsolute(run)) {
    if (parts.includes("..") || /[\x00-\x1f\x7f]/.test(run))
      return "must not contain .. or control characters";
    return badRunName(parts.filter(Boolean).at(-1) ?? "");
  }
  return parts.map(badRunName).find((why) => why !== undefined);
}

function rootPrefix(runsRoot: string): string {
  return `${withoutEnds(runsRoot)}/`;
}

/** "./foo/", as a shell completes it, is foo. */
function withoutEnds(run: string): string {
  return run.replace(/^(\.[\\/]+)+/, "").replace(/(?<=.)[\\/]+$/, "");
}

function runPath(named: string, runsRoot: string): string {
  const run = withoutEnds(named);
  return isAbsolute(run) || run.startsWith(rootPrefix(runsRoot)) ? run : join(runsRoot, run);
}

const price = z.strictObject({
  inputPerMillion: between(0, 1e6).describe("dollars per million prompt tokens of the executor"),
  outputPerMillion: between(0, 1e6).describe("dollars per million reply tokens of the executor"),
  cachedInputPerMillion: between(0, 1e6)
    .optional()
    .describe("dollars per million prompt tokens that its server read from a cache; default: as the others"),
});

/** How one server is asked; the executor's stand at the top of a configuration, those of others in their entries. */
const asking = {
  timeoutMs: whole(100, 3_600_000)
    .optional()
    .describe("time for one attempt of a call, milliseconds (default 600000)"),
  idleTimeoutMs: whole(100, 3_600_000)
    .optional()
    .describe("longest silence of a server within an attempt, milliseconds (default 300000)"),
  maxRetries: whole(0, 100).optional().describe("further attempts after failures of a server (default 4)"),
  stream: flag().optional().describe("ask for streams, so that silence is noticed (default true)"),
  sendSeed: flag().optional().describe("send seeds with the requests (default true)"),
};

const executorEntry = z.strictObject({
  url: baseUrl.describe("base URL of an OpenAI-compatible server"),
  model: text("a model name").describe("model name as the server knows it"),
  apiKeyEnv: variableName.optional().describe("environment variable that holds the key"),
  inputPerMillion: between(0, 1e6).optional().describe("dollars per million prompt tokens"),
  outputPerMillion: between(0, 1e6).optional().describe("dollars per million reply tokens"),
  params: executorParams.optional().describe("as params at the top, for this executor"),
  cachedInputPerMillion: between(0, 1e6).optional().describe("dollars per million cached prompt tokens"),
  ...asking,
});

const KiB = 1024;
const MiB = 1024 * KiB;

const limits = z.strictObject({
  wallMs: whole(10, 86_400_000)
    .default(300_000)
    .describe("computing and reply latency of one workflow on one sample, milliseconds"),
  cpuMs: whole(10, 600_000).default(5000).describe("processor time of the workflow itself, milliseconds"),
  memoryBytes: whole(8 * MiB, 1024 * MiB)
    .default(64 * MiB)
    .describe("memory of the sandbox"),
  modelCalls: whole(0, 10_000).default(20).describe("model calls of one workflow on one sample"),
  inFlight: whole(1, 64).default(4).describe("model calls at once within one workflow run"),
  argumentBytes: whole(KiB, 64 * MiB)
    .default(MiB)
    .describe("arguments of one call"),
  resultBytes: whole(16, 64 * MiB)
    .default(MiB)
    .describe("the returned value as JSON"),
  logBytes: whole(0, MiB)
    .default(64 * KiB)
    .describe("what agent.log may collect"),
  errorBytes: whole(64, 64 * KiB)
    .default(4 * KiB)
    .describe("an error message"),
});

const budget = z.strictObject({
  dollars: positive(1e6).optional().describe("stop cleanly once this much is spent"),
  tokens: whole(1, 1e12).optional().describe("stop cleanly after this many tokens of the executor"),
  calls: whole(1, 1e9).optional().describe("stop cleanly after this many calls of the executor"),
  minutes: positive(1e5).optional().describe("stop cleanly after this many minutes of a session"),
});

/** Every key a run can be given. Descriptions become help texts and the comments of `w4s init`. */
export const runConfigSchema = z
  .strictObject({
    task: text("a dataset name or directory").describe("dataset: a directory, or a name (w4s data list)"),
    model: text("a model name or file")
      .optional()
      .describe("weak local model: a GGUF file, or a name (w4s models list)"),
    adapter: text("a file").optional().describe("GGUF LoRA adapter for the weak model"),
    designer: oneOf(["model", "random"])
      .optional()
      .describe(
        "who writes workflows: the weak model (default where one is named), or random: techniques drawn without a model (default of optimize where none is)",
      ),
    executor: executorName.describe(
      "strong model: openai:URL, local:FILE|NAME, simulated, replay:RUN or an alias",
    ),
    executorModel: text("a model name").optional().describe("model name as the executor's server knows it"),
    apiKeyEnv: variableName
      .optional()
      .describe(
        "environment variable that holds the executor's key; default OPENAI_API_KEY for api.openai.com and this machine, none for other hosts",
      ),
    params: executorParams
      .optional()
      .describe(
        "sent to the executor's server as they are: members of the body, extra_body, headers (docs/executors.md)",
      ),
    executors: z
      .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,39}$/), executorEntry)
      .default({})
      .describe("further executors by alias, for agent.text(…, { model: ALIAS })"),
    weak: text("policy, none, or a model name or file")
      .transform((value) => value.replace(/^local:/, ""))
      .optional()
      .describe(
        "model behind agent.weak: policy (the weak model itself), none, simulated, or local:FILE|NAME; default policy, when learning none",
      ),
    judge: text("executor, or an alias")
      .optional()
      .describe(
        "model that grades answers by a rubric (metrics judge and writing): executor, or an alias of executors",
      ),
    tools: toolsSchema
      .optional()
      .describe(
        "own tools, for agent.tool(name, input): a module that exports some, or { module, mcp: [servers] } (docs/tools.md)",
      ),
    gpu: oneOf(["auto", "off", "cuda", "vulkan", "metal"]).default("auto").describe("device of local models"),
    threads: whole(1, 256)
      .optional()
      .describe("threads of local models; default: the cores, at most 8; 1 for tiny models")
      .meta(decides("pace")),
    promptStyle: oneOf(["auto", "full", "compact", "task"])
      .default("auto")
      .describe("prompts of the weak model: a conversation, the workflow to improve, or the task alone"),
    grammar: oneOf(["auto", "subset", "none"])
      .default("auto")
      .describe("subset: only well-formed short workflows can be written; auto: below 3 B parameters"),
    logProbs: flag().default(false).describe("record the log-probability of each written token"),
    episodes: whole(1, 10_000).default(2).describe("episodes of a run"),
    turns: whole(1, 50).default(4).describe("turns of an episode"),
    candidates: whole(1, 64).default(5).describe("workflows written per turn"),
    temperature: between(0, 2).default(0.8).describe("sampling temperature of the weak model"),
    explore: between(0, 1)
      .default(0.5)
      .describe("share of candidates that must use randomly drawn techniques"),
    exploreBy: oneOf(["model", "draw"])
      .optional()
      .describe(
        "who writes those candidates: the weak model (default), or a draw from its grammar, which takes no time",
      ),
    without: text("names of techniques separated by commas")
      .optional()
      .describe("techniques that designs leave out, separated by commas (docs/writing-workflows.md)"),
    maxRepairs: whole(0, 3).default(3).describe("tries to repair a workflow that fails the quick check"),
    reward: oneOf(REWARD_NAMES)
      .optional()
      .describe("reward of a candidate; default discrete, when learning accuracy"),
    rewardWeights: rewardWeightsSchema
      .optional()
      .describe("weights of the composite reward; default accuracy=1,efficiency=0.2"),
    instructions: whole(0, 8)
      .optional()
      .describe(
        "instructions written once per task for designers under a grammar; 0 = none; default 4, with a simulated executor 0",
      ),
    instructionsBy: text("executor, or an alias")
      .optional()
      .describe("model that writes them: executor (default), or an alias of executors"),
    parent: oneOf(["last", "best", "evolutionary", "pareto"])
      .default("last")
      .describe(
        "workflow a turn starts from: the one kept last, the best so far, one drawn by merit, or by the items it is best on",
      ),
    screen: whole(0, 10_000)
      .default(4)
      .describe("samples of a block of the race: every candidate meets the first one; 0 = no race"),
    confirm: between(0, 0.9)
      .optional()
      .describe(
        "share of the validation samples that only the best designs and the best baseline meet, at the end; default a third, without a race 0",
      ),
    baselines: text("all, or names of baselines separated by commas")
      .optional()
      .describe(
        "workflows to compare with: all, or names (docs/question-answering.md); default the usual ones",
      ),
    validationLimit: whole(1, 1_000_000)
      .optional()
      .describe("validation samples, drawn by seed; default 200 where candidates race, else 32"),
    testLimit: whole(0, 1_000_000)
      .default(200)
      .describe("test samples, opened once at the end; 0 = leave test closed"),
    maxTokens: whole(1, 131_072)
      .optional()
      .describe("tokens of one reply; default 2048, 768 for local: executors, 512 for simulated ones"),
    limits: limits.prefault({}).describe("limits of one workflow run on one sample"),
    concurrency: whole(1, 256)
      .optional()
      .describe(
        "workflow runs at once, and calls at once to an executor; default 4, for local: executors 8; these write as many replies together, 8 to 32",
      )
      .meta(decides("pace")),
    requestsPerMinute: whole(1, 1_000_000)
      .optional()
      .describe("requests per minute to an executor")
      .meta(decides("pace")),
    batch: flag()
      .default(false)
      .describe(
        "send calls in batches (/v1/batches), at half the price and within a day, wave by wave (docs/executors.md)",
      )
      .meta(decides("pace")),
    batchRequests: whole(1, 50_000)
      .optional()
      .describe("most requests of one batch (default 50000)")
      .meta(decides("pace")),
    batchBytes: whole(1024, 200_000_000)
      .optional()
      .describe("most bytes of one batch's file (default 200000000)")
      .meta(decides("pace")),
    batchPrice: between(0, 1)
      .optional()
      .describe("price of a call in a batch as a share of its usual price (default 0.5)")
      .meta(decides("pace")),
    timeoutMs: asking.timeoutMs.meta(decides("pace")),
    idleTimeoutMs: asking.idleTimeoutMs.meta(decides("pace")),
    maxRetries: asking.maxRetries.meta(decides("pace")),
    stream: asking.stream.meta(decides("pace")),
    sendSeed: asking.sendSeed,
    maxWaitSeconds: whole(1, 86_400)
      .optional()
      .describe("longest wait a server may ask for (Retry-After) or an outage may last (default 120)")
      .meta(decides("pace")),
    rulesFile: text("a file")
      .optional()
      .describe("rules: calls, tools, models and topics that workflows must not use (docs/safety.md)")
      .meta(decides("terms")),
    approve: flag()
      .default(false)
      .describe("ask before a newly designed workflow first runs against a paid executor")
      .meta(decides("terms")),
    approveFile: text("a file")
      .optional()
      .describe("hashes of workflows that may run, one a line; others are asked about")
      .meta(decides("terms")),
    seed: whole(0, 2 ** 31 - 1)
      .default(0)
      .describe("the same seed draws the same samples and candidates"),
    budget: budget
      .prefault({})
      .describe("hard limits; a run that reaches one ends cleanly and can go on later")
      .meta(decides("session")),
    price: price
      .optional()
      .describe("price of the executor where models/prices.json does not know it")
      .meta(decides("terms")),
    bootstrap: z
      .strictObject({ samples: whole(100, 100_000).default(1000).describe("resamples of an interval") })
      .prefault({})
      .describe("95 % intervals"),
    policies: policiesSchema
      .optional()
      .describe("several weak models that learn together (w4s learn, with learn.collaboration), by name")
      .meta(decides("learning")),
    learn: learnSchema
      .prefault({})
      .describe("rounds of collecting and training (w4s learn)")
      .meta(decides("learning")),
    serve: serveSchema
      .optional()
      .describe("the server of found workflows (w4s serve)")
      .meta(decides("session")),
    queue: queueUrl
      .optional()
      .describe(
        "Redis through which workers (w4s worker) run workflows on items: redis://HOST:PORT (docs/workers.md)",
      )
      .meta(decides("session")),
    run: z
      .string({ error: "must be a run name" })
      .optional()
      .describe("name of the run directory; default: command, task and a hash of the settings")
      .meta(decides("session")),
    runsRoot: text("a directory")
      .default("runs")
      .describe("where run directories lie")
      .meta(decides("session")),
    cache: text("a directory")
      .optional()
      .describe("share one cache of calls between runs")
      .meta(decides("session")),
    maxErrors: between(0, 1)
      .default(0.1)
      .describe("share of samples that may be lost before exit code 5")
      .meta(decides("pace")),
    minScore: between(0, 1)
      .optional()
      .describe("exit code 9 when the final accuracy is below")
      .meta(decides("pace")),
    allowOverlap: flag().default(false).describe("accept datasets whose splits share items (recorded)"),
    skipBad: flag().default(false).describe("skip bad dataset lines instead of stopping (counted)"),
    dryRun: flag()
      .default(false)
      .describe("print the forecast of calls, tokens, dollars and minutes, then stop")
      .meta(decides("session")),
    fresh: flag()
      .default(false)
      .describe("set an earlier run of the same name aside and start again")
      .meta(decides("session")),
    forceUnlock: flag()
      .default(false)
      .describe("take the lock of a process on another host")
      .meta(decides("session")),
  })
  .superRefine((config, context) => {
    const why = config.run === undefined ? undefined : badRun(config.run, config.runsRoot);
    if (why) context.addIssue({ code: "custom", path: ["run"], message: why });
    if (config.rewardWeights !== undefined && config.reward !== "composite") {
      const message = "count in the composite reward only: give reward composite too";
      context.addIssue({ code: "custom", path: ["rewardWeights"], message });
    }
    const kind = config.executor.split(":", 1)[0] ?? "";
    if (config.batch && /^(local|simulated|replay)$/.test(kind) && !Object.hasOwn(config.executors, kind)) {
      const message = `needs an executor whose server has batches (openai:URL or an alias), and ${config.executor} has none`;
      context.addIssue({ code: "custom", path: ["batch"], message });
    }
    for (const key of ["batchRequests", "batchBytes", "batchPrice"] as const) {
      if (config[key] === undefined || config.batch) continue;
      context.addIssue({ code: "custom", path: [key], message: "counts in batches only: give batch too" });
    }
    if (!EXECUTOR_KINDS.has(kind) && !Object.hasOwn(config.executors, config.executor)) {
      const aliases = Object.keys(config.executors).join(", ") || "none there";
      const meant = /^https?$/.test(kind) ? `; did you mean openai:${config.executor}?` : "";
      const message = `must be openai:URL, local:FILE|NAME, simulated, replay:RUN or an alias of the config (${aliases})${meant}`;
      context.addIssue({ code: "custom", path: ["executor"], message });
    }
  })
  .transform(({ maxTokens, concurrency, ...config }) => ({
    ...config,
    maxTokens: maxTokens ?? defaultReplyTokens(config.executor),
    concurrency: concurrency ?? defaultConcurrency(config.executor),
    ...(config.run === undefined ? {} : { run: runPath(config.run, config.runsRoot) }),
  }));

/** The complete, checked configuration of a run: every setting with its value. `run`, where given, is the path of the run directory. */
export type RunConfig = z.output<typeof runConfigSchema>;
type OrUndefined<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };
/** Settings as a program writes them down: all keys but `task` and `executor` may be left out or undefined. */
export type RunConfigInput = OrUndefined<z.input<typeof runConfigSchema>>;
