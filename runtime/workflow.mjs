// biome-ignore-all assist/source/organizeImports: some of them are left out
// @ts-nocheck
/**
__ABOUT__
 */
import { createHash } from "node:crypto";
//# programs
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
//# end
import { readFileSync, realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";

/**
 * Models by the name under which the workflow asks them. `key` names the environment variable that holds the key; `baseURL` and
 * `model` of "default" give way to OPENAI_BASE_URL and OPENAI_MODEL, those of "weak" to WEAK_BASE_URL and WEAK_MODEL.
 */
const MODELS = __MODELS__;

/** Seed of the calls, limit of a reply in tokens, and quotas of one run. */
const SETTINGS = __SETTINGS__;

/** Told to every model with every prompt; undefined = nothing. */
const INSTRUCTION = __INSTRUCTION__;

//ts /** What the workflow may see of an item. */
//ts export interface Task {
//ts   question: string;
//ts   id?: string;
//ts   context?: string;
//ts   choices?: string[];
//ts   prompt?: string;
//ts   entryPoint?: string;
//ts   publicTests?: string[];
//ts   instruction?: string;
//ts }
//ts
//ts export interface Options {
//ts   signal?: AbortSignal;
//ts   /** Other models than MODELS names, by the same names. */
//ts   models?: Record<string, { model: string; baseURL?: string; key?: string; params?: object; client?: OpenAI }>;
//ts   /** Own tools by name, for `agent.tool`. */
//ts   tools?: Record<string, (input: any) => unknown>;
//ts }
//ts
//ts export interface Answer {
//ts   answer: any;
//ts   /** Calls of models, and tokens over all of them as the servers counted. */
//ts   calls: number;
//ts   promptTokens: number;
//ts   completionTokens: number;
//ts }

/** One input through the workflow. Throws where it fails, where it asks too often, and where a model gives no usable reply. */
export async function answer(task /*: Task */, options /*: Options */ = {}) /*: Promise<Answer> */ {
  const seen = { id: "input", ...task, instruction: task.instruction ?? INSTRUCTION };
  const run = new Run(seen, options);
  const helpers = makeHelpers(READERS, run.isCut);
  const workflow = await loadWorkflow({ ...helpers, isCut: run.isCut, console: run.console });
  let found = await workflow(run.agent(), structuredClone(seen));
  // A limit that was met stays met, and so does a call that failed: what the workflow made of it is no answer.
  if (run.failure) throw run.failure;
  if (typeof found === "object" && found !== null && !Array.isArray(found)) found = found.answer;
  const json = found === null ? undefined : JSON.stringify(found);
  if (json === undefined || json === "null") throw new Error(`the workflow returned ${found}`);
  return { answer: JSON.parse(json), ...run.used };
}

/** The workflow as it was found; evaluated anew for every input, so that nothing is kept between two of them. */
async function loadWorkflow({ __HELPERS__ }) {
  __WORKFLOW__;
  return $workflow;
}

const canonical = (value) =>
  JSON.stringify(value, (_, member) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(
          Object.keys(member)
            .sort()
            .map((key) => [key, member[key]]),
        )
      : member,
  );
const hashOf = (value) => createHash("sha256").update(canonical(value)).digest("hex");
const seedFrom = (...parts) => Number.parseInt(hashOf(parts).slice(0, 8), 16) & 0x7fffffff;

const clients = new Map();

function modelOf(name, options) {
  const given = options.models?.[name] ?? MODELS[name];
  if (!given) throw new Error(`unknown model alias "${name}"; known: ${Object.keys(MODELS).join(", ")}`);
  const prefix = { default: "OPENAI", weak: "WEAK" }[name];
  const fromEnvironment = (what) =>
    options.models?.[name] || !prefix ? undefined : process.env[`${prefix}_${what}`];
  const model = fromEnvironment("MODEL") ?? given.model;
  const baseURL = fromEnvironment("BASE_URL") ?? given.baseURL;
  if (!model || !baseURL)
    throw new Failure(`the model "${name}" is not set: give ${prefix}_BASE_URL and ${prefix}_MODEL`);
  const client =
    given.client ??
    clients.get(baseURL) ??
    new OpenAI({
      baseURL,
      apiKey: (given.key && process.env[given.key]) || "none",
      organization: null,
      project: null,
      maxRetries: 4,
    });
  if (!given.client) clients.set(baseURL, client);
  return { ...given, model, baseURL, client };
}

/** A failure that no workflow can catch away. */
class Failure extends Error {}

/** Thinking in a reply, as open models mark it. */
const CLOSING = __CLOSING__;
const OPENING = __OPENING__;

function withoutThought(raw) {
  const closing = [...raw.matchAll(CLOSING)].at(-1);
  const text = closing ? raw.slice(closing.index + closing[0].length).trimStart() : raw;
  const opening = OPENING.exec(text);
  return opening ? text.slice(0, opening.index).trimEnd() : text;
}

class Run {
  used = { calls: 0, promptTokens: 0, completionTokens: 0 };
  failure;
  #modelCalls = 0;
  #toolCalls = 0;
  #asked = new Map();
  #cut = new Set();
  constructor(task, options) {
    this.task = task;
    this.options = options;
  }

  /** Whether a text is a reply that was cut at its token limit. */
  isCut = (text) => typeof text === "string" && this.#cut.has(text.trim());
  console = { log() {}, info() {}, warn() {}, error() {}, debug() {} };

  agent() {
    return {
      log: () => {},
      text: this.#guarded("modelCalls", (prompt, options) => this.#text("default", prompt, options)),
      //# json
      json: this.#guarded("modelCalls", (prompt, keys, options) =>
        this.#json("default", prompt, keys, options),
      ),
      //# end
      //# weak
      weak: {
        text: this.#guarded("modelCalls", (prompt, options) => this.#text("weak", prompt, options)),
        //# weakjson
        json: this.#guarded("modelCalls", (prompt, keys, options) =>
          this.#json("weak", prompt, keys, options),
        ),
        //# end
      },
      //# end
      //# runPython
      runPython: this.#guarded("toolCalls", async (code, { stdin = "" } = {}) => {
        const { ok, stdout, stderr } = await runProgram(code, { stdin });
        return { ok, stdout, stderr };
      }),
      //# end
      //# test
      test: this.#guarded("toolCalls", async (code) => {
        const tests = this.task.publicTests ?? [];
        const program = programOf(code, this.task);
        if (program === undefined)
          return { passed: 0, failed: tests.length, errors: ["there is no program"] };
        const { failure, results } = await runProgram(program, { tests });
        if (failure) return { passed: 0, failed: tests.length, errors: [failure] };
        const errors = results.flatMap((result, i) =>
          result === null ? [] : [`${tests[i].trim()}: ${result}`],
        );
        return { passed: tests.length - errors.length, failed: errors.length, errors };
      }),
      //# end
      //# examples
      examples: this.#guarded("toolCalls", async (count, options) => examplesFor(this.task, count, options)),
      //# end
      //# tool
      tool: this.#guarded("toolCalls", async (name, input) => {
        const tool = this.options.tools?.[name];
        if (!tool)
          throw new Failure(`the workflow uses the tool "${name}": give it as options.tools.${name}`);
        return structuredClone(await tool(structuredClone(input ?? null)));
      }),
      //# end
    };
  }

  /** A call that counts against a quota; its failure ends the run, whatever the workflow makes of it. */
  #guarded(quota, call) {
    const counts = { modelCalls: () => ++this.#modelCalls, toolCalls: () => ++this.#toolCalls };
    return async (...args) => {
      this.options.signal?.throwIfAborted();
      if (this.failure) throw this.failure;
      try {
        if (counts[quota]() > SETTINGS[quota])
          throw new Failure(
            `more than ${SETTINGS[quota]} ${quota === "modelCalls" ? "model" : "other"} calls`,
          );
        return await call(...args);
      } catch (error) {
        if (error instanceof Failure || error instanceof OpenAI.APIError) this.failure ??= error;
        throw error;
      }
    };
  }

  async #text(role, prompt, options = {}) {
    return await this.#ask(role, toMessages(prompt, options.role), options, undefined);
  }

  //# json
  async #json(role, prompt, keys, options = {}) {
    const messages = jsonMessages(toMessages(prompt, options.role), keys);
    const texts = await this.#ask(role, messages, options, keys);
    const objects = await Promise.all(
      texts.map(async (text) => {
        let problem = "";
        const first = parseKeys(text, keys, this.isCut(text), (found) => {
          problem = found;
        });
        if (first) return first;
        const corrected = correctionMessages(messages, keys, text, problem);
        const [again = ""] = await this.#ask(role, corrected, { ...options, n: 1 }, keys);
        return parseKeys(again, keys, this.isCut(again)) ?? Object.fromEntries(keys.map((key) => [key, ""]));
      }),
    );
    return (options.n ?? 1) > 1 ? objects : objects[0];
  }

  //# end
  /** n replies; the same question of one run gets another seed each time. */
  async #ask(role, prompt, options, jsonKeys) {
    const name = role === "default" ? (options.model ?? "default") : role;
    const {
      client,
      model,
      baseURL,
      params = {},
      omit = [],
      limit = "max_tokens",
    } = modelOf(name, this.options);
    const query = Object.keys(params).length === 0 ? "" : `?params=${hashOf(params).slice(0, 12)}`;
    const messages = withInstruction(prompt, this.task.instruction);
    if (
      messages.some(({ content }) => typeof content !== "string") ||
      messages.every(({ content }) => content.trim() === "")
    )
      throw new TypeError("the prompt is empty");
    const n = options.n ?? 1;
    const temperature = options.temperature ?? (n > 1 ? 0.7 : 0);
    const most = role === "weak" ? Math.min(SETTINGS.maxTokens, SETTINGS.weakTokens) : SETTINGS.maxTokens;
    const maxTokens = Math.min(options.maxTokens ?? most, most);
    const json = jsonKeys !== undefined;
    const identity = canonical([name, messages, n, temperature, maxTokens, jsonKeys]);
    const occurrence = this.#asked.get(identity) ?? 0;
    this.#asked.set(identity, occurrence + 1);
    const key = hashOf({
      ...{
        model: `openai:${baseURL.replace(/\/+$/, "")}${query}#${model}`,
        messages: messages.map(({ role, content }) => [role, content]),
        n,
        temperature,
      },
      ...{ maxTokens, stop: [], json, seed: null, occurrence, epoch: 0 },
    });
    const seed = seedFrom(SETTINGS.seed, key);
    const otherSeed = (index) => seedFrom(seed, "reply", index);
    this.used.calls++;
    const send = async (count, itsSeed) => {
      const body = {
        ...{ model, messages, temperature, [limit]: maxTokens, seed: itsSeed },
        ...(count > 1 && { n: count }),
        ...(json && { response_format: { type: "json_object" } }),
      };
      // What the server was found not to take: a member, or one of its values.
      for (const [member, value] of omit.map((change) => change.split("=")))
        if (value === undefined || String(body[member]) === value) delete body[member];
      const { choices, usage } = await client.chat.completions.create(
        { ...body, ...params },
        { signal: this.options.signal },
      );
      this.used.promptTokens += usage?.prompt_tokens ?? 0;
      this.used.completionTokens += usage?.completion_tokens ?? 0;
      return (choices ?? []).map(({ message, finish_reason: reason }) => {
        const refused = message.refusal || reason === "content_filter";
        return { text: refused ? "" : withoutThought(message.content ?? ""), reason, refused };
      });
    };
    const isEmpty = (choice) => choice === undefined || choice.text.trim() === "";
    let choices = await send(n, seed);
    if (choices.every((choice) => isEmpty(choice) && !choice.refused)) choices = await send(n, otherSeed(n));
    if (!choices.every(isEmpty)) {
      const missing = Array.from({ length: n }, (_, index) => index).filter((index) =>
        isEmpty(choices[index]),
      );
      const more = await Promise.all(missing.map((index) => send(1, otherSeed(index))));
      for (const [place, index] of missing.entries()) choices[index] = more[place][0];
    }
    const replies = Array.from({ length: n }, (_, index) => choices[index]);
    const spoilt = replies.find(isEmpty);
    if (replies.some(isEmpty)) {
      const why = spoilt?.refused
        ? "refused to answer"
        : spoilt?.reason === "length"
          ? "used up its limit"
          : "gave no text";
      const Kind = role === "weak" ? Error : Failure;
      throw new Kind(`${model} at ${baseURL} ${why}`);
    }
    for (const { text, reason } of replies) if (reason === "length") this.#cut.add(text.trim());
    return replies.map(({ text }) => text);
  }
}

//# programs
/**
 * Limits of a program. It runs in a Python process of its own, without the environment and in an empty folder that is deleted
 * afterwards, but with the rights of this process: it can reach the network and your files. Programs are written by a model:
 * run this file in a container where that matters.
 */
const PROGRAM_LIMITS = __PROGRAM_LIMITS__;
const PYTHON = process.env.PYTHON ?? "python3";
const PROGRAM_SOURCE = __PROGRAM_SOURCE__;

/** Output of a program, or with tests what each of them came to: null, or why it failed. */
async function runProgram(source, { stdin = "", tests }) {
  const refuse = (why) => ({ ok: false, stdout: "", stderr: why, failure: why, results: [] });
  if (Buffer.byteLength(source) > PROGRAM_LIMITS.programBytes)
    return refuse(`the program is longer than ${PROGRAM_LIMITS.programBytes} bytes`);
  const folder = mkdtempSync(join(tmpdir(), "program-"));
  try {
    const request = { source, tests: tests ?? null, limits: PROGRAM_LIMITS };
    writeFileSync(join(folder, "request.json"), JSON.stringify(request));
    const child = spawn(PYTHON, ["-I", "-X", "utf8", "-c", PROGRAM_SOURCE, folder], {
      cwd: folder,
      env: {},
      stdio: ["pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    const kept = (stream) => {
      const parts = [];
      let room = PROGRAM_LIMITS.outputBytes;
      stream.on("data", (part) => {
        parts.push(part.subarray(0, room));
        room = Math.max(0, room - part.length);
      });
      return () => Buffer.concat(parts).toString("utf8");
    };
    const [stdout, stderr] = [kept(child.stdout), kept(child.stderr)];
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    let isLate = false;
    const stop = () => {
      try {
        process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
      } catch {}
    };
    const timer = setTimeout(() => {
      isLate = true;
      stop();
    }, PROGRAM_LIMITS.wallMs);
    const code = await new Promise((resolve, reject) => {
      child.once("error", (error) => reject(new Failure(`${PYTHON} does not start: ${error.message}`)));
      child.once("close", resolve);
    }).finally(() => clearTimeout(timer));
    stop();
    const late = isLate ? `stopped: more than ${PROGRAM_LIMITS.wallMs} ms` : undefined;
    let verdict = {};
    try {
      verdict = JSON.parse(readFileSync(join(folder, "verdict.json"), "utf8"));
    } catch {}
    const failure =
      late ?? verdict.failure ?? (verdict.results || !tests ? undefined : "the program's process ended");
    return {
      ok: !late && code === 0,
      stdout: stdout(),
      stderr: stderr() + (late ? `${late}\n` : ""),
      failure,
      results: verdict.results ?? [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

//# end
//# examples
/** Examples that the workflow was found with, in the order drawn; worked ones have a solution of the executor. */
const EXAMPLES = __EXAMPLES__;
const WORKED = __WORKED__;

/** Up to `count` examples that do not ask what the item asks. */
function examplesFor(task, count, { near = false, worked = false } = {}) {
  const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const keyOf = ({ question, context = "", choices = [] }, tests = []) =>
    JSON.stringify([question, context, ...choices, ...tests].map(fold));
  const used = new Set([keyOf(task, task.publicTests)]);
  const given = [];
  for (const list of worked ? [WORKED, EXAMPLES] : [EXAMPLES]) {
    for (const example of near ? nearestFirst(list, task) : list) {
      const key = keyOf(example);
      if (given.length === count) return given;
      if (used.has(key)) continue;
      used.add(key);
      given.push(structuredClone(example));
    }
  }
  return given;
}

/** By BM25+ over the words of question and options; equally near ones as drawn. */
function nearestFirst(list, task) {
  const tokensOf = ({ question, choices = [] }) =>
    [question, ...choices]
      .join("\n")
      .slice(0, 10_000)
      .split(/[\n\r\p{Z}\p{P}]+/u);
  const wordsOf = (tokens) => tokens.map((token) => token.toLowerCase()).filter((word) => word !== "");
  let average = 0;
  const documents = list.map((example, count) => {
    const tokens = tokensOf(example);
    const { size } = new Set(tokens);
    average = (average * count + size) / (count + 1);
    return { words: wordsOf(tokens), size };
  });
  const scores = list.map(() => 0);
  const matched = list.map(() => new Set());
  for (const word of wordsOf(tokensOf(task))) {
    const holding = documents.filter(({ words }) => words.includes(word)).length;
    const rarity = Math.log(1 + (documents.length - holding + 0.5) / (holding + 0.5));
    for (const [index, { words, size }] of documents.entries()) {
      const count = words.filter((one) => one === word).length;
      if (count === 0) continue;
      matched[index].add(word);
      scores[index] +=
        rarity * (0.5 + (count * (1.2 + 1)) / (count + 1.2 * (1 - 0.7 + (0.7 * size) / average)));
    }
  }
  const score = (index) => scores[index] * (matched[index].size || 1);
  return [...list.keys()].sort((a, b) => score(b) - score(a) || a - b).map((index) => list[index]);
}

//# end
// What follows is w4s's own: messages, and readers of replies, as the sandbox has them.
__FUNCTIONS__;

/** Provider for promptfoo: `providers: [file://__NAME__]`; the variables of a test are the item. */
export default class WorkflowProvider {
  id() {
    return "__TITLE__";
  }

  async callApi(prompt /*: string */, context /*: any */) {
    const { question = prompt, ...rest } = context?.vars ?? {};
    try {
      const { answer: found, promptTokens, completionTokens } = await answer({ question, ...rest });
      const total = promptTokens + completionTokens;
      const output = typeof found === "string" ? found : JSON.stringify(found);
      return { output, tokenUsage: { total, prompt: promptTokens, completion: completionTokens } };
    } catch (error) {
      return { error: error.message };
    }
  }
}

/** The command line: one answer, or one JSON line for each item of a file, in their order. */
async function main(words) {
  const flags = { concurrency: "4" };
  const usage =
    'give --question "…" (and --context, --choice), or --input FILE|- with JSON lines, and --concurrency N';
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i].replace(/^--/, "");
    const isKnown = /^--(question|context|choice|input|concurrency)$/.test(words[i]);
    if (!isKnown || words[i + 1] === undefined)
      return fail(`${words[i]}: unknown, or without a value; ${usage}`);
    if (name === "choice") flags.choices = [...(flags.choices ?? []), words[i + 1]];
    else flags[name] = words[i + 1];
  }
  const { question, context, choices, input, concurrency } = flags;
  if (!/^[1-9]\d{0,3}$/.test(concurrency)) return fail("--concurrency must be a whole number above 0");
  if (question !== undefined) {
    const { answer: found } = await answer({
      question,
      ...(context && { context }),
      ...(choices && { choices }),
    });
    console.log(typeof found === "string" ? found : JSON.stringify(found));
    return;
  }
  if (input === undefined) return fail(usage);
  const text = readFileSync(input === "-" ? 0 : input, "utf8");
  const items = text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      const item = JSON.parse(line);
      if (typeof item?.question === "string") return [item];
    } catch {}
    throw new Error(`${input}: line ${i + 1} is no JSON object with a question`);
  });
  const results = items.map(() => undefined);
  let [next, shown] = [0, 0];
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      const { id } = items[index];
      results[index] = await answer(items[index]).then(
        (found) => ({ id, ...found }),
        (error) => ({ id, error: error.message }),
      );
      for (; results[shown]; shown++) {
        console.log(JSON.stringify(results[shown]));
        if (results[shown].error) process.exitCode = 5;
      }
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
}

function fail(message) {
  console.error(message);
  process.exitCode = 2;
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 5;
  });
