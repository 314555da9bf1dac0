/** @file The subset: a GBNF grammar whose every sentence is a well-scoped workflow, behind an analysis unless none is wanted. */
import { problemTemplate, READ_REPLY, STATE_FORMAT } from "./answer-kind.js";
import { type Body, type BodyContext, phrasesOf, type SubsetOptions } from "./grammar/body.js";
import { optionRules } from "./grammar/call-options.js";
import {
  anyOf,
  grammarText,
  inside,
  literal,
  type Member,
  oneOf,
  optionsOf,
  template,
} from "./grammar/gbnf-text.js";
import { PLAIN_BODIES } from "./grammar/plain-bodies.js";
import { PROGRAM_BODIES } from "./grammar/program-bodies.js";
import { ROUTING_BODIES } from "./grammar/routing-bodies.js";
import { TEST_BODIES } from "./grammar/test-bodies.js";
import { TECHNIQUES, techniqueNames } from "./techniques.js";
import { toolLookups } from "./tool-lookups.js";

export type { SubsetOptions } from "./grammar/body.js";

const BODIES: Readonly<Record<string, Body>> = {
  ...PLAIN_BODIES,
  ...PROGRAM_BODIES,
  ...TEST_BODIES,
  ...ROUTING_BODIES,
};

/** Names of all shapes that a body can have. */
export const BODY_NAMES: readonly string[] = Object.keys(BODIES);

/** Whether one workflow of the subset can use all of these techniques. */
export function canForce(names: readonly string[], options: Omit<SubsetOptions, "forced">): boolean {
  return bodiesFor(names, options).length > 0;
}

/** Shapes in which a workflow can use all of these techniques. */
export function bodiesFor(
  forced: readonly string[],
  options: Omit<SubsetOptions, "forced">,
  allowed: readonly string[] = techniqueNames(options),
): string[] {
  if (!forced.every((name) => allowed.includes(name))) return [];
  return BODY_NAMES.filter((name) => {
    const { techniques, room, may = [], answers } = BODIES[name]!;
    if (!techniques.every((technique) => allowed.includes(technique))) return false;
    if (answers && !answers.includes(options.answer)) return false;
    if (techniques.includes("tool-lookup") && toolLookups(options).length === 0) return false;
    const fits = (technique: string): boolean => {
      const { slot } = TECHNIQUES.find((known) => known.name === technique)!;
      return slot === "role" || room.includes(slot) || [...techniques, ...may].includes(technique);
    };
    return forced.every(fits);
  });
}

/**
 * The grammar as GBNF text for llama.cpp. At most about 500 tokens a sentence: free text is bounded.
 * @throws {RangeError} when no workflow can use all forced techniques (ask canForce() first)
 */
export function subsetGrammar(options: SubsetOptions): string {
  const { answer, forced = [], context = false } = options;
  const allowed = options.sparse ? neededFor(forced, options) : techniqueNames(options);
  const bodies = bodiesFor(forced, options, allowed);
  if (bodies.length === 0) throw new RangeError(`no workflow of the subset uses all of ${forced.join(", ")}`);
  const problem = literal(problemTemplate(answer, context));
  const words = options.ownWords === false ? [] : ["free"];
  const parts: BodyContext = { options, answer, forced, allowed, problem };
  const rules: Record<string, string> = {
    root: `${options.analysis === false ? "" : `analysis ${literal("\n")} `}${literal("```js\nexport default async function workflow(agent, task) {\n")} (${bodies.join(" | ")}) ${literal("}\n```")}`,
    // One sentence: a capital, 20 to 140 characters, a full stop.
    analysis: `[A-Z] [a-zA-Z0-9 ,'-]{20,140} "."`,
    // The opening keeps small models at the matter: left to start on their own they write word salad.
    free: `${anyOf(["Make sure to", "Remember that", "Be careful with", "Pay attention to"])} " " [a-z] [a-z ,]{6,48} "."`,
    own: oneOf([...(options.sentences ?? []).map(literal), ...words]),
    "more-words": words.length > 0 ? `(" " free)?` : literal(""),
    sentences: sentences(parts),
    instructions: `sentences ${forced.includes("answer-format") ? "format" : mayState("format", parts)}`,
    closing: `more-words ${mayState(`" " format`, parts)}`,
    prompt: template(problem, inside("\n\n"), "instructions"),
    "stated-prompt": template(problem, inside("\n\n"), "sentences format"),
    "examples-prompt": template(
      inside("<examples>\n${shots}\n</examples>\n\n"),
      problem,
      inside("\n\n"),
      "instructions",
    ),
    examples: examplesLine(parts, ["near-examples", "worked-examples"]),
    "constant-examples": examplesLine(parts, ["worked-examples"]),
    format: literal(STATE_FORMAT[answer]),
    read: literal(READ_REPLY[answer]),
    ...optionRules(parts),
  };
  for (const body of bodies) Object.assign(rules, BODIES[body]!.rules(parts));
  return grammarText(rules);
}

/** The forced techniques, with few-shot for ways to show examples, and those of the simplest shape that has room for them. */
function neededFor(forced: readonly string[], options: SubsetOptions): string[] {
  const shows = TECHNIQUES.some(({ name, slot }) => slot === "examples" && forced.includes(name));
  const own = [...new Set(shows ? [...forced, "few-shot"] : forced)];
  const beside = (name: string) => BODIES[name]!.techniques.filter((technique) => !own.includes(technique));
  const shapes = bodiesFor(forced, options).map(beside);
  const fewest = Math.min(...shapes.map(({ length }) => length));
  return [...own, ...new Set(shapes.filter(({ length }) => length === fewest).flat())];
}

/** A rule that may be written where the form of the answer may be stated. */
function mayState(rule: string, { allowed }: BodyContext): string {
  return allowed.includes("answer-format") ? `(${rule})?` : literal("");
}

/** Sentences after the problem: techniques in the order of the table, then one of the task's or of the model's own. */
function sentences({ allowed, forced, options }: BodyContext): string {
  const fixed = TECHNIQUES.filter(
    ({ slot, phrases, name }) => slot === "instruction" && phrases.length > 0 && allowed.includes(name),
  ).map(({ phrases, name }) => {
    const sentence = `${anyOf(phrases)} " "`;
    return forced.includes(name) ? sentence : `(${sentence})?`;
  });
  const last = options.sentences?.length ? "own" : options.ownWords === false ? undefined : "free";
  return [...fixed, last ? `(${last} " ")?` : literal("")].join(" ");
}

/** Puts solved items into the variable `shots`. */
function examplesLine({ allowed, forced }: BodyContext, ways: readonly string[]): string {
  const members = ways
    .filter((name) => allowed.includes(name))
    .map((name): Member => ({ rule: literal(phrasesOf(name)[0]!), isForced: forced.includes(name) }));
  return `${literal("  const shots = fewShot(await agent.examples(")} ${anyOf(phrasesOf("few-shot"))} ${optionsOf(members)} ${literal("));\n")}`;
}
