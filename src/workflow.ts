/** @file Types of the workflow API for editors (`w4s/workflow`); written from the API table, not by hand. */

/** Item as a workflow sees it, never with its answer. */
export interface Task {
  id: string;
  question: string;
  /** A text to read, in reading tasks. */
  context?: string;
  /** Option texts without letters; the first is A. */
  choices?: string[];
  /** Code tasks: the program to complete, the function to write, tests that may be looked at. */
  prompt?: string;
  entryPoint?: string;
  publicTests?: string[];
  /** What the dataset tells every model with each item; every prompt carries it. */
  instruction?: string;
}

/** Item of `agent.examples`: a solved one, to learn from. */
export interface Example {
  question: string;
  context?: string;
  choices?: string[];
  /** The answer as a reply should give it: of choices the letter. */
  answer: string;
  /** How to come to it, where that is known. */
  solution?: string;
}

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export type Prompt = string | readonly Message[];

export interface CallOptions {
  /** Number of independent replies, 1–16; default 1. */
  n?: number;
  /** 0 (always the likeliest words) to 2; default 0, or 0.7 when n > 1. */
  temperature?: number;
  /** Who answers, such as "an expert accountant". */
  role?: string;
  /** Limit of each reply, 1–4096 tokens. */
  maxTokens?: number;
  /** Alias of another executor from the configuration. */
  model?: string;
}

export interface WeakOptions {
  /** Number of independent replies, 1–16; default 1. */
  n?: number;
  /** 0 (always the likeliest words) to 2; default 0, or 0.7 when n > 1. */
  temperature?: number;
  /** Who answers, such as "an expert accountant". */
  role?: string;
  /** Limit of each reply, 1–4096 tokens. */
  maxTokens?: number;
}

export interface RunOptions {
  /** Text the program reads from standard input. */
  stdin?: string;
}

export interface ExampleOptions {
  /** The items nearest to the question at hand instead of the same ones for all; default false. */
  near?: boolean;
  /** Items with a solution of the strong model that was right; default false. */
  worked?: boolean;
}

/** The calls of the small local model. */
export interface WeakAgent {
  /** As text, asked of the small local model: cheap and often wrong. */
  text(prompt: Prompt, options?: WeakOptions): Promise<(string & { isCut: boolean })[]>;
  /** As json, asked of the small local model. */
  json(prompt: Prompt, keys: string[], options?: WeakOptions & { n?: 1 }): Promise<Record<string, string>>;
  json(
    prompt: Prompt,
    keys: string[],
    options: WeakOptions & { n: number },
  ): Promise<Record<string, string>[]>;
}

export interface Agent {
  /** Asks the strong model; gives a list of n replies. */
  text(prompt: Prompt, options?: CallOptions): Promise<(string & { isCut: boolean })[]>;
  /** Asks for a JSON object with these keys, all strings; a list of objects when n > 1. */
  json(prompt: Prompt, keys: string[], options?: CallOptions & { n?: 1 }): Promise<Record<string, string>>;
  json(
    prompt: Prompt,
    keys: string[],
    options: CallOptions & { n: number },
  ): Promise<Record<string, string>[]>;
  /** Runs a Python program in a sandbox. */
  runPython?: (
    code: string,
    options?: RunOptions,
  ) => Promise<{ ok: boolean; stdout: string; stderr: string }>;
  /** Runs the task's public tests against a Python program. */
  test?: (code: string) => Promise<{ passed: number; failed: number; errors: string[] }>;
  /** Items to learn from with their answers, 1–16; never the one at hand. */
  examples?: (count: number, options?: ExampleOptions) => Promise<Example[]>;
  /** Calls a registered tool with any JSON value. */
  tool?: (name: string, input: unknown) => Promise<unknown>;
  /** Notes a value for the feedback; not awaited. */
  log(value: unknown): void;
  /** The small local model; present where one was given. */
  weak?: WeakAgent;
}

/** The shape of a workflow's default export. */
export type Workflow = (agent: Agent, task: Task) => unknown;

/** Functions a workflow can use without `agent`. */
export interface WorkflowGlobals {
  /** The number a reply ends in or marks as its answer ("answer is 12", "#### 12"); "" if there is none. */
  number(text: string): number | string;
  /** The letter of the option a reply chooses; "" if it names none, or several. */
  choice(text: string, choices?: readonly string[]): string;
  /** The program in a reply: its longest fenced block, or the whole text without one; "" where that was cut. */
  code(text: string): string;
  /** What stands inside the last <tag>…</tag>; "" if there is none. */
  extract(text: string, tag: string): string;
  /** The most frequent value, the earliest of equals; empty ones and cut replies do not count; "" for none. */
  vote<T>(list: readonly T[]): T | string;
  /** The share of a list, 0–1, that says what vote() makes of it; empty values and cut replies agree with nothing. */
  agreement(list: readonly unknown[]): number;
  /** What a program printed, trimmed; a printed list of strings becomes its items with a space between. */
  printed(output: string): string;
  /** Examples as the text of a prompt: question, solution where there is one, and answer of each. */
  fewShot(examples: readonly Example[]): string;
}
