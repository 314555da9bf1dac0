/** @file The audit of a run: whether its log is whole, and who designed what, from which data, at what cost. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { InputError, messageOf, StorageError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { type ChainHead, decodeLine } from "../core/jsonl-log.js";
import { type ChainReport, verifyChain } from "../core/verify-chain.js";
import { trajectoryFiles } from "../learn/examples/trajectory-samples.js";
import { EVENTS_HEAD } from "./run-directory.js";
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
  /** Of its evaluation, at the price when first paid; equal calls of several candidates are paid once. */
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
  /** What all calls of the run cost, as the log told last. */
  spent: { calls: number; tokens: number; dollars: number | null } | null;
  /** What people allowed or refused, and what the policy stopped. */
  decisions: { at: string; type: string; what: string }[];
}

type Line = Record<string, unknown>;

/**
 * Reads a run without changing it.
 * @throws {InputError} when there is no run or no log; {StorageError} when a trajectory is damaged
 */
export function auditRun(directory: string): RunAudit {
  const manifest = readManifest(directory);
  const events = join(directory, "events.jsonl");
  if (!existsSync(events))
    throw new InputError(`${directory} has no events.jsonl`, { hint: "name the directory of a run" });
  const chain = verifyChain(events, sha256(manifest.bytes), readHead(join(directory, EVENTS_HEAD)));
  const log = readWholeLines(events);
  const files = runTrajectories(directory);
  const headers: TrajectoryHeader[] = [];
  const designs = files.flatMap((file) => designsOf(directory, file, headers));
  const compared = compareWithLog(designs, log);
  const spent = log.findLast((line) => line.type === "spent");
  return {
    directory,
    isIntact: chain.broken === undefined && compared.disagreements.length === 0,
    chain,
    ...compared,
    command: String(manifest.value.command ?? "unknown"),
    executor: String(manifest.value.executor ?? "unknown"),
    isSimulated: manifest.value.isSimulated === true,
    sessions: log
      .filter((line) => line.type === "run-start")
      .map(({ at, policy }) => ({ at: String(at), policy: String(policy) })),
    endedAt: log.length === 0 ? null : String(log.at(-1)?.at),
    data: [...new Map(headers.map(({ task }) => [task.name, { task: task.name, hash: task.hash }])).values()],
    testOpenings: log
      .filter((line) => line.type === "test-opened")
      .map(({ at, items, purpose }) => ({ at: String(at), items: Number(items), purpose: String(purpose) })),
    designs,
    designers: designersOf(designs),
    adapters: log.filter((line) => line.type === "round-end").map(adapterOf),
    spent:
      spent === undefined
        ? null
        : {
            calls: Number(spent.calls),
            tokens: Number(spent.tokens),
            dollars: typeof spent.dollars === "number" ? spent.dollars : null,
          },
    decisions: log
      .filter(({ type }) => type === "approval" || type === "policy-violation")
      .map(({ at, type, ...rest }) => ({ at: String(at), type: String(type), what: decisionText(rest) })),
  };
}

function decisionText({ workflow, decision, by, message }: Line): string {
  const short = typeof workflow === "string" ? workflow.slice(0, 12) : "";
  return message === undefined ? `${decision} ${short} (${by})` : String(message);
}

function readManifest(directory: string): { bytes: Uint8Array; value: Line } {
  const path = join(directory, "run.json");
  if (!existsSync(path))
    throw new InputError(`${directory} is no run directory: it has no run.json`, {
      hint: "name a directory that w4s optimize, collect, eval or learn has written",
    });
  const bytes = readFileSync(path);
  try {
    return { bytes, value: JSON.parse(bytes.toString("utf8")) as Line };
  } catch (error) {
    throw new StorageError(`${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
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

/** What can be read, however the log is damaged: the chain says what that is worth. */
function readWholeLines(path: string): Line[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => decodeLine(line))
    .filter((line) => line !== undefined);
}

/** Trajectories of the run itself, or those that its rounds collected and judged. */
function runTrajectories(directory: string): string[] {
  const rounds = join(directory, "rounds");
  if (!existsSync(rounds))
    return existsSync(join(directory, "trajectories.jsonl")) ? trajectoryFiles(directory) : [];
  return readdirSync(rounds)
    .sort()
    .flatMap((round) =>
      readdirSync(join(rounds, round))
        .filter((name) => /^(collect|judge)-.*\.jsonl$/.test(name))
        .sort()
        .map((name) => join(rounds, round, name)),
    );
}

function designsOf(directory: string, file: string, headers: TrajectoryHeader[]): AuditedDesign[] {
  const records = readTrajectory(file);
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
      file: relative(directory, file),
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
  log: readonly Line[],
): Pick<RunAudit, "disagreements" | "unlogged"> {
  const told = new Map<string, Line[]>();
  for (const line of log) {
    if (line.type !== "candidate-scored") continue;
    const place = `${line.episode}/${line.turn}/${line.index}`;
    told.set(place, [...(told.get(place) ?? []), line]);
  }
  const disagreements: string[] = [];
  let unlogged = 0;
  for (const design of designs) {
    const { episode, turn, candidate, file } = design;
    const lines = told.get(`${episode}/${turn}/${candidate}`);
    if (lines === undefined) unlogged++;
    else if (!lines.some((line) => agrees(line, design))) {
      disagreements.push(
        `${file}: episode ${episode + 1}, turn ${turn + 1}, candidate ${candidate + 1} is recorded with accuracy ${design.accuracy}, reward ${design.reward} and workflow ${design.workflow?.slice(0, 12) ?? "none"}; the log says otherwise`,
      );
    }
  }
  return { disagreements, unlogged };
}

function agrees(line: Line, design: AuditedDesign): boolean {
  const isSame = line.accuracy === design.accuracy && line.reward === design.reward;
  // Logs of older versions do not name the workflow.
  return isSame && (line.workflow === undefined || line.workflow === design.workflow);
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
    dollars: own.reduce<number | null>(
      (sum, { dollars }) => (sum === null || dollars === null ? null : sum + dollars),
      0,
    ),
  }));
}

function adapterOf(line: Line): RunAudit["adapters"][number] {
  const record = (line.record ?? {}) as Line;
  return {
    round: Number(record.round),
    adapterHash: String(record.adapterHash),
    parentHash: typeof record.parentHash === "string" ? record.parentHash : null,
    isAccepted: record.isAccepted === true,
  };
}
