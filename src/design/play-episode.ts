/** @file One episode: a few turns of write, quick check, repair, screen, evaluate, reward, keep the best. */
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { NOT_APPROVED } from "../evaluate/approval.js";
import type { Evaluation, ShownWorkflow } from "../evaluate/evaluation.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { ActionRecord, ActionsRecord, CandidateRecord, TurnRecord } from "../records/trajectory.js";
import { canForce } from "../workflow/subset-grammar.js";
import { detectTechniques, techniqueNames } from "../workflow/techniques.js";
import { chooseParent } from "./choose-parent.js";
import { componentsOf } from "./composite-reward.js";
import { drawForcedTechniques } from "./forced-techniques.js";
import type { CandidateDraw } from "./policy.js";
import { buildPrompt, buildRepairPrompt, type PolicyState } from "./policy-state.js";
import { rewardOf } from "./reward.js";
import {
  compareEvaluations,
  evaluateAll,
  shown,
  type Workbench,
  type Workflow,
  workflowOf,
} from "./workbench.js";

/** A workflow that was evaluated on the whole validation set. */
export interface ScoredWorkflow extends Workflow {
  title: string;
  evaluation: Evaluation;
}

/** A candidate on its way through a turn. */
interface Attempt {
  action: ActionRecord;
  workflow?: Workflow;
  /** Why it is invalid; absent while it may still be valid. */
  failure?: { status: string; message: string };
  screen?: Evaluation;
  evaluation?: Evaluation;
}

/**
 * Plays one episode and writes it to the log. What an earlier session of the run wrote is read, not drawn again.
 * @param seeds - evaluated seed workflows, shown at the first turn
 * @returns all workflows that reached the whole validation set, in order of their appearance
 */
export async function playEpisode(
  bench: Workbench,
  seeds: readonly ScoredWorkflow[],
  episode: number,
): Promise<ScoredWorkflow[]> {
  const shownSeeds = seeds.map((seed) => shown(seed.title, seed, seed.evaluation));
  const found: ScoredWorkflow[] = [];
  const turns: { reply: string; shown: ShownWorkflow }[] = [];
  let best = Math.max(...seeds.map((seed) => seed.evaluation.accuracy));
  for (let turn = 0; turn < bench.settings.turns; turn++) {
    bench.signal?.throwIfAborted();
    bench.onEvent({ type: "turn-start", episode, turn, turns: bench.settings.turns });
    const state: PolicyState = {
      task: bench.card,
      example: bench.validation[0]!,
      offers: bench.offers,
      tools: bench.tools,
      models: bench.models,
      seeds: shownSeeds,
      current: chooseParent(
        bench.settings.parent,
        shownSeeds,
        turns.map((one) => one.shown),
        seedFrom(bench.settings.drawSeed, "parent", episode, turn),
      ),
      turns,
      validation: bench.validation,
      seed: bench.settings.seed,
    };
    const attempts = await playTurn(bench, state, episode, turn);
    const parent = state.current;
    const history = { best, previous: parent.evaluation.accuracy, sampleCount: bench.validation.length };
    const scored = attempts.filter((attempt) => attempt.evaluation !== undefined);
    const recorded = bench.log.turn(episode, turn);
    // A finished turn stands as it was recorded, also where a sample lost to an outage has come back since.
    const kept = recorded
      ? scored.find((attempt) => attempt.action.index === recorded.kept)
      : [...scored].sort((a, b) => compareEvaluations(a.evaluation!, b.evaluation!)).at(0);
    const record: TurnRecord = recorded ?? {
      kind: "turn",
      episode,
      turn,
      history,
      parentHash: parent.evaluation.workflowHash,
      // The first seed workflow is the plainest: what efficiency is measured against.
      candidates: attempts.map((attempt) => candidateRecord(attempt, bench, history, seeds[0]!.evaluation)),
      kept: kept?.action.index ?? null,
    };
    if (!recorded) bench.log.append(record);
    for (const attempt of scored) {
      const title = `episode ${episode + 1}, turn ${turn + 1}, candidate ${attempt.action.index + 1}`;
      found.push({ ...attempt.workflow!, title, evaluation: attempt.evaluation! });
    }
    report(bench, record, best);
    if (kept) {
      best = Math.max(best, kept.evaluation!.accuracy);
      turns.push({
        reply: kept.action.text,
        shown: shown("your last workflow", kept.workflow!, kept.evaluation!),
      });
    }
  }
  return found;
}

async function playTurn(
  bench: Workbench,
  state: PolicyState,
  episode: number,
  turn: number,
): Promise<Attempt[]> {
  const { settings, policy } = bench;
  const recorded = bench.log.turn(episode, turn);
  const random = new Random(seedFrom(settings.drawSeed, "turn", episode, turn));
  const prompt = buildPrompt(state, policy.style);
  const space = {
    offers: bench.offers,
    tools: bench.tools,
    answer: state.task.answer,
    context: bench.validation[0]?.context !== undefined,
  };
  const techniques = policy.canForce ? techniqueNames(space) : [];
  const forced = drawForcedTechniques(random, settings.candidates, techniques, settings.explore, (names) =>
    canForce(names, space),
  );
  const draws = forced.map((names, index) => ({
    seed: seedFrom(settings.drawSeed, "candidate", episode, turn, index),
    temperature: settings.temperature,
    forced: names,
  }));
  const first = await draw(bench, episode, turn, "turn", prompt, draws, {
    repairOf: null,
    attempt: 0,
    index: 0,
  });
  const attempts = first.actions.map((action) => ({ action }) as Attempt);
  await quickCheck(bench, attempts, recorded);
  let failed = attempts.filter(isRepairable);
  for (let round = 1; round <= settings.maxRepairs && failed.length > 0; round++) {
    const repairs: Attempt[] = [];
    for (const attempt of failed) {
      const repairPrompt = buildRepairPrompt(
        prompt,
        attempt.action.text,
        attempt.failure!.message,
        policy.style,
      );
      const { index } = attempt.action;
      const again: CandidateDraw = {
        seed: seedFrom(settings.drawSeed, "repair", episode, turn, index, round),
        temperature: settings.temperature,
        forced: attempt.action.forced,
      };
      const origin = { repairOf: index, attempt: round, index: attempts.length + repairs.length };
      const { actions } = await draw(
        bench,
        episode,
        turn,
        `repair-${index}`,
        repairPrompt,
        [again],
        origin,
        attempt.action.policy,
      );
      repairs.push(...actions.map((action) => ({ action })));
    }
    await quickCheck(bench, repairs, recorded);
    attempts.push(...repairs);
    failed = repairs.filter(isRepairable);
  }
  await scoreAttempts(bench, attempts, state.current);
  return attempts;
}

/** Draws replies, or finds the ones an earlier session drew from the same prompt. */
async function draw(
  bench: Workbench,
  episode: number,
  turn: number,
  name: string,
  prompt: ChatMessage[],
  draws: CandidateDraw[],
  origin: { repairOf: number | null; attempt: number; index: number },
  author?: string,
): Promise<ActionsRecord> {
  const known = bench.log.actions(episode, turn, name);
  if (known) {
    announce(bench, known, true);
    return known;
  }
  const startedAt = performance.now();
  const { promptTokens, actions } = await bench.policy.act(prompt, draws, {
    answer: bench.card.answer,
    offers: bench.offers,
    tools: bench.tools,
    hasContext: bench.validation[0]?.context !== undefined,
    session: bench.policy.style === "full" ? `episode-${episode}` : `turn-${episode}-${turn}`,
    ...(author === undefined ? {} : { author }),
    ...(bench.signal ? { signal: bench.signal } : {}),
  });
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
      ...(action.logProbs ? { logProbs: action.logProbs } : {}),
      finishReason: action.finishReason,
      ...(action.policy === undefined ? {} : { policy: action.policy }),
      ...(action.promptTokens === undefined ? {} : { promptTokens: action.promptTokens }),
      ...(action.messages === undefined ? {} : { messages: [...action.messages] }),
      ...(action.helpers === undefined ? {} : { helpers: action.helpers }),
    })),
  };
  bench.log.append(record);
  announce(bench, record, false);
  return record;
}

function announce(bench: Workbench, record: ActionsRecord, isResumed: boolean): void {
  const { episode, turn, seconds } = record;
  const valid = record.actions.filter((action) => "workflow" in workflowOf(action.text)).length;
  bench.onEvent({
    type: "candidates-written",
    episode,
    turn,
    count: record.actions.length,
    valid,
    seconds,
    isResumed,
  });
}

/** Extraction, then one run on the first validation item: status `ok` passes, a right answer is not needed. */
async function quickCheck(
  bench: Workbench,
  attempts: readonly Attempt[],
  recorded: TurnRecord | undefined,
): Promise<void> {
  for (const attempt of attempts) {
    const outcome = workflowOf(attempt.action.text);
    if ("workflow" in outcome) attempt.workflow = outcome.workflow;
    else attempt.failure = { status: "extract-failed", message: outcome.failure };
  }
  await refuseUnapproved(bench, attempts, recorded);
  const running = attempts.filter((attempt) => !attempt.failure);
  const checks = await evaluateDistinct(bench, running, bench.validation.slice(0, 1), "quick check");
  for (const attempt of attempts) {
    const [result] = (attempt.workflow && checks.get(attempt.workflow.hash))?.results ?? [];
    // An outage says nothing about the workflow: it stays a candidate and meets the same item again later.
    if (!result || result.status === "ok" || result.status === "error") continue;
    attempt.failure = { status: result.status, message: result.message ?? result.status };
  }
}

/** A finished turn stands as it was decided; else a person is asked, before anything runs. */
async function refuseUnapproved(
  bench: Workbench,
  attempts: readonly Attempt[],
  recorded: TurnRecord | undefined,
): Promise<void> {
  const waiting = attempts.flatMap(({ workflow, failure }) => (workflow && !failure ? [workflow] : []));
  const refused = recorded
    ? new Set(
        recorded.candidates
          .filter(({ status }) => status === NOT_APPROVED)
          .map(({ workflowHash }) => workflowHash),
      )
    : ((await bench.approval?.refused(waiting)) ?? new Set());
  for (const attempt of attempts)
    if (attempt.workflow && refused.has(attempt.workflow.hash))
      attempt.failure = { status: NOT_APPROVED, message: "a person did not let it run" };
}

/** What nobody wants to run is not written again. */
function isRepairable({ failure }: Attempt): boolean {
  return failure !== undefined && failure.status !== NOT_APPROVED;
}

/** Screens on the small set, then evaluates the survivors on all of it. */
async function scoreAttempts(
  bench: Workbench,
  attempts: readonly Attempt[],
  parent: ShownWorkflow,
): Promise<void> {
  const { screen } = bench.settings;
  let survivors = attempts.filter((attempt) => attempt.workflow && !attempt.failure);
  if (screen > 0 && screen < bench.validation.length) {
    const samples = bench.validation.slice(0, screen);
    const screens = await evaluateDistinct(bench, survivors, samples, "screening");
    for (const attempt of survivors) attempt.screen = screens.get(attempt.workflow!.hash)!;
    survivors = survivorsOf(survivors, parent, screen);
  }
  const evaluations = await evaluateDistinct(bench, survivors, bench.validation, "validation");
  for (const attempt of survivors) attempt.evaluation = evaluations.get(attempt.workflow!.hash)!;
}

/**
 * At most half of the candidates (rounded up), best on the screening set first, and none that falls below the
 * parent there; the best one always passes, so that a turn is never without a score.
 */
function survivorsOf(attempts: readonly Attempt[], parent: ShownWorkflow, screen: number): Attempt[] {
  const byHash = new Map(attempts.map((attempt) => [attempt.workflow!.hash, attempt.screen!]));
  const ranked = [...byHash.values()].sort(compareEvaluations);
  const bar = parent.evaluation.scores.slice(0, screen).reduce((sum, score) => sum + score, 0) / screen;
  const passing = ranked
    .slice(0, Math.ceil(ranked.length / 2))
    .filter((evaluation, rank) => rank === 0 || evaluation.accuracy >= bar)
    .map((evaluation) => evaluation.workflowHash);
  return attempts.filter((attempt) => passing.includes(attempt.workflow!.hash));
}

/** Identical candidates are evaluated once. */
async function evaluateDistinct(
  bench: Workbench,
  attempts: readonly Attempt[],
  samples: Parameters<typeof evaluateAll>[2],
  what: string,
): Promise<Map<string, Evaluation>> {
  const distinct = new Map<string, Workflow>();
  for (const { workflow } of attempts) if (workflow) distinct.set(workflow.hash, workflow);
  if (distinct.size === 0) return new Map();
  const evaluations = await evaluateAll(bench, [...distinct.values()], samples, what);
  return new Map(evaluations.map((evaluation) => [evaluation.workflowHash, evaluation]));
}

function candidateRecord(
  attempt: Attempt,
  bench: Workbench,
  history: TurnRecord["history"],
  reference: Evaluation,
): CandidateRecord {
  const { action, workflow, failure, screen, evaluation } = attempt;
  const outcome = failure ? "invalid" : evaluation ? "scored" : "screened-out";
  const figures = evaluation ?? screen;
  const scores = {
    outcome,
    accuracy: evaluation?.accuracy ?? null,
    screenAccuracy: screen?.accuracy ?? null,
    ...(figures && !failure ? { components: componentsOf(figures, reference) } : {}),
  } as const;
  return {
    index: action.index,
    repairOf: action.repairOf,
    forced: action.forced,
    techniques: workflow ? detectTechniques(workflow.source) : [],
    workflowHash: workflow?.hash ?? null,
    source: workflow?.source ?? null,
    ...scores,
    status: failure?.status ?? "ok",
    ...(failure ? { message: failure.message } : {}),
    interval: evaluation?.interval ?? null,
    n: evaluation?.n ?? 0,
    calls: figures?.calls ?? 0,
    tokens: figures?.tokens ?? 0,
    dollars: figures ? figures.dollars : 0,
    reward: rewardOf(bench.reward, scores, history, bench.rewardWeights),
  };
}

function report(bench: Workbench, record: TurnRecord, best: number): void {
  const { episode, turn } = record;
  for (const candidate of record.candidates) {
    bench.onEvent({
      type: "candidate-scored",
      trajectory: bench.log.file,
      episode,
      turn,
      index: candidate.index,
      workflow: candidate.workflowHash,
      status:
        candidate.outcome === "scored"
          ? "ok"
          : candidate.outcome === "invalid"
            ? candidate.status
            : "screened-out",
      accuracy: candidate.accuracy ?? candidate.screenAccuracy,
      reward: candidate.reward,
      techniques: candidate.techniques,
    });
  }
  const kept = record.candidates.find((candidate) => candidate.index === record.kept);
  bench.onEvent({
    type: "turn-end",
    episode,
    turn,
    best: Math.max(best, kept?.accuracy ?? 0),
    kept: kept?.workflowHash ?? null,
  });
}
