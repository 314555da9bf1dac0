/** @file A shape of workflows: what it is built around, what else it has room for, and the rules that write it. */
import type { AnswerKind } from "../answer-kind.js";
import { TECHNIQUES, type TechniqueSlot } from "../techniques.js";
import type { ToolCard } from "../tool.js";
import { callSpec } from "../workflow-api.js";
import { anyOf, literal } from "./gbnf-text.js";

/** What a grammar may write for a task. */
export interface SubsetOptions {
  answer: AnswerKind;
  /** Optional calls that exist ("weak", "runPython"). */
  offers: ReadonlySet<string>;
  /** Own tools of the user; only those whose input can be written appear. Default none. */
  tools?: readonly ToolCard[] | undefined;
  /** Aliases of further executors, for the option `model`. Default none. */
  models?: readonly string[] | undefined;
  /** The task in words, for programs that solve all of its questions; cut at 300 characters. Default none. */
  description?: string | undefined;
  /** Techniques that are left out, by name, with every shape that is built around one. Default none. */
  without?: readonly string[] | undefined;
  /** Techniques that every sentence must use; the rest is left to the model. */
  forced?: readonly string[] | undefined;
  /** Whether a sentence uses the forced techniques and what they need, and no other. Default false. */
  sparse?: boolean | undefined;
  /** Items have a text to read in task.context. */
  context?: boolean | undefined;
  /** Sentences written for the task, of characters that a template text can hold: one may stand in place of the model's own. */
  sentences?: readonly string[] | undefined;
  /** Whether the model may write a sentence of its own words into a prompt. Default true. */
  ownWords?: boolean | undefined;
  /** Whether a sentence on what to change stands before the program. Default true. */
  analysis?: boolean | undefined;
}

/** Options of a grammar with what most rules need of them. */
export interface BodyContext {
  options: SubsetOptions;
  answer: AnswerKind;
  forced: readonly string[];
  /** Names of the techniques that exist here. */
  allowed: readonly string[];
  /** The problem as the inside of a template literal, a rule. */
  problem: string;
}

export interface Body {
  /** Techniques it is built around: all must exist where it does. */
  techniques: readonly string[];
  /** Places for further techniques; a role has one in every body. */
  room: readonly TechniqueSlot[];
  /** Techniques it has room for beside those of its places. */
  may?: readonly string[] | undefined;
  /** Kinds of answer it is for, where that does not follow from its techniques. Default all. */
  answers?: readonly AnswerKind[] | undefined;
  /** Rules by name; the one of the body's own name writes it. */
  rules(context: BodyContext): Record<string, string>;
}

/** Sampling temperatures for several replies. */
export const MANY_TEMPERATURES = ["0.5", "0.7", "1"];

export function phrasesOf(name: string): readonly string[] {
  return TECHNIQUES.find((technique) => technique.name === name)!.phrases;
}

/** The option's name, from the API table: a renamed option cannot leave the grammar behind. */
export function optionName(name: string): string {
  const option = callSpec("text")?.options.find((candidate) => candidate.name === name);
  if (!option) throw new RangeError(`agent.text has no option ${name}`);
  return option.name;
}

/** Begins a statement that awaits a call and names its result. */
export function ask(variable: string, call = "text"): string {
  return literal(`  const ${variable} = await agent.${call}(`);
}

export const END = literal(");\n");

/** Returns what is read from `reply`. */
export const GIVE_BACK = `${literal("  return ")} read ${literal(";\n")}`;

/** Returns what most of `replies` say. */
export const VOTED = `${literal("  return vote(replies.map((reply) => ")} read ${literal("));\n")}`;

/** The problem in a variable, for bodies that put it more than once. */
export function problemLine(problem: string): string {
  return `${literal("  const problem = `")} ${problem} ${literal("`;\n")}`;
}

/** Number of replies and their temperature, the beginning of an options object. */
export function manyReplies(counts: readonly string[]): string {
  return `${literal(`, { ${optionName("n")}: `)} ${anyOf(counts)} ${literal(", ")} temperature-key ${anyOf(MANY_TEMPERATURES)}`;
}
