/**
 * @file What a workflow calls, how often and with what, read from its source without running it. What cannot be read for
 * certain is named as a doubt; the quotas of a run hold in any case, since the host counts.
 */

import { TokenTree } from "../token-tree.js";
import { callSpec, MAX_N } from "../workflow-api.js";
import { RepeatCounter, type WorkflowFunction } from "./repeat-counter.js";
import { scanWorkflow } from "./scan-workflow.js";

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
  role?: string | null;
  /** Alias of another executor; undefined = the default one; null = chosen while it runs. */
  model?: string | null;
  /** Limit of a reply in tokens; undefined = the run's; null = chosen while it runs. */
  maxTokens?: number | null;
}

export interface WorkflowReading {
  calls: ReadCall[];
  /** Members of the task that the source names; null = the task as a whole is used. */
  fields: string[] | null;
  /** Why there may be calls that are not listed; empty where there are none. */
  doubts: string[];
}

/** Words that reach code or values in ways that a scanner cannot follow. */
const HIDDEN = new Set(
  "eval Function arguments globalThis Reflect Proxy prototype constructor __proto__ import require with".split(
    " ",
  ),
);

/** @param source - as extractWorkflow() gives it */
export function readWorkflow(source: string): WorkflowReading {
  const { tokens, doubts } = scanWorkflow(source);
  const tree = new TokenTree(tokens);
  const own = findWorkflow(tree);
  if (own === undefined)
    return { calls: [], fields: null, doubts: [...doubts, "its workflow function was not found"] };
  const reader = new Reader(tree, own, doubts);
  return reader.read();
}

/** The default export, or else the function called workflow. */
function findWorkflow(tree: TokenTree): (WorkflowFunction & { name?: string; count: number }) | undefined {
  const found: (WorkflowFunction & { name?: string; isDefault: boolean })[] = [];
  let exported: string | undefined;
  for (let index = 0; index < tree.tokens.length; index++) {
    if (tree.parent(index) >= 0) continue;
    const isDefault = tree.isName(index, "default") && tree.isName(index - 1, "export");
    const isBound = tree.text(index) === "=" && tree.isName(index - 1);
    const isDeclared = tree.isName(index, "function") && !/^(=|default|async)$/.test(tree.text(index - 1));
    const isAsync =
      tree.isName(index, "async") &&
      tree.isName(index + 1, "function") &&
      !/^(=|default)$/.test(tree.text(index - 1));
    if (!isDefault && !isBound && !isDeclared && !isAsync) continue;
    const shape = functionAt(tree, isDefault || isBound ? index + 1 : index);
    if (shape !== undefined) {
      const name = shape.name ?? (isBound ? tree.text(index - 1) : undefined);
      found.push({ ...shape, ...(name === undefined ? {} : { name }), isDefault });
    } else if (isDefault) exported = tree.text(index + 1);
  }
  const fitting = found.filter((one) =>
    found.some(({ isDefault }) => isDefault) ? one.isDefault : one.name === (exported ?? "workflow"),
  );
  const [first] = fitting;
  return first && { ...first, count: fitting.length };
}

function functionAt(tree: TokenTree, start: number): (WorkflowFunction & { name?: string }) | undefined {
  let index = tree.isName(start, "async") ? start + 1 : start;
  if (tree.isName(index, "function")) {
    const keyword = index++;
    if (tree.text(index) === "*") index++;
    const name = tree.isName(index) ? tree.text(index++) : undefined;
    if (tree.text(index) !== "(") return undefined;
    return {
      parameters: index,
      body: tree.match(index) + 1,
      keyword,
      ...(name === undefined ? {} : { name }),
    };
  }
  const arrow = tree.text(index) === "(" ? tree.match(index) + 1 : index + 1;
  if (tree.text(arrow) !== "=>") return undefined;
  return { parameters: index, body: tree.text(arrow + 1) === "{" ? arrow + 1 : arrow, keyword: arrow };
}

class Reader {
  readonly #tree: TokenTree;
  readonly #own: ReturnType<typeof findWorkflow> & object;
  readonly #doubts: Set<string>;
  #agent = "";

  constructor(tree: TokenTree, own: ReturnType<typeof findWorkflow> & object, doubts: readonly string[]) {
    this.#tree = tree;
    this.#own = own;
    this.#doubts = new Set(doubts);
  }

  read(): WorkflowReading {
    const tree = this.#tree;
    const { parameters, name, count } = this.#own;
    const [agent, task] =
      tree.text(parameters) === "(" ? tree.parts(parameters) : [[parameters, parameters + 1]];
    if (count > 1) this.#doubts.add("there are several workflow functions");
    if (name !== undefined && this.#callsItself(name)) this.#doubts.add("it calls itself");
    const hidden = tree.tokens.find((token, index) => HIDDEN.has(token.text) && tree.text(index) !== "");
    if (hidden !== undefined) this.#doubts.add(`it uses ${hidden.text} (line ${hidden.line})`);
    if (agent !== undefined && !tree.isName(agent[0] as number)) this.#doubts.add("it takes the agent apart");
    this.#agent = agent === undefined ? "" : tree.text(agent[0] as number);
    return {
      calls: this.#agent === "" ? [] : this.#calls(agent?.[0] as number),
      fields: this.#fields(task),
      doubts: [...this.#doubts],
    };
  }

  #callsItself(name: string): boolean {
    const tree = this.#tree;
    return tree.uses(name).some((index) => {
      const before = tree.text(index - 1);
      return !/^(function|\*|const|let|var|default)$/.test(before);
    });
  }

  #calls(parameter: number): ReadCall[] {
    const tree = this.#tree;
    const counter = new RepeatCounter(tree, this.#own, (index) => {
      const call = tree.isName(index, this.#agent) ? this.#callAt(index) : undefined;
      const isList = call !== undefined && /^(weak\.)?text$/.test(call.name);
      return isList ? { length: call.n ?? MAX_N, end: call.end } : null;
    });
    return tree.uses(this.#agent).flatMap((index) => {
      if (index === parameter) return [];
      const call = this.#callAt(index);
      if (call === undefined) {
        const line = tree.tokens[index]?.line;
        this.#doubts.add(`it uses ${this.#agent} in a way that cannot be followed (line ${line})`);
        return [];
      }
      const { end: _, ...read } = call;
      return callSpec(read.name)?.quota === "none" ? [] : [{ ...read, times: counter.times(index) }];
    });
  }

  /** `agent.text(…)` and its like, from the name of the agent on. */
  #callAt(index: number): (Omit<ReadCall, "times"> & { end: number }) | undefined {
    const tree = this.#tree;
    let at = index + 1;
    const path: string[] = [];
    while (tree.text(at) === "." && tree.isName(at + 1)) {
      path.push(tree.text(at + 1));
      at += 2;
    }
    const name = path.join(".");
    if (tree.text(at) !== "(" || callSpec(name) === undefined) return undefined;
    const line = tree.tokens[index]?.line ?? 0;
    return { name, line, end: tree.match(at), ...this.#options(name, at) };
  }

  #options(name: string, open: number): Pick<ReadCall, "n" | "role" | "model" | "maxTokens"> {
    const tree = this.#tree;
    const spec = callSpec(name);
    if (spec === undefined || spec.quota !== "model") return { n: 1 };
    const parts = tree.parts(open);
    const part = parts[spec.parameters.length];
    const isSpread = parts.some(([from]) => tree.text(from) === "...");
    if (part === undefined && !isSpread) return { n: 1 };
    const unknown = { n: null, role: null, model: null, maxTokens: null };
    const [from, end] = part ?? [0, 0];
    if (isSpread || tree.text(from) !== "{" || tree.match(from) !== end - 1) return unknown;
    const given = new Map<string, [number, number]>();
    for (const [start, stop] of tree.parts(from)) {
      const key = tree.tokens[start]?.kind === "name" ? tree.text(start) : tree.tokens[start]?.plain;
      if (key === undefined || tree.text(start) === "...") return unknown;
      // `{ n }` is short for `{ n: n }`.
      given.set(key, stop - start === 1 ? [start, stop] : [start + 2, stop]);
    }
    const number = (key: string) => {
      const value = given.get(key);
      return value && (tree.wholeNumber(value[0], value[1]) ?? null);
    };
    const text = (key: string) => {
      const value = given.get(key);
      return value && ((value[1] - value[0] === 1 ? tree.tokens[value[0]]?.plain : undefined) ?? null);
    };
    const n = number("n");
    const [role, model, maxTokens] = [text("role"), text("model"), number("maxTokens")];
    return {
      n: n === undefined ? 1 : n,
      ...(role === undefined ? {} : { role }),
      ...(model === undefined ? {} : { model }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    };
  }

  /** Members of the task, from `task.question`, `const { question } = task` or a parameter that is taken apart. */
  #fields(parameter: readonly number[] | undefined): string[] | null {
    const tree = this.#tree;
    const [start] = parameter ?? [];
    if (start === undefined) return [];
    if (tree.text(start) === "{") return this.#pattern(start);
    const fields = new Set<string>();
    for (const index of tree.uses(tree.text(start))) {
      if (index === start) continue;
      const isMember = /^\??\.$/.test(tree.text(index + 1)) && tree.isName(index + 2);
      const isTakenApart = tree.text(index - 1) === "=" && tree.text(index - 2) === "}";
      const names = isMember
        ? [tree.text(index + 2)]
        : isTakenApart && tree.isEnd(index + 1)
          ? this.#pattern(tree.match(index - 2))
          : null;
      if (names === null) return null;
      for (const name of names) fields.add(name);
    }
    return [...fields].sort();
  }

  #pattern(open: number): string[] | null {
    const tree = this.#tree;
    const names = tree.parts(open).map(([from]) => tree.text(from));
    return names.includes("...") || names.includes("") ? null : names.sort();
  }
}
