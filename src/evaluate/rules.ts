/**
 * @file The rules file: what workflows may not call, ask or say, and limits of a run, read from a file or given as an object. It is checked in the host, where the
 * call is answered, so that no workflow can get around it; a forbidden call fails inside the workflow.
 */
import { z } from "zod";
import { positive, text, whole } from "../config/config-fields.js";
import { keysAt } from "../config/settings.js";
import { readStrictYaml } from "../config/strict-yaml.js";
import type { BudgetLimits } from "../core/budget.js";
import { ConfigError, messageOf, W4sError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { nearNames } from "../core/near-names.js";
import type { ChatMessage } from "../llm/chat-model.js";
import { API } from "../workflow/workflow-api.js";

const CALLS = API.filter(({ quota }) => quota !== "none").map(({ name }) => name);

const call = z.string({ error: "must be the name of a call" }).superRefine((name, context) => {
  if (CALLS.includes(name)) return;
  const [near] = nearNames(name, CALLS);
  const message = `must be a call of agent (${CALLS.join(", ")})${near ? `; did you mean ${near}?` : ""}`;
  context.addIssue({ code: "custom", message });
});

const topic = text("a word, or /pattern/flags", 1000).superRefine((source, context) => {
  try {
    topicPattern(source);
  } catch (error) {
    context.addIssue({ code: "custom", message: `is no pattern: ${(error as Error).message}` });
  }
});

const list = <T extends z.ZodType>(member: T) => z.array(member, { error: "must be a list" }).default([]);

const rulesSchema = z.strictObject({
  forbid: z
    .strictObject({
      calls: list(call),
      tools: list(text("the name of a tool", 64)),
      models: list(text("an alias, a model name or an id, * standing for anything", 500)),
      topics: list(topic),
    })
    .prefault({}),
  limits: z
    .strictObject({
      dollars: positive(1e6).optional(),
      tokens: whole(1, 1e12).optional(),
      calls: whole(1, 1e9).optional(),
      minutes: positive(1e5).optional(),
      callsPerInput: whole(0, 10_000).optional(),
      promptCharacters: whole(1, 64 * 1024 * 1024).optional(),
    })
    .prefault({}),
});

type RuleSet = z.output<typeof rulesSchema>;

/** A call that the rules forbid: the workflow sees it as an exception, which says which rule it was. */
export class RuleViolationError extends W4sError {
  /** The rule, such as `forbid.topics: "patient"`. */
  readonly rule: string;
  constructor(what: string, rule: string) {
    super("rules", `the rules forbid ${what} (${rule})`, {
      hint: "write workflows that do without, or change the rules file",
    });
    this.rule = rule;
  }
}

/** Marks that do not show, and that would hide a word from a pattern. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** Rules on what workflows may not call, ask or say, and limits of a run, read from a file or given as an object. */
export class Rules {
  /** Hash of the rules that decide what a run finds; limits that only end it are left out. */
  readonly hash: string;
  readonly #rules: RuleSet;
  readonly #topics: { source: string; pattern: RegExp }[];
  readonly #models: { source: string; pattern: RegExp }[];

  /** @throws {ConfigError} when the rules do not fit */
  constructor(rules: z.input<typeof rulesSchema>, name = "rules") {
    const parsed = rulesSchema.safeParse(rules);
    if (!parsed.success) throw unfit(parsed.error.issues[0] as z.core.$ZodIssue, name);
    this.#rules = parsed.data;
    const { forbid, limits } = this.#rules;
    this.hash = hashJson({ forbid, promptCharacters: limits.promptCharacters ?? null });
    const { topics, models } = forbid;
    this.#topics = topics.map((source) => ({ source, pattern: topicPattern(source) }));
    this.#models = models.map((source) => ({ source, pattern: wildcard(source) }));
  }

  /**
   * Reads a rules file.
   * @throws {ConfigError} when it cannot be read, is no YAML, or holds what no rules file has
   */
  static load(path: string): Rules {
    const rules = readStrictYaml(path, "rules", "docs/safety.md shows a rules file") ?? {};
    return new Rules(rules as z.input<typeof rulesSchema>, path);
  }

  /** The rules as JSON, from which an equal set is made. */
  toJson(): string {
    return JSON.stringify(this.#rules);
  }

  /** The configuration with the limits of the rules, where these are tighter. */
  tighten<T extends { budget: BudgetLimits; limits: { modelCalls: number } }>(config: T): T {
    const { callsPerInput, promptCharacters: _, ...limits } = this.#rules.limits;
    const budget: BudgetLimits = { ...config.budget };
    for (const [kind, limit] of Object.entries(limits) as [keyof BudgetLimits, number | undefined][])
      if (limit !== undefined) budget[kind] = Math.min(limit, budget[kind] ?? Number.POSITIVE_INFINITY);
    const modelCalls = Math.min(callsPerInput ?? Number.POSITIVE_INFINITY, config.limits.modelCalls);
    return { ...config, budget, limits: { ...config.limits, modelCalls } };
  }

  /** The optional calls of a task that can still be made: others are not even shown to whoever writes. */
  allowed(offers: ReadonlySet<string>): Set<string> {
    const { calls } = this.#rules.forbid;
    return new Set(
      [...offers].filter((offer) => API.some((one) => one.offer === offer && !calls.includes(one.name))),
    );
  }

  /**
   * Before a call is answered.
   * @throws {RuleViolationError}
   */
  checkCall(name: string, args: readonly unknown[]): void {
    const { calls, tools } = this.#rules.forbid;
    if (calls.includes(name)) throw new RuleViolationError(`agent.${name}`, `forbid.calls: ${name}`);
    if (name === "tool" && tools.includes(String(args[0])))
      throw new RuleViolationError(`the tool ${args[0]}`, `forbid.tools: ${args[0]}`);
  }

  /**
   * Before a model is asked.
   * @param alias - as workflows name it; the executor of the run is "default"
   * @throws {RuleViolationError}
   */
  checkModel(alias: string, id: string): void {
    const name = id.slice(id.lastIndexOf("#") + 1);
    const found = this.#models.find(({ pattern }) => [alias, id, name].some((one) => pattern.test(one)));
    if (found) throw new RuleViolationError(`the model ${alias} (${id})`, `forbid.models: ${found.source}`);
  }

  /**
   * Before a run begins.
   * @throws {ConfigError} when its executor is forbidden
   */
  refuseExecutor(id: string): void {
    try {
      this.checkModel("default", id);
    } catch (error) {
      throw new ConfigError(messageOf(error), {
        hint: "choose another --executor, or change the rules file",
        cause: error,
      });
    }
  }

  /**
   * Before a prompt leaves this process. Letters are compared in their usual form, without marks that do not show; words
   * that are spread over messages are found too. Meaning is not: what is encoded or rewritten gets through.
   * @throws {RuleViolationError} which does not repeat what was found
   */
  checkPrompt(messages: readonly ChatMessage[]): void {
    const { promptCharacters } = this.#rules.limits;
    const length = messages.reduce((sum, { content }) => sum + content.length, 0);
    if (promptCharacters !== undefined && length > promptCharacters)
      throw new RuleViolationError(
        `a prompt of ${length} characters`,
        `limits.promptCharacters: ${promptCharacters}`,
      );
    if (this.#topics.length === 0) return;
    const contents = messages.map(({ content }) => content);
    const texts = [contents.join("\n"), contents.join("")].flatMap((joined) => {
      const plain = joined.normalize("NFKC").replace(INVISIBLE, "");
      return plain === joined ? [joined] : [joined, plain];
    });
    const found = this.#topics.find(({ pattern }) => texts.some((one) => pattern.test(one)));
    if (found)
      throw new RuleViolationError("a topic in a prompt", `forbid.topics: ${JSON.stringify(found.source)}`);
  }
}

/** `/…/flags` as it stands; a word as a whole word in any case, blanks matching blanks. */
function topicPattern(source: string): RegExp {
  const [, pattern, flags = ""] = /^\/(.+)\/([imsu]*)$/s.exec(source) ?? [];
  if (pattern !== undefined) return new RegExp(pattern, flags.includes("u") ? flags : `${flags}u`);
  if (source.startsWith("/")) throw new Error("a pattern ends with / and flags of i, m, s, u");
  const words = source.trim().normalize("NFKC").split(/\s+/).map(escaped).join("\\s+");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${words}(?![\\p{L}\\p{N}_])`, "iu");
}

function wildcard(source: string): RegExp {
  return new RegExp(`^${source.split("*").map(escaped).join(".*")}$`, "is");
}

function escaped(source: string): string {
  return source.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function unfit(issue: z.core.$ZodIssue, name: string): ConfigError {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const [near] = nearNames(key, keysAt(rulesSchema, issue.path));
    return new ConfigError(`${name}: ${path === "" ? key : `${path}.${key}`}: unknown key`, {
      code: "unknown-key",
      hint: near
        ? `did you mean ${near}?`
        : "a rules file has forbid (calls, tools, models, topics) and limits",
    });
  }
  return new ConfigError(`${name}: ${path === "" ? "it" : path} ${issue.message}`, {
    hint: "docs/safety.md shows a rules file",
  });
}
