/** @file The audit of a run: whether its log is whole, and who designed what, from which data, at what cost. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { type ChainHead, decodeLine } from "../core/jsonl-log.js";
import { sumOrNull } from "../core/statistics.js";
import { type ChainReport, verifyChain } from "../core/verify-chain.js";
import { EVENTS_HEAD } from "./run-directory.js";
import { type LoggedEvent, parseEvent } from "./run-event.js";
import { type RunTrajectory, runTrajectories } from "./run-files.js";
import { MANIFEST_FILE, readManifest } from "./run-manifest.js";
import { readTrajectory, type TrajectoryHeader } from "./trajectory.js";

/** A candidate as it was designed. */
export interface AuditedDesign {
  /** Hash of its source; null where no workflow could be read from the reply. */
  workflow: string | null;
  /** Member of a team, or the model, with its adapter where it had one. */
  designer: string;
  /** Techniques the grammar forced on it. */
  forced: string[];
  task: string;
  /** Trajectory file, relative to the run. */
  file: string;
  /** All three from 0. */
  episode: number;
  turn: number;
  candidate: number;
  /** Hash of the workflow it was shown. */
  parent: string | null;
  outcome: string;
  accuracy: number | null;
  reward: number;
  /** Calls, tokens and cost of the evaluation, at the price when first paid; equal calls of several candidates are paid once. */
  calls: number;
  tokens: number;
  dollars: number | null;
  isKept: boolean;
}

export interface AuditedDesigner {
  designer: string;
  candidates: number;
  /** Different workflows. */
  distinct: number;
  invalid: number;
  kept: number;
  calls: number;
  tokens: number;
  dollars: number | null;
}

export interface RunAudit {
  directory: string;
  isIntact: boolean;
  chain: ChainReport;
  /** Candidates whose record says something else than the log. */
  disagreements: string[];
  /** Candidates that the log does not tell of, as after a kill. */
  unlogged: number;
  command: string;
  executor: string;
  isSimulated: boolean;
  sessions: { at: string; policy: string }[];
  endedAt: string | null;
  data: { task: string; hash: string }[];
  testOpenings: { at: string; items: number; purpose: string }[];
  designs: AuditedDesign[];
  designers: AuditedDesigner[];
  /** Adapters that the run trained, and from what. */
  adapters: { round: number; adapterHash: string; parentHash: string | null; isAccepted: boolean }[];
  /** Cost of all calls of the run, as the log told last. */
  spent: { calls: number; tokens: number; dollars: number | null } | null;
  /** Events in which people allowed or refused, or the rules stopped, something. */
  decisions: { at: string; type: string; what: string }[];
}

type CandidateEvent = Extract<LoggedEvent, { type: "candidate-scored" }>;

/**
 * Reads a run without changing it.
 * @throws {InputError} when there is no run or no log; {StorageError} when a trajectory is damaged
 */
export function auditRun(directory: string): RunAudit {
  const { command, executor, isSimulated } = readManifest(directory);
  const events = join(directory, "events.jsonl");
  if (!existsSync(events))
    throw new InputError(`${directory} has no events.jsonl`, { hint: "name the directory of a run" });
  const genesis = sha256(readFileSync(join(directory, MANIFEST_FILE)));
  const chain = verifyChain(events, genesis, readHead(join(directory, EVENTS_HEAD)));
  const log = readEventsOf(events);
  const headers: TrajectoryHeader[] = [];
  const designs = runTrajectories(directory).flatMap((file) => designsOf(file, headers));
  const compared = compareWithLog(designs, log);
  const spent = log.findLast((event) => event.type === "spent");
  return {
    directory,
    isIntact: chain.broken === undefined && compared.disagreements.length === 0,
    chain,
    ...compared,
    command,
    executor,
    isSimulated,
    sessions: log.flatMap((event) =>
      event.type === "run-start" ? [{ at: event.at, policy: event.policy }] : [],
    ),
    endedAt: log.at(-1)?.at ?? null,
    data: [...new Map(headers.map(({ task }) => [task.name, { task: task.name, hash: task.hash }])).values()],
    testOpenings: log.flatMap((event) =>
      event.type === "test-opened" ? [{ at: event.at, items: event.items, purpose: event.purpose }] : [],
    ),
    designs,
    designers: designersOf(designs),
    adapters: log.flatMap((event) => {
      if (event.type !== "round-end") return [];
      const { round, adapterHash, parentHash, isAccepted } = event.record;
      return [{ round, adapterHash, parentHash, isAccepted }];
    }),
    spent: spent === undefined ? null : { calls: spent.calls, tokens: spent.tokens, dollars: spent.dollars },
    decisions: log.flatMap((event): RunAudit["decisions"] => {
      const { at, type } = event;
      if (type === "policy-violation") return [{ at, type, what: event.message }];
      if (type !== "approval") return [];
      return [{ at, type, what: `${event.decision} ${event.workflow.slice(0, 12)} (${event.by})` }];
    }),
  };
}

/** Without the note, or with one that cannot be read, lines missing at the end do not show. */
function readHead(path: string): ChainHead | undefined {
  try {
    const { lines, hash } = JSON.parse(readFileSync(path, "utf8")) as Partial<ChainHead>;
    return typeof lines === "number" && typeof hash === "string" ? { lines, hash } : undefined;
  } catch {
    return undefined;
  }
}

/** Events that can be read, however the log is damaged: the chain says what they are worth. */
function readEventsOf(path: string): LoggedEvent[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => decodeLine(line))
    .map((line) => line && parseEvent(line))
    .filter((event) => event !== undefined);
}

function designsOf({ file, path }: RunTrajectory, headers: TrajectoryHeader[]): AuditedDesign[] {
  const records = readTrajectory(path);
  const header = records.find((record) => record.kind === "header");
  if (header !== undefined) headers.push(header);
  const authors = new Map<string, string | undefined>();
  for (const record of records) {
    if (record.kind !== "actions") continue;
    for (const { index, policy } of record.actions)
      authors.set(`${record.episode}/${record.turn}/${index}`, policy);
  }
  return records.flatMap((record) => {
    if (record.kind !== "turn") return [];
    const { episode, turn, parentHash, kept } = record;
    return record.candidates.map((candidate) => ({
      workflow: candidate.workflowHash,
      designer: designerName(header, authors.get(`${episode}/${turn}/${candidate.index}`)),
      forced: candidate.forced,
      task: header?.task.name ?? "unknown",
      file,
      episode,
      turn,
      candidate: candidate.index,
      parent: parentHash,
      outcome: candidate.outcome,
      accuracy: candidate.accuracy ?? candidate.screenAccuracy,
      reward: candidate.reward,
      calls: candidate.calls,
      tokens: candidate.tokens,
      dollars: candidate.dollars,
      isKept: candidate.index === kept,
    }));
  });
}

function designerName(header: TrajectoryHeader | undefined, member: string | undefined): string {
  if (header === undefined) return "unknown";
  const { members, id, adapterHash } = header.policy;
  const one = members?.find(({ name }) => name === member);
  const name = one === undefined ? id : `${one.name} (model ${one.modelHash.slice(0, 12)})`;
  const adapter = one === undefined ? adapterHash : one.adapterHash;
  return adapter === null ? name : `${name} with adapter ${adapter.slice(0, 12)}`;
}

/** A record must say what was logged when it was made; a resumed run logs the same again. */
function compareWithLog(
  designs: readonly AuditedDesign[],
  log: readonly LoggedEvent[],
): Pick<RunAudit, "disagreements" | "unlogged"> {
  const told = new Map<string, CandidateEvent[]>();
  for (const event of log) {
    if (event.type !== "candidate-scored") continue;
    const place = placeOf(event.trajectory, event.episode, event.turn, event.index);
    told.set(place, [...(told.get(place) ?? []), event]);
  }
  const disagreements: string[] = [];
  let unlogged = 0;
  for (const design of designs) {
    const { episode, turn, candidate, file } = design;
    // Version 0.1 did not log the file: rounds and tasks share a place there, and one of its lines has to fit.
    const events =
      told.get(placeOf(file, episode, turn, candidate)) ??
      told.get(placeOf(undefined, episode, turn, candidate));
    if (events === undefined) unlogged++;
    else if (!events.some((event) => agrees(event, design))) {
      disagreements.push(
        `${file}: episode ${episode + 1}, turn ${turn + 1}, candidate ${candidate + 1} is recorded with accuracy ${design.accuracy}, reward ${design.reward} and workflow ${design.workflow?.slice(0, 12) ?? "none"}; the log says otherwise`,
      );
    }
  }
  return { disagreements, unlogged };
}

function placeOf(file: string | undefined, episode: number, turn: number, candidate: number): string {
  return `${file ?? ""} ${episode}/${turn}/${candidate}`;
}

function agrees(event: CandidateEvent, design: AuditedDesign): boolean {
  const isSame = event.accuracy === design.accuracy && event.reward === design.reward;
  // The first versions did not log the workflow.
  return isSame && (event.workflow === undefined || event.workflow === design.workflow);
}

function designersOf(designs: readonly AuditedDesign[]): AuditedDesigner[] {
  const groups = new Map<string, AuditedDesign[]>();
  for (const design of designs) groups.set(design.designer, [...(groups.get(design.designer) ?? []), design]);
  return [...groups].map(([designer, own]) => ({
    designer,
    candidates: own.length,
    distinct: new Set(own.flatMap(({ workflow }) => workflow ?? [])).size,
    invalid: own.filter(({ outcome }) => outcome === "invalid").length,
    kept: own.filter(({ isKept }) => isKept).length,
    calls: own.reduce((sum, { calls }) => sum + calls, 0),
    tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: sumOrNull(own.map(({ dollars }) => dollars)),
  }));
}
