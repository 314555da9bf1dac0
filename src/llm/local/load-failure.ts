/** @file Why llama.cpp refused a model, out of what it logged. */

/** Marks before the reason: "llama_model_load: error loading model: error loading model vocabulary: REASON". */
const BEFORE = /^.*\berror loading model[^:]*:\s*/;
/** Lines that say no more than that it failed. */
const EMPTY = /failed to load model|^\W*$/;

/** @returns undefined where the log holds no reason */
export function loadFailure(log: readonly string[]): string | undefined {
  const lines = log
    .join("")
    .split("\n")
    .map((line) => line.trim());
  const named = lines.findLast((line) => BEFORE.test(line));
  if (named !== undefined) return named.replace(BEFORE, "");
  // Other errors begin with the function that found them.
  return lines.findLast((line) => !EMPTY.test(line))?.replace(/^\w+:\s*/, "");
}
