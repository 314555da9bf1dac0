/** @file Several policies behind the interface of one: drawn in turn, reviewing each other, or planning for each other. */
import { seedFrom } from "../core/hash.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { Action, ActOptions, CandidateDraw, HelperReply, Policy, PolicyInfo } from "./policy.js";
import type { PromptStyle } from "./policy-state.js";
import type { WritingPace } from "./rehearsal.js";
import { planPrompt, reviewPrompt, revisionPrompt, writingPrompt } from "./team-prompts.js";

export type TeamKind = "ensemble" | "proposer-critic" | "hierarchical";

export interface TeamMember {
  name: string;
  policy: Policy;
  /** Instead of the temperature of a draw, 0–2. */
  temperature?: number | undefined;
  /** Added to the temperature of a draw. */
  hotter?: number | undefined;
}

/** An action of one member, with the prompt that this member was given. */
type Written = Action & { policy: string; promptTokens: number[] };

const MAX_TEMPERATURE = 2;

/**
 * `ensemble`: the draws of a call are dealt to the members in turn. `proposer-critic`: the first member writes drafts,
 * the second reviews each in one sentence, and the first revises it; revisions are the actions. `hierarchical`: the
 * first member writes one line of techniques per draw, and the second a workflow with that line in its prompt.
 *
 * Every action names its writer, and carries the replies of others (and its own draft) as `helpers`, each with the
 * prompt it was sampled from. A repair (`author` is given) goes to the member that wrote, without review or plan.
 */
export class TeamPolicy implements Policy {
  readonly kind: TeamKind;
  readonly info: PolicyInfo;
  readonly style: PromptStyle;
  readonly canForce: boolean;
  readonly #members: readonly TeamMember[];

  /**
   * @param members - in the order of their roles
   * @throws {RangeError} without members; proposer-critic and hierarchical need exactly two
   */
  constructor(kind: TeamKind, members: readonly TeamMember[]) {
    const [first] = members;
    if (first === undefined || (kind !== "ensemble" && members.length !== 2))
      throw new RangeError(
        `${kind} needs ${kind === "ensemble" ? "a member" : "two members"}, got ${members.length}`,
      );
    this.kind = kind;
    this.#members = members;
    const infos = members.map(({ policy }) => policy.info);
    this.info = {
      ...first.policy.info,
      id: members.length === 1 ? first.policy.info.id : `${kind}(${infos.map(({ id }) => id).join(", ")})`,
      members: members.map(({ name, policy: { info } }) => ({
        name,
        modelHash: info.modelHash,
        tokenizerHash: info.tokenizerHash,
        adapterHash: info.adapterHash,
      })),
    };
    // All members are shown the same conversation: it has to fit the smallest.
    this.style = members.every(({ policy }) => policy.style === "full") ? "full" : "compact";
    this.canForce = this.#writers().every(({ policy }) => policy.canForce);
  }

  async act(
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<{ promptTokens: number[]; actions: Action[] }> {
    const author = this.#members.find(({ name }) => name === options.author);
    const written = author
      ? await this.#write(author, prompt, draws, options)
      : await this.#together(prompt, draws, options);
    const promptTokens = written[0]?.promptTokens ?? [];
    const actions = written.map(({ promptTokens: own, messages, ...action }) => ({
      ...action,
      promptTokens: own.join() === promptTokens.join() ? undefined : own,
      messages: messages === prompt ? undefined : messages,
    }));
    return { promptTokens, actions };
  }

  /** Every member writes in a turn, one after the other. */
  async rehearse(
    prompt: readonly ChatMessage[],
    candidates: number,
    options: ActOptions,
  ): Promise<WritingPace | undefined> {
    const share = this.kind === "ensemble" ? Math.ceil(candidates / this.#count) : candidates;
    const paces: WritingPace[] = [];
    for (const { policy } of this.#members) {
      const pace = await policy.rehearse?.(prompt, share, options);
      if (pace) paces.push(pace);
    }
    const [first] = paces;
    return first && { ...first, perTurn: paces.reduce((sum, { perTurn }) => sum + perTurn, 0) };
  }

  /** Members whose replies are workflows. */
  #writers(): readonly TeamMember[] {
    if (this.kind === "ensemble") return this.#members;
    return this.kind === "proposer-critic" ? this.#members.slice(0, 1) : this.#members.slice(1);
  }

  #together(
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<Written[]> {
    const [first, second] = this.#members as readonly [TeamMember, TeamMember];
    if (this.kind === "ensemble") return this.#dealt(prompt, draws, options);
    return this.kind === "proposer-critic"
      ? this.#reviewed(first, second, prompt, draws, options)
      : this.#planned(first, second, prompt, draws, options);
  }

  async #dealt(
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<Written[]> {
    const actions = new Array<Written>(draws.length);
    for (const [turn, member] of this.#members.entries()) {
      const own = draws.map((draw, index) => ({ draw, index })).filter((_, i) => i % this.#count === turn);
      if (own.length === 0) continue;
      const written = await this.#write(
        member,
        prompt,
        own.map(({ draw }) => draw),
        options,
      );
      for (const [i, { index }] of own.entries()) actions[index] = written[i] as Written;
    }
    return actions;
  }

  get #count(): number {
    return this.#members.length;
  }

  async #reviewed(
    proposer: TeamMember,
    critic: TeamMember,
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<Written[]> {
    const drafts = await this.#write(proposer, prompt, draws, options);
    const actions: Written[] = [];
    for (const [i, draw] of draws.entries()) {
      const draft = drafts[i] as Written;
      const ask = reviewPrompt(prompt, draft.text, this.style);
      const asked: CandidateDraw = { ...draw, seed: seedFrom(draw.seed, "review"), forced: [] };
      const [review] = await this.#write(critic, ask, [asked], { ...options, form: "sentence" });
      if (review === undefined) throw new RangeError(`${critic.name} wrote no review`);
      const again: CandidateDraw = { ...draw, seed: seedFrom(draw.seed, "revision") };
      const revise = revisionPrompt(prompt, draft.text, review.text, this.style);
      const [revision] = await this.#write(proposer, revise, [again], options);
      if (revision === undefined) throw new RangeError(`${proposer.name} wrote no revision`);
      actions.push({ ...revision, helpers: [helper("draft", draft), helper("review", review)] });
    }
    return actions;
  }

  async #planned(
    planner: TeamMember,
    writer: TeamMember,
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<Written[]> {
    const asked = draws.map((draw) => ({ ...draw, seed: seedFrom(draw.seed, "strategy") }));
    const lines = await this.#write(planner, planPrompt(prompt), asked, { ...options, form: "strategy" });
    const byLine = new Map<string, number[]>();
    for (const [i, { text }] of lines.entries()) byLine.set(text, [...(byLine.get(text) ?? []), i]);
    const actions = new Array<Written>(draws.length);
    // Draws with the same line have the same prompt, which is then evaluated once.
    for (const [line, indices] of byLine) {
      const own = indices.map((i) => draws[i] as CandidateDraw);
      const written = await this.#write(writer, writingPrompt(prompt, line), own, options);
      for (const [i, index] of indices.entries()) {
        actions[index] = {
          ...(written[i] as Written),
          helpers: [helper("strategy", lines[index] as Written)],
        };
      }
    }
    return actions;
  }

  async #write(
    member: TeamMember,
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    { author: _, ...options }: ActOptions,
  ): Promise<Written[]> {
    const own = draws.map((draw) => ({ ...draw, temperature: temperatureOf(member, draw.temperature) }));
    const { promptTokens, actions } = await member.policy.act(prompt, own, options);
    return actions.map((action, i) => {
      const { temperature } = own[i] as CandidateDraw;
      return {
        ...action,
        policy: member.name,
        ...(temperature === draws[i]?.temperature ? {} : { temperature }),
        promptTokens,
        messages: prompt,
      };
    });
  }
}

function temperatureOf({ temperature, hotter = 0 }: TeamMember, asked: number): number {
  if (hotter === 0) return temperature ?? asked;
  // Rounded, so that records say 1.1 and not 1.1000000000000001.
  return Math.round(Math.min(MAX_TEMPERATURE, (temperature ?? asked) + hotter) * 1e6) / 1e6;
}

function helper(kind: HelperReply["kind"], { policy, promptTokens, text, tokens }: Written): HelperReply {
  return { policy, kind, promptTokens, text, tokens };
}
