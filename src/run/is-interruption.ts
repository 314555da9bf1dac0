/** @file What ends a run early but leaves it to be taken up: a budget, a missing approval, an abort, an outage of the executor or the queue, lost samples. */
import { W4sError } from "../core/errors.js";

export function isInterruption(error: unknown): boolean {
  if (!W4sError.is(error)) return error instanceof DOMException && error.name === "AbortError";
  return (
    ["budget", "approval", "lost-samples", "queue"].includes(error.code) || error.name === "ModelCallError"
  );
}
