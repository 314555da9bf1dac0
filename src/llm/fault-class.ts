/** @file Whose fault a failure is: decides whether a sample scores 0, is lost, or the run stops. */
import { ModelCallError, type ModelCallErrorKind } from "../core/errors.js";

/**
 * `workflow`: scores 0, is stored, and its designer is told. `executor`: the sample is lost, never 0; it is asked again at the end
 * of the turn. `setup`: key, address, model or account; the run stops (exit 4) before more is paid.
 */
export type FaultClass = "workflow" | "executor" | "setup";

interface Fault {
  class: FaultClass;
  /** The workflow's own request can bring it about: its fault on an item that the baselines got through. */
  isBlamable?: true;
  /** A fault of the set-up where a model has never answered otherwise; what to do then. */
  always?: string;
}

const SETUP: Fault = { class: "setup" };
const EXECUTOR: Fault = { class: "executor" };

/** Each kind of failed call. The failures of a run that are none have its status instead, and are the workflow's. */
const FAULTS: Readonly<Record<ModelCallErrorKind, Fault>> = {
  auth: SETUP,
  "model-not-found": SETUP,
  quota: SETUP,
  "not-openai": SETUP,
  unreachable: SETUP,
  "rate-limit": EXECUTOR,
  "context-length": {
    class: "executor",
    isBlamable: true,
    always: "use a model with a larger context, or shorter items",
  },
  refused: { class: "executor", isBlamable: true },
  empty: {
    class: "executor",
    always: "raise maxTokens (--reply-tokens), and look at the settings of the model",
  },
  length: { class: "executor", always: "raise maxTokens (--reply-tokens)" },
  timeout: EXECUTOR,
  server: EXECUTOR,
  "bad-reply": EXECUTOR,
  "bad-request": {
    class: "executor",
    always: "look at the settings of the model: it takes none of these requests",
  },
  "unseen-prompt": EXECUTOR,
  crashed: EXECUTOR,
};

/**
 * Class of a run's failure.
 * @param status - of the run; `error` where its sample is lost
 * @param fault - kind of failed call that lost it; results of older versions name none
 * @returns undefined where nothing failed
 */
export function faultClassOf(status: string, fault: string | undefined): FaultClass | undefined {
  if (status === "ok") return undefined;
  return status === "error" ? (faultOf(fault)?.class ?? "executor") : "workflow";
}

/** True for a kind that counts as the workflow's fault where the baselines got through. */
export function isBlamable(fault: string | undefined): boolean {
  return faultOf(fault)?.isBlamable ?? false;
}

/** True where nothing but such failures means that the model cannot be used as it is set up. */
export function isSetupSuspect({ kind }: Pick<ModelCallError, "kind">): boolean {
  return FAULTS[kind].always !== undefined;
}

/** The failure as one of the set-up, which stops the run. @param what - said before it, such as how often it was met */
export function asSetupFault(error: ModelCallError, what: string): ModelCallError {
  const { kind, status, hint = FAULTS[kind].always, usage } = error;
  const options = { status, hint, usage, isFatal: true, cause: error };
  return new ModelCallError(kind, `${what}${error.message}`, options);
}

/** True where a call failed so that its sample is lost; a fatal failure, which stops the run, is no such one. */
export function isLoss(error: unknown): error is ModelCallError {
  return error instanceof ModelCallError && !error.isFatal;
}

function faultOf(kind: string | undefined): Fault | undefined {
  return FAULTS[kind as ModelCallErrorKind];
}
