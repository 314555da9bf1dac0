/** @file Replies of the simulated model as text: the decided answer in the form that was asked for, or buried. */

import type { Random } from "../../core/random.js";
import type { SimulatedItem } from "../../core/simulated-item.js";
import { FORM } from "./simulated-noise.js";
import { type CallProperties, isPlainNumber } from "./simulated-prompt.js";

/** Decisions taken before a word of the reply is written. */
export interface Decision {
  /** The answer told. */
  value: string;
  /** The answer the written program prints, where code was asked for. */
  codeValue: string;
  /** On a yes-or-no question about a draft. */
  isApproved: boolean;
  /** Findings from the measurements, rightly or wrongly read; undefined for items without any. */
  findings: string | undefined;
  /** Values of the fields that the item knows. */
  fields: ReadonlyMap<string, string>;
}

export const NO_QUESTION =
  "I do not see a question here that I could answer. Please give me the full question.";

export function writeReply(
  item: SimulatedItem,
  properties: CallProperties,
  decision: Decision,
  temperature: number,
  random: Random,
): string {
  const { form } = properties;
  const slipChance = FORM.formatSlip + FORM.formatSlipHeat * Math.max(0, temperature - 0.7);
  // Drawn always, so that the other draws do not depend on the form.
  const isSlip = random.chance(slipChance);
  if (form.type === "json") {
    const text = JSON.stringify(
      Object.fromEntries(form.keys.map((key) => [key, jsonValue(key, item, properties, decision)])),
    );
    return isSlip ? `${text.slice(0, -1)},` : text;
  }
  if (properties.asksForFindingsOnly && decision.findings !== undefined) return decision.findings;
  if (properties.asksForValues) return valuesText(item);
  if (properties.asksForPlanOnly) return planText(item);
  if (properties.part !== undefined) return partText(item, properties.part, decision.value);
  if (properties.verdictWords) return verdictText(item, properties.verdictWords, properties, decision);
  const parts: string[] = [];
  if (properties.plansFirst) parts.push(planText(item));
  if (properties.asksForCode) parts.push(codeText(item, decision.codeValue));
  if (properties.asksForSteps) parts.push(stepsText(item, decision.value));
  const isUnstated = form.type === "unstated" || isSlip;
  parts.push(
    isUnstated
      ? looseAnswer(item, properties, decision.value, random)
      : formedAnswer(item, properties, decision.value, parts.length > 0),
  );
  return parts.join("\n\n");
}

/** A letter where the options were shown, else the text of the option. */
function shown(item: SimulatedItem, { seesChoices }: CallProperties, value: string): string {
  return item.choices && !seesChoices ? (optionText(item, value) ?? value) : value;
}

function optionText({ choices }: SimulatedItem, letter: string): string | undefined {
  return choices?.[letter.charCodeAt(0) - 65];
}

/** The numbers of the question as JSON, in their order. */
function valuesText({ question }: SimulatedItem): string {
  const numbers = question.match(/-?\d+(?:\.\d+)?/g) ?? [];
  return JSON.stringify(
    Object.fromEntries(numbers.map((number, index) => [`v${index + 1}`, Number(number)])),
  );
}

/** The worked step that a line of the plan names; lines that name none need no working. */
function partText(item: SimulatedItem, part: string, value: string): string {
  const step = stepLines(item, value).find((line) => part.includes(line.split(/ = | -> |: /)[0]!));
  return step ?? "That stands in the question.";
}

/** The worked steps; of a wrong answer the last one goes wrong. */
function stepsText(item: SimulatedItem, value: string): string {
  return stepLines(item, value)
    .map((line, index) => `Step ${index + 1}: ${line}`)
    .join("\n");
}

function stepLines(item: SimulatedItem, value: string): string[] {
  const steps = item.steps ?? [];
  return steps.map((step, index) => {
    if (index < steps.length - 1 || value === item.answer) return step;
    const told = optionText(item, value) ?? value;
    const right = optionText(item, item.answer) ?? item.answer;
    return step.includes(right)
      ? step.slice(0, step.lastIndexOf(right)) + told
      : `${step.split(/ = | -> /)[0]} = ${told}`;
  });
}

function planText(item: SimulatedItem): string {
  const steps = (item.steps ?? []).map((step) => step.split(/ = | -> |: /)[0]!);
  return [
    "Note what is given and what is asked",
    ...steps.map((step) => `Work out ${step}`),
    "State the answer",
  ]
    .map((line, index) => `${index + 1}. ${line}`)
    .join("\n");
}

function verdictText(
  item: SimulatedItem,
  [yes, no]: readonly [string, string],
  { asksForSteps, form }: CallProperties,
  { isApproved, value }: Decision,
): string {
  const verdict = isApproved ? yes : no;
  if (form.type === "tag") return `<${form.name}>${verdict}</${form.name}>`;
  return asksForSteps ? `${stepsText(item, value)}\n\n${verdict}` : verdict;
}

function codeText(item: SimulatedItem, value: string): string {
  const notes = (item.steps ?? []).slice(0, -1).map((step) => `# ${step.replace(/\s+/g, " ")}`);
  const literal = isPlainNumber(value) ? value : JSON.stringify(value);
  return ["```python", ...notes, `result = ${literal}`, "print(result)", "```"].join("\n");
}

function formedAnswer(
  item: SimulatedItem,
  properties: CallProperties,
  value: string,
  hasMore: boolean,
): string {
  const told = shown(item, properties, value);
  const { form } = properties;
  switch (form.type) {
    case "tag":
      return `<${form.name}>${told}</${form.name}>`;
    case "boxed":
      return `The answer is $\\boxed{${told}}$.`;
    case "hashes":
      return `#### ${told}`;
    case "bare":
      return told;
    default:
      return hasMore || item.choices ? `Final answer: ${told}` : told;
  }
}

/** Nobody said how to answer: often clear all the same, else with other numbers or options behind it. */
function looseAnswer(item: SimulatedItem, properties: CallProperties, value: string, random: Random): string {
  const isBuried = random.chance(properties.asksForSteps ? FORM.buriedAfterSteps : FORM.buriedShort);
  const other = random.integer(2, 9);
  if (item.choices) {
    const text = optionText(item, value) ?? value;
    const rival = optionText(item, item.distractors.find((letter) => letter !== value) ?? value) ?? text;
    if (isBuried) return `It looks like ${text}, although ${rival} is close too.`;
    return properties.seesChoices ? `The answer is ${value}: ${text}.` : `I would say ${text}.`;
  }
  if (isPlainNumber(item.answer)) {
    return isBuried ? `That comes to ${value}, counted in ${other} parts.` : `The answer is ${value}.`;
  }
  return isBuried ? `One gets ${value} after ${other} steps, I believe.` : `The answer is ${value}.`;
}

const YES_NO_KEY = /^(?:is_?)?(?:correct|right|valid|ok|okay|approved?|agree|verdict|passed|accept)/i;
const FINDINGS_KEY = /sensor|reading|measure|finding/i;
const TEXT_KEY =
  /reason|step|think|thought|work|explan|analysis|calc|rationale|derivation|critique|feedback|comment/i;

function jsonValue(key: string, item: SimulatedItem, properties: CallProperties, decision: Decision): string {
  const field = decision.fields.get(key);
  if (field !== undefined) return field;
  if (/plan|outline|sub/i.test(key)) return planText(item);
  if (FINDINGS_KEY.test(key) && decision.findings !== undefined) return decision.findings;
  if (TEXT_KEY.test(key)) return stepsText(item, decision.value) || "It follows from the question.";
  if (YES_NO_KEY.test(key)) return decision.isApproved ? "yes" : "no";
  if (/code|program/i.test(key)) return codeText(item, decision.codeValue);
  if (/confiden|certain|probab/i.test(key)) return decision.isApproved ? "0.9" : "0.6";
  return shown(item, properties, decision.value);
}
