/** @file The card of a workflow in plain language: what it calls, how often, with which roles, at what cost, and what it sends out. */
import { formatDollars } from "../core/figure-format.js";
import { sumOrNull } from "../core/statistics.js";
import { FREE, type Price } from "../llm/prices.js";
import { type ReadCall, readWorkflow, type WorkflowReading } from "../workflow/reading/read-workflow.js";
import { MAX_N } from "../workflow/workflow-api.js";
import { workflowHash } from "../workflow/workflow-hash.js";

/** Models that the calls of a workflow would go to, and limits of these calls. */
export interface CardContext {
  /** Id of the executor; undefined = not chosen yet. */
  executor?: string | undefined;
  isSimulated?: boolean | undefined;
  /** Price of the executor, per million tokens; null = unknown. */
  price: Price | null;
  /** Further executors by alias, with their prices. */
  aliases: Record<string, { id: string; price: Price | null }>;
  /** Quotas of one workflow on one input. */
  modelCalls: number;
  toolCalls: number;
  /** Tokens of a reply where a call asks for no less. */
  maxTokens: number;
}

/** Use that evaluations measured, per input; all control steps of a robot are one input. */
export interface MeasuredUse {
  calls: number;
  tokens: number;
  dollars: number | null;
  inputs: number;
}

export interface WorkflowCard {
  hash: string;
  reading: WorkflowReading;
  /** For one run of it, at most: one input, or one control step of a robot. */
  worstCase: {
    modelCalls: number;
    /** Calls of programs, tests and tools. */
    toolCalls: number;
    /** The source gives no bound, so that the quota is the bound. */
    isQuota: boolean;
    replies: number;
    replyTokens: number;
    /** For the tokens of replies alone; null where a price is unknown. */
    replyDollars: number | null;
  };
  /** Sentences for people, in sections. */
  sections: { title: string; lines: string[] }[];
}

/** Reads a workflow and says in words what it does; nothing is run. */
export function workflowCard(source: string, context: CardContext, measured?: MeasuredUse): WorkflowCard {
  const reading = readWorkflow(source);
  const worstCase = worstCaseOf(reading, context);
  const sections = [
    { title: "What it calls", lines: callLines(reading) },
    {
      title: "At most, each time it runs (a robot's: once a control step)",
      lines: worstLines(reading, worstCase, context),
    },
    ...(measured ? [{ title: "As measured", lines: [measuredLine(measured, context)] }] : []),
    { title: "What it sends out", lines: sendLines(reading, context) },
    { title: "How sure this is", lines: certaintyLines(reading) },
  ];
  return { hash: workflowHash(source), reading, worstCase, sections };
}

function isModelCall({ name }: ReadCall): boolean {
  return /text|json/.test(name);
}

function worstCaseOf({ calls, doubts }: WorkflowReading, context: CardContext): WorkflowCard["worstCase"] {
  const models = calls.filter(isModelCall);
  const tools = calls.filter((call) => !isModelCall(call));
  const isOpen = (list: readonly ReadCall[], quota: number) =>
    doubts.length > 0 || list.some(({ times }) => times === null) || sumTimes(list) > quota;
  const isQuota = isOpen(models, context.modelCalls);
  const toolCalls = isOpen(tools, context.toolCalls) ? context.toolCalls : sumTimes(tools);
  if (!isQuota) {
    const each = models.map((call) => worstReplies(call, context));
    const times = (index: number) => models[index]?.times ?? 0;
    const sum = (pick: (one: Replies) => number | null) =>
      sumOrNull(
        each.map((one, index) => {
          const value = pick(one);
          return value === null ? null : times(index) * value;
        }),
      );
    return {
      modelCalls: sumTimes(models),
      toolCalls,
      isQuota,
      replies: sum(({ replies }) => replies) ?? 0,
      replyTokens: sum(({ tokens }) => tokens) ?? 0,
      replyDollars: sum(({ dollars }) => dollars),
    };
  }
  // Any of its calls may be the one that is repeated; where calls may be hidden, any call at all.
  const anything: ReadCall = { name: "json", line: 0, times: null, n: null, model: null, maxTokens: null };
  const worst = (doubts.length > 0 ? [anything] : models).map((call) => worstReplies(call, context));
  const most = (values: readonly (number | null)[]) =>
    values.some((value) => value === null) ? null : Math.max(0, ...(values as number[]));
  const scaled = (value: number | null) => (value === null ? null : value * context.modelCalls);
  return {
    modelCalls: context.modelCalls,
    toolCalls,
    isQuota,
    replies: scaled(most(worst.map(({ replies }) => replies))) ?? 0,
    replyTokens: scaled(most(worst.map(({ tokens }) => tokens))) ?? 0,
    replyDollars: scaled(most(worst.map(({ dollars }) => dollars))),
  };
}

interface Replies {
  replies: number;
  tokens: number;
  dollars: number | null;
}

/** One run of a call. Replies to agent.json that cannot be read are asked for again, once each. */
function worstReplies(call: ReadCall, { maxTokens, price, aliases }: CardContext): Replies {
  const replies = (call.n ?? MAX_N) * (call.name.endsWith("json") ? 2 : 1);
  const tokens = replies * Math.min(call.maxTokens ?? maxTokens, maxTokens);
  const prices = call.name.startsWith("weak.")
    ? [FREE]
    : call.model === undefined || call.model === "default"
      ? [price]
      : call.model === null
        ? [price, ...Object.values(aliases).map((alias) => alias.price)]
        : [aliases[call.model] === undefined ? FREE : aliases[call.model]!.price];
  const dollars = prices.some((one) => one === null)
    ? null
    : (tokens * Math.max(...prices.map((one) => (one as Price).outputPerMillion))) / 1e6;
  return { replies, tokens, dollars };
}

function sumTimes(calls: readonly ReadCall[]): number {
  return calls.reduce((sum, { times }) => sum + (times ?? 0), 0);
}

const WHO: Readonly<Record<string, string>> = {
  text: "asks the executor",
  json: "asks the executor for a JSON object",
  "weak.text": "asks the local model",
  "weak.json": "asks the local model for a JSON object",
  runPython: "runs a Python program in the sandbox",
  test: "runs the public tests of the task",
  tool: "uses a tool that you registered",
};

function callLines({ calls, doubts }: WorkflowReading): string[] {
  if (calls.length === 0) return [doubts.length > 0 ? "No call can be read from its source." : "Nothing."];
  return calls.map((call) => {
    const { name, line, times, n, role, model, maxTokens } = call;
    const details = [
      times === null ? "no bound can be read, so as often as the quota allows" : many(times),
      ...(isModelCall(call)
        ? [n === null ? "a number of replies chosen while it runs" : plural(n, "reply", "replies")]
        : []),
      ...(role === undefined
        ? []
        : [role === null ? "in a role chosen while it runs" : `in the role “${role}”`]),
      ...(model === undefined || model === "default"
        ? []
        : [model === null ? "of a model chosen while it runs" : `of the model ${model}`]),
      ...(typeof maxTokens === "number" ? [`at most ${maxTokens} tokens each`] : []),
    ];
    return `Line ${line} ${WHO[name] ?? `calls ${name}`} (agent.${name}): ${details.join(", ")}.`;
  });
}

function many(times: number): string {
  return times === 1 ? "at most once" : times === 0 ? "never" : `at most ${times} times`;
}

function plural(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

function worstLines(
  reading: WorkflowReading,
  worst: WorkflowCard["worstCase"],
  { modelCalls, isSimulated, executor }: CardContext,
): string[] {
  const calls = `${plural(worst.modelCalls, "model call", "model calls")}`;
  const bound = worst.isQuota
    ? ` – the quota of the run, which the host enforces`
    : ` (the quota is ${modelCalls})`;
  const lines = [`${calls}${bound}.`];
  if (worst.modelCalls > 0) {
    const simulated = isSimulated ? ", simulated" : "";
    const money =
      executor === undefined
        ? ""
        : worst.replyDollars === null
          ? "; what they cost is unknown, since a price is"
          : `; ${formatDollars(worst.replyDollars)}${simulated} for these`;
    lines.push(
      `${plural(worst.replies, "reply", "replies")} with ${worst.replyTokens} tokens together${money}. Prompts are paid on top: how long they are depends on the input.`,
    );
  }
  const hasTools = reading.calls.some((call) => !isModelCall(call));
  if (hasTools || worst.toolCalls > 0)
    lines.push(`${plural(worst.toolCalls, "call", "calls")} of programs, tests and tools.`);
  return lines;
}

function measuredLine({ calls, tokens, dollars, inputs }: MeasuredUse, { isSimulated }: CardContext): string {
  const money = dollars === null ? "at an unknown price" : formatDollars(dollars);
  return `${calls.toFixed(1)} calls, ${Math.round(tokens)} tokens and ${money} for an input, prompts included: the mean over ${plural(inputs, "input", "inputs")}${isSimulated ? " (simulated executor)" : ""}.`;
}

function sendLines({ calls, doubts, fields }: WorkflowReading, context: CardContext): string[] {
  const asking = calls.filter((call) => isModelCall(call) && !call.name.startsWith("weak."));
  if (asking.length === 0 && doubts.length === 0)
    return ["Nothing: it asks no model but the local one, if any."];
  const aliases = new Set(
    asking.flatMap(({ model }) => (model === undefined || model === "default" ? [] : [model])),
  );
  const isAny = doubts.length > 0 || aliases.has(null);
  const isDefault = isAny || asking.some(({ model }) => model === undefined || model === "default");
  const named = isAny ? Object.keys(context.aliases) : [...aliases].filter((name) => name !== null);
  const targets = [
    ...(isDefault
      ? [context.executor === undefined ? "the executor of the run" : `the executor ${context.executor}`]
      : []),
    ...named.map((name) => {
      const known = context.aliases[name];
      return known === undefined
        ? `${name} (no alias of the configuration: refused)`
        : `${name} (${known.id})`;
    }),
  ];
  const data =
    fields === null
      ? "the whole input as workflows see it (never its answer)"
      : fields.length === 0
        ? "no part of the input"
        : `of the input ${fields.map((field) => `task.${field}`).join(", ")}`;
  return [
    `To ${targets.join(" and ")}: its own texts, ${data}, and what earlier replies, programs or tests said.`,
    ...(targets.every((target) => /^the executor (local:|simulated|replay)/.test(target))
      ? ["That executor runs on this machine: nothing leaves it."]
      : []),
  ];
}

function certaintyLines({ doubts }: WorkflowReading): string[] {
  if (doubts.length === 0)
    return ["Read from its source, which was not run for this. Branches count as if all were taken."];
  return [
    `Not everything can be read from its source: ${doubts.join("; ")}. It may call more than is listed, but no more than the quotas allow.`,
  ];
}

/** The card for a terminal. */
export function cardText({ hash, sections }: WorkflowCard): string {
  const body = sections.map(({ title, lines }) => [title, ...lines.map((line) => `  ${line}`)].join("\n"));
  return `Workflow ${hash.slice(0, 12)}\n${body.join("\n")}\n`;
}

/** The card as Markdown: best-workflow.md beside best-workflow.js. Texts of the workflow's are shown as they are. */
export function cardMarkdown({ hash, sections }: WorkflowCard, title: string): string {
  const plain = (text: string) => text.replace(/[\\`*_{}[\]<>#|!]/g, "\\$&").replace(/\s+/g, " ");
  return [
    `# ${plain(title)}`,
    `Hash of the source: ${hash}`,
    ...sections.flatMap((section) => [
      `## ${section.title}`,
      section.lines.map((line) => `- ${plain(line)}`).join("\n"),
    ]),
    "",
  ].join("\n\n");
}
