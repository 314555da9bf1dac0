/** @file A run on disk: who may write it, what it was started with, and where its files lie. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError, StorageError } from "../core/errors.js";
import { hashJson, sha256 } from "../core/hash.js";
import { type ChainHead, JsonlLog } from "../core/jsonl-log.js";
import { lockRun } from "../core/lock-run.js";
import { writeAtomic } from "../core/write-atomic.js";

/** Settings that change how fast or how far a run goes, but not what it finds: they may differ on resume. */
const OPERATIONAL_KEYS = new Set([
  "run",
  "runsRoot",
  "cache",
  "concurrency",
  "requestsPerMinute",
  "timeoutMs",
  "maxWaitSeconds",
  "budget",
  "maxErrors",
  "minScore",
  "dryRun",
  "fresh",
  "forceUnlock",
  "threads",
  "price",
  // What the rules are decides, not where they lie; refusals are recorded.
  "policyFile",
  "approve",
  "approveFile",
]);

export type RunCommand = "optimize" | "collect" | "eval" | "learn";

/** What is compared on resume: the part of the configuration that decides the results, and the inputs' hashes. */
export interface RunManifest {
  command: RunCommand;
  version: 1;
  executor: string;
  isSimulated: boolean;
  identity: Record<string, unknown>;
}

export class RunDirectory {
  readonly path: string;
  readonly isResumed: boolean;
  readonly #release: () => void;
  readonly #events: JsonlLog;
  /** Approvals of earlier sessions, as they were logged. */
  readonly approvals: readonly Record<string, unknown>[];

  private constructor(
    path: string,
    isResumed: boolean,
    release: () => void,
    events: JsonlLog,
    approvals: readonly Record<string, unknown>[],
  ) {
    this.path = path;
    this.isResumed = isResumed;
    this.#release = release;
    this.#events = events;
    this.approvals = approvals;
  }

  /**
   * Opens or creates the directory of a run and takes its lock.
   * @throws {ConfigError} listing what changed when the directory belongs to another configuration;
   *   {RunInUseError} when another process works there; {StorageError} when it cannot be written.
   */
  static async open(
    config: RunConfig,
    manifest: Omit<RunManifest, "version" | "identity"> & { label: string; inputs: Record<string, unknown> },
    onWarning: (message: string) => void,
  ): Promise<RunDirectory> {
    const { inputs, label, ...rest } = manifest;
    const identity = { ...identityOf(config, manifest.command), ...inputs };
    const name = `${manifest.command}-${safeName(label)}-${hashJson(identity).slice(0, 8)}`;
    const path = config.run ?? join(config.runsRoot, name);
    const release = lockRun(path, { force: config.forceUnlock, onTakeover: onWarning });
    try {
      if (config.fresh) setAside(path);
      const known = readManifest(path);
      if (known) refuseChanges(path, known, identity);
      else {
        const complete: RunManifest = { ...rest, version: 1, identity };
        await writeAtomic(join(path, "run.json"), `${JSON.stringify(complete, null, 2)}\n`);
      }
      await writeAtomic(join(path, "config.resolved.json"), `${JSON.stringify(config, null, 2)}\n`);
      // The log begins at what the run was started with, so that neither can be changed alone.
      const genesis = sha256(readFileSync(join(path, "run.json")));
      const { log, records, isTorn } = JsonlLog.open(join(path, "events.jsonl"), genesis);
      if (isTorn)
        onWarning("the last run ended abruptly: the last line of events.jsonl was cut and set aside");
      const approvals = records.filter(({ type }) => type === "approval");
      return new RunDirectory(path, known !== undefined, release, log, approvals);
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
    if (event.type !== "job-done") this.#events.append({ at: new Date().toISOString(), ...event });
  }

  close(): void {
    this.#events.close();
    noteHead(this.file(EVENTS_HEAD), this.#events.head);
    this.#release();
  }
}

/** How far events.jsonl reached when the last session ended: lines taken from its end are missed. */
export const EVENTS_HEAD = "events.head.json";

/** A full disk must not hide how the run ended; without the note only less can be checked. */
function noteHead(path: string, head: ChainHead): void {
  try {
    writeFileSync(path, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  } catch {}
}

/** The part of a configuration that decides what a run finds. */
export function identityOf(config: RunConfig, command: RunCommand): Record<string, unknown> {
  const isOther = (key: string) => key === "learn" || (key === "policies" && command !== "learn");
  const entries = Object.entries(config).filter(([key]) => !OPERATIONAL_KEYS.has(key) && !isOther(key));
  if (command !== "learn") return Object.fromEntries(entries);
  // More rounds only lengthen a run.
  const { rounds: _, ...learn } = config.learn;
  return { ...Object.fromEntries(entries), learn };
}

function readManifest(path: string): RunManifest | undefined {
  const file = join(path, "run.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RunManifest;
  } catch (error) {
    throw new StorageError(`${file} is damaged`, { hint: "start again with --fresh", cause: error });
  }
}

function refuseChanges(path: string, known: RunManifest, identity: Record<string, unknown>): void {
  const keys = new Set([...Object.keys(known.identity), ...Object.keys(identity)]);
  const changed = [...keys].filter(
    (key) => hashJson([known.identity[key] ?? null]) !== hashJson([identity[key] ?? null]),
  );
  if (changed.length === 0) return;
  const list = changed.map(
    (key) =>
      `${key}: ${JSON.stringify(known.identity[key]) ?? "none"} → ${JSON.stringify(identity[key]) ?? "none"}`,
  );
  throw new ConfigError(`${path} was started with other settings (${list.join("; ")})`, {
    code: "run-changed",
    hint: "use the old settings, choose another --run, or start again with --fresh",
  });
}

/** --fresh keeps what was there under another name: nothing that was paid for is deleted. */
function setAside(path: string): void {
  const stamp = new Date()
    .toISOString()
    .replace(/[^0-9]/g, "")
    .slice(0, 14);
  for (const name of [
    "run.json",
    "events.jsonl",
    EVENTS_HEAD,
    "trajectories.jsonl",
    "calls.db",
    "calls.db-wal",
    "calls.db-shm",
    "summary.json",
    "best-workflow.js",
    "replays.json",
    "best-workflow.md",
  ]) {
    const file = join(path, name);
    if (existsSync(file)) renameSync(file, join(path, `old-${stamp}-${name}`));
  }
}

function safeName(task: string): string {
  const last = task.split(/[\\/]/).filter(Boolean).at(-1) ?? "task";
  return last
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .slice(0, 40);
}
