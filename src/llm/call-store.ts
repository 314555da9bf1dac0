/**
 * @file Replies, ledger and evaluation results in one SQLite file; the only door to libsql.
 *
 * Write-ahead log with synchronous = NORMAL: what was committed survives the death of this process by any
 * signal. A power cut may take the last moments with it, but never damages the file.
 */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type Database from "libsql";
import { messageOf, StorageError } from "../core/errors.js";
import type { ChatRequest, ChatResult } from "./chat-model.js";

/** Reply as it is stored: all of it. */
export type StoredReply = ChatResult;

/** Messages and parameters that were sent to a model, without what only this process knows. */
export type SentRequest = Pick<ChatRequest, "messages" | "n" | "temperature" | "maxTokens" | "stop" | "json">;

/** One call: paid, or answered from what is stored. */
export interface LedgerEntry {
  /** Who asked: "executor", "weak", "policy", "judge". */
  role: string;
  /** The id of the model. */
  model: string;
  isCached: boolean;
  promptTokens: number;
  completionTokens: number;
  /** Null when the price is unknown. */
  dollars: number | null;
  /** Answered requests that it took. Default 1 */
  requests?: number | undefined;
  /** Token counts were estimated. */
  isEstimated?: boolean | undefined;
  /** Free label, such as the job. */
  tag?: string | undefined;
}

/** Sums per role and model over all sessions of a run; tokens and dollars are those of paid calls. */
export interface LedgerRow {
  role: string;
  model: string;
  /** Paid requests, those included that failed. */
  calls: number;
  cachedCalls: number;
  promptTokens: number;
  completionTokens: number;
  /** Null when the price of any of the calls is unknown. */
  dollars: number | null;
  /** Paid calls whose tokens were estimated. */
  estimatedCalls: number;
}

/** One call of a user's tool: its result as JSON, or the error it ended with. */
export interface StoredToolCall {
  tool: string;
  /** JSON of the input, possibly cut. */
  input: string;
  json?: string | undefined;
  error?: string | undefined;
  milliseconds: number;
}

const SCHEMA_VERSION = 3;
const CACHED_CALLS = `CREATE TABLE IF NOT EXISTS cached_calls (
    role TEXT NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL, run TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (role, model, run)
  );`;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY, key TEXT, role TEXT NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    dollars REAL, is_estimated INTEGER NOT NULL, tag TEXT, run TEXT NOT NULL DEFAULT '',
    requests INTEGER NOT NULL DEFAULT 1
  );
  CREATE INDEX IF NOT EXISTS ledger_by_tag ON ledger (tag) WHERE tag IS NOT NULL;
  ${CACHED_CALLS}
  CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, role TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS results (job TEXT PRIMARY KEY, json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS tool_calls (
    key TEXT PRIMARY KEY, tool TEXT NOT NULL, input TEXT NOT NULL, json TEXT, error TEXT, milliseconds REAL NOT NULL
  );
`;
/** From format 1, whose ledger did not say which of the runs that share a store had paid. */
const FROM_VERSION_1 = `
  ALTER TABLE ledger ADD COLUMN run TEXT NOT NULL DEFAULT '';
  ALTER TABLE cached_calls RENAME TO cached_calls_1;
  ${CACHED_CALLS}
  INSERT INTO cached_calls SELECT role, model, calls, '' FROM cached_calls_1;
  DROP TABLE cached_calls_1;
`;
/** From format 2, whose ledger took each call for one request. */
const FROM_VERSION_2 = "ALTER TABLE ledger ADD COLUMN requests INTEGER NOT NULL DEFAULT 1;";
/** Another process may hold the write lock of a shared cache for this long. */
const BUSY_TIMEOUT_MS = 10_000;

/** Native code, loaded at the first store: commands that open none start without it. */
let driver: typeof Database | undefined;
const openDatabase = (path: string): Database.Database => {
  driver ??= createRequire(import.meta.url)("libsql") as typeof Database;
  return new driver(path);
};

export class CallStore implements Disposable {
  readonly path: string;
  readonly #run: string | undefined;
  readonly #db: Database.Database;
  readonly #getReply: Database.Statement;
  readonly #putReply: Database.Statement;
  readonly #putRequest: Database.Statement;
  readonly #putLedger: Database.Statement;
  readonly #putCached: Database.Statement;
  readonly #getResult: Database.Statement;
  readonly #putResult: Database.Statement;
  readonly #getToolCall: Database.Statement;
  readonly #putToolCall: Database.Statement;
  /** Hits are counted here and written with the next reply, or at close: a hit alone costs no disk write. */
  readonly #cachedCalls = new Map<string, { role: string; model: string; calls: number }>();

  private constructor(path: string, db: Database.Database, run: string | undefined) {
    this.path = path;
    this.#run = run;
    this.#db = db;
    this.#getReply = db.prepare("SELECT reply FROM replies WHERE key = ?");
    this.#putReply = db.prepare("INSERT OR IGNORE INTO replies VALUES (?, ?)");
    this.#putRequest = db.prepare("INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?)");
    this.#putLedger = db.prepare(
      `INSERT INTO ledger (key, role, model, prompt_tokens, completion_tokens, dollars, is_estimated, tag, run, requests)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#putCached = db.prepare(
      "INSERT INTO cached_calls VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls",
    );
    this.#getResult = db.prepare("SELECT json FROM results WHERE job = ?");
    this.#putResult = db.prepare("INSERT OR IGNORE INTO results VALUES (?, ?)");
    this.#getToolCall = db.prepare(
      "SELECT tool, input, json, error, milliseconds FROM tool_calls WHERE key = ?",
    );
    this.#putToolCall = db.prepare("INSERT OR IGNORE INTO tool_calls VALUES (?, ?, ?, ?, ?, ?)");
  }

  /**
   * Opens or creates a store, readable by its owner only.
   * @param path - a file, or ":memory:"
   * @param run - id of the run that pays: the ledger of a store that runs share is kept apart by it. Default: all runs are
   *   summed up, and what is paid belongs to none
   * @throws {StorageError} when it cannot be opened, is damaged, or comes from a newer version.
   */
  static open(path: string, run?: string): CallStore {
    return guard(path, () => {
      if (path !== ":memory:") {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        // SQLite gives its side files the mode of the main one.
        closeSync(openSync(path, "a", 0o600));
        chmodSync(path, 0o600);
      }
      const db = openDatabase(path);
      try {
        db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
        db.pragma("journal_mode = WAL");
        db.pragma("synchronous = NORMAL");
        const row = db.prepare("PRAGMA user_version").get() as { user_version: number };
        if (row.user_version > SCHEMA_VERSION) {
          throw new StorageError(
            `${path} was written by a newer version of w4s (format ${row.user_version})`,
            {
              hint: "update w4s, or use another run directory",
            },
          );
        }
        if (row.user_version === 1 || row.user_version === 2) migrate(db);
        db.exec(SCHEMA);
        db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
        return new CallStore(path, db, run);
      } catch (error) {
        db.close();
        throw error;
      }
    });
  }

  getReply(key: string): StoredReply | undefined {
    return guard(this.path, () => {
      const row = this.#getReply.get(key) as { reply: string } | undefined;
      return row && (JSON.parse(row.reply) as StoredReply);
    });
  }

  /**
   * Commits a reply, and what it cost, in one step; when this returns it outlives the process.
   * @param request - what was sent for it, kept so that people can see what left
   * @returns the stored reply: where another process was first, that one.
   */
  putReply(key: string, reply: StoredReply, entry?: LedgerEntry, request?: SentRequest): StoredReply {
    return guard(this.path, () =>
      this.#inTransaction(() => {
        const { changes } = this.#putReply.run(key, JSON.stringify(reply));
        if (entry) this.#insertLedger(entry, key);
        if (entry && request) this.#putRequest.run(key, entry.role, entry.model, JSON.stringify(request));
        this.#flushCached();
        if (changes > 0) return reply;
        return JSON.parse((this.#getReply.get(key) as { reply: string }).reply) as StoredReply;
      }),
    );
  }

  /**
   * Commits what another process has paid; one that is told of twice is counted once.
   * @param payment - id of the payment
   * @param reply - undefined: the call left none that counts
   * @returns false where it was known
   */
  putPayment(
    payment: string,
    key: string,
    reply: StoredReply | undefined,
    entry: LedgerEntry,
    request: SentRequest,
  ): boolean {
    return guard(this.path, () =>
      this.#inTransaction(() => {
        const isKnown =
          this.#db.prepare("SELECT 1 FROM ledger WHERE tag = ? LIMIT 1").get(payment) !== undefined;
        if (isKnown) return false;
        const isFirst = reply !== undefined && this.#putReply.run(key, JSON.stringify(reply)).changes > 0;
        this.#insertLedger({ ...entry, tag: payment }, isFirst ? key : null);
        if (isFirst) this.#putRequest.run(key, entry.role, entry.model, JSON.stringify(request));
        return true;
      }),
    );
  }

  /** All replies with their keys, some at a time. */
  *replyPages(count: number): Generator<{ key: string; reply: StoredReply }[]> {
    const page = this.#db.prepare(
      "SELECT rowid AS place, key, reply FROM replies WHERE rowid > ? ORDER BY rowid LIMIT ?",
    );
    for (let place = 0; ; ) {
      const rows = guard(this.path, () => page.all(place, count)) as {
        place: number;
        key: string;
        reply: string;
      }[];
      if (rows.length === 0) return;
      place = rows.at(-1)!.place;
      yield rows.map(({ key, reply }) => ({ key, reply: JSON.parse(reply) as StoredReply }));
    }
  }

  /** Records a call that left no reply to store. Cached ones are only counted, and written with the next reply or at close. */
  addLedger(entry: LedgerEntry): void {
    if (!entry.isCached) {
      guard(this.path, () => this.#insertLedger(entry, null));
      return;
    }
    const name = JSON.stringify([entry.role, entry.model]);
    const count = this.#cachedCalls.get(name) ?? { role: entry.role, model: entry.model, calls: 0 };
    count.calls++;
    this.#cachedCalls.set(name, count);
  }

  /** Sums of the ledger, sorted by role, then model. */
  ledgerTotals(): LedgerRow[] {
    return guard(this.path, () => {
      this.#inTransaction(() => this.#flushCached());
      const own = this.#run === undefined ? "" : "WHERE run = ?";
      const rows = this.#db
        .prepare(
          `SELECT role, model, SUM(calls) AS calls, SUM(cached) AS cachedCalls, SUM(prompt) AS promptTokens,
             SUM(completion) AS completionTokens, SUM(dollars) AS dollars, SUM(unpriced) AS unpriced,
             SUM(estimated) AS estimatedCalls
           FROM (
             SELECT role, model, requests AS calls, 0 AS cached, prompt_tokens AS prompt, completion_tokens AS completion,
               dollars, dollars IS NULL AS unpriced, is_estimated AS estimated FROM ledger ${own}
             UNION ALL SELECT role, model, 0, calls, 0, 0, 0, 0, 0 FROM cached_calls ${own}
           ) GROUP BY role, model ORDER BY role, model`,
        )
        .all(...(this.#run === undefined ? [] : [this.#run, this.#run])) as (LedgerRow & {
        unpriced: number;
      })[];
      return rows.map(({ unpriced, ...row }) => ({
        ...row,
        dollars: unpriced > 0 ? null : (row.dollars ?? 0),
      }));
    });
  }

  /** Requests that were sent, in the order in which their replies were stored. */
  requests(): { role: string; model: string; request: SentRequest }[] {
    return guard(this.path, () => {
      const rows = this.#db.prepare("SELECT role, model, request FROM requests ORDER BY rowid").all();
      return (rows as { role: string; model: string; request: string }[]).map(({ role, model, request }) => ({
        role,
        model,
        request: JSON.parse(request) as SentRequest,
      }));
    });
  }

  /** The JSON of a finished evaluation job. */
  getResult(jobId: string): string | undefined {
    return guard(this.path, () => (this.#getResult.get(jobId) as { json: string } | undefined)?.json);
  }

  /** Writes a result once. @returns what is stored: the first result wins. */
  putResult(jobId: string, json: string): string {
    return guard(this.path, () => {
      if (this.#putResult.run(jobId, json).changes > 0) return json;
      return (this.#getResult.get(jobId) as { json: string }).json;
    });
  }

  getToolCall(key: string): StoredToolCall | undefined {
    return guard(this.path, () => {
      const row = this.#getToolCall.get(key) as
        | { tool: string; input: string; json: string | null; error: string | null; milliseconds: number }
        | undefined;
      if (!row) return undefined;
      const { tool, input, json, error, milliseconds } = row;
      const outcome = json === null ? { error: error ?? "" } : { json };
      return { tool, input, milliseconds, ...outcome };
    });
  }

  /** Writes a tool's call once. @returns what is stored: the first outcome wins. */
  putToolCall(key: string, call: StoredToolCall): StoredToolCall {
    return guard(this.path, () => {
      const { tool, input, json = null, error = null, milliseconds } = call;
      if (this.#putToolCall.run(key, tool, input, json, error, milliseconds).changes > 0) return call;
      return this.getToolCall(key) as StoredToolCall;
    });
  }

  /** Tools that were really called, by name: how often, with how many errors, bytes of results and milliseconds. */
  toolTotals(): { tool: string; calls: number; errors: number; bytes: number; milliseconds: number }[] {
    return guard(
      this.path,
      () =>
        this.#db
          .prepare(
            `SELECT tool, COUNT(*) AS calls, COUNT(error) AS errors,
               COALESCE(SUM(LENGTH(CAST(json AS BLOB))), 0) AS bytes, SUM(milliseconds) AS milliseconds
             FROM tool_calls GROUP BY tool ORDER BY tool`,
          )
          .all() as { tool: string; calls: number; errors: number; bytes: number; milliseconds: number }[],
    );
  }

  /** Leaves the latest replies with their requests, as many tool calls and ledger lines: a service must not grow for ever. */
  forgetOldest(keep: number): void {
    guard(this.path, () => {
      for (const table of ["replies", "requests", "ledger", "tool_calls"])
        this.#db.exec(
          `DELETE FROM ${table} WHERE rowid <= (SELECT MAX(rowid) FROM ${table}) - ${Math.trunc(keep)}`,
        );
    });
  }

  resultCount(): number {
    return this.#count("results");
  }

  /** Whether a model has answered here before, in whatever run. */
  hasAnswered(model: string): boolean {
    return guard(
      this.path,
      () =>
        this.#db.prepare("SELECT 1 FROM ledger WHERE model = ? AND key IS NOT NULL LIMIT 1").get(model) !==
        undefined,
    );
  }

  /** Payments that left a reply, in whatever run. */
  paidCount(): number {
    return guard(
      this.path,
      () =>
        (this.#db.prepare("SELECT COUNT(*) AS n FROM ledger WHERE key IS NOT NULL").get() as { n: number }).n,
    );
  }

  replyCount(): number {
    return this.#count("replies");
  }

  /** Writes what is only counted so far, and leaves one file that can be copied alone; closing twice is harmless. */
  close(): void {
    if (!this.#db.open) return;
    guard(this.path, () => {
      try {
        if (this.#cachedCalls.size > 0) this.#inTransaction(() => this.#flushCached());
        leaveOneFile(this.#db);
      } finally {
        this.#db.close();
      }
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #count(table: "results" | "replies"): number {
    return guard(
      this.path,
      () => (this.#db.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get() as { n: number }).n,
    );
  }

  #insertLedger(entry: LedgerEntry, key: string | null): void {
    this.#putLedger.run(
      key,
      entry.role,
      entry.model,
      entry.promptTokens,
      entry.completionTokens,
      entry.dollars,
      entry.isEstimated ? 1 : 0,
      entry.tag ?? null,
      this.#run ?? "",
      entry.requests ?? 1,
    );
  }

  #flushCached(): void {
    for (const { role, model, calls } of this.#cachedCalls.values())
      this.#putCached.run(role, model, calls, this.#run ?? "");
    this.#cachedCalls.clear();
  }

  #inTransaction<T>(work: () => T): T {
    return inTransaction(this.#db, work);
  }
}

/** IMMEDIATE: two processes on one cache wait for each other instead of failing half-way. */
function inTransaction<T>(db: Database.Database, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const value = work();
    db.exec("COMMIT");
    return value;
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Folds the log of writes into the database, and removes it where nobody else has the store open. */
function leaveOneFile(db: Database.Database): void {
  try {
    db.pragma("busy_timeout = 0");
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.pragma("journal_mode = DELETE");
  } catch {
    // In use elsewhere, or no room: nothing is lost, there are two files.
  }
}

/** Two processes may open an old store at once: the second finds it done. */
function migrate(db: Database.Database): void {
  inTransaction(db, () => {
    const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    const changes = { 1: `${FROM_VERSION_1} ${FROM_VERSION_2}`, 2: FROM_VERSION_2 }[user_version];
    if (changes) db.exec(`${changes} PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/** Every failure of SQLite or the disk becomes a StorageError that names the file and what to do. */
function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const code = (error as { code?: unknown }).code;
    const what = `${typeof code === "string" && code ? `${code} ` : ""}${messageOf(error, 200)}`;
    if (/CORRUPT|NOTADB|malformed|not a database|JSON/i.test(what)) {
      throw new StorageError(`${path} is damaged: ${what}`, {
        code: "damaged-store",
        hint: "restore the file from a copy, or start again with --fresh",
        cause: error,
      });
    }
    throw new StorageError(`cannot use ${path}: ${what}`, {
      hint: /FULL|ENOSPC/i.test(what)
        ? "free some space, then run the same command again; nothing finished is lost"
        : "check that the directory exists and can be written",
      cause: error,
    });
  }
}
