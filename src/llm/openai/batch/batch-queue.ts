/** @file Gathers the requests of a model that wait, sends them as batches, and gives each its answer. */
import { randomUUID } from "node:crypto";
import { ModelCallError } from "../../../core/errors.js";
import { onAbort, orAborted } from "../../clock.js";
import { escapeText } from "../../escape-text.js";
import { CallFailure, failureOfReply } from "../call-failure.js";
import { type BatchLine, type BatchLines, isAnswer, readBatchLines } from "./batch-lines.js";
import type { LoggedBatch } from "./batch-log.js";
import { type Batch, type BatchService, isEnded, sizeOf } from "./batch-service.js";
import type { BatchSettings } from "./batch-settings.js";

export interface BatchQueueOptions extends BatchSettings {
  service: BatchService;
  /** Id of the model. */
  model: string;
  /** Ends everything. */
  signal: AbortSignal;
  /** Takes secrets out of what the server says. */
  redact: (text: string) => string;
}

interface Waiting {
  id: string;
  line: string;
  bytes: number;
  resolve: (line: BatchLine) => void;
  reject: (error: unknown) => void;
}

const MAX_REQUESTS = 50_000;
const MAX_BYTES = 200e6;
const GROWTH = 1.5;
/** Times that files with fewer lines than the server counts are read anew. */
const REREADS = 2;
/** First pauses before a batch that is not found is looked for once more. */
const SETTLE_PAUSES = 2;

export class BatchQueue {
  readonly #options: BatchQueueOptions;
  /** Batches of earlier sessions whose answers have not all been asked for, by request. */
  readonly #earlier = new Map<string, LoggedBatch[]>();
  /** What a batch left, read once for all its requests. */
  readonly #read = new Map<LoggedBatch, Promise<Map<string, BatchLine>>>();
  /** Answers that nobody has taken yet, those included whose asker has gone. */
  readonly #answers = new Map<string, Promise<BatchLine>>();
  #checking: Promise<void> | undefined;
  #settling: Promise<void> | undefined;
  #waiting = new Map<string, Waiting>();
  #maxRequests: number;
  /** Once the account has refused a batch for what else it has waiting, one comes after the other. */
  #isLimited = false;
  #sent: Promise<void> = Promise.resolve();

  constructor(options: BatchQueueOptions) {
    this.#options = options;
    this.#maxRequests = options.maxRequests ?? MAX_REQUESTS;
    for (const batch of options.log.of(options.model))
      for (const id of batch.ended === "dropped" ? [] : batch.ids)
        this.#earlier.set(id, [...(this.#earlier.get(id) ?? []), batch]);
    options.gate.onRest(() => this.#flush());
    if (options.stopSignal) onAbort(options.stopSignal, () => this.#tellPending());
  }

  /** @throws {ModelCallError} fatal, where the server has no batches */
  check(): Promise<void> {
    this.#checking ??= this.#options.service.check();
    return this.#checking;
  }

  /**
   * The answer to a request, from a batch that holds it already or from the next one.
   * @param id - one name for what is asked, the same in every session; no two requests of one name wait at once
   * @throws {CallFailure} where the batch has left the request without an answer; {ModelCallError} fatal, where no batch could be made
   */
  async ask(id: string, body: object, signal: AbortSignal): Promise<BatchLine> {
    const { stopSignal } = this.#options;
    signal.throwIfAborted();
    stopSignal?.throwIfAborted();
    const answer = this.#answers.get(id) ?? this.#answer(id, body);
    this.#answers.set(id, answer);
    // Whoever went may come back for it.
    answer.catch(() => {});
    const take = () => this.#answers.delete(id);
    try {
      const line = await orAborted(orAborted(answer, signal), stopSignal);
      take();
      return line;
    } catch (error) {
      if (this.#waiting.delete(id) || !(signal.aborted || stopSignal?.aborted)) take();
      throw error;
    }
  }

  async #answer(id: string, body: object): Promise<BatchLine> {
    const earlier = this.#earlier.get(id);
    if (earlier) {
      this.#settling ??= this.#settle();
      await this.#settling;
      for (let batch = earlier.shift(); batch; batch = earlier.shift()) {
        const line = batch.ended === "dropped" ? undefined : (await this.#linesOf(batch)).get(id);
        // What came to nothing then was not paid and is asked anew.
        if (line && isAnswer(line)) return line;
      }
    }
    const line = JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body });
    return await new Promise<BatchLine>((resolve, reject) => {
      this.#waiting.set(id, { id, line, bytes: sizeOf(line), resolve, reject });
      this.#options.gate.asked();
    });
  }

  /** Finds out about batches of which a kill has left open whether the server took them. */
  async #settle(): Promise<void> {
    const { log, model, service, signal } = this.#options;
    for (const batch of log.of(model)) {
      if (batch.batch !== undefined || batch.ended !== undefined) continue;
      const find = async () =>
        batch.file === undefined ? undefined : await service.find(batch.plan, batch.file);
      // A request that was under way when the last session died may still be taken.
      const later = async () => {
        await service.clock.sleep(SETTLE_PAUSES * this.#firstPauseMs, signal);
        return await find();
      };
      const id = await find()
        .then(async (found) => found ?? (batch.file === undefined ? undefined : await later()))
        .catch((error) => {
          throw fatal(error, "whether the server took a batch before the last session ended is not known: ");
        });
      if (id === undefined) log.ended(batch, "dropped");
      else log.created(batch, id);
    }
  }

  #flush(): void {
    const all = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (const part of this.#parts(all)) {
      const before = this.#sent;
      const sent = this.#isLimited ? before.then(() => this.#send(part)) : this.#send(part);
      this.#sent = Promise.all([before, sent]).then(() => {});
    }
  }

  #parts(all: readonly Waiting[]): Waiting[][] {
    const { maxBytes = MAX_BYTES } = this.#options;
    const parts: Waiting[][] = [];
    let bytes = 0;
    for (const one of all) {
      const part = parts.at(-1);
      if (part && part.length < this.#maxRequests && bytes + one.bytes <= maxBytes) part.push(one);
      else {
        parts.push([one]);
        bytes = 0;
      }
      bytes += one.bytes;
    }
    return parts;
  }

  /** Makes one batch and hands out what comes of it; each step is on disk before the next. */
  async #send(part: readonly Waiting[]): Promise<void> {
    const { service, log, model } = this.#options;
    try {
      await this.check();
      const batch = log.plan(
        randomUUID(),
        model,
        part.map(({ id }) => id),
      );
      log.uploaded(
        batch,
        await service.upload(`w4s-${batch.plan}.jsonl`, part.map(({ line }) => `${line}\n`).join("")),
      );
      log.created(batch, await service.create(batch.file as string, batch.plan));
      const lines = await this.#linesOf(batch);
      for (const { id, resolve, reject } of part) {
        const line = lines.get(id);
        if (line) resolve(line);
        else reject(unanswered(batch));
      }
      this.#read.delete(batch);
    } catch (error) {
      for (const { reject } of part) reject(error instanceof CallFailure ? error : fatal(error));
    }
  }

  #linesOf(batch: LoggedBatch): Promise<Map<string, BatchLine>> {
    const known = this.#read.get(batch) ?? this.#readLines(batch);
    this.#read.set(batch, known);
    return known;
  }

  async #readLines(logged: LoggedBatch): Promise<Map<string, BatchLine>> {
    const { log, onWarning } = this.#options;
    if (logged.ended !== undefined) return await this.#readAgain(logged);
    const batch = await this.#untilEnd(logged);
    const { lines, oddCount } = await this.#readFiles(batch, logged);
    const { size } = new Set(logged.ids);
    if (oddCount > 0)
      onWarning(
        `batch ${shown(batch.id)}: ${oddCount} lines of its answer could not be used (cut, twice, or of no request of ours)`,
      );
    if (lines.size < size)
      onWarning(
        `batch ${shown(batch.id)} (${shown(batch.status)}) left ${size - lines.size} of ${size} requests without an answer`,
      );
    if (batch.status === "failed" || (batch.status === "cancelled" && lines.size < size)) {
      // The next session asks anew what this one stops at.
      log.ended(logged, batch.status);
      if (batch.status === "cancelled") throw cancelled(batch);
      this.#readErrors(batch, logged, lines);
    } else log.handedOn(logged, batch.status);
    return lines;
  }

  /** A batch that an earlier session has read: what was answered and is not stored; nothing where the server has forgotten it. */
  async #readAgain(logged: LoggedBatch): Promise<Map<string, BatchLine>> {
    try {
      const batch = await this.#options.service.retrieve(logged.batch ?? "");
      return (await this.#readFiles(batch, logged)).lines;
    } catch (error) {
      if (error instanceof ModelCallError && error.status === 404) return new Map();
      throw error;
    }
  }

  async #readFiles(batch: Batch, { ids }: LoggedBatch): Promise<BatchLines> {
    const { service, signal } = this.#options;
    const known = new Set(ids);
    const { completed = 0, failed = 0 } = batch.request_counts ?? {};
    let read = readBatchLines(await service.files(batch), known);
    for (
      let again = 0;
      again < REREADS && read.lines.size < Math.min(completed + failed, ids.length);
      again++
    ) {
      await service.clock.sleep(this.#firstPauseMs * 2 ** again, signal);
      read = readBatchLines(await service.files(batch), known);
    }
    return read;
  }

  /** A batch that was not begun: errors of single lines belong to them, and any other to the whole. */
  #readErrors(batch: Batch, { ids }: LoggedBatch, lines: Map<string, BatchLine>): void {
    const errors = batch.errors?.data ?? [];
    for (const { line, code, message } of errors) {
      const id = typeof line === "number" ? ids[line - 1] : undefined;
      if (id !== undefined)
        lines.set(id, { status: 400, body: JSON.stringify({ error: { code, message } }) });
    }
    if (lines.size > 0) return;
    const [error = { code: "", message: "no reason given" }] = errors;
    if (error.code === "token_limit_exceeded" && ids.length > 1) {
      this.#maxRequests = Math.ceil(ids.length / 2);
      this.#isLimited = true;
      this.#options.onWarning(
        `batch ${shown(batch.id)} is more than the account may have waiting: batches have at most ${this.#maxRequests} requests from now on`,
      );
      return;
    }
    const body = JSON.stringify({ error });
    const where = `batch ${shown(batch.id)}`;
    const { redact } = this.#options;
    throw fatal(
      failureOfReply({ status: 400, body, contentType: "application/json", where, redact }).error,
      "",
    );
  }

  async #untilEnd({ batch: id = "", ids }: LoggedBatch): Promise<Batch> {
    const { service, signal, stopSignal, longestPauseMs = 60_000, onProgress } = this.#options;
    for (let pauseMs = this.#firstPauseMs; ; pauseMs = Math.min(longestPauseMs, GROWTH * pauseMs)) {
      const batch = await service.retrieve(id).catch((error) => {
        throw (error as ModelCallError).status === 404 ? this.#unknown(id, error) : error;
      });
      const { completed = 0, failed = 0 } = batch.request_counts ?? {};
      const { created_at: madeAt } = batch;
      const ageSeconds = madeAt ? Math.max(0, service.clock.wallNow() / 1000 - madeAt) : 0;
      const { status } = batch;
      onProgress?.({ id, status, requests: ids.length, done: completed, failed, ageSeconds });
      if (isEnded(batch)) return batch;
      await orAborted(service.clock.sleep(pauseMs, signal), stopSignal);
    }
  }

  #unknown(id: string, cause: unknown): ModelCallError {
    const { path } = this.#options.log;
    return new ModelCallError("not-openai", `the server does not know batch ${shown(id)} any more`, {
      status: 404,
      isFatal: true,
      hint: `use the key that made it; or remove ${path}, then its requests are asked, and paid, again`,
      cause,
    });
  }

  #tellPending(): void {
    const { log, model, onWarning } = this.#options;
    for (const { batch, ended, ids } of log.of(model)) {
      if (batch === undefined || ended !== undefined) continue;
      onWarning(
        `batch ${shown(batch)} (${ids.length} requests) goes on at the server: run the same command again to take its answers; ` +
          "what it has not done yet can be cancelled on the provider's page",
      );
    }
  }

  get #firstPauseMs(): number {
    return this.#options.firstPauseMs ?? 500;
  }
}

const shown = (text: string) => escapeText(text, 80);

function unanswered({ batch = "" }: LoggedBatch): CallFailure {
  const message = `batch ${shown(batch)} ended without an answer to this request`;
  return new CallFailure("count", new ModelCallError("server", message, { isRetryable: true }));
}

function cancelled({ id }: Batch): ModelCallError {
  return new ModelCallError("server", `batch ${shown(id)} was cancelled`, {
    isFatal: true,
    hint: "what it had answered is kept; run the same command again to ask the rest",
  });
}

/** What is wrong with a whole batch is no single request's fault. */
function fatal(error: unknown, what = ""): unknown {
  if (!(error instanceof ModelCallError)) return error;
  const { kind, message, status, hint, isRetryable } = error;
  return new ModelCallError(kind, `${what}${message}`, {
    status,
    hint,
    isRetryable,
    isFatal: true,
    cause: error,
  });
}
