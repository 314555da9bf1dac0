/** @file Runs the tools of a run: input checked, time and size bounded, each result stored before it is used. */
import { ModelCallError, messageOf } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { plainJson } from "../core/plain-json.js";
import { failSpanAs, withSpan } from "../core/telemetry/spans.js";
import type { CallStore, StoredToolCall } from "../llm/call-store.js";
import { orAborted } from "../llm/clock.js";
import { TOOL_DEFAULTS, type Tool, type ToolCard, type ToolSet, toolCard } from "../workflow/tool.js";
import { schemaText } from "../workflow/tool-schema.js";

/** One call of a tool as the record of a run keeps it. */
export interface ToolUse {
  tool: string;
  /** JSON, cut at 300 characters. */
  input: string;
  /** Size of the result as JSON; absent where there was an error. */
  bytes?: number | undefined;
  error?: string | undefined;
  /** Time of the call that was really made; 0 where none was. */
  milliseconds: number;
  /** Answered from what was stored. */
  isCached: boolean;
}

/** Which of several equal calls it is, as for the calls of models. */
export interface ToolPosition {
  occurrence: number;
  epoch: number;
}

type ToolOutcome = { json: string } | { error: string };

/** Where calls are kept: the run's own store, or one that machines share. The first outcome of a call wins. */
export interface ToolStore {
  getToolCall(key: string): StoredToolCall | undefined | Promise<StoredToolCall | undefined>;
  putToolCall(key: string, call: StoredToolCall): StoredToolCall | Promise<StoredToolCall>;
}

const MAX_SHOWN_INPUT = 300;
const MAX_STORED_INPUT = 4_000;
const MAX_ERROR = 500;

export class ToolBox {
  readonly cards: readonly ToolCard[];
  /** Over everything that is known to decide results. */
  readonly hash: string;
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #store: ToolStore;
  readonly #recorded: CallStore | undefined;

  /** @param recorded - a run that is replayed: only what it has stored is answered, no tool is run */
  constructor({ tools, hash }: ToolSet, store: ToolStore, recorded?: CallStore) {
    this.cards = tools.map(toolCard);
    this.hash = hash;
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.#store = store;
    this.#recorded = recorded;
  }

  /** @throws {Error} for the workflow to read, on an unknown name */
  tool(name: string): Tool {
    const tool = this.#tools.get(name);
    if (tool) return tool;
    throw new Error(`there is no tool ${JSON.stringify(name)}; known: ${[...this.#tools.keys()].join(", ")}`);
  }

  /**
   * A result, or the error the workflow gets. An error of a tool is stored like a result, so that the same call fares
   * alike for every candidate and in a replay; inputs that the schema refuses are never run.
   * @throws {ModelCallError} fatal, in a replay of a run that has no such call, and where the tool's server cannot be used;
   *   the signal's reason when it is aborted
   */
  async call(
    tool: Tool,
    input: unknown,
    position: ToolPosition,
    signal: AbortSignal,
  ): Promise<{ value?: unknown; use: ToolUse }> {
    const inputJson = JSON.stringify(input);
    const shown = { tool: tool.name, input: inputJson.slice(0, MAX_SHOWN_INPUT) };
    const checked = await this.#check(tool, input);
    if ("error" in checked)
      return { use: { ...shown, error: checked.error, milliseconds: 0, isCached: false } };
    const key = hashJson(["tool-v1", this.hash, tool.name, input, position.occurrence, position.epoch]);
    let stored = (await this.#store.getToolCall(key)) ?? this.#recorded?.getToolCall(key);
    const isCached = stored !== undefined;
    if (!stored) {
      if (this.#recorded) throw notRecorded(tool.name, shown.input);
      const startedAt = performance.now();
      const outcome = await this.#runInSpan(tool, checked.input, signal);
      const milliseconds = Math.round(performance.now() - startedAt);
      stored = { tool: tool.name, input: inputJson.slice(0, MAX_STORED_INPUT), milliseconds, ...outcome };
    }
    const { json, error, milliseconds } = await this.#store.putToolCall(key, stored);
    const use = { ...shown, milliseconds, isCached };
    if (json === undefined) return { use: { ...use, error: error ?? "" } };
    return { value: JSON.parse(json), use: { ...use, bytes: Buffer.byteLength(json) } };
  }

  async #check(
    { name, input: schema }: Tool,
    input: unknown,
  ): Promise<{ input: unknown } | { error: string }> {
    const takes = () => `it takes ${schemaText(this.cards.find((card) => card.name === name)?.input ?? {})}`;
    try {
      const parsed = await schema.safeParseAsync(input);
      if (parsed.success) return { input: parsed.data };
      const [issue] = parsed.error.issues;
      const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
      return {
        error: `the input of tool ${name} is wrong: ${where}${messageOf(issue?.message, 200)}; ${takes()}`,
      };
    } catch (error) {
      return { error: `the input of tool ${name} cannot be checked: ${messageOf(error, 200)}; ${takes()}` };
    }
  }

  async #runInSpan(tool: Tool, input: unknown, signal: AbortSignal): Promise<ToolOutcome> {
    const names = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name };
    return await withSpan(`execute_tool ${tool.name}`, names, async (span) => {
      const outcome = await this.#run(tool, input, signal);
      if ("error" in outcome) failSpanAs(span, "tool-error");
      return outcome;
    });
  }

  async #run(tool: Tool, input: unknown, signal: AbortSignal): Promise<ToolOutcome> {
    const { name, timeoutMs = TOOL_DEFAULTS.timeoutMs, resultBytes = TOOL_DEFAULTS.resultBytes } = tool;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const both = AbortSignal.any([late.signal, signal]);
    let value: unknown;
    try {
      // A tool that ignores the signal goes on alone; nobody waits for it, and its end is not an unhandled rejection.
      value = await orAborted(
        Promise.resolve().then(() => tool.run(input, { signal: both })),
        both,
      );
    } catch (error) {
      signal.throwIfAborted();
      // What is wrong with its server is no result of a tool.
      if (error instanceof ModelCallError && error.isFatal) throw error;
      if (late.signal.aborted) return { error: `tool ${name} gave no result within ${timeoutMs} ms` };
      return { error: `tool ${name} failed: ${messageOf(error, MAX_ERROR)}` };
    } finally {
      clearTimeout(timer);
    }
    try {
      return { json: plainJson(value, resultBytes) };
    } catch (error) {
      const isSize = error instanceof RangeError;
      return {
        error: isSize
          ? `the result of tool ${name} is ${messageOf(error, MAX_ERROR)}`
          : `tool ${name} returned what is not JSON: ${messageOf(error, MAX_ERROR)}`,
      };
    }
  }
}

function notRecorded(name: string, input: string): ModelCallError {
  return new ModelCallError(
    "unseen-prompt",
    `tool ${name}: this call was not recorded: ${input.slice(0, 80)}`,
    {
      isFatal: true,
      hint: "replay needs the same task, seed, settings and tools module as the recorded run",
    },
  );
}
