/** @file Whose fault a failed call is: decides whether a sample scores 0, is lost, or the run stops. */
import type { ModelCallErrorKind } from "../core/errors.js";

/**
 * `workflow`: scores 0, is stored, and its designer is told. `executor`: the sample is lost, never 0; it is asked again at the end
 * of the turn. `setup`: key, address, model or account; the run stops (exit 4) before more is paid.
 */
export type FaultClass = "workflow" | "executor" | "setup";

/** Class of each kind of failed call, before others' success with the same item is looked at. */
export const FAULT_CLASSES: Readonly<Record<ModelCallErrorKind, FaultClass>> = {
  auth: "setup",
  "model-not-found": "setup",
  quota: "setup",
  "not-openai": "setup",
  unreachable: "setup",
  "rate-limit": "executor",
  "context-length": "executor",
  refused: "executor",
  empty: "executor",
  length: "executor",
  timeout: "executor",
  server: "executor",
  "bad-reply": "executor",
  "bad-request": "executor",
  "unseen-prompt": "executor",
  crashed: "executor",
};
