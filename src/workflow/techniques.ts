/** @file One table of prompting techniques: it feeds the menu in prompts, the grammar and forced exploration. */
import type { AnswerKind } from "./answer-kind.js";

export interface Offers {
  /** Names of the optional calls that exist for a task. */
  offers: ReadonlySet<string>;
}

/** Place in a workflow where the grammar puts a technique. */
export type TechniqueSlot =
  /** A sentence of the instruction. */
  | "instruction"
  /** An option of the asking call. */
  | "role"
  | "temperature"
  /** Several replies and a vote. */
  | "replies"
  /** A second call that sees the first reply. */
  | "check"
  /** Between draft and final text a call that only criticises. */
  | "critique"
  /** Replies of the local model come first. */
  | "weak"
  /** A program is asked for and run. */
  | "program"
  /** A tool of the user is called first. */
  | "tool";

export interface Technique {
  name: string;
  slot: TechniqueSlot;
  /** Purpose of the technique, as the menu says it. */
  meaning: string;
  /** Texts that the grammar writes: alternatives of a sentence, a role or an option. */
  phrases: readonly string[];
  /** Pattern that recognises the technique in any source, also in free JavaScript. */
  pattern: RegExp;
  /** Kinds of answer that the technique is for. Default all. */
  answers?: readonly AnswerKind[] | undefined;
  offer?: string | undefined;
}

export const TECHNIQUES: readonly Technique[] = [
  {
    name: "steps",
    slot: "instruction",
    meaning: "ask for the solution step by step",
    phrases: ["Think step by step.", "Work through it step by step.", "Show every step of the solution."],
    pattern: /step[- ]by[- ]step|every step|reason(?:ing)? carefully/i,
    answers: ["number", "choice", "text", "commands"],
  },
  {
    name: "plan",
    slot: "instruction",
    meaning: "ask for a plan or for the parts of the problem first",
    phrases: ["First make a short plan, then carry it out.", "First split the problem into smaller parts."],
    pattern: /\bplan\b|split the problem|smaller parts|decompose|sub-?problems?/i,
    answers: ["number", "choice", "text", "code", "commands"],
  },
  {
    name: "careful-reading",
    slot: "instruction",
    meaning: "ask to list the given facts and leave out what does not matter",
    phrases: ["First list the facts that matter.", "Ignore facts that do not matter."],
    pattern: /facts that (?:do not )?matter|list the (?:given )?facts|irrelevant/i,
    answers: ["number", "choice", "text", "commands"],
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
  },
  {
    name: "answer-format",
    slot: "instruction",
    meaning: "state the form of the answer",
    phrases: [],
    pattern:
      /(?:end|finish) with|final answer|finished text|<answer>|in one code block|(?<!prints )only the (?:number|letter|answer)/i,
  },
  {
    name: "expert-role",
    slot: "role",
    meaning: "give the model a role",
    phrases: ["a careful expert", "a patient teacher", "an exact accountant", "a skilled problem solver"],
    pattern: /\brole\s*:/,
  },
  {
    name: "self-consistency",
    slot: "replies",
    meaning: "ask for several replies and vote",
    phrases: ["3", "5", "7"],
    pattern: /\bvote\s*\(/,
    answers: ["number", "choice", "text", "commands"],
  },
  {
    name: "low-temperature",
    slot: "temperature",
    meaning: "ask with a low temperature",
    phrases: ["0", "0.2"],
    pattern: /temperature\s*:\s*0(?:\.[0-3]\d*)?(?![\d.])/,
  },
  {
    name: "check-draft",
    slot: "check",
    meaning: "let a second call check and correct the draft",
    phrases: [
      "Check this draft for mistakes and correct it.",
      "Find mistakes in this draft, then solve the problem again.",
      "Verify each step of this draft.",
    ],
    pattern:
      /(?:check|verify|find mistakes in|correct) (?:each step of )?(?:this|the) (?:draft|solution|answer)/i,
    answers: ["number", "choice", "text", "code", "commands"],
  },
  {
    name: "critique-draft",
    slot: "critique",
    meaning: "let a second call criticise the draft and a third one rewrite it",
    phrases: [
      "Go through the request point by point and name, in a short list, what the draft breaks.",
      "Name the weakest passage, what is missing, and what breaks the request.",
    ],
    pattern: /\bcritique\b/i,
    answers: ["writing"],
  },
  {
    name: "weak-drafts",
    slot: "weak",
    meaning: "let the small local model draft, and the strong one decide",
    phrases: ["2", "3"],
    pattern: /agent\.weak\./,
    offer: "weak",
  },
  {
    name: "code-arithmetic",
    slot: "program",
    meaning: "let the model write a Python program and run it",
    phrases: [
      "Write a Python program that prints the answer.",
      "Solve it with a short Python program that prints only the answer.",
    ],
    pattern: /runPython\s*\(/,
    answers: ["number", "text"],
    offer: "runPython",
  },
  {
    name: "tool-lookup",
    slot: "tool",
    meaning: "call a tool and answer from what it finds",
    phrases: [],
    pattern: /agent\.tool\s*\(/,
    answers: ["number", "choice", "text"],
    offer: "tool",
  },
];

/** Techniques that a task and its models allow. */
export function techniqueNames({ offers, answer }: Offers & { answer: AnswerKind }): string[] {
  return available({ offers, answer }).map((technique) => technique.name);
}

function available({ offers, answer }: Offers & { answer?: AnswerKind | undefined }): Technique[] {
  return TECHNIQUES.filter(
    (technique) =>
      (technique.offer === undefined || offers.has(technique.offer)) &&
      // A menu for no particular answer is that of questions in text.
      (technique.answers === undefined || technique.answers.includes(answer ?? "text")),
  );
}

/** The menu that prompts show. */
export function techniqueMenu({ offers, answer }: Offers & { answer?: AnswerKind | undefined }): string {
  const names = available({ offers, answer });
  return `Techniques: ${names.map((technique) => technique.meaning).join("; ")}.`;
}

/** Names of the techniques a source uses, in the order of the table; read from the text, so a hint and no proof. */
export function detectTechniques(source: string): string[] {
  return TECHNIQUES.filter((technique) => technique.pattern.test(source)).map((technique) => technique.name);
}
