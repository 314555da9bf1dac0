/** @file Asks the policy for candidates and for repairs, or finds those that an earlier session of the run drew. */
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { inThisSpan } from "../core/telemetry/spans.js";
import type { ChatMessage } from "../llm/chat-model.js";
import { inModelSpan } from "../llm/model-span.js";
import type { ActionRecord, ActionsRecord } from "../records/trajectory.js";
import { canForce } from "../workflow/subset-grammar.js";
import { techniqueNames } from "../workflow/techniques.js";
import { dealLeads, drawForcedTechniques, PLAIN } from "./draw-forced-techniques.js";
import type { EpisodeParts } from "./episode-parts.js";
import { type ActOptions, type CandidateDraw, grammarSpace, type Policy } from "./policy.js";
import { buildRepairPrompt } from "./policy-state.js";
import { workflowOf } from "./workflow-of.js";

/** Number of an episode and of a turn in it, from 0. */
export interface TurnPlace {
  episode: number;
  turn: number;
}

/** The candidates of a turn, all from one prompt; a share of them with forced techniques. */
export async function drawCandidates(
  parts: EpisodeParts,
  place: TurnPlace,
  prompt: ChatMessage[],
): Promise<ActionRecord[]> {
  const { draws, policy } = parts;
  const { episode, turn } = place;
  const random = new Random(seedFrom(draws.drawSeed, "turn", episode, turn));
  const space = grammarSpace(actOptions(parts));
  const techniques = policy.canForce ? techniqueNames(space) : [];
  const before = (episode * draws.turns + turn) * draws.candidates;
  const cards = policy.drawsForced && techniques.length > 0 ? [...techniques, PLAIN] : techniques;
  const leads = dealLeads(draws.drawSeed, before, draws.candidates, cards);
  const forced = drawForcedTechniques(random, leads, techniques, draws.explore, (names) =>
    canForce(names, space),
  );
  const wanted = forced.map((names, index) => ({
    seed: seedFrom(draws.drawSeed, "candidate", episode, turn, index),
    temperature: draws.temperature,
    forced: names ?? [],
    isPlain: names?.length === 0,
  }));
  const record = await draw(parts, place, "turn", prompt, wanted, { repairOf: null, attempt: 0, index: 0 });
  return record.actions;
}

/** A candidate that failed its quick check, and what its repair is told. */
interface Failed {
  action: ActionRecord;
  failure: string;
}

/**
 * Repairs of the candidates that failed, each by the member that wrote it, all asked for together: one stands behind the
 * other before the weak model, and the prompt that they share is evaluated once.
 * @param attempt - from 1
 * @param index - of the first repair among the candidates of the turn
 */
export async function drawRepairs(
  parts: EpisodeParts,
  place: TurnPlace,
  prompt: readonly ChatMessage[],
  failed: readonly Failed[],
  { attempt, index }: { attempt: number; index: number },
): Promise<ActionRecord[]> {
  const { draws, policy } = parts;
  const drawn = failed.map(({ action, failure }, offset) => {
    const again: CandidateDraw = {
      seed: seedFrom(draws.drawSeed, "repair", place.episode, place.turn, action.index, attempt),
      temperature: draws.temperature,
      forced: action.forced,
    };
    const repairPrompt = buildRepairPrompt([...prompt], action.text, failure, policy.style);
    const origin = { repairOf: action.index, attempt, index: index + offset };
    return draw(parts, place, `repair-${action.index}`, repairPrompt, [again], origin, action.policy);
  });
  // None is left behind that would write to the log after the episode has ended.
  await Promise.allSettled(drawn);
  return (await Promise.all(drawn)).flatMap(({ actions }) => actions);
}

/** What a policy may write here. */
export function actOptions({
  card,
  offers,
  tools,
  models,
  without,
  validation,
}: Pick<EpisodeParts, "card" | "offers" | "tools" | "models" | "without" | "validation">): ActOptions {
  const { answer, description } = card;
  const hasContext = validation[0]?.context !== undefined;
  return { answer, offers, tools, models, description, without, hasContext };
}

/** A call of the designing model in a span; where there is no model, there is no call. */
async function inPolicySpan(
  { info }: Policy,
  messages: ChatMessage[],
  draws: readonly CandidateDraw[],
  act: () => ReturnType<Policy["act"]>,
): ReturnType<Policy["act"]> {
  if (info.modelHash === "") return await act();
  const request = { messages, n: draws.length, temperature: draws[0]?.temperature };
  return await inModelSpan(info.id, "designer", request, act, ({ promptTokens, actions }) => ({
    model: info.id,
    usage: {
      promptTokens: promptTokens.length,
      completionTokens: actions.reduce((sum, { tokens }) => sum + tokens.length, 0),
    },
    finishReasons: actions.map(({ finishReason }) => finishReason),
    texts: actions.map(({ text }) => text),
  }));
}

async function draw(
  parts: EpisodeParts,
  { episode, turn }: TurnPlace,
  name: string,
  prompt: ChatMessage[],
  draws: CandidateDraw[],
  origin: { repairOf: number | null; attempt: number; index: number },
  author?: string,
): Promise<ActionsRecord> {
  const { policy, log, instructions, signal } = parts;
  const known = log.actions(episode, turn, name);
  if (known) {
    announce(parts, known, true);
    return known;
  }
  const conversation = policy.style === "full" ? `episode-${episode}` : `turn-${episode}-${turn}`;
  let startedAt = 0;
  const write = inThisSpan(() => {
    signal.throwIfAborted();
    startedAt = performance.now();
    return inPolicySpan(policy, prompt, draws, () =>
      policy.act(prompt, draws, {
        ...actOptions(parts),
        sentences: instructions,
        // Those of other tasks, played at the same time, have logs of their own.
        session: `${log.file} ${conversation}`,
        author,
        onProgress: (written) => parts.emit({ type: "writing", task: parts.task, episode, turn, ...written }),
        signal,
      }),
    );
  });
  const { promptTokens, actions } = await parts.write(write);
  const record: ActionsRecord = {
    kind: "actions",
    episode,
    turn,
    prompt: name,
    promptTokens,
    messages: prompt,
    seconds: Math.round(performance.now() - startedAt) / 1000,
    actions: actions.map((action, offset) => ({
      index: origin.index + offset,
      repairOf: origin.repairOf,
      attempt: origin.attempt,
      seed: draws[offset]!.seed,
      temperature: action.temperature ?? draws[offset]!.temperature,
      forced: [...draws[offset]!.forced],
      text: action.text,
      tokens: action.tokens,
      logProbs: action.logProbs,
      finishReason: action.finishReason,
      policy: action.policy,
      promptTokens: action.promptTokens,
      messages: action.messages && [...action.messages],
      helpers: action.helpers,
    })),
  };
  log.append(record);
  announce(parts, record, false);
  return record;
}

function announce({ emit }: EpisodeParts, record: ActionsRecord, isResumed: boolean): void {
  const { episode, turn, seconds, actions } = record;
  const valid = actions.filter((action) => "workflow" in workflowOf(action.text)).length;
  emit({ type: "candidates-written", episode, turn, count: actions.length, valid, seconds, isResumed });
}
