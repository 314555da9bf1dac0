/** @file Stops a run whose executor has never given a usable reply, before more is paid. */
import type { ModelCallError } from "../core/errors.js";
import { asSetupFault, isSetupSuspect } from "../llm/fault-class.js";

/** Samples that ended without a usable reply before any had one: not the items' fault. */
const FIRST_SAMPLES = 4;

/** Watches the first replies of the executors; the local model behind `agent.weak` says nothing about them. */
export class StartWatch {
  readonly #maxTokens: number;
  readonly #failures = new Map<string, ModelCallError>();
  #hasAnswered = false;

  /** @param maxTokens - limit of a reply, for the message */
  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
  }

  /** @param roles - of the models that answered */
  answered(roles: Iterable<string>): void {
    for (const role of roles) this.#hasAnswered ||= role !== "weak";
  }

  /** A sample was lost. @throws {ModelCallError} fatal, where the first ones all were and none of them had any reply */
  failed(job: string, error: ModelCallError): void {
    if (isSetupSuspect(error)) this.#failures.set(job, error);
    this.check(FIRST_SAMPLES);
  }

  /** As failed(), for fewer samples, all of which were asked twice. */
  check(samples: number): void {
    const count = this.#failures.size;
    const last = [...this.#failures.values()].at(-1);
    if (this.#hasAnswered || !last || count < samples) return;
    const limit =
      last.kind === "length" || last.kind === "empty" ? ` (reply limit ${this.#maxTokens} tokens)` : "";
    const which = count === 1 ? "the only sample" : `all of the first ${count} samples`;
    throw asSetupFault(last, `no usable reply to ${which}${limit}: `);
  }
}
