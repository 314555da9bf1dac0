/** @file Questions and answers on disk: one file a day, a line each, which `w4s data import` reads as a dataset. */
import { join } from "node:path";
import type { Spending } from "../core/budget.js";
import { JsonlLog } from "../core/jsonl-log.js";
import { textRedaction } from "../llm/text-redaction.js";

/** What is kept of a request. */
export interface LoggedRequest {
  /** Name of the key; undefined where there are no keys. */
  key: string | undefined;
  model: string;
  /** Hash of the workflow's source. */
  workflow: string;
  question: string;
  context: string | undefined;
  /** Undefined where the request failed. */
  answer: string | undefined;
  /** Code of the failure. */
  error: string | undefined;
  spent: Spending;
  milliseconds: number;
}

/** Files of what was answered, and of what was not. */
const ANSWERS = "answers";
const FAILURES = "failures";

export class RequestLog {
  readonly #folder: string;
  readonly #redact: (text: string) => string;
  #day = "";
  #logs: Record<typeof ANSWERS | typeof FAILURES, JsonlLog> | undefined;

  /**
   * @param redact - kinds and patterns of text-redaction.ts, separated by commas
   * @throws {ConfigError} on what is neither
   */
  constructor(folder: string, redact: string | undefined) {
    this.#folder = folder;
    const wanted = redact === undefined ? [] : redact.split(",").map((name) => name.trim());
    const { redact: clean } = textRedaction(wanted);
    this.#redact = clean;
  }

  /**
   * Opens the files of a day; half a line that a killed process left is set aside.
   * @returns what was spent on that day so far, by key
   * @throws {StorageError} when they cannot be written or are damaged
   */
  open(day: string): { key: string | undefined; spent: Spending }[] {
    const opened = [ANSWERS, FAILURES].map((name) =>
      JsonlLog.open(join(this.#folder, `${name}-${day}.jsonl`)),
    );
    this.close();
    this.#day = day;
    this.#logs = { [ANSWERS]: opened[0]!.log, [FAILURES]: opened[1]!.log };
    return opened.flatMap(({ records }) =>
      records.map(({ key, spent }) => ({ key: key as string | undefined, spent: (spent ?? {}) as Spending })),
    );
  }

  /** Adds a line. @throws {StorageError} after which nothing of it is left in the file */
  add(day: string, request: LoggedRequest): void {
    if (day !== this.#day) this.open(day);
    const { question, context, answer, ...rest } = request;
    const record = {
      question: this.#redact(question),
      // There in every line, so that an import can name it.
      context: this.#redact(context ?? ""),
      answer: answer && this.#redact(answer),
      ...rest,
      time: new Date().toISOString(),
    };
    // An item of a dataset has an answer.
    this.#logs?.[answer ? ANSWERS : FAILURES].append(record);
  }

  close(): void {
    for (const log of Object.values(this.#logs ?? {})) log.close();
    this.#logs = undefined;
  }
}
