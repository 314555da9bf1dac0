/**
 * @file What a workflow calls, how often and with what, read from its source without running it. What cannot be read for
 * certain is named as a doubt; the quotas of a run hold in any case, since the host counts.
 */

import type { AnyNode, CallExpression, Identifier, Pattern, Program } from "acorn";
import { callSpec, MAX_N } from "../workflow-api.js";
import { parseModule } from "./parse-module.js";
import { RepeatCounter } from "./repeat-counter.js";
import { SyntaxTree } from "./syntax-tree.js";

/** One place in the source that calls the agent. */
export interface ReadCall {
  /** Name in the API table: "text", "weak.json", "runPython", … */
  name: string;
  /** Line of the source, from 1. */
  line: number;
  /** Runs of this call in one run of the workflow, at most; null = no bound can be read. */
  times: number | null;
  /** Replies asked for, 1 where the option is left out; null = chosen while it runs. */
  n: number | null;
  /** Undefined = not given; null = chosen while it runs. */
  role?: string | null | undefined;
  /** Alias of another executor; undefined = the default one; null = chosen while it runs. */
  model?: string | null | undefined;
  /** Limit of a reply in tokens; undefined = the run's; null = chosen while it runs. */
  maxTokens?: number | null | undefined;
}

export interface WorkflowReading {
  calls: ReadCall[];
  /** Members of the task that the source names; null = the task as a whole is used. */
  fields: string[] | null;
  /** Reasons why there may be calls that are not listed; empty where there are none. */
  doubts: string[];
}

/** Words that reach code or values in ways that cannot be followed. */
const HIDDEN = new Set(
  "eval Function arguments globalThis Reflect Proxy prototype constructor __proto__ import require".split(
    " ",
  ),
);

type WorkflowFunction = Extract<AnyNode, { params: Pattern[] }>;

/** @param source - as extractWorkflow() gives it */
export function readWorkflow(source: string): WorkflowReading {
  let program: Program;
  try {
    program = parseModule(source);
  } catch (error) {
    // Without the message, which may quote the source: a workflow must not write sentences into its card.
    const { loc } = error as Error & { loc?: { line: number } | undefined };
    const doubt = loc === undefined ? "it is nested too deeply" : `it cannot be parsed (line ${loc.line})`;
    return { calls: [], fields: null, doubts: [doubt] };
  }
  const tree = new SyntaxTree(program);
  const name = defaultExport(tree);
  const candidates = typeof name === "string" ? valuesOf(tree, name) : [name];
  const own = candidates.find((value) => isFunction(value));
  if (own === undefined) return { calls: [], fields: null, doubts: ["its workflow function was not found"] };
  const reader = new Reader(tree, own);
  if (candidates.length > 1) reader.doubts.add("there are several workflow functions");
  return reader.read(typeof name === "string" ? name : undefined);
}

/** Default export, or its name; a workflow without such an export is called workflow. */
function defaultExport(tree: SyntaxTree): AnyNode | string {
  for (const statement of tree.program.body) {
    if (statement.type === "ExportDefaultDeclaration") {
      const { declaration } = statement;
      return declaration.type === "Identifier" ? declaration.name : declaration;
    }
    if (statement.type !== "ExportNamedDeclaration") continue;
    const { local } = statement.specifiers.find(({ exported }) => plainText(exported) === "default") ?? {};
    if (local?.type === "Identifier") return local.name;
  }
  return "workflow";
}

/** Values of a name, one for each place that gives it one; undefined = cannot be seen. */
function valuesOf(tree: SyntaxTree, name: string): (AnyNode | undefined)[] {
  return tree.writes(name).flatMap((write): (AnyNode | undefined)[] => {
    const parent = tree.parent(write);
    switch (parent.type) {
      case "FunctionDeclaration":
        return [parent.id === write ? parent : undefined];
      case "FunctionExpression":
        return parent.id === write ? [] : [undefined];
      case "VariableDeclarator":
        return parent.init ? [parent.init] : [];
      case "AssignmentExpression":
        return [parent.right];
      default:
        return [undefined];
    }
  });
}

function isFunction(node: AnyNode | undefined): node is WorkflowFunction {
  return node !== undefined && "params" in node;
}

function isHidden(node: AnyNode): boolean {
  if (node.type === "Identifier") return HIDDEN.has(node.name);
  return node.type === "ImportExpression" || node.type === "ImportDeclaration";
}

function lineOf(node: AnyNode): number {
  return node.loc?.start.line ?? 0;
}

/** Text of a string or template without escapes and placeholders, or of a name; undefined = anything else. */
function plainText(node: AnyNode): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type === "TemplateLiteral") {
    const [text] = node.quasis;
    return node.quasis.length === 1 && text?.value.raw === text?.value.cooked ? text?.value.raw : undefined;
  }
  return node.type === "Literal" && node.value === node.raw?.slice(1, -1)
    ? node.raw?.slice(1, -1)
    : undefined;
}

class Reader {
  readonly doubts = new Set<string>();
  readonly #tree: SyntaxTree;
  readonly #own: WorkflowFunction;

  constructor(tree: SyntaxTree, own: WorkflowFunction) {
    this.#tree = tree;
    this.#own = own;
  }

  /** @param name - the name that the workflow is bound to */
  read(name: string | undefined): WorkflowReading {
    const { doubts } = this;
    const [agent, task] = this.#own.params.map((one) => (one.type === "AssignmentPattern" ? one.left : one));
    const ownName = "id" in this.#own ? this.#own.id?.name : undefined;
    if ([name, ownName].some((one) => one !== undefined && this.#isCalled(one)))
      doubts.add("it calls itself");
    const { nodes } = this.#tree;
    const hidden = nodes.find(isHidden);
    if (hidden)
      doubts.add(`it uses ${hidden.type === "Identifier" ? hidden.name : "import"} (line ${lineOf(hidden)})`);
    if (nodes.some((one) => one.type === "Identifier" && one.end - one.start !== one.name.length))
      doubts.add("a name is written with escapes");
    if (agent !== undefined && agent.type !== "Identifier") doubts.add("it takes the agent apart");
    return {
      calls: agent?.type === "Identifier" ? this.#calls(agent) : [],
      fields: task === undefined ? [] : this.#fields(task),
      doubts: [...doubts],
    };
  }

  /** Whether the workflow is used under its name anywhere but in its definition and export. */
  #isCalled(name: string): boolean {
    const written = new Set(this.#tree.writes(name));
    return this.#tree.uses(name).some((use) => {
      const { type } = this.#tree.parent(use);
      return !written.has(use) && type !== "ExportDefaultDeclaration" && type !== "ExportSpecifier";
    });
  }

  #calls(agent: Identifier): ReadCall[] {
    const counter = new RepeatCounter(this.#tree, this.#own, (node) => {
      const call = node.type === "CallExpression" ? this.#callOf(node, agent.name) : undefined;
      return call !== undefined && /^(weak\.)?text$/.test(call.name) ? (call.n ?? MAX_N) : null;
    });
    return this.#tree.uses(agent.name).flatMap((use) => {
      if (use === agent) return [];
      let callee: AnyNode = use;
      for (let parent = this.#tree.parent(use); parent.type === "MemberExpression"; ) {
        callee = parent;
        parent = this.#tree.parent(callee);
      }
      const node = this.#tree.parent(callee);
      const isCall = node.type === "CallExpression" && node.callee === callee;
      const call = isCall ? this.#callOf(node, agent.name) : undefined;
      if (call === undefined) {
        this.doubts.add(`it uses ${agent.name} in a way that cannot be followed (line ${lineOf(use)})`);
        return [];
      }
      return callSpec(call.name)?.quota === "none" ? [] : [{ ...call, times: counter.times(node) }];
    });
  }

  /** `agent.text(…)` and its like. */
  #callOf(call: CallExpression, agent: string): Omit<ReadCall, "times"> | undefined {
    const path: string[] = [];
    let node: AnyNode = call.callee;
    for (; node.type === "MemberExpression"; node = node.object) {
      if (node.computed || node.optional || node.property.type !== "Identifier") return undefined;
      path.push(node.property.name);
    }
    const name = path.reverse().join(".");
    const isAgent = node.type === "Identifier" && node.name === agent && !call.optional;
    if (!isAgent || callSpec(name) === undefined) return undefined;
    return { name, line: lineOf(node), ...this.#options(name, call.arguments) };
  }

  #options(name: string, given: readonly AnyNode[]): Pick<ReadCall, "n" | "role" | "model" | "maxTokens"> {
    const spec = callSpec(name);
    if (spec === undefined || spec.quota !== "model") return { n: 1 };
    const unknown = { n: null, role: null, model: null, maxTokens: null };
    if (given.some(({ type }) => type === "SpreadElement")) return unknown;
    const options = given[spec.parameters.length];
    if (options === undefined) return { n: 1 };
    if (options.type !== "ObjectExpression") return unknown;
    const values = new Map<string, AnyNode>();
    for (const property of options.properties) {
      const key = property.type === "Property" && !property.computed ? plainText(property.key) : undefined;
      if (property.type !== "Property" || key === undefined || HIDDEN.has(key)) return unknown;
      values.set(key, property.value);
    }
    const number = (key: string) => (values.has(key) ? this.#tree.wholeNumber(values.get(key)) : undefined);
    const text = (key: string) => {
      const value = values.get(key);
      return value && (value.type === "Identifier" ? null : (plainText(value) ?? null));
    };
    const n = number("n");
    return {
      n: n === undefined ? 1 : n,
      role: text("role"),
      model: text("model"),
      maxTokens: number("maxTokens"),
    };
  }

  /** Members of the task, from `task.question`, `const { question } = task` or a parameter that is taken apart. */
  #fields(task: Pattern): string[] | null {
    if (task.type !== "Identifier") return this.#keys(task);
    const fields = new Set<string>();
    for (const use of this.#tree.uses(task.name)) {
      if (use === task) continue;
      const parent = this.#tree.parent(use);
      const names =
        parent.type === "MemberExpression"
          ? parent.property.type === "Identifier" && !parent.computed
            ? [parent.property.name]
            : null
          : parent.type === "VariableDeclarator" && parent.init === use
            ? this.#keys(parent.id)
            : null;
      if (names === null) return null;
      for (const name of names) fields.add(name);
    }
    return [...fields].sort();
  }

  /** Keys that a pattern takes; null where it takes others too. */
  #keys(pattern: Pattern): string[] | null {
    if (pattern.type !== "ObjectPattern") return null;
    const keys = pattern.properties.map((one) =>
      one.type === "Property" && !one.computed ? plainText(one.key) : undefined,
    );
    return keys.every((key) => key !== undefined) ? keys.sort() : null;
  }
}
