/** @file TypeScript declarations of the workflow API for editors; src/workflow.ts is this text. */
import { API, type CallSpec, GLOBALS, type OptionSpec } from "../../src/workflow/workflow-api.js";

/** The complete text of src/workflow.ts, a module of types only. */
export function workflowTypes(): string {
  const top = API.filter(({ name }) => !name.includes("."));
  const weak = API.filter(({ name }) => name.startsWith("weak."));
  return `/** @file Types of the workflow API for editors (\`w4s/workflow\`); written from the API table, not by hand. */

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

/** Item of \`agent.examples\`: a solved one, to learn from. */
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

${optionTypes()}
/** The calls of the small local model. */
export interface WeakAgent {
${weak.map((call) => method(call, call.name.slice("weak.".length))).join("\n")}
}

export interface Agent {
${top.map((call) => method(call, call.name)).join("\n")}
  /** The small local model; present where one was given. */
  weak?: WeakAgent;
}

/** The shape of a workflow's default export. */
export type Workflow = (agent: Agent, task: Task) => unknown;

/** Functions a workflow can use without \`agent\`. */
export interface WorkflowGlobals {
${GLOBALS.map(({ signature, doc }) => `  /** ${doc} */\n  ${signature};`).join("\n")}
}
`;
}

/** One interface for each distinct set of options. */
function optionTypes(): string {
  const sets = new Map(
    API.filter(({ options }) => options.length > 0).map((call) => [optionType(call), call]),
  );
  return [...sets]
    .map(([type, { options }]) => `export interface ${type} {\n${options.map(optionMember).join("\n")}\n}\n`)
    .join("\n");
}

function optionMember({ name, type, doc }: OptionSpec): string {
  return `  /** ${doc[0]?.toUpperCase()}${doc.slice(1)}. */\n  ${name}?: ${type};`;
}

function optionType({ name, options }: CallSpec): string {
  if (options.length === 0) return "";
  if (name.startsWith("weak.")) return "WeakOptions";
  if (name === "examples") return "ExampleOptions";
  return name === "runPython" ? "RunOptions" : "CallOptions";
}

function method(call: CallSpec, name: string): string {
  const parameters = call.parameters.map((parameter) => `${parameter.name}: ${parameter.type}`);
  const type = optionType(call);
  const doc = `  /** ${call.doc} */\n`;
  const result = (returns: string) => (call.quota === "none" ? returns : `Promise<${returns}>`);
  const isOptional = call.offer !== undefined && call.offer !== "weak";
  const line = (options: string, returns: string) =>
    isOptional
      ? `  ${name}?: (${[...parameters, options].filter(Boolean).join(", ")}) => ${result(returns)};`
      : `  ${name}(${[...parameters, options].filter(Boolean).join(", ")}): ${result(returns)};`;
  if (call.returns === "Record<string, string>") {
    const one = line(`options?: ${type} & { n?: 1 }`, call.returns);
    const many = line(`options: ${type} & { n: number }`, `${call.returns}[]`);
    return `${doc}${one}\n${many}`;
  }
  return doc + line(type && `options?: ${type}`, call.returns);
}
