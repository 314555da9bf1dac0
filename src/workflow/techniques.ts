/** @file One table of prompting techniques: it feeds the menu in prompts, the grammar and forced exploration. */
import { ConfigError } from "../core/errors.js";
import { nearHint } from "../core/near-names.js";
import type { AnswerKind } from "./answer-kind.js";

/** What decides which techniques exist. */
export interface TechniqueSpace {
  answer: AnswerKind;
  /** Names of the optional calls that exist for a task ("weak", "runPython"). */
  offers: ReadonlySet<string>;
  /** Aliases of further executors. Default none. */
  models?: readonly string[] | undefined;
  /** The task in words. Default none. */
  description?: string | undefined;
  /** Techniques that are left out, by name. Default none. */
  without?: readonly string[] | undefined;
}

/** Place in a workflow where the grammar puts a technique. */
export type TechniqueSlot =
  /** A sentence of the instruction. */
  | "instruction"
  /** An option of the asking call. */
  | "role"
  | "temperature"
  | "length"
  | "model"
  /** Solved items before the problem. */
  | "examples"
  /** The body of the workflow is built around it. */
  | "shape";

export interface Technique {
  name: string;
  slot: TechniqueSlot;
  /** Purpose of the technique, as the menu says it. */
  meaning: string;
  /** Texts that the grammar writes: alternatives of a sentence, a role or an option. */
  phrases: readonly string[];
  /** Pattern that recognises the technique in any source, also in free JavaScript. */
  pattern: RegExp;
  /** Patterns that have to follow it in this order. Default none. */
  followedBy?: readonly RegExp[] | undefined;
  /** Kinds of answer that the technique is for. Default all. */
  answers?: readonly AnswerKind[] | undefined;
  /** What it needs beside the strong model: optional calls, and what `needsMet` adds. */
  offers?: readonly string[] | undefined;
  /** Paper it comes from; "own" where none is known to us. */
  source: string;
}

/** Kinds of answer that are short and can be compared. */
const SHORT = ["number", "choice", "text"] as const;

export const TECHNIQUES: readonly Technique[] = [
  {
    name: "steps",
    slot: "instruction",
    meaning: "ask for the solution step by step",
    phrases: ["Think step by step.", "Work through it step by step.", "Show every step of the solution."],
    pattern: /step[- ]by[- ]step|every step|reason(?:ing)? carefully/i,
    answers: ["number", "choice", "text", "commands"],
    source: "Kojima et al. 2022, arXiv 2205.11916",
  },
  {
    name: "plan",
    slot: "instruction",
    meaning: "ask for a plan or for the parts of the problem first",
    phrases: ["First make a short plan, then carry it out.", "First split the problem into smaller parts."],
    pattern: /\bplan\b|split the problem|smaller parts|decompose|sub-?problems?/i,
    answers: ["number", "choice", "text", "code", "commands"],
    source: "Wang et al. 2023, arXiv 2305.04091",
  },
  {
    name: "careful-reading",
    slot: "instruction",
    meaning: "ask to list the given facts and leave out what does not matter",
    phrases: ["First list the facts that matter.", "Ignore facts that do not matter."],
    pattern: /facts that (?:do not )?matter|list the (?:given )?facts|irrelevant/i,
    answers: ["number", "choice", "text", "commands"],
    source: "Shi et al. 2023, arXiv 2302.00093",
  },
  {
    name: "sensors-first",
    slot: "instruction",
    meaning: "ask to read the noisy sensors first",
    phrases: [
      "First read the sensors, by the middle one of their readings.",
      "First work out the free cells from the sensor readings.",
    ],
    pattern: /read the sensors|sensor readings/i,
    answers: ["commands"],
    source: "own",
  },
  {
    name: "answer-format",
    slot: "instruction",
    meaning: "state the form of the answer",
    phrases: [],
    pattern:
      /(?:end|finish) with|final answer|finished text|<answer>|program in one code block|(?<!prints )only the (?:number|letter|answer)/i,
    source: "own",
  },
  {
    name: "expert-role",
    slot: "role",
    meaning: "give the model a role",
    phrases: ["a careful expert", "a patient teacher", "an exact accountant", "a skilled problem solver"],
    pattern: /\brole\s*:/,
    source: "Xu et al. 2023, arXiv 2305.14688",
  },
  {
    name: "self-consistency",
    slot: "shape",
    meaning: "ask for several replies and vote",
    phrases: ["3", "5", "7"],
    pattern: /\bvote\s*\(/,
    answers: ["number", "choice", "text", "commands"],
    source: "Wang et al. 2022, arXiv 2203.11171",
  },
  {
    name: "low-temperature",
    slot: "temperature",
    meaning: "ask with a low temperature",
    phrases: ["0", "0.2"],
    pattern: /temperature\s*:\s*0(?:\.[0-3]\d*)?(?![\d.])/,
    source: "own",
  },
  {
    name: "check-draft",
    slot: "shape",
    meaning: "let a second call check and correct the draft",
    phrases: [
      "Check this draft for mistakes and correct it.",
      "Find mistakes in this draft, then solve the problem again.",
      "Verify each step of this draft.",
    ],
    pattern:
      /(?:check|verify|find mistakes in|correct) (?:each step of )?(?:this|the) (?:draft|solution|answer)/i,
    answers: ["number", "choice", "text", "code", "commands"],
    source: "Madaan et al. 2023, arXiv 2303.17651",
  },
  {
    name: "critique-draft",
    slot: "shape",
    meaning: "let a second call criticise the draft and a third one rewrite it",
    phrases: [
      "Go through the request point by point and name, in a short list, what the draft breaks.",
      "Name the weakest passage, what is missing, and what breaks the request.",
    ],
    pattern: /\bcritique\b/i,
    answers: ["writing"],
    source: "Madaan et al. 2023, arXiv 2303.17651",
  },
  {
    name: "weak-drafts",
    slot: "shape",
    meaning: "let the small local model draft, and the strong one decide",
    phrases: ["2", "3"],
    pattern: /agent\.weak\./,
    offers: ["weak"],
    source: "own",
  },
  {
    name: "program",
    slot: "shape",
    meaning: "let the model write a Python program and run it",
    phrases: [
      "Do not solve it. Write a short Python program that computes the answer from the given data and prints it. Give it in one code block.",
    ],
    pattern: /runPython\s*\(/,
    answers: SHORT,
    offers: ["runPython"],
    source: "Chen et al. 2022, arXiv 2211.12588; Gao et al. 2022, arXiv 2211.10435",
  },
  {
    name: "code-then-words",
    slot: "shape",
    meaning: "ask by words where the program fails",
    phrases: [],
    pattern: /runPython\s*\(/,
    followedBy: [/\bif\s*\(/, /agent\.(?:weak\.)?(?:text|json)\s*\(/],
    answers: SHORT,
    offers: ["runPython"],
    source: "own",
  },
  {
    name: "program-vote",
    slot: "shape",
    meaning: "run several programs and vote",
    phrases: ["3", "5"],
    pattern: /runPython\s*\(/,
    followedBy: [/\bvote\s*\(/],
    answers: SHORT,
    offers: ["runPython"],
    source: "Chen et al. 2022, arXiv 2211.12588",
  },
  {
    name: "extract-compute",
    slot: "shape",
    meaning: "extract the values first, then let a program compute",
    phrases: [
      "Write all values that the question gives as one JSON object with short names. Do not solve it.",
      "Write all values that the question gives, one a line, as name = value. Do not solve it.",
    ],
    pattern: /all values that/i,
    followedBy: [/runPython\s*\(/],
    answers: SHORT,
    offers: ["runPython"],
    source: "own, after the tables of Chen et al. 2022, arXiv 2211.12588",
  },
  {
    name: "one-program",
    slot: "shape",
    meaning: "write one program for all questions",
    phrases: [
      "Write one Python program for every question of this task. It reads the question from standard input and prints only the answer. Give it in one code block.",
      "Every question of this task comes on standard input. Write one Python program that solves them all: it reads one question and prints only the answer. Give it in one code block.",
    ],
    pattern: /every question of this task/i,
    followedBy: [/runPython\s*\(/],
    answers: SHORT,
    offers: ["runPython", "description"],
    source: "Cai et al. 2023, arXiv 2305.17126",
  },
  {
    name: "test-repair",
    slot: "shape",
    meaning: "run the public tests and repair what fails",
    phrases: ["Give the corrected program.", "Find the mistake, then give the whole corrected program."],
    pattern: /agent\.test\s*\(/,
    answers: ["code"],
    offers: ["test"],
    source: "Chen et al. 2023, arXiv 2304.05128",
  },
  {
    name: "test-escalate",
    slot: "shape",
    meaning: "let another model repair what fails its tests",
    phrases: [],
    pattern: /agent\.test\s*\(/,
    followedBy: [/\bmodel\s*:\s*["'`]/],
    answers: ["code"],
    offers: ["test", "model"],
    source: "Chen et al. 2023, arXiv 2305.05176",
  },
  {
    name: "weak-first",
    slot: "shape",
    meaning: "let the small local model write, and the strong one repair what fails its tests",
    phrases: [],
    pattern: /agent\.weak\./,
    followedBy: [/agent\.test\s*\(/, /agent\.text\s*\(/],
    answers: ["code"],
    offers: ["test", "weak"],
    source: "Chen et al. 2023, arXiv 2305.05176",
  },
  {
    name: "escalate",
    slot: "shape",
    meaning: "ask once more, or a stronger model, where votes disagree",
    phrases: ["0.6", "0.8"],
    pattern: /\bagreement\s*\(/,
    answers: SHORT,
    source: "Yue et al. 2023, arXiv 2310.03094",
  },
  {
    name: "ask-again",
    slot: "shape",
    meaning: "ask again more plainly where a reply cannot be read",
    phrases: ["Answer again, briefly and plainly.", "Give the answer now, without any detour."],
    pattern: /\.isCut\b/,
    answers: ["number", "choice", "text", "code", "commands"],
    source: "own",
  },
  {
    name: "decompose",
    slot: "shape",
    meaning: "solve sub-questions apart and join them",
    phrases: [
      "Write up to four sub-questions that lead to the answer, one a line. Do not solve them.",
      "List the sub-questions that have to be solved first, one a line, at most four. Do not solve them.",
    ],
    pattern: /sub-?questions/i,
    answers: SHORT,
    source: "Zhou et al. 2022, arXiv 2205.10625",
  },
  {
    name: "prompt-vote",
    slot: "shape",
    meaning: "ask in three different ways and vote",
    phrases: [],
    pattern: /Promise\.all\(\s*\[/,
    followedBy: [/agent\.(?:weak\.)?text\s*\(/, /\bvote\s*\(/],
    answers: SHORT,
    source: "Arora et al. 2022, arXiv 2210.02441",
  },
  {
    name: "few-shot",
    slot: "examples",
    meaning: "show solved examples",
    phrases: ["3", "5", "8"],
    pattern: /agent\.examples\s*\(/,
    answers: SHORT,
    offers: ["examples"],
    source: "Brown et al. 2020, arXiv 2005.14165",
  },
  {
    name: "near-examples",
    slot: "examples",
    meaning: "show the solved examples nearest to the question",
    phrases: ["near: true"],
    pattern: /\bnear\s*:\s*true/,
    answers: SHORT,
    offers: ["examples"],
    source: "Liu et al. 2021, arXiv 2101.06804",
  },
  {
    name: "worked-examples",
    slot: "examples",
    meaning: "show examples with worked solutions",
    phrases: ["worked: true"],
    pattern: /\bworked\s*:\s*true/,
    answers: SHORT,
    offers: ["examples"],
    source: "Wei et al. 2022, arXiv 2201.11903",
  },
  {
    name: "other-model",
    slot: "model",
    meaning: "ask another model",
    phrases: [],
    pattern: /\bmodel\s*:\s*["'`]/,
    offers: ["model"],
    source: "own",
  },
  {
    name: "short-replies",
    slot: "length",
    meaning: "limit the length of replies",
    phrases: ["64", "256", "1024"],
    pattern: /\bmaxTokens\s*:/,
    answers: [...SHORT, "commands"],
    source: "own",
  },
  {
    name: "tool-lookup",
    slot: "shape",
    meaning: "call a tool and answer from what it finds",
    phrases: [],
    pattern: /agent\.tool\s*\(/,
    answers: SHORT,
    offers: ["tool"],
    source: "Schick et al. 2023, arXiv 2302.04761",
  },
];

/** Techniques that a task and its models allow. */
export function techniqueNames(space: TechniqueSpace): string[] {
  return available(space).map(({ name }) => name);
}

function available(space: TechniqueSpace): Technique[] {
  const offers = needsMet(space);
  return TECHNIQUES.filter(
    (technique) =>
      !space.without?.includes(technique.name) &&
      (technique.offers ?? []).every((offer) => offers.has(offer)) &&
      (technique.answers === undefined || technique.answers.includes(space.answer)),
  );
}

/** The offered calls, with what else a technique can need: "model" (an alias), "description". */
function needsMet({ offers, models = [], description = "" }: TechniqueSpace): Set<string> {
  const met = new Set(offers);
  if (models.length > 0) met.add("model");
  if (description.trim() !== "") met.add("description");
  return met;
}

/**
 * Names of the techniques to leave out, from the list with commas of the setting `without`.
 * @throws {ConfigError} on a name that no technique has
 */
export function techniquesLeftOut(list: string | undefined): string[] {
  const names = (list ?? "").split(",").map((name) => name.trim());
  const known = TECHNIQUES.map(({ name }) => name);
  return names.filter((name) => {
    if (name !== "" && !known.includes(name))
      throw new ConfigError(`without: ${JSON.stringify(name)} is no technique`, {
        hint: nearHint(name, known),
      });
    return name !== "";
  });
}

/** The menu that prompts show. */
export function techniqueMenu(space: TechniqueSpace): string {
  return `Techniques: ${available(space)
    .map(({ meaning }) => meaning)
    .join("; ")}.`;
}

/** Names of the techniques a source uses, in the order of the table; read from the text, so a hint and no proof. */
export function detectTechniques(source: string): string[] {
  return TECHNIQUES.filter(({ pattern, followedBy = [] }) => occur([pattern, ...followedBy], source)).map(
    ({ name }) => name,
  );
}

/** One behind the other; one pattern with gaps would take the square of a long source's length. */
function occur(patterns: readonly RegExp[], source: string): boolean {
  let rest = source;
  return patterns.every((pattern) => {
    const match = pattern.exec(rest);
    rest = match ? rest.slice(match.index + match[0].length) : "";
    return match !== null;
  });
}
