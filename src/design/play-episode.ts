/** @file One episode: a few turns of write, quick check, repair, screen, evaluate, reward, keep the best. */
import { seedFrom } from "../core/hash.js";
import type { Evaluation, ShownWorkflow } from "../evaluate/evaluation.js";
import { bestOf, type ScoredWorkflow, shown } from "../evaluate/scored-workflow.js";
import type { CandidateRecord, TurnRecord } from "../records/trajectory.js";
import { detectTechniques } from "../workflow/techniques.js";
import { chooseParent } from "./choose-parent.js";
import { componentsOf } from "./composite-reward.js";
import { drawCandidates, drawRepair, type TurnPlace } from "./draw-candidates.js";
import type { EpisodeParts } from "./episode-parts.js";
import { buildPrompt, type PolicyState } from "./policy-state.js";
import type { RewardHistory } from "./reward.js";
import { type Attempt, isRepairable, quickCheck, scoreCandidates } from "./score-candidates.js";

/**
 * Plays one episode and writes it to the log. What an earlier session of the run wrote is read, not drawn again.
 * @param starts - evaluated baselines, shown at the first turn
 * @returns all workflows that reached the whole validation set, in order of their appearance
 */
export async function playEpisode(
  parts: EpisodeParts,
  starts: readonly ScoredWorkflow[],
  episode: number,
): Promise<ScoredWorkflow[]> {
  const { log, draws, validation, card, offers, tools, models, seed } = parts;
  const shownStarts = starts.map((start) => shown(start.title, start, start.evaluation));
  const found: ScoredWorkflow[] = [];
  const turns: { reply: string; shown: ShownWorkflow }[] = [];
  let best = Math.max(...starts.map((start) => start.evaluation.accuracy));
  for (let turn = 0; turn < draws.turns; turn++) {
    parts.signal?.throwIfAborted();
    parts.emit({ type: "turn-start", episode, turn, turns: draws.turns });
    const parent = chooseParent(
      draws.parent,
      shownStarts,
      turns.map((one) => one.shown),
      seedFrom(draws.drawSeed, "parent", episode, turn),
    );
    const state: PolicyState = {
      task: card,
      example: validation[0]!,
      offers,
      tools,
      models,
      baselines: shownStarts,
      current: parent,
      turns,
      validation,
      seed,
    };
    const attempts = await playTurn(parts, state, { episode, turn });
    const history = { best, previous: parent.evaluation.accuracy, sampleCount: validation.length };
    const scored = attempts.flatMap(({ evaluation, ...rest }) =>
      evaluation === undefined ? [] : [{ ...rest, evaluation }],
    );
    const recorded = log.turn(episode, turn);
    // A finished turn stands as it was recorded, also where a sample lost to an outage has come back since.
    const kept = recorded ? scored.find((attempt) => attempt.action.index === recorded.kept) : bestOf(scored);
    const record: TurnRecord = recorded ?? {
      kind: "turn",
      episode,
      turn,
      history,
      parentHash: parent.evaluation.workflowHash,
      // The first baseline is the plainest: what efficiency is measured against.
      candidates: attempts.map((attempt) => candidateRecord(attempt, parts, history, starts[0]!.evaluation)),
      kept: kept?.action.index ?? null,
    };
    if (!recorded) log.append(record);
    for (const attempt of scored) {
      const title = `episode ${episode + 1}, turn ${turn + 1}, candidate ${attempt.action.index + 1}`;
      found.push({ ...attempt.workflow!, title, evaluation: attempt.evaluation });
    }
    announce(parts, record, best);
    if (kept) {
      best = Math.max(best, kept.evaluation.accuracy);
      turns.push({
        reply: kept.action.text,
        shown: shown("your last workflow", kept.workflow!, kept.evaluation),
      });
    }
  }
  return found;
}

async function playTurn(parts: EpisodeParts, state: PolicyState, place: TurnPlace): Promise<Attempt[]> {
  const { policy, log, draws } = parts;
  const recorded = log.turn(place.episode, place.turn);
  const prompt = buildPrompt(state, policy.style);
  const attempts: Attempt[] = (await drawCandidates(parts, place, prompt)).map((action) => ({ action }));
  await quickCheck(parts, attempts, recorded);
  let failed = attempts.filter(isRepairable);
  for (let round = 1; round <= draws.maxRepairs && failed.length > 0; round++) {
    const repairs: Attempt[] = [];
    for (const { action, failure } of failed) {
      const origin = { attempt: round, index: attempts.length + repairs.length };
      const actions = await drawRepair(parts, place, prompt, action, failure!.message, origin);
      repairs.push(...actions.map((repair) => ({ action: repair })));
    }
    await quickCheck(parts, repairs, recorded);
    attempts.push(...repairs);
    failed = repairs.filter(isRepairable);
  }
  await scoreCandidates(parts, attempts, state.current);
  return attempts;
}

function candidateRecord(
  attempt: Attempt,
  parts: EpisodeParts,
  history: RewardHistory,
  reference: Evaluation,
): CandidateRecord {
  const { action, workflow, failure, screen, evaluation } = attempt;
  const outcome = failure ? "invalid" : evaluation ? "scored" : "screened-out";
  const figures = evaluation ?? screen;
  const scores = {
    outcome,
    accuracy: evaluation?.accuracy ?? null,
    screenAccuracy: screen?.accuracy ?? null,
    components: figures && !failure ? componentsOf(figures, reference) : undefined,
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
    message: failure?.message,
    interval: evaluation?.interval ?? null,
    n: evaluation?.n ?? 0,
    calls: figures?.calls ?? 0,
    tokens: figures?.tokens ?? 0,
    dollars: figures ? figures.dollars : 0,
    reward: parts.reward(scores, history),
  };
}

function announce({ emit, log }: EpisodeParts, record: TurnRecord, best: number): void {
  const { episode, turn } = record;
  for (const candidate of record.candidates) {
    emit({
      type: "candidate-scored",
      trajectory: log.file,
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
  emit({
    type: "turn-end",
    episode,
    turn,
    best: Math.max(best, kept?.accuracy ?? 0),
    kept: kept?.workflowHash ?? null,
  });
}
