/** @file The calls a workflow can make, in one table: prompts, argument checks, types and grammar come from it. */
import type { ToolCard } from "./tool.js";
import { schemaText } from "./tool-schema.js";

/** Sorts of argument, each with one checker (check-call.ts) and one type text for editors (src/workflow.ts). */
export type ArgumentKind = "prompt" | "keys" | "code" | "name" | "json" | "count";

export interface OptionSpec {
  name: string;
  /** TypeScript type as shown to people and models. */
  type: "number" | "string" | "boolean";
  doc: string;
  /** Inclusive range of a number, or of the length of a string; nothing of a boolean. */
  min: number;
  max: number;
  isInteger?: boolean | undefined;
  /** Strings: the whole value must match. */
  pattern?: RegExp | undefined;
}

export interface CallSpec {
  /** Name as the host sees it; a dot stands for a member object (`agent.weak.text`). */
  name: string;
  /** The name in AgentHost.offers that must be present; absent = always there. */
  offer?: "weak" | "runPython" | "test" | "tool" | "examples" | undefined;
  /** Which quota it counts against; `log` never reaches the host. */
  quota: "model" | "tool" | "none";
  parameters: readonly { name: string; kind: ArgumentKind; type: string }[];
  options: readonly OptionSpec[];
  returns: string;
  doc: string;
  /** One line for prompts. */
  example: string;
}

/** Replies that one call can ask for. */
export const MAX_N = 16;

/** Examples that one call can ask for. */
export const MAX_EXAMPLES = 16;

const N: OptionSpec = {
  name: "n",
  type: "number",
  doc: `number of independent replies, 1–${MAX_N}; default 1`,
  min: 1,
  max: MAX_N,
  isInteger: true,
};
const TEMPERATURE: OptionSpec = {
  name: "temperature",
  type: "number",
  doc: "0 (always the likeliest words) to 2; default 0, or 0.7 when n > 1",
  min: 0,
  max: 2,
};
const ROLE: OptionSpec = {
  name: "role",
  type: "string",
  doc: 'who answers, such as "an expert accountant"',
  min: 1,
  max: 200,
  pattern: /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/,
};
const MAX_TOKENS: OptionSpec = {
  name: "maxTokens",
  type: "number",
  doc: "limit of each reply, 1–4096 tokens",
  min: 1,
  max: 4096,
  isInteger: true,
};
const MODEL: OptionSpec = {
  name: "model",
  type: "string",
  doc: "alias of another executor from the configuration",
  min: 1,
  max: 64,
  pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
};
const STDIN: OptionSpec = {
  name: "stdin",
  type: "string",
  doc: "text the program reads from standard input",
  min: 0,
  max: 1_048_576,
};
const NEAR: OptionSpec = {
  name: "near",
  type: "boolean",
  doc: "the items nearest to the question at hand instead of the same ones for all; default false",
  min: 0,
  max: 1,
};
const WORKED: OptionSpec = {
  name: "worked",
  type: "boolean",
  doc: "items with a solution of the strong model that was right; default false",
  min: 0,
  max: 1,
};

const PROMPT = { name: "prompt", kind: "prompt", type: "Prompt" } as const;
const KEYS = { name: "keys", kind: "keys", type: "string[]" } as const;
const CODE = { name: "code", kind: "code", type: "string" } as const;
const COUNT = { name: "count", kind: "count", type: "number" } as const;

/** Every call of `agent`. */
export const API: readonly CallSpec[] = [
  {
    name: "text",
    quota: "model",
    parameters: [PROMPT],
    options: [N, TEMPERATURE, ROLE, MAX_TOKENS, MODEL],
    returns: "(string & { isCut: boolean })[]",
    doc: "Asks the strong model; gives a list of n replies.",
    example: "const [reply] = await agent.text(`${task.question}`, { n: 1, temperature: 0 });",
  },
  {
    name: "json",
    quota: "model",
    parameters: [PROMPT, KEYS],
    options: [N, TEMPERATURE, ROLE, MAX_TOKENS, MODEL],
    returns: "Record<string, string>",
    doc: "Asks for a JSON object with these keys, all strings; a list of objects when n > 1.",
    example: 'const { answer } = await agent.json(`${task.question}`, ["reasoning", "answer"]);',
  },
  {
    name: "weak.text",
    offer: "weak",
    quota: "model",
    parameters: [PROMPT],
    options: [N, TEMPERATURE, ROLE, MAX_TOKENS],
    returns: "(string & { isCut: boolean })[]",
    doc: "As text, asked of the small local model: cheap and often wrong.",
    example: "const [draft] = await agent.weak.text(`${task.question}`);",
  },
  {
    name: "weak.json",
    offer: "weak",
    quota: "model",
    parameters: [PROMPT, KEYS],
    options: [N, TEMPERATURE, ROLE, MAX_TOKENS],
    returns: "Record<string, string>",
    doc: "As json, asked of the small local model.",
    example: 'const { answer } = await agent.weak.json(`${task.question}`, ["answer"]);',
  },
  {
    name: "runPython",
    offer: "runPython",
    quota: "tool",
    parameters: [CODE],
    options: [STDIN],
    returns: "{ ok: boolean; stdout: string; stderr: string }",
    doc: "Runs a Python program in a sandbox.",
    example: "const { stdout } = await agent.runPython(code(reply));",
  },
  {
    name: "test",
    offer: "test",
    quota: "tool",
    parameters: [CODE],
    options: [],
    returns: "{ passed: number; failed: number; errors: string[] }",
    doc: "Runs the task's public tests against a Python program.",
    example: "const { failed, errors } = await agent.test(code(reply));",
  },
  {
    name: "examples",
    offer: "examples",
    quota: "tool",
    parameters: [COUNT],
    options: [NEAR, WORKED],
    returns: "Example[]",
    doc: `Items to learn from with their answers, 1–${MAX_EXAMPLES}; never the one at hand.`,
    example: "const shots = fewShot(await agent.examples(5));",
  },
  {
    name: "tool",
    offer: "tool",
    quota: "tool",
    parameters: [
      { name: "name", kind: "name", type: "string" },
      { name: "input", kind: "json", type: "unknown" },
    ],
    options: [],
    returns: "unknown",
    doc: "Calls a registered tool with any JSON value.",
    example: 'const found = await agent.tool("search", { query: task.question });',
  },
  {
    name: "log",
    quota: "none",
    parameters: [{ name: "value", kind: "json", type: "unknown" }],
    options: [],
    returns: "void",
    doc: "Notes a value for the feedback; not awaited.",
    example: "agent.log(reply);",
  },
];

/** Functions that every workflow can use without `agent` (make-guest-helpers.ts). */
export const GLOBALS: readonly { name: string; signature: string; doc: string }[] = [
  {
    name: "number",
    signature: "number(text: string): number | string",
    doc: 'The number a reply ends in or marks as its answer ("answer is 12", "#### 12"); "" if there is none.',
  },
  {
    name: "choice",
    signature: "choice(text: string, choices?: readonly string[]): string",
    doc: 'The letter of the option a reply chooses; "" if it names none, or several.',
  },
  {
    name: "code",
    signature: "code(text: string): string",
    doc: 'The program in a reply: its longest fenced block, or the whole text without one; "" where that was cut.',
  },
  {
    name: "extract",
    signature: "extract(text: string, tag: string): string",
    doc: 'What stands inside the last <tag>…</tag>; "" if there is none.',
  },
  {
    name: "vote",
    signature: "vote<T>(list: readonly T[]): T | string",
    doc: 'The most frequent value, the earliest of equals; empty ones and cut replies do not count; "" for none.',
  },
  {
    name: "agreement",
    signature: "agreement(list: readonly unknown[]): number",
    doc: "The share of a list, 0–1, that says what vote() makes of it; empty values and cut replies agree with nothing.",
  },
  {
    name: "printed",
    signature: "printed(output: string): string",
    doc: "What a program printed, trimmed; a printed list of strings becomes its items with a space between.",
  },
  {
    name: "fewShot",
    signature: "fewShot(examples: readonly Example[]): string",
    doc: "Examples as the text of a prompt: question, solution where there is one, and answer of each.",
  },
];

/** Spec of a call by name. */
export function callSpec(name: string): CallSpec | undefined {
  return API.find((call) => call.name === name);
}

/** The calls that exist where `offers` are present. */
export function offeredCalls(offers: ReadonlySet<string>): CallSpec[] {
  return API.filter(({ offer }) => offer === undefined || offers.has(offer));
}

/** `agent.text(prompt, { n, … })` as written in documentation and prompts. */
export function callSignature({ name, parameters, options }: CallSpec): string {
  const parts = parameters.map((parameter) => parameter.name);
  if (options.length > 0) parts.push(`{ ${options.map((option) => option.name).join(", ")} }`);
  return `agent.${name}(${parts.join(", ")})`;
}

/**
 * The API as the meta-agent reads it.
 * @param options.style - `full`: every call with options, meaning and example; `compact`: about 150 tokens
 */
export function apiText({
  offers,
  tools = [],
  style,
}: {
  offers: ReadonlySet<string>;
  /** Own tools of the user, listed where `agent.tool` is offered. */
  tools?: readonly ToolCard[] | undefined;
  style: "full" | "compact";
}): string {
  const calls = offeredCalls(offers);
  if (style === "compact") {
    const shown = calls.filter(({ name }) => !/json|log/.test(name));
    return [
      ...shown.map((call) => `${callSignature(call)}: ${call.doc}`),
      ...toolLines(offers, tools),
      `Readers: ${GLOBALS.map(({ signature }) => signature.replace(/<T>|: [^,)]*|\?/g, "")).join(", ")}.`,
    ].join("\n");
  }
  const options = new Map(calls.flatMap((call) => call.options.map((option) => [option.name, option.doc])));
  return [
    "agent:",
    ...calls.map((call) => `- ${callSignature(call)} → ${call.returns}. ${call.doc}\n  ${call.example}`),
    `Options, all of them optional: ${[...options].map(([name, doc]) => `${name} (${doc})`).join("; ")}.`,
    "prompt is a string or a list of { role, content } with role system, user or assistant.",
    "task: { id, question, context?, choices?, prompt?, entryPoint?, publicTests? }",
    ...toolLines(offers, tools),
    "Functions:",
    ...GLOBALS.map(({ signature, doc }) => `- ${signature}. ${doc}`),
    "Return the answer itself or { answer }.",
  ].join("\n");
}

/** Each tool with what it takes, one a line. */
function toolLines(offers: ReadonlySet<string>, tools: readonly ToolCard[]): string[] {
  if (!offers.has("tool") || tools.length === 0) return [];
  return [
    "Tools:",
    ...tools.map(({ name, input, description }) => `- "${name}" ${schemaText(input)}: ${description}`),
  ];
}
