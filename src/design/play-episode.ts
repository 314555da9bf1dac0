/** @file One episode: a few turns of write, quick check, repair, race, reward, keep the best. */
import { seedFrom } from "../core/hash.js";
import { CandidateSpans } from "../core/telemetry/spans.js";
import { comparable } from "../evaluate/common-items.js";
import type { Evaluation, ShownWorkflow } from "../evaluate/evaluation.js";
import { type ScoredWorkflow, shown } from "../evaluate/scored-workflow.js";
import type { CandidateRecord, TurnRecord } from "../records/trajectory.js";
import { detectTechniques } from "../workflow/techniques.js";
import { chooseParent } from "./choose-parent.js";
import { componentsOf } from "./composite-reward.js";
import { concludeComparison, concludeRace, levelsOf, measured } from "./conclude-turn.js";
import { designPrompt, quotableFailures } from "./design-prompt.js";
import { drawCandidates, drawRepairs, type TurnPlace } from "./draw-candidates.js";
import type { EpisodeParts } from "./episode-parts.js";
import type { PolicyState } from "./policy-state.js";
import { EpisodeRace } from "./race.js";
import type { RewardHistory } from "./reward.js";
import {
  type Attempt,
  isRepairable,
  quickCheck,
  raceCandidates,
  scoreCandidates,
} from "./score-candidates.js";

/**
 * Plays one episode and writes it to the log. What an earlier session of the run wrote is read, not drawn again.
 * @param starts - evaluated baselines, shown at the first turn; those that lost too many samples are left out
 * @returns all workflows that were scored, in order of their appearance: those of a race on as many items as they met
 * @throws {LostSamplesError} where all of them did; and what stops a run
 */
export async function playEpisode(
  parts: EpisodeParts,
  starts: readonly ScoredWorkflow[],
  episode: number,
): Promise<ScoredWorkflow[]> {
  const { log, draws, validation, quoted, card, offers, tools, models, without, seed, found } = parts;
  const shownStarts = comparable(starts).map((start) => shown(start.title, start, start.evaluation));
  const race = parts.isRacing ? new EpisodeRace(parts, shownStarts) : undefined;
  // The first baseline is the plainest: what efficiency is measured against.
  const reference = shownStarts[0]!.evaluation;
  const turns: { reply: string; shown: ShownWorkflow }[] = [];
  const archive: ShownWorkflow[] = [...shownStarts];
  for (let turn = 0; turn < draws.turns; turn++) {
    parts.signal.throwIfAborted();
    parts.emit({ type: "turn-start", task: parts.task, episode, turn, turns: draws.turns });
    const parent = chooseParent(
      draws.parent,
      shownStarts,
      turns.map((one) => one.shown),
      seedFrom(draws.drawSeed, "parent", episode, turn),
      { archive, levelOf: race && levelsOf(race) },
    );
    const state: PolicyState = {
      task: card,
      example: quoted.samples[0]!,
      offers,
      tools,
      models,
      without,
      baselines: shownStarts,
      current: parent,
      turns,
      quoted,
      seed,
    };
    const spans = new CandidateSpans(new Set(archive.map((one) => one.evaluation.workflowHash)));
    const attempts = await spans.during(() => playTurn(parts, state, { episode, turn }, reference, race));
    const known = [...shownStarts, ...turns.map((one) => one.shown)];
    const {
      best,
      previous,
      kept: first,
    } = race
      ? concludeRace(race, known, parent, attempts)
      : concludeComparison(known, parent, attempts, reference);
    const history = { best, previous, sampleCount: validation.length };
    const recorded = log.turn(episode, turn);
    // A finished turn stands as it was recorded, also where a sample lost to an outage has come back since.
    const kept = recorded ? attempts.find(({ action }) => action.index === recorded.kept) : first;
    const record: TurnRecord = recorded ?? {
      kind: "turn",
      episode,
      turn,
      history,
      parentHash: parent.evaluation.workflowHash,
      candidates: attempts.map((attempt) => candidateRecord(attempt, parts, history, reference)),
      kept: kept?.action.index ?? null,
      race: race?.asked(),
    };
    if (!recorded) log.append(record);
    spans.end((hash) => spanAttributes(record, hash));
    for (const attempt of attempts) {
      const evaluation = race ? measured(attempt) : attempt.evaluation;
      if (!evaluation || (race && found.some(({ hash }) => hash === attempt.workflow!.hash))) continue;
      const title = `episode ${episode + 1}, turn ${turn + 1}, candidate ${attempt.action.index + 1}`;
      found.push({ ...attempt.workflow!, title, evaluation });
      archive.push(shown(title, attempt.workflow!, evaluation));
    }
    announce(parts, record);
    const evaluation = kept && (race ? measured(kept) : kept.evaluation);
    if (evaluation) {
      turns.push({
        reply: kept.action.text,
        shown: shown("your last workflow", kept.workflow!, evaluation),
      });
    }
    if (race) {
      measureAgain(race, [...turns.map((one) => one.shown), ...archive.slice(shownStarts.length)]);
      found.splice(0, found.length, ...leveled(race, found));
    }
  }
  return found;
}

/** What was found, with all that the race has measured of it. */
function leveled(race: EpisodeRace, found: readonly ScoredWorkflow[]): ScoredWorkflow[] {
  const levelOf = levelsOf(race);
  return found.map((one) => {
    const evaluation = race.evaluationOf(one.hash)!;
    return { ...one, evaluation, level: levelOf({ evaluation }) };
  });
}

/** Later turns have measured earlier workflows further. */
function measureAgain(race: EpisodeRace, known: readonly ShownWorkflow[]): void {
  for (const one of known) one.evaluation = race.evaluationOf(one.evaluation.workflowHash) ?? one.evaluation;
}

async function playTurn(
  parts: EpisodeParts,
  state: PolicyState,
  place: TurnPlace,
  reference: Evaluation,
  race: EpisodeRace | undefined,
): Promise<Attempt[]> {
  const { log, draws } = parts;
  const recorded = log.turn(place.episode, place.turn);
  const items = race?.orderOf(place) ?? parts.validation;
  const prompt = await designPrompt(parts, state, place);
  const attempts: Attempt[] = (await drawCandidates(parts, place, prompt)).map((action) => ({ action }));
  await quickCheck(parts, attempts, items, recorded);
  let failed = attempts.filter(isRepairable);
  for (let round = 1; round <= draws.maxRepairs && failed.length > 0; round++) {
    const failures = await quotableFailures(parts, failed);
    const told = failed.map(({ action }, i) => ({ action, failure: failures[i]! }));
    const origin = { attempt: round, index: attempts.length };
    const drawn = await drawRepairs(parts, place, prompt, told, origin);
    const repairs: Attempt[] = drawn.map((action) => ({ action }));
    await quickCheck(parts, repairs, items, recorded);
    attempts.push(...repairs);
    failed = repairs.filter(isRepairable);
  }
  if (race) await raceCandidates(race, attempts, place, recorded);
  else await scoreCandidates(parts, attempts, state.current, reference);
  return attempts;
}

function candidateRecord(
  attempt: Attempt,
  parts: EpisodeParts,
  history: RewardHistory,
  reference: Evaluation,
): CandidateRecord {
  const { action, workflow, failure, screen, evaluation, common, shift = 0 } = attempt;
  const outcome = failure ? "invalid" : !common ? "lost" : evaluation ? "scored" : "screened-out";
  const figures = evaluation ?? screen;
  // The level at which candidates of all turns can be compared; the plain accuracy where nothing was lost.
  const level = common && common.accuracy + shift;
  const scores = {
    outcome,
    accuracy: outcome === "scored" && evaluation ? evaluation.accuracy : null,
    screenAccuracy: outcome !== "lost" && screen ? screen.accuracy : null,
    commonAccuracy: level === figures?.accuracy ? undefined : level,
    components: common && { ...componentsOf(common, reference), accuracy: common.accuracy + shift },
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
    n: figures?.n ?? 0,
    lost: figures?.errors || undefined,
    calls: figures?.calls ?? 0,
    tokens: figures?.tokens ?? 0,
    dollars: figures ? figures.dollars : 0,
    reward: parts.reward(scores, history),
  };
}

function spanAttributes({ turn, candidates }: TurnRecord, hash: string): Record<string, string | number> {
  const { index, outcome, accuracy, reward } =
    candidates.find(({ workflowHash }) => workflowHash === hash) ?? {};
  const measured = { "w4s.turn": turn, "w4s.candidate": index, "w4s.outcome": outcome };
  const figures = { ...measured, "w4s.accuracy": accuracy, "w4s.reward": reward };
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) => (value == null ? [] : [[name, value]])),
  );
}

function announce({ emit, log }: EpisodeParts, record: TurnRecord): void {
  const { episode, turn, history } = record;
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
            : candidate.outcome,
      accuracy: candidate.accuracy ?? candidate.screenAccuracy,
      n: candidate.n,
      lost: candidate.lost,
      reward: candidate.reward,
      techniques: candidate.techniques,
    });
  }
  const kept = record.candidates.find((candidate) => candidate.index === record.kept);
  emit({
    type: "turn-end",
    episode,
    turn,
    best: Math.max(history.best, kept?.commonAccuracy ?? kept?.accuracy ?? 0),
    kept: kept?.workflowHash ?? null,
  });
}
