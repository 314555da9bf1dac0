/** @file A run on disk: who may write it, what it was started with, and where its files lie. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { hashJson, sha256 } from "../core/hash.js";
import { type ChainHead, JsonlLog } from "../core/jsonl-log.js";
import { lockRun } from "../core/lock-run.js";
import { writeRecord } from "./record-file.js";
import { type LoggedEvent, parseEvent } from "./run-event.js";
import { runEntries } from "./run-files.js";
import { findManifest, MANIFEST_FILE, type RunManifest, type SearchPlan } from "./run-manifest.js";

/** The settings that say where a run lies and how it is opened. */
export interface DirectorySettings {
  /** Default: a name of its own under `runsRoot`. */
  run?: string | undefined;
  runsRoot: string;
  /** Set what lies there aside and start again. */
  fresh: boolean;
  forceUnlock: boolean;
}

/** An answer of a person about a newly designed workflow, as it was logged. */
export type LoggedApproval = Extract<LoggedEvent, { type: "approval" }>;

export class RunDirectory {
  readonly path: string;
  /** Empty in runs of 0.1. */
  readonly id: string;
  readonly isResumed: boolean;
  /** See RunManifest. */
  readonly shrinksRewards: boolean;
  /** As the run was begun; undefined in those of earlier versions, and where nothing is searched for. */
  readonly search: SearchPlan | undefined;
  readonly #release: () => void;
  readonly #events: JsonlLog;
  /** Approvals of earlier sessions, as they were logged. */
  readonly approvals: readonly LoggedApproval[];
  /** Hashes of the chosen workflows that earlier sessions opened test for, in that order. */
  readonly tested: readonly string[];

  private constructor(
    path: string,
    id: string,
    known: RunManifest | undefined,
    isBegun: boolean,
    search: SearchPlan | undefined,
    release: () => void,
    events: JsonlLog,
    approvals: readonly LoggedApproval[],
    tested: readonly string[],
  ) {
    this.path = path;
    this.id = id;
    this.isResumed = isBegun;
    this.shrinksRewards = known === undefined || (known.shrinksRewards ?? false);
    this.search = search;
    this.#release = release;
    this.#events = events;
    this.approvals = approvals;
    this.tested = tested;
  }

  /**
   * Opens or creates the directory of a run and takes its lock.
   * @throws {ConfigError} listing what changed when the directory belongs to another configuration;
   *   {RunInUseError} when another process works there; {StorageError} when it cannot be written.
   */
  static async open(
    config: DirectorySettings,
    manifest: Omit<RunManifest, "version" | "id" | "shrinksRewards"> & { label: string },
    onWarning: (message: string) => void,
  ): Promise<RunDirectory> {
    const { label, ...rest } = manifest;
    const { command, identity } = rest;
    const name = `${command}-${safeName(label)}-${hashJson(identity).slice(0, 8)}`;
    const path = config.run ?? join(config.runsRoot, name);
    const release = lockRun(path, { force: config.forceUnlock, onTakeover: onWarning });
    try {
      if (config.fresh) setAside(path);
      const known = findManifest(path);
      const id = known ? (known.id ?? "") : randomUUID();
      if (known) refuseChanges(path, known, rest);
      else {
        const fresh: RunManifest = { ...rest, version: 1, id, shrinksRewards: true };
        await writeRecord(join(path, MANIFEST_FILE), fresh);
      }
      await writeRecord(join(path, "config.resolved.json"), config);
      // The log begins at what the run was started with, so that neither can be changed alone.
      const genesis = sha256(readFileSync(join(path, MANIFEST_FILE)));
      const { log, records, isTorn } = JsonlLog.open(join(path, "events.jsonl"), genesis);
      if (isTorn)
        onWarning("the last run ended abruptly: the last line of events.jsonl was cut and set aside");
      const earlier = records
        .filter(({ type }) => type === "approval" || type === "test-opened")
        .flatMap((record) => parseEvent(record) ?? []);
      // A forecast alone has begun nothing; logs of earlier versions do not tell it apart.
      const starts = records.filter(({ type }) => type === "run-start");
      const isForecast = starts.length > 0 && starts.every(({ isDryRun }) => isDryRun === true);
      const isBegun = known !== undefined && !isForecast;
      const approvals = earlier.filter((event) => event.type === "approval");
      const tested = earlier.flatMap((event) => (event.type === "test-opened" ? (event.workflow ?? []) : []));
      const { search } = known ?? rest;
      return new RunDirectory(path, id, known, isBegun, search, release, log, approvals, tested);
    } catch (error) {
      release();
      throw error;
    }
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Progress ticks are for the screen only; everything else is kept with a sequence of its own. */
  record(event: { type: string }): void {
    if (!FOR_THE_SCREEN.has(event.type)) this.#events.append({ at: new Date().toISOString(), ...event });
  }

  close(): void {
    this.#events.close();
    noteHead(this.file(EVENTS_HEAD), this.#events.head);
    this.#release();
  }
}

const FOR_THE_SCREEN: ReadonlySet<string> = new Set(["job-done", "batch-wait", "writing"]);

/** File that tells how far events.jsonl reached when the last session ended: lines taken from its end are missed. */
export const EVENTS_HEAD = "events.head.json";

/** A full disk must not hide how the run ended; without the note only less can be checked. */
function noteHead(path: string, head: ChainHead): void {
  try {
    writeFileSync(path, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  } catch {}
}

function refuseChanges(
  path: string,
  known: RunManifest,
  now: Pick<RunManifest, "identity" | "search">,
): void {
  // Another default is no other setting: the run goes on as it was begun.
  const settings = ({ identity, search }: typeof now): Record<string, unknown> =>
    known.search ? { ...identity, validationLimit: search?.items, race: search?.rule } : identity;
  const [before, after] = [settings(known), settings(now)];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...keys].filter(
    (key) => hashJson([before[key] ?? null]) !== hashJson([after[key] ?? null]),
  );
  if (changed.length === 0) return;
  const list = changed.map(
    (key) => `${key}: ${JSON.stringify(before[key]) ?? "none"} → ${JSON.stringify(after[key]) ?? "none"}`,
  );
  throw new ConfigError(`${path} was started with other settings (${list.join("; ")})`, {
    code: "run-changed",
    hint: "use the old settings, choose another --run, or start again with --fresh",
  });
}

/**
 * --fresh keeps the run that was there in a folder of its own, where it can still be reported: nothing that was paid
 * for is deleted.
 */
function setAside(path: string): void {
  // The manifest goes last: what a kill leaves behind is still the old run.
  const names = runEntries(path).sort((a, b) => Number(a === MANIFEST_FILE) - Number(b === MANIFEST_FILE));
  if (names.length === 0) return;
  const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  let aside = join(path, `old-${stamp}`);
  for (let number = 2; existsSync(aside); number++) aside = join(path, `old-${stamp}-${number}`);
  mkdirSync(aside, { mode: 0o700 });
  for (const name of names) renameSync(join(path, name), join(aside, name));
}

function safeName(task: string): string {
  const last = task.split(/[\\/]/).filter(Boolean).at(-1) ?? "task";
  return last
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .slice(0, 40);
}
