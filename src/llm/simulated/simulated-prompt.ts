/** @file What a simulated model understands of a call: the documented properties, read from words of plain prompts. */
import type { SimulatedItem } from "../../core/simulated-item.js";
import type { ChatRequest } from "../chat-model.js";
import { escapeRegExp } from "../escape-text.js";
import { foldSpaces } from "./simulated-item-bank.js";

/** Form in which the answer is to be written. */
type AnswerForm =
  | { type: "unstated" }
  /** Form stated in words only: "end with the number". */
  | { type: "line" }
  /** The answer and nothing else. */
  | { type: "bare" }
  | { type: "tag"; name: string }
  | { type: "boxed" }
  | { type: "hashes" }
  | { type: "json"; keys: string[] };

export interface CallProperties {
  asksForSteps: boolean;
  /** A plan is wanted and the answer is not. */
  asksForPlanOnly: boolean;
  /** A plan is to be made in the same reply, before the answer. */
  plansFirst: boolean;
  /** True when the prompt asks to set apart what matters. */
  sortsFacts: boolean;
  asksForCode: boolean;
  /** The values that the question gives are wanted and the answer is not. */
  asksForValues: boolean;
  /** One part of a plan is to be solved and nothing else; the part as it stands in the prompt. */
  part: string | undefined;
  /** "Is it right? yes or no" about a draft: the two words to choose from, the approving one first. */
  verdictWords: readonly [string, string] | undefined;
  asksToCheck: boolean;
  hasPlan: boolean;
  hasRole: boolean;
  /** True when the prompt asks to read the item's measurements first. */
  readsFindings: boolean;
  /** The findings are wanted and the answer is not. */
  asksForFindingsOnly: boolean;
  /** Findings that stand in the prompt, by whether they are right. */
  givenFindings: "right" | "wrong" | undefined;
  /** Share of what the answer rests on that is not in the prompt: of its facts, else the passage as a whole. */
  unseen: number;
  seesChoices: boolean;
  /** Answers that stand in the prompt, in order, with repeats. */
  drafts: string[];
  form: AnswerForm;
}

const STEPS =
  /\bstep[- ]by[- ]step\b|\bstep at a time\b|\b(?:each|every|all|small|single|one|your) steps?\b|\b(?:show|write|explain|give|list)\b[^.?!]{0,24}\b(?:reasoning|working|work|steps?|calculation|derivation)\b|\b(?:think|reason|work|go)\b[^.?!]{0,24}\b(?:through|carefully|aloud|out)\b|\bchain of thought\b|\breason (?:about|before|first)\b/i;
const PLAN_ONLY =
  /\b(?:do not|don't|without|instead of)\b[^.?!]{0,20}\b(?:solv|answer|comput|calculat)|\b(?:only|just)\b[^.?!]{0,12}\b(?:plan|outline|sub-?questions|sub-?problems)\b/i;
const PLAN_WANTED =
  /\b(?:write|make|list|give|draft|outline|create|sketch|produce)\b[^.?!]{0,30}\b(?:plan|outline|sub-?questions|sub-?problems)\b|\b(?:break|split)\b[^.?!]{0,30}\binto\b|\bdecompose\b|\boutline\b[^.?!]{0,20}\b(?:how|steps|approach)\b/i;
const PLAN_THEN = /\b(?:first|then|afterwards|and (?:solve|answer|carry|follow))\b/i;
const FACTS =
  /\b(?:facts?|information|givens?|details?|data|quantities)\b[^.?!]{0,30}\b(?:matters?|relevant|irrelevant|needed|important|given|known)\b|\b(?:irrelevant|relevant)\b|\blist\b[^.?!]{0,12}\b(?:givens?|known|facts)\b|\brestate\b/i;
const PLAN_WORD = /\bplan\b|\bsub-?(?:questions|problems|steps|tasks)\b|\boutline\b|\bapproach\b/i;
const VALUES = /\b(?:write|list|give|extract|copy)\b[^.?!]{0,30}\bvalues\b/i;
const PART = /\bsolve only this part: (.+)$/i;
const CODE = /\b(?:python|program|script|code)\b/i;
const CHECK =
  /\b(?:check|verify|review|re-?check|double-?check|validate|critique|criticise|criticize|proofread|examine|inspect|audit)\b|\b(?:find|fix|correct|spot)\b[^.?!]{0,20}\b(?:mistakes?|errors?|answers?|drafts?|solutions?|it|them)\b|\b(?:is|are|be|was|were)\b[^.?!]{0,24}\b(?:right|correct|wrong)\b|\b(?:revise|refine|improve)\b/i;
const CHOOSE =
  /\b(?:choose|pick|select|decide|compare|combine|aggregate|merge|judge|rank|weigh|synthesi[sz]e|reconcile)\b|\bmost (?:common|consistent|likely|frequent|plausible)\b|\bmajority\b|\bbest (?:of|one|answer|candidate)\b/i;
const VERDICT =
  /["'`]?\b(yes|correct|right|true)\b["'`]?\s*(?:or|\/|,)\s*["'`]?\b(no|incorrect|wrong|false)\b/i;
const ROLE =
  /\b(?:expert|careful|meticulous|precise|experienced|skilled|mathematician|teacher|tutor|accountant|analyst|specialist|professional|logician|engineer|scientist|detective|professor|solver|checker|reviewer)\b/i;
const BARE =
  /\bnothing else\b|\bno (?:explanation|other text|words|reasoning|working)\b|\bwithout (?:any )?(?:explanation|reasoning|working)\b|\b(?:only|just)\b[^.?!]{0,16}\b(?:answer|number|letter|result|value|string|word|time|name)\b|\b(?:answer|number|letter|result|value)\b only\b/i;
const FORM_LINE =
  /\bfinal (?:answer|line|result)\b|\blast line\b|\b(?:end|finish|conclude|close)\b[^.?!]{0,24}\b(?:with|by|in)\b|\b(?:reply|respond|answer|return|output)\b[^.?!]{0,16}\b(?:with|as|in)\b[^.?!]{0,24}\b(?:number|letter|answer|word|form|format|option|value|result|string|line)\b|\bin the form(?:at)?\b|\banswer:/i;
const FINDINGS =
  /\b(?:read|analy[sz]e|interpret|evaluate|combine|turn|work out|use)\b[^.?!]{0,40}\b(?:sensors?|readings?|measurements?)\b|\b(?:median|middle)\b/i;
const FINDINGS_ONLY =
  /\b(?:no|not|without)\b[^.?!]{0,20}\bcommands?\b|\b(?:only|just)\b[^.?!]{0,24}\b(?:free cells|distances|findings|sensors?|readings?)\b/i;
const REASONING_KEY = /reason|step|think|thought|work|explan|analysis|calc|rationale|plan|derivation/i;
const ANSWER_TAG = /^(?:answer|final|final_?answer|result|solution|output|choice|value|response)$/i;

/** Reads the properties of a request about `item`. */
export function readProperties(request: ChatRequest, item: SimulatedItem): CallProperties {
  const whole = promptText(request);
  const told = withoutItem(whole, item);
  // Findings name commands that nobody has proposed: they are read apart from drafts.
  const words = withoutFindings(told, item);
  const isBare = BARE.test(words);
  const form = readForm(request, words, isBare);
  const asksForCode = CODE.test(words) && /\b(?:write|use|give|as|solve|using|with|in)\b/i.test(words);
  const drafts = findDrafts(words, item);
  const asksToCheck = CHECK.test(words) || CHOOSE.test(words);
  const wantsPlan = PLAN_WANTED.test(words);
  const isPlanAll = form.type === "unstated" && !PLAN_THEN.test(words);
  const asksForPlanOnly = wantsPlan && drafts.length === 0 && (PLAN_ONLY.test(words) || isPlanAll);
  return {
    // Whoever may write nothing but the answer has nowhere to think; JSON needs a key for it, before the answer.
    asksForSteps: form.type === "json" ? thinksInJson(form.keys) : STEPS.test(words) && form.type !== "bare",
    asksForPlanOnly,
    plansFirst: wantsPlan && !asksForPlanOnly && form.type !== "bare",
    sortsFacts: FACTS.test(words),
    asksForCode,
    asksForValues: VALUES.test(words) && PLAN_ONLY.test(words),
    part: PART.exec(words)?.[1],
    verdictWords: drafts.length > 0 ? readVerdictWords(words) : undefined,
    asksToCheck,
    hasPlan: PLAN_WORD.test(words) && /(?:^|\s)1[.)]\s.{3,}\s2[.)]\s/.test(words),
    hasRole: hasRole(request, words),
    readsFindings: item.findings !== undefined && FINDINGS.test(words),
    asksForFindingsOnly: item.findings !== undefined && FINDINGS.test(words) && FINDINGS_ONLY.test(words),
    givenFindings: givenFindings(told, item),
    unseen: unseenShare(whole, item),
    seesChoices:
      item.choices === undefined || item.choices.every((choice) => whole.includes(foldSpaces(choice))),
    drafts,
    form,
  };
}

/** All messages as one text with single spaces. */
export function promptText({ messages }: ChatRequest): string {
  return foldSpaces(messages.map(({ content }) => content).join("\n"));
}

function unseenShare(whole: string, { facts, context }: SimulatedItem): number {
  const needed = facts && facts.length > 0 ? facts : context === undefined ? [] : [context];
  const missing = needed.filter((part) => !whole.includes(foldSpaces(part)));
  return needed.length === 0 ? 0 : missing.length / needed.length;
}

/** Passages between these tags, what a tool has found or solved examples: they are no instructions. */
const FOUND = /<(found|examples)>.*?<\/\1>/g;

/** Question, passages and option list taken out: what remains are instructions and drafts. */
function withoutItem(text: string, item: SimulatedItem): string {
  let rest = text.replace(FOUND, " ");
  for (const part of [item.question, item.context]) {
    if (part === undefined) continue;
    const folded = foldSpaces(part);
    rest = rest.replaceAll(folded, " ").replaceAll(JSON.stringify(folded).slice(1, -1), " ");
  }
  for (const [index, choice] of (item.choices ?? []).entries()) {
    const letter = String.fromCharCode(65 + index);
    rest = rest.replace(new RegExp(`\\(?${letter}\\s?[.):]+\\s*${escapeRegExp(foldSpaces(choice))}`), " ");
  }
  return rest;
}

function findingTexts({ findings, misfindings = [] }: SimulatedItem): string[] {
  return findings === undefined ? [] : [findings, ...misfindings].map(foldSpaces);
}

function withoutFindings(text: string, item: SimulatedItem): string {
  return findingTexts(item).reduce((rest, findings) => rest.replaceAll(findings, " "), text);
}

/** Wrong ones among several lead along, too. */
function givenFindings(text: string, item: SimulatedItem): CallProperties["givenFindings"] {
  const [right, ...wrong] = findingTexts(item);
  if (wrong.some((findings) => text.includes(findings))) return "wrong";
  return right !== undefined && text.includes(right) ? "right" : undefined;
}

function readForm({ json }: ChatRequest, words: string, isBare: boolean): AnswerForm {
  const keys = [
    ...new Set([...words.matchAll(/["'`]([A-Za-z_][\w-]{0,40})["'`]\s*:/g)].map((match) => match[1]!)),
  ];
  if (json || (/\bJSON\b/i.test(words) && keys.length > 0))
    return { type: "json", keys: keys.length > 0 ? keys : ["answer"] };
  const tags = [...words.matchAll(/<([A-Za-z]\w{0,20})>/g)].map((match) => match[1]!);
  const tag = tags.find((name) => ANSWER_TAG.test(name));
  if (tag !== undefined) return { type: "tag", name: tag };
  if (/\\boxed\b/.test(words)) return { type: "boxed" };
  if (/####/.test(words)) return { type: "hashes" };
  if (isBare) return { type: "bare" };
  return FORM_LINE.test(words) ? { type: "line" } : { type: "unstated" };
}

function readVerdictWords(words: string): readonly [string, string] | undefined {
  const found = VERDICT.exec(words);
  return found ? [found[1]!, found[2]!] : undefined;
}

function thinksInJson(keys: readonly string[]): boolean {
  const reasoning = keys.findIndex((key) => REASONING_KEY.test(key));
  const answer = keys.findIndex((key) => !REASONING_KEY.test(key));
  return reasoning >= 0 && (answer < 0 || reasoning < answer);
}

function hasRole({ messages }: ChatRequest, words: string): boolean {
  const system = messages
    .filter(({ role }) => role === "system")
    .map(({ content }) => content)
    .join(" ");
  const told = /\b(?:you are|act as|as an?)\b[^.!?]{0,80}/i.exec(words)?.[0] ?? "";
  return ROLE.test(system) || ROLE.test(told);
}

/** Stands right before a value that is an answer: a tag, "answer is", "Drafts of …:", "####". */
const DRAFT_MARK =
  /(?:<\w{1,20}>|\b(?:answers?|answered|result|solution|reply|replies|attempts?|guess|votes?|final|choice|option|boxed)\b["'*]{0,3}[^A-Za-z0-9.-]{0,6}(?:(?:is|was|are|were|of|number|says?|said)\b[^A-Za-z0-9.-]{0,4})?|\b(?:drafts?|proposals?|proposed|candidates?|answers|replies|votes|attempts|guesses|solutions)\b[^.:!?]{0,40}:|####)[\s"'([$*{\\]*(?:\d{1,2}[.):]\s+)?["'([$*{\\]*$/i;
/** Follows a number that is part of a calculation, or the number of a list's entry. */
const NO_ANSWER = /^(?:\s*(?:[+*=×]|->|[-/]\s*\d)|[.):]\s+["'([$*{<\\-]*\d)/;
/** Stands between the values of a list. */
const LIST_GAP = /^[\s"')\].*;,|/<>-]{1,16}(?:(?:and|or)\s)?[\s"'([$*]*(?:\d{1,2}[.):]\s+)?["'([$*]*$/i;

/** Values in the place of an answer: behind a word such as "answer" or a tag, or in a list after such a one. */
function findDrafts(words: string, item: SimulatedItem): string[] {
  const drafts: string[] = [];
  let listEnd = -1;
  for (const { value, start, end } of answerLikes(words, item)) {
    if (NO_ANSWER.test(words.slice(end, end + 12))) continue;
    const isMarked = DRAFT_MARK.test(words.slice(Math.max(0, start - 60), start));
    const isListed = listEnd >= 0 && LIST_GAP.test(words.slice(listEnd, start));
    if (!isMarked && !isListed) continue;
    drafts.push(value);
    listEnd = end;
  }
  return drafts.length > 0 || item.choices || !CHECK.test(words) ? drafts : unmarkedDraft(words, item);
}

/** A draft that was only told in prose: the last of the answers people give to this item. */
function unmarkedDraft(words: string, item: SimulatedItem): string[] {
  const given = new Set([item.answer, ...item.distractors]);
  const last = answerLikes(words, item).findLast(({ value }) => given.has(value));
  return last ? [last.value] : [];
}

interface Place {
  value: string;
  start: number;
  end: number;
}

/** Everything in the text that could be an answer to the item, in order. */
function answerLikes(words: string, { answer, distractors, choices }: SimulatedItem): Place[] {
  const places = (pattern: RegExp, value: (match: RegExpMatchArray) => string): Place[] =>
    [...words.matchAll(pattern)].map((match) => ({
      value: value(match),
      start: match.index!,
      end: match.index! + match[0].length,
    }));
  if (choices) {
    const last = String.fromCharCode(64 + choices.length);
    return places(new RegExp(`(?<![\\w'])[A-${last}](?![\\w'])`, "g"), (match) => match[0]);
  }
  if (isPlainNumber(answer)) {
    return places(/(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w])/g, (match) =>
      String(Number(match[0].replaceAll(",", ""))),
    );
  }
  const known = [answer, ...distractors].sort((a, b) => b.length - a.length).map(escapeRegExp);
  return places(
    new RegExp(`(?<![\\p{L}\\p{N}])(?:${known.join("|")})(?![\\p{L}\\p{N}])`, "gu"),
    (match) => match[0],
  );
}

export function isPlainNumber(text: string): boolean {
  return /^-?\d+(?:\.\d+)?$/.test(text);
}
