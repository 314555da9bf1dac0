/** @file A stand-in for a strong model: solves registered items, and errs for reasons that hold for real models. */

import { ModelCallError } from "../../core/errors.js";
import { seedFrom } from "../../core/hash.js";
import { Random } from "../../core/random.js";
import type { SimulatedItem } from "../../core/simulated-item.js";
import type { ChatModel, ChatRequest, ChatResult, FinishReason } from "../chat-model.js";
import { estimatePromptTokens, estimateTokens } from "../token-usage.js";
import { foldSpaces, SimulatedItemBank } from "./simulated-item-bank.js";
import {
  CHECKING,
  EFFECTS,
  FILLS_FIELD,
  type LuckSource,
  logistic,
  luck,
  pickSlip,
} from "./simulated-noise.js";
import { type CallProperties, isPlainNumber, promptText, readProperties } from "./simulated-prompt.js";
import { type Decision, NO_QUESTION, writeReply } from "./simulated-reply.js";

/** Raised with any change that changes replies: it is part of the cache key. */
const VERSION = "v1";

/** Dollars per million tokens, of the size hosted small models cost; made up like everything here. */
export const SIMULATED_PRICE = { inputPerMillion: 0.15, outputPerMillion: 0.6 } as const;

/** Skill that makes it a believable local model of half a billion parameters beside the default executor. */
export const SIMULATED_WEAK_SKILL = -1.4;

/**
 * One program for all questions of a task, whatever solved examples stand in the prompt: a model that knows items one by one cannot
 * write it, and says so.
 */
const ASKS_FOR_ALL = /\bevery question of this task\b/i;

const DEFAULT_MAX_TOKENS = 512;
const BYTES_PER_TOKEN = 4;

/** What a reply is decided from. */
interface Asked {
  item: SimulatedItem;
  properties: CallProperties;
  source: LuckSource;
  temperature: number;
}

export interface SimulatedChatModelOptions {
  /** Draws which items are hard and every other luck. Default 0. */
  seed?: number | undefined;
  /** Name in results and in the id. Default "simulated". */
  model?: string | undefined;
  /** Added to the logit of a right answer; −3 to 3. Default 0; see SIMULATED_WEAK_SKILL. */
  skill?: number | undefined;
}

/**
 * Seeded noisy solver of registered items, right more often when it is asked better; it waits for nothing and spends
 * nothing. Properties and figures: docs/simulated-executor.md.
 */
export class SimulatedChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated = true;
  readonly #seed: number;
  readonly #model: string;
  readonly #skill: number;
  readonly #bank = new SimulatedItemBank();

  constructor({ seed = 0, model = "simulated", skill = 0 }: SimulatedChatModelOptions = {}) {
    this.#seed = seed;
    this.#model = model;
    this.#skill = skill;
    // All that changes replies is in the id, because replies are cached under it.
    const variant = [seed === 0 ? "" : `seed ${seed}`, skill === 0 ? "" : `skill ${skill}`].filter(
      (part) => part !== "",
    );
    this.id = `simulated:${VERSION}${variant.length > 0 ? `(${variant.join(", ")})` : ""}${model === "simulated" ? "" : `#${model}`}`;
  }

  /** Items it can be asked about from now on; one that was registered before is replaced. */
  register(items: readonly SimulatedItem[]): void {
    for (const item of items) this.#bank.add(item);
  }

  async chat(asked: ChatRequest): Promise<ChatResult> {
    asked.signal?.throwIfAborted();
    // Being told what was wrong with its JSON changes nothing: no figure rests on the words of a correction.
    const isCorrected = asked.json === true && asked.messages.at(-2)?.role === "assistant";
    const request = isCorrected ? { ...asked, messages: asked.messages.slice(0, -2) } : asked;
    const { n, temperature, maxTokens } = checked(request);
    const text = promptText(request);
    const item = ASKS_FOR_ALL.test(text) ? undefined : this.#bank.find(text);
    const wording = seedFrom(this.#seed, "wording", request.messages, request.json ?? false);
    const texts: string[] = [];
    const finishReasons: FinishReason[] = [];
    for (let index = 0; index < n; index++) {
      // Greedy decoding gives the same reply each time, whatever the seed.
      const reply = temperature === 0 ? wording : seedFrom(wording, request.seed ?? 0, index);
      const whole = item ? this.#answer(item, request, temperature, wording, reply) : noQuestion(request);
      const stopped = cutAtStop(whole, request.stop ?? []);
      const isCut = estimateTokens(stopped) > maxTokens;
      const final = isCut ? cutToBytes(stopped, maxTokens * BYTES_PER_TOKEN) : stopped;
      if (final.trim() === "")
        throw new ModelCallError("empty", "the simulated model's reply was empty before the stop sequence");
      texts.push(final);
      finishReasons.push(isCut ? "length" : "stop");
    }
    const tokens = texts.map(estimateTokens);
    const jitter = 0.85 + 0.3 * new Random(seedFrom(wording, "latency", request.seed ?? 0)).next();
    return {
      texts,
      usage: {
        promptTokens: estimatePromptTokens(request.messages),
        completionTokens: tokens.reduce((sum, count) => sum + count, 0),
      },
      finishReasons,
      model: this.#model,
      latencyMs: Math.round((180 + 11 * Math.max(...tokens)) * jitter),
    };
  }

  async preflight(): Promise<{ models: string[] }> {
    return { models: [this.#model] };
  }

  async close(): Promise<void> {}

  #answer(
    item: SimulatedItem,
    request: ChatRequest,
    temperature: number,
    wording: number,
    reply: number,
  ): string {
    const properties = readProperties(request, item);
    const source: LuckSource = {
      item: new Random(seedFrom(this.#seed, "item", foldSpaces(item.question), item.context, item.choices)),
      wording: new Random(wording),
      reply: new Random(reply),
    };
    const decision = this.#decide({ item, properties, source, temperature });
    return writeReply(item, properties, decision, temperature, source.reply.derive("form"));
  }

  #decide(asked: Asked): Decision {
    const { item, properties, source, temperature } = asked;
    const { drafts } = properties;
    const value = drafts.length > 0 ? this.#judgeDrafts(asked) : this.#solve(asked, false);
    const codeValue = properties.asksForCode ? this.#solve(asked, true) : value;
    // About a draft: does it agree? Without one: a model that is right is somewhat more often sure of it.
    const isApproved =
      drafts.length > 0
        ? value === majority(drafts)
        : source.reply.derive("sure").chance(value === item.answer ? 0.75 : 0.45);
    const fields = Object.entries(item.fields ?? {}).map(([key, [right, ...wrong]]): [string, string] => {
      const chance = logistic(FILLS_FIELD.logit + this.#skill);
      const isRight = wrong.length === 0 || luck(source, temperature, `field ${key}`) < chance;
      return [key, isRight ? right! : pickSlip(wrong, source, temperature)];
    });
    const findings = this.#find(asked);
    return { value, codeValue, isApproved, findings, fields: new Map(fields) };
  }

  /** Reads the measurements, where the item has some. */
  #find(asked: Asked): string | undefined {
    const { item, source, temperature } = asked;
    const { findings, misfindings = [] } = item;
    if (findings === undefined || misfindings.length === 0) return findings;
    const logit = solvingLogit(asked, false) + EFFECTS.findingsAlone.logit;
    const isRight = luck(source, temperature, "find") < logistic(logit + this.#skill);
    return isRight ? findings : pickSlip(misfindings, source, temperature);
  }

  #solve(asked: Asked, inCode: boolean): string {
    const { item, source, temperature } = asked;
    const chance = logistic(solvingLogit(asked, inCode) + this.#skill);
    const isRight = luck(source, temperature, "solve") < chance;
    return isRight ? item.answer : pickSlip(slipsOf(item), source, temperature);
  }

  /** Looks at answers in the prompt: keeps right ones nearly always, mends wrong ones sometimes. */
  #judgeDrafts({ item, properties, source, temperature }: Asked): string {
    const { drafts, asksForSteps, asksToCheck, verdictWords } = properties;
    const isRight = (draft: string) => sameAnswer(draft, item.answer);
    const rightShare = drafts.filter(isRight).length / drafts.length;
    const steps = asksForSteps ? CHECKING.mendsWrongWithSteps : 0;
    // Whoever does not see the facts cannot tell. Items that name none keep to version v1, whose replies are stored.
    const unseen = item.facts ? EFFECTS.noContext.logit * properties.unseen : 0;
    const hardness =
      CHECKING.mendsWrongDifficulty * (item.difficulty - 0.5) + unseen + findingsLogit(item, properties);
    const roll = luck(source, temperature, "check");
    if (rightShare === 1)
      return roll < CHECKING.keepsRight ? item.answer : pickSlip(slipsOf(item), source, temperature);
    const wrong = majority(drafts.filter((draft) => !isRight(draft)));
    if (rightShare === 0) {
      const asked = asksToCheck || verdictWords !== undefined ? 0 : CHECKING.notAsked;
      return roll < logistic(CHECKING.mendsWrong + hardness + steps + asked + this.#skill)
        ? item.answer
        : wrong;
    }
    const lead = rightShare - drafts.filter((draft) => draft === wrong).length / drafts.length;
    const logit = CHECKING.choosesRight + CHECKING.choosesRightPerLead * lead + hardness / 2 + steps;
    return roll < logistic(logit + this.#skill / 2) ? item.answer : wrong;
  }
}

/** The logit of a right answer before skill, from the table of effects. */
function solvingLogit({ item, properties, temperature }: Asked, inCode: boolean): number {
  let logit = EFFECTS.base.logit + EFFECTS.difficulty.logit * (item.difficulty - 0.5);
  const canCompute = inCode && isPlainNumber(item.answer);
  if (canCompute) logit += EFFECTS.code.logit;
  else if (properties.asksForSteps)
    logit += EFFECTS.steps.logit + EFFECTS.stepsWhenHard.logit * item.difficulty;
  if (properties.hasPlan || properties.plansFirst) logit += EFFECTS.plan.logit;
  if (properties.sortsFacts) logit += EFFECTS.sortedFacts.logit;
  if (properties.asksToCheck) logit += EFFECTS.selfCheck.logit;
  if (properties.hasRole) logit += EFFECTS.role.logit;
  logit += findingsLogit(item, properties);
  logit += EFFECTS.noContext.logit * properties.unseen;
  if (!properties.seesChoices) logit += EFFECTS.noChoices.logit;
  return logit + EFFECTS.heat.logit * Math.max(0, temperature - 1);
}

/** Logits that known measurements add, for a solver and a checker alike; 0 for items without any. */
function findingsLogit({ findings }: SimulatedItem, properties: CallProperties): number {
  const { givenFindings, readsFindings } = properties;
  if (findings === undefined) return 0;
  if (givenFindings === "right") return EFFECTS.rightFindings.logit;
  if (givenFindings === "wrong") return EFFECTS.wrongFindings.logit;
  return (readsFindings ? EFFECTS.findingsFirst : EFFECTS.noisyMeasurements).logit;
}

/** Typical slips, or the nearest thing to one where an item brings none. */
function slipsOf({ answer, distractors, choices }: SimulatedItem): string[] {
  const slips = distractors.filter((slip) => !sameAnswer(slip, answer));
  if (slips.length > 0) return slips;
  if (choices)
    return choices.map((_, index) => String.fromCharCode(65 + index)).filter((letter) => letter !== answer);
  return isPlainNumber(answer) ? [String(Number(answer) + 1)] : [`${answer}?`];
}

function sameAnswer(a: string, b: string): boolean {
  return a === b || (isPlainNumber(a) && isPlainNumber(b) && Number(a) === Number(b));
}

/** The most frequent value; the first of those that are equally frequent. */
function majority(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

function checked(request: ChatRequest): { n: number; temperature: number; maxTokens: number } {
  const { n = 1, temperature = 0, maxTokens = DEFAULT_MAX_TOKENS, messages } = request;
  const refuse = (what: string) => {
    throw new ModelCallError("bad-request", `simulated model: ${what}`);
  };
  if (messages.length === 0) refuse("a request needs at least one message");
  if (!Number.isInteger(n) || n < 1 || n > 64) refuse(`n must be a whole number from 1 to 64, not ${n}`);
  if (!(temperature >= 0 && temperature <= 2)) refuse(`temperature must be from 0 to 2, not ${temperature}`);
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    refuse(`maxTokens must be a whole number from 1, not ${maxTokens}`);
  return { n, temperature, maxTokens };
}

function noQuestion({ json }: ChatRequest): string {
  return json ? JSON.stringify({ answer: NO_QUESTION }) : NO_QUESTION;
}

function cutAtStop(text: string, stops: readonly string[]): string {
  const ends = stops
    .filter((stop) => stop !== "")
    .map((stop) => text.indexOf(stop))
    .filter((at) => at >= 0);
  return ends.length > 0 ? text.slice(0, Math.min(...ends)) : text;
}

/** At most so many UTF-8 bytes, never half a character. */
function cutToBytes(text: string, bytes: number): string {
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
