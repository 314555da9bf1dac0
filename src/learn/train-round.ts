/** @file The learning half of a round: recorded trajectories to weighted examples to one adapter per trained member. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { JsonlLog } from "../core/jsonl-log.js";
import { writeAtomic } from "../core/write-atomic.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import { RoundFiles } from "../records/round-files.js";
import type { DataCard, RoundRecord } from "../records/round-record.js";
import type { TokenExample } from "../train/data/example.js";
import type { TrainerResult } from "../train/process/trainer-protocol.js";
import type { TrainSettings } from "../train/train-settings.js";
import { adapterSettings } from "./adapter-settings.js";
import type { Course } from "./course.js";
import { dataCard } from "./data-card.js";
import { type LeftOut, leaveOut } from "./examples/leave-out.js";
import { selectSamples } from "./examples/select-samples.js";
import { sampleExample } from "./examples/trajectory-examples.js";
import { type TrajectorySample, trajectorySamples } from "./examples/trajectory-samples.js";
import { weighSamples } from "./examples/weigh-samples.js";
import type { Adapters, Member, StartAdapter } from "./member.js";
import { collectedFiles } from "./play-round.js";

/** A member with the adapter it learned. */
export interface TrainedMember {
  name: string;
  /** Adapter it was trained on from; undefined = from the base. */
  start: StartAdapter | undefined;
  examples: number;
  result: TrainerResult;
}

/** The samples of one trajectory file. */
interface Played {
  source: string;
  samples: TrajectorySample[];
}

/** Examples that one member learns from, by trajectory file. */
interface Lesson {
  member: Member;
  chosen: TrajectorySample[][];
  weights: number[][];
  examples: TokenExample[];
  leftOut: LeftOut;
}

/**
 * Trains the adapters of a round on the trajectories of `plans`, each from its own in `starts` or afresh. Members learn
 * from nothing but what they wrote themselves. Called again it goes on.
 * @param signal - stops the training at its next update; the checkpoint that it leaves is gone on from
 * @returns the members that learned, at least one; those without any example are left out
 * @throws {InputError} when no example is left
 */
export async function trainRound(
  course: Course,
  files: RoundFiles,
  plans: readonly RoundRecord["plan"][],
  starts: Adapters,
  signal: AbortSignal,
): Promise<{ card: DataCard; members: TrainedMember[] }> {
  const { emit } = course;
  const { config } = course.run;
  const played = playedIn(course, files, plans);
  const lessons = course.members
    .filter(({ train }) => train)
    .map((member) => lessonOf(course, member, played, files.round));
  const lessonsLeft = lessons.filter(({ examples }) => examples.length > 0);
  if (lessonsLeft.length === 0) {
    throw new InputError(`round ${files.round}: the filters leave no example`, {
      hint: "loosen --only-success, --until-last-reward, --keep-turns or --invalid; or use --objective weighted where no rewards differ",
    });
  }
  const card = dataCard(
    played.map(({ samples }) => samples.filter(({ helper }) => helper === undefined)),
    played.map((_, file) => lessons.flatMap(({ chosen }) => chosen[file] ?? [])),
    played.map((_, file) => lessons.flatMap(({ weights }) => weights[file] ?? [])),
    sumOf(lessons.map(({ leftOut }) => leftOut)),
  );
  await writeAtomic(files.card, `${JSON.stringify(card, null, 2)}\n`);
  emit({ type: "examples", round: files.round, card });
  const members: TrainedMember[] = [];
  for (const lesson of lessons) {
    const { name } = lesson.member;
    if (lesson.examples.length === 0) {
      emit({
        type: "warning",
        message: `round ${files.round}: no example for ${name}, which stays as it is`,
      });
      continue;
    }
    const start = config.learn.start === "previous" ? starts.get(name) : undefined;
    const result = await trainMember(course, files, lesson, start, signal);
    members.push({ name, start, examples: lesson.examples.length, result });
  }
  return { card, members };
}

function playedIn(course: Course, files: RoundFiles, plans: readonly RoundRecord["plan"][]): Played[] {
  const { learn, reward = "accuracy", rewardWeights } = course.run.config;
  const { directory } = course.run;
  // A continued adapter has learned the rounds before already; a fresh one needs them all.
  const first = learn.start === "base" ? 1 : files.round;
  const played: Played[] = [];
  for (let round = first; round <= files.round; round++) {
    const own = new RoundFiles(directory.path, round);
    for (const { path } of collectedFiles(course, own, plans[round - 1] as RoundRecord["plan"])) {
      // A run goes on by the rule it was begun with.
      const samples = directory.shrinksRewards
        ? trajectorySamples(path, undefined, reward, rewardWeights)
        : trajectorySamples(path).map((sample) => ({ ...sample, shrunk: undefined }));
      played.push({ source: `round ${round}`, samples });
    }
  }
  return played;
}

function lessonOf(course: Course, member: Member, played: readonly Played[], round: number): Lesson {
  const { collaboration } = course;
  const { config } = course.run;
  const { learn, reward = "accuracy" } = config;
  const isTeam = collaboration !== "single";
  const own = played.map(({ samples }) =>
    isTeam ? samples.filter(({ policy }) => policy === member.name) : samples,
  );
  // Files in which it wrote nothing have no share in the balance of tasks.
  const files = own.flatMap((samples, file) => (samples.length > 0 ? [file] : []));
  const chosen = files.map((file) => selectSamples(own[file] ?? [], learn));
  const shuffleSeed = seedFrom(config.seed, "shuffle", round, ...(isTeam ? [member.name] : []));
  const weights = weighSamples(chosen, learn, reward, shuffleSeed);
  const examples = chosen.map((samples, i) => {
    const source = played[files[i] as number]?.source ?? "";
    return samples.map((sample, j) => sampleExample(sample, weights[i]?.[j] as number, source));
  });
  const settings = adapterSettings(learn, member.parameterCount);
  const limit = Math.min(member.contextLength || Number.POSITIVE_INFINITY, settings.tokenBudget);
  const { lightShare } = learn;
  const { stays, leftOut } = leaveOut(examples.flat(), settings, { limit, lightShare });
  const starts = examples.map((_, i) => examples.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  const kept = <T>(values: readonly T[][]) =>
    values.map((own, i) => own.filter((_, j) => stays[(starts[i] as number) + j]));
  const byFile = <T>(values: readonly T[][]) =>
    played.map((_, file) => kept(values)[files.indexOf(file)] ?? []);
  return {
    member,
    chosen: byFile(chosen),
    weights: byFile(weights),
    examples: kept(examples).flat(),
    leftOut,
  };
}

function sumOf(parts: readonly LeftOut[]): LeftOut {
  const sum = (key: keyof LeftOut) => parts.reduce((total, part) => total + part[key], 0);
  return { tooLong: sum("tooLong"), light: sum("light"), silent: sum("silent") };
}

async function trainMember(
  course: Course,
  files: RoundFiles,
  { member, chosen, examples }: Lesson,
  start: StartAdapter | undefined,
  signal: AbortSignal,
): Promise<TrainerResult> {
  const { round } = files;
  const isTeam = course.collaboration !== "single";
  const number = String(round).padStart(2, "0");
  const outFolder = isTeam ? files.member(member.name) : files.folder;
  mkdirSync(outFolder, { recursive: true });
  const { log } = JsonlLog.open(isTeam ? join(outFolder, "train.jsonl") : files.trainLog);
  try {
    return await course.trainer({
      modelPath: member.modelPath,
      modelHash: member.modelHash,
      baseName: member.baseName,
      outFolder,
      name: isTeam ? `${number}-${member.name}` : number,
      settings: roundSettings(course, member, round, start),
      threads: course.threads,
      device: course.run.config.learn.device,
      examples,
      rewards: chosen.flat().map((sample) => sample.reward),
      continueFrom: start?.path,
      memoryLimitBytes: course.run.config.learn.maxMemory && course.run.config.learn.maxMemory * 1e9,
      parentHash: start?.hash,
      onEvent: (event) => {
        log.append({ at: new Date().toISOString(), ...event });
        course.emit({ type: "train", round, policy: isTeam ? member.name : undefined, event });
      },
      signal,
    });
  } finally {
    log.close();
  }
}

/** Settings of the trainer for a round; its seed differs by round and member, so that data order does. */
function roundSettings(
  { run: { config, directory }, collaboration }: Course,
  member: Member,
  round: number,
  start: StartAdapter | undefined,
): TrainSettings {
  const fresh = adapterSettings(config.learn, member.parameterCount);
  return {
    ...fresh,
    // A run goes on by the rules it was begun with.
    clipping: directory.shrinksRewards ? fresh.clipping : undefined,
    lora: start === undefined ? fresh.lora : readGgufAdapter(start.path).config,
    seed: seedFrom(config.seed, "train", round, ...(collaboration === "single" ? [] : [member.name])),
  };
}
