/** @file The meta-agent behind one interface: the local model with its prompt style and grammar. */
import { Random } from "../core/random.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { GenerateRequest, LocalModel } from "../llm/local/local-model.js";
import type { TrajectoryPolicy } from "../records/trajectory.js";
import type { AnswerKind } from "../workflow/answer-kind.js";
import { SENTENCE_GRAMMAR, strategyGrammar } from "../workflow/strategy-grammar.js";
import { type SubsetOptions, subsetGrammar } from "../workflow/subset-grammar.js";
import type { ToolCard } from "../workflow/tool.js";
import { drawSentence } from "./draw-sentence.js";
import type { PromptStyle } from "./policy-state.js";
import { rehearse, type WritingPace } from "./rehearsal.js";

/** Draw of one candidate. */
export interface CandidateDraw {
  seed: number;
  /** 0–2. */
  temperature: number;
  /** Techniques its grammar forces; empty = the model chooses. */
  forced: readonly string[];
  /** Whether it is drawn without any technique, by policies that draw. Default false. */
  isPlain?: boolean | undefined;
}

/** One reply with what a trainer needs: the sampled ids, not a new split of the text. */
export interface Action {
  text: string;
  tokens: number[];
  logProbs?: number[] | undefined;
  finishReason: string;
  /** Only where several policies work together: who wrote it. */
  policy?: string | undefined;
  /** Temperature of a writer that draws with another one than it was asked to. */
  temperature?: number | undefined;
  /** Its own prompt, where it is another than that of the call. */
  promptTokens?: number[] | undefined;
  /** That prompt as it was put, where it is another conversation than that of the call. */
  messages?: readonly ChatMessage[] | undefined;
  /** Replies that led to it, in the order they were written. */
  helpers?: HelperReply[] | undefined;
}

/** Reply by which a policy contributed to another's action, or to its own later one. */
export interface HelperReply {
  policy: string;
  kind: "draft" | "review" | "strategy";
  promptTokens: number[];
  text: string;
  tokens: number[];
}

/** A workflow, one sentence about a workflow, or a line of techniques to use. */
export type ReplyForm = "workflow" | "sentence" | "strategy";

/** Which models and adapters a policy is made of, as trajectories record it. */
export type PolicyInfo = TrajectoryPolicy;

export interface ActOptions {
  answer: AnswerKind;
  offers: ReadonlySet<string>;
  /** Own tools of the user. Default none. */
  tools?: readonly ToolCard[] | undefined;
  hasContext: boolean;
  /** Aliases of further executors. Default none. */
  models?: readonly string[] | undefined;
  /** The task in words. Default none. */
  description?: string | undefined;
  /** Techniques that no grammar writes, by name. Default none. */
  without?: readonly string[] | undefined;
  /** Form of the reply. Default workflow. */
  form?: ReplyForm | undefined;
  /** Instructions written for the task, which a grammar offers; asked for by those policies only that write under one. */
  sentences?: (() => Promise<readonly string[]>) | undefined;
  /** Member that wrote the reply which is to be repaired. */
  author?: string | undefined;
  /** Prompts of one session extend each other: the KV cache is kept from turn to turn. */
  session?: string | undefined;
  /** Told how far the replies are. */
  onProgress?: GenerateRequest["onProgress"];
  signal?: AbortSignal | undefined;
}

/**
 * Designer of workflows: the weak local model with its prompt style and grammar, or one of a program's own.
 * Its `info` goes into the trajectories; texts of `act` are replies that hold a workflow in a fenced block.
 */
export interface Policy {
  /** Name and hashes, recorded with every trajectory; empty hashes where there is no model. */
  readonly info: PolicyInfo;
  /** True where prompts do not matter to it: nothing is paid for what they would show. Default false. */
  readonly isBlind?: boolean | undefined;
  /** Length of the prompts it is given: compact for small models and short contexts. */
  readonly style: PromptStyle;
  /** True where `forced` techniques are honoured; free text has no grammar to force them with. */
  readonly canForce: boolean;
  /** Whether candidates with forced techniques are drawn from the grammar, without a model. Default false. */
  readonly drawsForced?: boolean | undefined;
  /**
   * One action per draw, in order, all from the same prompt. Called one at a time; calls of several episodes come mixed, so
   * that a run can be repeated and taken up only where actions follow from prompt and draws alone.
   */
  act(
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<{ promptTokens: number[]; actions: Action[] }>;
  /**
   * Looks, before anything is paid, whether a first prompt leaves room for a reply, and how fast turns of so many candidates
   * are written. Default: nothing is known.
   * @throws {InputError} where prompt and reply do not fit a context
   */
  rehearse?(
    prompt: readonly ChatMessage[],
    candidates: number,
    options: ActOptions,
  ): Promise<WritingPace | undefined>;
}

/** What a grammar may write for the task of a call. */
export function grammarSpace({
  answer,
  offers,
  tools,
  hasContext: context,
  models,
  description,
  without,
}: ActOptions): SubsetOptions {
  return { answer, offers, tools, context, models, description, without };
}

export type GrammarMode = "subset" | "none";

const MAX_ACTION_TOKENS: Record<PromptStyle, number> = { full: 1500, compact: 600, task: 600 };

/** Lines and sentences: a grammar bounds them itself, also for a tokenizer of single letters; free text needs a limit. */
const MAX_LINE_TOKENS: Record<GrammarMode, number> = { subset: 400, none: 80 };

/** Models below this many parameters get the grammar and the compact prompt unless told otherwise. */
export const SMALL_MODEL_PARAMETERS = 3e9;

/** Models below this many parameters write no sentence of their own into prompts: what they write there is word salad. */
const OWN_WORDS_PARAMETERS = 1e9;

/** Style that `auto` means: small models, and contexts too short for the conversation, get the compact style. */
export function choosePromptStyle(info: { parameterCount: number; contextLength: number }): PromptStyle {
  return info.parameterCount < SMALL_MODEL_PARAMETERS || info.contextLength < 16_384 ? "compact" : "full";
}

export function chooseGrammar(info: { parameterCount: number }): GrammarMode {
  return info.parameterCount < SMALL_MODEL_PARAMETERS ? "subset" : "none";
}

export interface LocalPolicyOptions {
  /** Default auto: by the model's size. */
  style?: PromptStyle | "auto" | undefined;
  /** Default auto: by the model's size. */
  grammar?: GrammarMode | "auto" | undefined;
  /** Default false. */
  logProbs?: boolean | undefined;
  /** Who writes candidates with forced techniques: the model (default), or a draw from its grammar, which takes no time. */
  forcedBy?: "model" | "draw" | undefined;
}

/**
 * Policy of a local model. Models below 3 B parameters get the compact prompt and a grammar that admits only
 * well-formed workflows, unless `style` and `grammar` say otherwise; the LocalModel stays its owner's to close.
 */
export class LocalPolicy implements Policy {
  readonly info: PolicyInfo;
  readonly style: PromptStyle;
  readonly grammar: GrammarMode;
  readonly drawsForced: boolean;
  readonly #model: LocalModel;
  readonly #logProbs: boolean;

  constructor(model: LocalModel, options: LocalPolicyOptions = {}) {
    this.#model = model;
    const { style = "auto", grammar = "auto" } = options;
    this.style = style === "auto" ? choosePromptStyle(model.info) : style;
    this.grammar = grammar === "auto" ? chooseGrammar(model.info) : grammar;
    this.#logProbs = options.logProbs ?? false;
    this.drawsForced = options.forcedBy === "draw" && this.canForce && model.info.endToken !== undefined;
    this.info = {
      id: model.info.id,
      modelHash: model.info.modelHash,
      tokenizerHash: model.info.tokenizerHash,
      templateHash: model.info.templateHash,
      adapterHash: model.info.adapterHash ?? null,
      device: model.info.device,
    };
  }

  get canForce(): boolean {
    return this.grammar === "subset";
  }

  async act(
    prompt: readonly ChatMessage[],
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<{ promptTokens: number[]; actions: Action[] }> {
    const sentences = this.grammar === "subset" ? await options.sentences?.() : undefined;
    const isWorkflow = (options.form ?? "workflow") === "workflow";
    const isDrawn = ({ forced, isPlain }: CandidateDraw) =>
      this.drawsForced && isWorkflow && (forced.length > 0 || isPlain === true);
    const drawn = new Map<CandidateDraw, Action>();
    for (const one of draws.filter(isDrawn)) drawn.set(one, await this.#drawn(one, options, sentences));
    const left = draws.filter((one) => !drawn.has(one));
    if (left.length === 0) {
      const { tokens } = await this.#model.renderPrompt(prompt);
      return { promptTokens: tokens, actions: draws.map((one) => drawn.get(one)!) };
    }
    const { promptTokens, replies } = await this.#model.generate({
      messages: [...prompt],
      candidates: left.map((draw) => ({
        seed: draw.seed,
        temperature: draw.temperature,
        grammar: this.grammar === "subset" ? this.#grammarFor(draw.forced, options, sentences) : undefined,
      })),
      maxTokens: isWorkflow ? MAX_ACTION_TOKENS[this.style] : MAX_LINE_TOKENS[this.grammar],
      logProbs: this.#logProbs,
      session: options.session,
      onProgress: options.onProgress,
      signal: options.signal,
    });
    return { promptTokens, actions: draws.map((one) => drawn.get(one) ?? replies[left.indexOf(one)]!) };
  }

  /** A sentence of the grammar drawn without the model, in the tokens of the model. */
  async #drawn(
    { seed, forced }: CandidateDraw,
    options: ActOptions,
    sentences: readonly string[] | undefined,
  ): Promise<Action> {
    const grammar = this.#grammarFor(forced, options, sentences, true);
    const text = drawSentence(grammar, new Random(seed), sentences);
    const tokens = [...(await this.#model.tokenize(text, false)), this.#model.info.endToken!];
    return { text, tokens, finishReason: "stop" };
  }

  async rehearse(
    prompt: readonly ChatMessage[],
    candidates: number,
    options: ActOptions,
  ): Promise<WritingPace> {
    return await rehearse(this.#model, prompt, {
      ...{ style: this.style, candidates, maxTokens: MAX_ACTION_TOKENS[this.style] },
      grammar: this.grammar === "subset" ? this.#grammarFor([], options, undefined) : undefined,
    });
  }

  #grammarFor(
    forced: readonly string[],
    options: ActOptions,
    sentences: readonly string[] | undefined,
    sparse = false,
  ): string {
    if (options.form === "sentence") return SENTENCE_GRAMMAR;
    const ownWords = this.#model.info.parameterCount >= OWN_WORDS_PARAMETERS;
    const writing = { ownWords, analysis: this.style !== "task", sparse };
    const space = { ...grammarSpace(options), forced, sentences, ...writing };
    return options.form === "strategy" ? strategyGrammar(space) : subsetGrammar(space);
  }
}
