/** @file Answers the host calls of one workflow run: `agent.text`, `agent.json` and their weak twins. */
import { LOCAL_REPLY_TOKENS } from "../config/reply-tokens.js";
import type { Spending } from "../core/budget.js";
import { ModelCallError } from "../core/errors.js";
import { canonicalJson } from "../core/hash.js";
import type { ProgramRunner } from "../core/program-runner.js";
import { parseKeys } from "../core/reply/parse-keys.js";
import { readChoice, readNumber } from "../core/reply/reply-readers.js";
import { sumOrNull } from "../core/statistics.js";
import { inThisSpan } from "../core/telemetry/spans.js";
import type { ChatMessage, ChatRequest } from "../llm/chat-model.js";
import type { MeteredModel } from "../llm/metered-model.js";
import { estimatePromptTokens } from "../llm/token-usage.js";
import type { Example } from "../records/workflow-parts.js";
import { programOf } from "../tasks/scorers/program-of.js";
import type { VisibleTask } from "../tasks/task.js";
import { correctionMessages, jsonMessages, toMessages, withInstruction } from "../workflow/call-messages.js";
import { printed } from "../workflow/sandbox/guest-helpers.js";
import type { AgentHost, CallClock } from "../workflow/workflow-run.js";
import type { ExampleOptions } from "./examples/example-set.js";
import { type Rules, RuleViolationError } from "./rules.js";
import type { ServerPace } from "./server-pace.js";
import type { ToolBox, ToolUse } from "./tool-box.js";

/** The models a workflow can reach: the default executor, aliases from the config, and the local model. */
export interface WorkflowModels {
  executor: MeteredModel;
  /** Other executors by alias, chosen by the `model` option of a call. */
  aliases: ReadonlyMap<string, MeteredModel>;
  /** The local model as a cheap worker; without it `agent.weak` is not offered. */
  weak?: MeteredModel | undefined;
}

/** Needs of `agent.runPython` and `agent.test`: a sandbox, and the public tests of the item at hand. */
export interface WorkflowPrograms {
  runner: ProgramRunner;
  task: Pick<VisibleTask, "prompt" | "entryPoint" | "publicTests" | "choices">;
}

/** Gives examples for the item at hand. */
type GiveExamples = (count: number, options?: ExampleOptions) => Promise<Example[]>;

/**
 * Failures of the local model that the guest sees as exceptions: its file fails alike at every try, and to ask it was the
 * workflow's choice. No failure of an executor is among them: a workflow that caught one would be judged on a gap.
 */
const WEAK_KINDS: ReadonlySet<string> = new Set(["empty", "length", "context-length"]);

/** Replies are sampled, not greedy, when several are asked for without a temperature: else all would be equal. */
const MANY_REPLIES_TEMPERATURE = 0.7;

/** A server that counts less than this share of our estimate has not read the whole prompt. */
const LEAST_PROMPT_SHARE = 0.6;
/** No context is so short that it cuts these, and the estimate of a short text is a guess. */
const LEAST_CUT_TOKENS = 256;
/** Says what to do about prompts that are cut on their way. */
export const SHORT_PROMPT_ADVICE =
  "the server counts under 60 % of their tokens, so it does not read them whole: raise its context (Ollama: num_ctx or " +
  "OLLAMA_CONTEXT_LENGTH)";

/** A reply with the role of who gave it, cut at 32 768 characters. */
export interface KeptReply {
  role: string;
  text: string;
}

const MAX_KEPT_REPLY = 32_768;

interface TextOptions {
  n?: number | undefined;
  temperature?: number | undefined;
  role?: string | undefined;
  maxTokens?: number | undefined;
  model?: string | undefined;
}

/** Usage of one run, by role ("executor", an alias, "weak"). */
export interface UsageByRole {
  calls: number;
  cachedCalls: number;
  promptTokens: number;
  completionTokens: number;
  /** null when the price is unknown. */
  dollars: number | null;
  latencyMs: number;
}

export class WorkflowAgent implements AgentHost {
  readonly offers: ReadonlySet<string>;
  /** Filled while the run goes on; cached calls count with the tokens and dollars they cost when first paid. */
  readonly usage = new Map<string, UsageByRole>();
  /** Calls that ended in an empty reply: many of them mean a misconfigured executor, not a bad workflow. */
  emptyReplies = 0;
  /** Replies cut at their token limit: the answer at their end is lost. */
  cutReplies = 0;
  /** Prompts that the server read only in part, by its own count of their tokens. */
  shortPrompts = 0;
  /** Texts that came back. */
  replies = 0;
  /** Calls of the agent of any kind: models, programs, tests. */
  steps = 0;
  /** The texts themselves by the order of their calls, where they are kept. */
  readonly #kept: { order: number; reply: KeptReply }[] = [];
  #asked = 0;
  readonly #models: WorkflowModels;
  readonly #maxTokens: number;
  readonly #epoch: number;
  readonly #programs: WorkflowPrograms | undefined;
  readonly #tools: ToolBox | undefined;
  readonly #rules: Rules | undefined;
  readonly #instruction: string | undefined;
  readonly #examples: GiveExamples | undefined;
  /** Calls that the rules stopped, in their order. */
  readonly violations: { call: string; rule: string }[] = [];
  /** Calls of own tools in their order, refused ones included. */
  readonly toolUses: ToolUse[] = [];
  /** What programs of this run printed. */
  readonly #printed: string[] = [];
  readonly #keepReplies: boolean;
  readonly #pace: ServerPace | undefined;
  readonly #onPaid: ((spent: Spending) => void) | undefined;
  readonly #occurrences = new Map<string, number>();
  readonly #cutTexts = new Set<unknown>();
  /** Below the span that the agent was made in, since calls come from another process. */
  readonly #inSpan = inThisSpan(<T>(work: () => T): T => work());
  readonly isCut = (reply: unknown): boolean => this.#cutTexts.has(reply);

  /**
   * @param options.maxTokens - limit of a reply where the workflow gives none, and its upper bound
   * @param options.epoch - repetitions of the same sample with fresh replies
   * @param options.programs - offers runPython, and test where the item names a function to write
   * @param options.tools - offers tool
   * @param options.keepReplies - fills `transcript()`. Default false
   * @param options.rules - stops calls that it forbids
   * @param options.examples - offers examples
   * @param options.instruction - told to every model with every prompt. Default none
   * @param options.pace - gate before the executor. Default none
   * @param options.onPaid - told what each call to an executor costs when it is paid, the weak model's left out
   */
  constructor(
    models: WorkflowModels,
    options: {
      maxTokens: number;
      epoch?: number | undefined;
      programs?: WorkflowPrograms | undefined;
      tools?: ToolBox | undefined;
      keepReplies?: boolean | undefined;
      rules?: Rules | undefined;
      instruction?: string | undefined;
      examples?: GiveExamples | undefined;
      pace?: ServerPace | undefined;
      onPaid?: ((spent: Spending) => void) | undefined;
    },
  ) {
    this.#models = models;
    this.#maxTokens = options.maxTokens;
    this.#epoch = options.epoch ?? 0;
    this.#programs = options.programs;
    this.#tools = options.tools;
    this.#keepReplies = options.keepReplies ?? false;
    this.#rules = options.rules;
    this.#instruction = options.instruction;
    this.#examples = options.examples;
    this.#pace = options.pace;
    this.#onPaid = options.onPaid;
    this.offers = new Set([
      ...(models.weak ? ["weak"] : []),
      ...(options.programs ? ["runPython"] : []),
      ...(options.programs?.task.entryPoint === undefined ? [] : ["test"]),
      ...(options.tools ? ["tool"] : []),
      ...(options.examples ? ["examples"] : []),
    ]);
  }

  /** All replies so far in the order they were asked for, at any concurrency; empty unless they are kept. */
  transcript(): KeptReply[] {
    return [...this.#kept].sort((a, b) => a.order - b.order).map(({ reply }) => reply);
  }

  /** Whether an answer is what a program of this run printed: as text, as the items of a printed list, or as it is read of a reply. */
  isPrinted(answer: unknown): boolean {
    if (typeof answer !== "string" && typeof answer !== "number") return false;
    const told = String(answer).trim();
    if (told === "") return false;
    const { choices = [] } = this.#programs?.task ?? {};
    return this.#printed.some((stdout) => {
      const read = readNumber(stdout, false);
      return (
        stdout.trim() === told ||
        printed(stdout) === told ||
        (read !== undefined && (String(read.value) === told || read.integer === told)) ||
        (choices.length > 0 && readChoice(stdout, choices, false) === told)
      );
    });
  }

  /** @throws {ModelCallError} where a model failed: whatever the kind, the workflow must not go on without the reply. */
  async call(
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
    clock: CallClock = UNTIMED,
  ): Promise<unknown> {
    this.steps++;
    try {
      this.#rules?.checkCall(name, args);
      return await this.#inSpan(() => this.#answer(name, args, signal, clock));
    } catch (error) {
      if (error instanceof RuleViolationError) this.violations.push({ call: name, rule: error.rule });
      throw error;
    }
  }

  async #answer(
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
    clock: CallClock,
  ): Promise<unknown> {
    const isWeak = name.startsWith("weak.");
    switch (isWeak ? name.slice("weak.".length) : name) {
      case "text": {
        const [prompt, options] = args as [string | ChatMessage[], TextOptions | undefined];
        const messages = toMessages(prompt, options?.role);
        return await this.#ask(isWeak, messages, options ?? {}, undefined, signal, clock);
      }
      case "json": {
        const [prompt, keys, options] = args as [string | ChatMessage[], string[], TextOptions | undefined];
        return await this.#json(isWeak, prompt, keys, options ?? {}, signal, clock);
      }
      case "runPython": {
        const [code, options] = args as [string, { stdin?: string } | undefined];
        return await this.#runPython(name, code, options?.stdin ?? "", signal);
      }
      case "test":
        return await this.#test(name, args[0], signal);
      case "tool":
        return await this.#callTool(args[0] as string, args[1], signal, clock);
      case "examples":
        if (!this.#examples) break;
        return await this.#examples(args[0] as number, args[1] as ExampleOptions | undefined);
    }
    throw new Error(`agent.${name} is not offered for this task`);
  }

  async #runPython(name: string, code: string, stdin: string, signal: AbortSignal): Promise<unknown> {
    if (!this.#programs) throw new Error(`agent.${name} is not offered for this task`);
    const { isOk, stdout, stderr } = await this.#programs.runner.run(code, { stdin, signal });
    this.#printed.push(stdout);
    return { ok: isOk, stdout, stderr };
  }

  /** Public tests only, on the program that the scorer would read out of the same answer. */
  async #test(name: string, code: unknown, signal: AbortSignal): Promise<unknown> {
    const { runner, task } = this.#programs ?? {};
    if (!runner || task?.entryPoint === undefined) {
      throw new Error(`agent.${name} is not offered for this task`);
    }
    const tests = task.publicTests ?? [];
    const program = programOf(code, task);
    if (program === undefined) return { passed: 0, failed: tests.length, errors: ["there is no program"] };
    const { passed, failed, errors } = await runner.check(program, tests, {
      entryPoint: task.entryPoint,
      signal,
    });
    return { passed, failed, errors };
  }

  async #callTool(name: string, input: unknown, signal: AbortSignal, clock: CallClock): Promise<unknown> {
    if (!this.#tools) throw new Error("agent.tool is not offered for this task");
    const tool = this.#tools.tool(name);
    const earlier = this.toolUses.filter((use) => use.tool === name).length;
    // Its place is taken before anything is awaited: the order of the log is that of the guest's calls.
    const unanswered = {
      tool: name,
      input: "",
      error: "the run ended first",
      milliseconds: 0,
      isCached: false,
    };
    const place = this.toolUses.push(unanswered) - 1;
    if (tool.maxCalls !== undefined && earlier >= tool.maxCalls) {
      unanswered.error = `the limit of ${tool.maxCalls} calls of tool ${name} is reached`;
      throw new Error(unanswered.error);
    }
    const occurrence = this.#occurrence(["tool", name, input]);
    const { value, use } = await this.#tools.call(tool, input, { occurrence, epoch: this.#epoch }, signal);
    this.toolUses[place] = use;
    clock.took(use.milliseconds);
    if (use.error !== undefined) throw new Error(use.error);
    return value;
  }

  /** Counted synchronously, so that the numbers follow the order of the guest's calls at any concurrency. */
  #occurrence(call: unknown): number {
    const identity = canonicalJson(call);
    const occurrence = this.#occurrences.get(identity) ?? 0;
    this.#occurrences.set(identity, occurrence + 1);
    return occurrence;
  }

  /** Replies parsed into objects; one that cannot be parsed is asked again once with what was wrong, then all its keys are "". */
  async #json(
    isWeak: boolean,
    prompt: string | ChatMessage[],
    keys: readonly string[],
    options: TextOptions,
    signal: AbortSignal,
    clock: CallClock,
  ): Promise<unknown> {
    const merged = jsonMessages(toMessages(prompt, options.role), keys);
    const texts = await this.#ask(isWeak, merged, options, keys, signal, clock);
    const objects = await Promise.all(
      texts.map(async (text) => {
        let problem = "";
        const first = parseKeys(text, keys, this.isCut(text), (found) => {
          problem = found;
        });
        if (first) return first;
        const corrected = correctionMessages(merged, keys, text, problem);
        const [again = ""] = await this.#ask(isWeak, corrected, { ...options, n: 1 }, keys, signal, clock);
        return parseKeys(again, keys, this.isCut(again)) ?? Object.fromEntries(keys.map((key) => [key, ""]));
      }),
    );
    return (options.n ?? 1) > 1 ? objects : objects[0];
  }

  async #ask(
    isWeak: boolean,
    prompt: ChatMessage[],
    options: TextOptions,
    jsonKeys: readonly string[] | undefined,
    signal: AbortSignal,
    clock: CallClock,
  ): Promise<string[]> {
    const model = this.#modelFor(isWeak, options.model);
    const messages = withInstruction(prompt, this.#instruction);
    this.#rules?.checkModel(isWeak ? "weak" : (options.model ?? "default"), model.id);
    // What the local model is told does not leave this machine.
    if (!isWeak) this.#rules?.checkPrompt(messages);
    const n = options.n ?? 1;
    const most = isWeak ? Math.min(this.#maxTokens, LOCAL_REPLY_TOKENS) : this.#maxTokens;
    const request: ChatRequest = {
      messages,
      n,
      temperature: options.temperature ?? (n > 1 ? MANY_REPLIES_TEMPERATURE : 0),
      maxTokens: Math.min(options.maxTokens ?? most, most),
      json: jsonKeys !== undefined,
      jsonKeys,
    };
    const occurrence = this.#occurrence([model.role, request]);
    const order = this.#asked++;
    try {
      const send = inThisSpan((onSent?: ChatRequest["onAttempt"]) => {
        const onAttempt: ChatRequest["onAttempt"] = (sentAt) => {
          clock.sentAt(sentAt);
          onSent?.(sentAt);
        };
        const call = { occurrence, epoch: this.#epoch, onPaid: isWeak ? undefined : this.#onPaid };
        return model.chat({ ...request, signal, onAttempt }, call);
      });
      const isPaced = this.#pace !== undefined && model.role === "executor";
      const result = await (isPaced ? this.#pace!.send(send, signal) : send());
      // Made-up latencies are for tables.
      if (!model.isSimulated) clock.took(result.latencyMs ?? 0);
      const estimated = estimatePromptTokens(messages);
      if (
        !result.usage.isEstimated &&
        estimated >= LEAST_CUT_TOKENS &&
        result.usage.promptTokens < LEAST_PROMPT_SHARE * estimated
      )
        this.shortPrompts++;
      const cut = result.texts.filter((_, index) => result.finishReasons[index] === "length");
      this.cutReplies += cut.length;
      for (const text of cut) this.#cutTexts.add(text);
      this.replies += result.texts.length;
      if (this.#keepReplies) {
        for (const text of result.texts)
          this.#kept.push({ order, reply: { role: model.role, text: text.slice(0, MAX_KEPT_REPLY) } });
      }
      this.#count(model.role, result.isCached, result.usage, result.dollars, result.latencyMs ?? 0);
      return result.texts;
    } catch (error) {
      if (error instanceof ModelCallError && error.kind === "empty") this.emptyReplies++;
      if (error instanceof ModelCallError && error.kind === "length") this.cutReplies++;
      if (error instanceof ModelCallError && model.role === "weak" && WEAK_KINDS.has(error.kind))
        throw new Error(error.message, { cause: error });
      throw error;
    }
  }

  #modelFor(isWeak: boolean, alias: string | undefined): MeteredModel {
    if (isWeak) {
      if (!this.#models.weak) throw new Error("agent.weak is not offered here: no local model was given");
      if (alias !== undefined) throw new Error("agent.weak takes no model option");
      return this.#models.weak;
    }
    if (alias === undefined || alias === "default") return this.#models.executor;
    const model = this.#models.aliases.get(alias);
    if (!model) {
      const known = ["default", ...this.#models.aliases.keys()].join(", ");
      throw new Error(`unknown model alias ${JSON.stringify(alias)}; known: ${known}`);
    }
    return model;
  }

  #count(
    role: string,
    isCached: boolean,
    usage: { promptTokens: number; completionTokens: number },
    dollars: number | null,
    latencyMs: number,
  ): void {
    const sum = this.usage.get(role) ?? {
      calls: 0,
      cachedCalls: 0,
      promptTokens: 0,
      completionTokens: 0,
      dollars: 0,
      latencyMs: 0,
    };
    sum.calls++;
    if (isCached) sum.cachedCalls++;
    sum.promptTokens += usage.promptTokens;
    sum.completionTokens += usage.completionTokens;
    sum.dollars = sumOrNull([sum.dollars, dollars]);
    sum.latencyMs += latencyMs;
    this.usage.set(role, sum);
  }
}

/** Of calls that no run is timed by. */
const UNTIMED: CallClock = { sentAt: () => {}, took: () => {} };
