/** @file Finds out which of a request's parameters a server refuses, by asking again without one after the other. */
import type { CallFailure } from "./call-failure.js";
import { parameterOf, type RequestDialect } from "./request-dialect.js";

/** Refusals after which a call is given up; far above what a server with two or three quirks needs. */
const MOST_REFUSALS = 24;

/**
 * The search of one call. One change is tried at a time and put back where it made no difference; where none alone helps they are
 * piled up. No word decides what is tried: names in the server's text only decide what comes first.
 */
export class ParameterSearch {
  readonly #dialect: RequestDialect;
  /** Changes that made a difference: the server complained of something else then. */
  readonly #proven: string[] = [];
  readonly #piled: string[] = [];
  readonly #tried = new Set<string>();
  readonly #seen = new Set<string>();
  #trial: string | undefined;
  #said = "";
  /** What the server said first, and what could be tried then. */
  #first: string | undefined;
  #isPiling = false;
  #refusals = 0;
  #isFailure = false;
  #isPromptTooLong = false;

  constructor(dialect: RequestDialect) {
    this.#dialect = dialect;
  }

  /** Changes for the next request. */
  get changes(): string[] {
    return [...this.#proven, ...this.#piled, ...(this.#trial === undefined ? [] : [this.#trial])];
  }

  /**
   * Takes note of a refusal and chooses what to change next.
   * @param openChanges - changes that a request with these would still leave open
   * @returns false where nothing is left to try, or the failure is not about parameters
   */
  next(failure: CallFailure, openChanges: (changes: readonly string[]) => string[]): boolean {
    const { kind, status } = failure.error;
    this.#isPromptTooLong = kind === "context-length";
    this.#isFailure = kind === "server" && status === 500;
    if (kind !== "bad-request" && !this.#isPromptTooLong && !this.#isFailure) return false;
    if (this.#refusals++ >= MOST_REFUSALS) return false;
    const text = `${failure.parameter ?? ""} ${failure.said}`;
    const said = failure.said.replace(/\w*\d\w*/g, "");
    this.#judgeTrial(said, text);
    const candidates = openChanges(this.changes).filter(
      (change) =>
        (!this.#isPromptTooLong || change.startsWith("max_tokens=")) &&
        !(this.#isFailure && this.#dialect.hasAccepted(change)),
    );
    this.#first ??= `${said} ${candidates}`;
    if (this.#dialect.hopeless.has(this.#first)) return false;
    const named = (change: string, where = "") => Number(!isNamed(change, where));
    candidates.sort(
      (a, b) => named(a, failure.parameter) - named(b, failure.parameter) || named(a, text) - named(b, text),
    );
    // A failure that names nothing is most likely one: the same request comes first.
    if (this.#isFailure && this.#refusals === 1 && !candidates.some((change) => isNamed(change, text)))
      return false;
    const untried = () => candidates.find((change) => !this.#tried.has(change));
    if (untried() === undefined && !this.#isPiling && candidates.length > 1) {
      this.#isPiling = true;
      this.#tried.clear();
      const [first] = candidates;
      // Alone it has been tried.
      this.#piled.push(first as string);
      this.#tried.add(first as string);
    }
    this.#trial = untried();
    if (this.#trial === undefined) {
      if (kind === "bad-request") this.#dialect.hopeless.add(this.#first);
      return false;
    }
    this.#tried.add(this.#trial);
    return true;
  }

  /** The server answered. */
  succeeded(): void {
    const helped = [...this.#proven, ...(this.#trial === undefined ? [] : [this.#trial])];
    for (const change of helped) {
      // What one prompt is too long for says nothing of the next.
      if (this.#isPromptTooLong) continue;
      if (this.#isFailure) this.#dialect.suspect(change);
      else this.#dialect.learn(change);
    }
  }

  #judgeTrial(said: string, text: string): void {
    const isNew = !this.#seen.has(said);
    this.#seen.add(said);
    const trial = this.#trial;
    if (trial !== undefined) {
      // A complaint about what the change itself brought in is no progress.
      const isProgress = isNew && said !== this.#said && !(brings(trial) && isNamed(trial, text));
      if (isProgress) {
        this.#proven.push(trial);
        this.#tried.clear();
      } else if (this.#isPiling) this.#piled.push(trial);
      this.#trial = undefined;
    }
    this.#said = said;
  }
}

function brings(change: string): boolean {
  return /^max_|=json_schema$/.test(change);
}

function isNamed(change: string, text: string): boolean {
  const name = parameterOf(change);
  const pattern = name.startsWith("max_") ? "max_(completion_)?tokens" : name;
  return new RegExp(`\\b${pattern}\\b`, "i").test(text);
}
