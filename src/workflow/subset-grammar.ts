/** @file The subset: a GBNF grammar whose every sentence is an analysis and a well-scoped workflow. */
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "./answer-kind.js";
import { TECHNIQUES, type Technique, type TechniqueSlot, techniqueNames } from "./techniques.js";
import type { ToolCard } from "./tool.js";
import { SHOW_FOUND, toolLookups } from "./tool-lookups.js";
import { callSpec } from "./workflow-api.js";

export interface SubsetOptions {
  answer: AnswerKind;
  /** Optional calls that exist ("weak", "runPython"). */
  offers: ReadonlySet<string>;
  /** Own tools of the user; only those whose input can be written appear. Default none. */
  tools?: readonly ToolCard[] | undefined;
  /** Techniques that every sentence must use; the rest is left to the model. */
  forced?: readonly string[] | undefined;
  /** Items have a text to read in task.context. */
  context?: boolean | undefined;
  /** Sentences written for the task, of characters that a template text can hold: one may stand in place of the free one. */
  sentences?: readonly string[] | undefined;
}

/** Shapes a body can have, and the technique slots each of them has room for. */
const BODY_SLOTS = {
  single: ["instruction", "temperature"],
  json: ["instruction", "temperature"],
  vote: ["instruction", "replies"],
  check: ["instruction", "check", "temperature"],
  "check-vote": ["instruction", "replies", "check"],
  critique: ["instruction", "critique", "temperature"],
  weak: ["instruction", "weak", "temperature"],
  // A program is asked for and nothing else: steps or the answer's form would be about another reply.
  program: ["program", "temperature"],
  tool: ["tool", "instruction", "temperature"],
  "tool-vote": ["tool", "instruction", "replies"],
} as const satisfies Record<string, readonly TechniqueSlot[]>;

const SOLVE_AFTER_DRAFTS = [
  "Some of them are wrong. Solve the problem and give the right answer.",
  "Use what is right in them and solve the problem.",
];
const EDIT_DRAFTS = [
  "Take what is best in them and write one text that keeps every point of the request.",
  "Choose the best of them and mend what breaks the request.",
];

type BodyName = keyof typeof BODY_SLOTS;

/** A literal of GBNF. */
export function literal(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

function anyOf(texts: readonly string[]): string {
  return texts.length === 1 ? literal(texts[0]!) : `(${texts.map(literal).join(" | ")})`;
}

/** Whether one workflow of the subset can use all of these techniques. */
export function canForce(names: readonly string[], options: Omit<SubsetOptions, "forced">): boolean {
  const allowed = techniqueNames(options);
  return names.every((name) => allowed.includes(name)) && bodiesFor(names, options).length > 0;
}

function bodiesFor(forced: readonly string[], options: SubsetOptions): BodyName[] {
  const allowed = techniqueNames(options);
  const names = Object.keys(BODY_SLOTS) as BodyName[];
  return names.filter((body) => {
    const slots: readonly TechniqueSlot[] = BODY_SLOTS[body];
    const hasShape = TECHNIQUES.every(
      // A shape built around a technique that this task does not allow is ruled out.
      ({ slot, name }) => isOptional(slot) || !slots.includes(slot) || allowed.includes(name),
    );
    if (slots.includes("tool") && toolLookups(options).length === 0) return false;
    if (!hasShape || (body === "json" && (options.answer === "code" || options.answer === "writing")))
      return false;
    return forced.every((name) => {
      const slot = TECHNIQUES.find((technique) => technique.name === name)?.slot;
      return slot !== undefined && (slot === "role" || slots.includes(slot));
    });
  });
}

/** Slots that a shape has room for and may leave empty. */
function isOptional(slot: TechniqueSlot): boolean {
  return slot === "temperature" || slot === "instruction" || slot === "role";
}

/**
 * The grammar as GBNF text for llama.cpp. At most about 300 tokens a sentence: free text is bounded.
 * @throws {RangeError} when no workflow can use all forced techniques (ask canForce() first)
 */
export function subsetGrammar(options: SubsetOptions): string {
  const { answer, forced = [], context = false, sentences = [] } = options;
  const bodies = canForce(forced, options) ? bodiesFor(forced, options) : [];
  if (bodies.length === 0) throw new RangeError(`no workflow of the subset uses all of ${forced.join(", ")}`);
  const problem = literal(problemTemplate(answer, context));
  const rules: Record<string, string> = {
    root: `analysis ${literal("\n```js\nexport default async function workflow(agent, task) {\n")} (${bodies.join(" | ")}) ${literal("}\n```")}`,
    // One sentence: a capital, 20 to 140 characters, a full stop.
    analysis: `[A-Z] [a-zA-Z0-9 ,'-]{20,140} "."`,
    // The opening keeps small models at the matter: left to start on their own they write word salad.
    free: `${anyOf(["Make sure to", "Remember that", "Be careful with", "Pay attention to"])} " " [a-z] [a-z ,]{6,48} "."`,
    ...(sentences.length > 0 ? { own: `(${sentences.map(literal).join(" | ")} | free)` } : {}),
    prompt: `"\`" ${problem} "\\\\n\\\\n" ${instructions(options)} "\`"`,
    format: literal(STATE_FORMAT[answer]),
    temperature: `temperature-key ${forced.includes("low-temperature") ? anyOf(phrasesOf("low-temperature")) : anyOf(["0", "0.2", "0.5", "0.7", "1"])}`,
    "temperature-key": literal(`${optionName("temperature")}: `),
    role: `${literal(`${optionName("role")}: "`)} ${anyOf(phrasesOf("expert-role"))} ${literal('"')}`,
    "one-options": oneOptions(forced),
    "many-options": `${literal(`, { ${optionName("n")}: `)} ${anyOf(phrasesOf("self-consistency"))} ${literal(", ")} temperature-key ${anyOf(["0.5", "0.7", "1"])} ${forced.includes("expert-role") ? `${literal(", ")} role` : `(${literal(", ")} role)?`} ${literal(" }")}`,
    read: literal(READ_REPLY[answer]),
  };
  for (const body of bodies) Object.assign(rules, bodyRules(body, options, problem));
  return `${Object.entries(rules)
    .map(([name, rule]) => `${name} ::= ${rule}`)
    .join("\n")}\n`;
}

function phrasesOf(name: string): readonly string[] {
  return TECHNIQUES.find((technique) => technique.name === name)!.phrases;
}

/** The option's name, from the API table: a renamed option cannot leave the grammar behind. */
function optionName(name: string): string {
  const option = callSpec("text")?.options.find((candidate) => candidate.name === name);
  if (!option) throw new RangeError(`agent.text has no option ${name}`);
  return option.name;
}

/** Sentences after the problem: techniques in the order of the table, one free sentence, the answer's form. */
function instructions(options: SubsetOptions): string {
  const allowed = techniqueNames(options);
  const sentences = TECHNIQUES.filter(
    (technique: Technique) =>
      technique.slot === "instruction" && technique.phrases.length > 0 && allowed.includes(technique.name),
  ).map((technique) => {
    const sentence = `${anyOf(technique.phrases)} " "`;
    return options.forced?.includes(technique.name) ? sentence : `(${sentence})?`;
  });
  const format = options.forced?.includes("answer-format") ? "format" : "format?";
  const free = (options.sentences ?? []).length > 0 ? "own" : "free";
  return `${sentences.join(" ")} (${free} " ")? ${format}`;
}

/** Options of a call for one reply: nothing, a temperature, a role, or both. */
function oneOptions(forced: readonly string[]): string {
  const open = literal(", { ");
  const close = literal(" }");
  const hasRole = forced.includes("expert-role");
  const hasTemperature = forced.includes("low-temperature");
  const both = `temperature ${literal(", ")} role`;
  if (hasRole && hasTemperature) return `${open} ${both} ${close}`;
  if (hasRole) return `${open} (temperature ${literal(", ")})? role ${close}`;
  if (hasTemperature) return `${open} temperature (${literal(", ")} role)? ${close}`;
  return `(${open} (temperature | role | ${both}) ${close})?`;
}

function bodyRules(body: BodyName, options: SubsetOptions, problem: string): Record<string, string> {
  const { answer } = options;
  const ask = (variable: string, call = "text") => literal(`  const ${variable} = await agent.${call}(`);
  const end = literal(");\n");
  const giveBack = `${literal("  return ")} read ${literal(";\n")}`;
  const review = `"\`" ${problem} ${literal("\\n\\nDraft:\\n${draft}\\n\\n")} ${anyOf(phrasesOf("check-draft"))} (" " free)? (" " format)? "\`"`;
  const voted = `${literal("  return vote(replies.map((reply) => ")} read ${literal("));\n")}`;
  switch (body) {
    case "single":
      return { single: `${ask("[reply]")} prompt one-options ${end} ${giveBack}` };
    case "json": {
      const value = READ_REPLY[answer].replaceAll("reply", "answer");
      return {
        json: `${ask("{ answer }", "json")} prompt ${literal(', ["reasoning", "answer"]')} one-options ${end} ${literal(`  return ${answer === "text" || answer === "commands" ? "answer" : value};\n`)}`,
      };
    }
    case "vote":
      return { vote: `${ask("replies")} prompt many-options ${end} ${voted}` };
    case "check":
      return {
        check: `${ask("[draft]")} prompt one-options ${end} ${ask("[reply]")} review one-options ${end} ${giveBack}`,
        review,
      };
    case "check-vote":
      return {
        "check-vote": `${ask("drafts")} prompt many-options ${end} ${literal("  const replies = [];\n  for (const draft of drafts) {\n    const [reply] = await agent.text(")} review one-options-free ${literal(");\n    replies.push(reply);\n  }\n")} ${voted}`,
        "one-options-free": oneOptions([]),
        review,
      };
    case "weak":
      return {
        weak: `${ask("drafts", "weak.text")} prompt ${literal(`, { ${optionName("n")}: `)} ${anyOf(phrasesOf("weak-drafts"))} ${literal(", ")} temperature-key ${anyOf(["0.5", "0.7", "1"])} ${literal(" }")} ${end} ${ask("[reply]")} synthesis one-options ${end} ${giveBack}`,
        synthesis: `"\`" ${problem} ${literal('\\n\\nDrafts of a weaker model:\\n${drafts.join("\\n---\\n")}\\n\\n')} ${anyOf(answer === "writing" ? EDIT_DRAFTS : SOLVE_AFTER_DRAFTS)} (" " free)? (" " format)? "\`"`,
      };
    case "critique":
      return {
        critique: `${ask("[draft]")} prompt one-options ${end} ${ask("[critique]")} remarks ${end} ${ask("[reply]")} rewrite one-options ${end} ${giveBack}`,
        remarks: `"\`" ${problem} ${literal("\\n\\nDraft:\\n${draft}\\n\\n")} ${anyOf(phrasesOf("critique-draft"))} "\`"`,
        rewrite: `"\`" ${problem} ${literal("\\n\\nDraft:\\n${draft}\\n\\nCritique:\\n${critique}\\n\\nRewrite the draft so that it keeps every point of the request.")} (" " free)? (" " format)? "\`"`,
      };
    case "program":
      return {
        program: `${ask("[reply]")} request one-options ${end} ${literal(`  const run = await agent.runPython(code(reply));\n  return ${answer === "number" ? "number(run.stdout)" : "run.stdout.trim()"};\n`)}`,
        request: `"\`" ${problem} ${literal("\\n\\n")} ${anyOf(phrasesOf("code-arithmetic"))} (" " free)? "\`"`,
      };
    case "tool":
      return {
        tool: `lookup ${ask("[reply]")} found-prompt one-options ${end} ${giveBack}`,
        ...lookupRules(options, problem),
      };
    case "tool-vote":
      return {
        "tool-vote": `lookup ${ask("replies")} found-prompt many-options ${end} ${voted}`,
        ...lookupRules(options, problem),
      };
  }
}

/** One call of a tool, and the prompt that shows what it found before the problem. */
function lookupRules(options: SubsetOptions, problem: string): Record<string, string> {
  const lookups = toolLookups(options).map((pieces) => pieces.map(anyOf).join(" "));
  return {
    lookup: lookups.length === 1 ? lookups[0]! : `(${lookups.join(" | ")})`,
    "found-prompt": `"\`" ${literal(SHOW_FOUND)} ${problem} ${literal("\\n\\n")} ${instructions(options)} "\`"`,
  };
}
