/** @file How long a reply may be where nothing is said, by the kind of executor. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Small local models may ramble to any limit; a workflow's calls to one end here. */
export const LOCAL_REPLY_TOKENS = 768;
const REMOTE_REPLY_TOKENS = 2048;
const SIMULATED_REPLY_TOKENS = 512;

/** @param executor - as in the configuration; `replay:RUN` has the limit that its run was recorded with */
export function defaultReplyTokens(executor: string): number {
  const [kind, ...rest] = executor.split(":");
  switch (kind) {
    case "local":
      return LOCAL_REPLY_TOKENS;
    case "simulated":
      return SIMULATED_REPLY_TOKENS;
    case "replay":
      return recordedReplyTokens(rest.join(":")) ?? REMOTE_REPLY_TOKENS;
    default:
      return REMOTE_REPLY_TOKENS;
  }
}

/** A file that cannot be read is told of where the run itself is opened. */
function recordedReplyTokens(directory: string): number | undefined {
  const path = join(directory, "config.resolved.json");
  if (!existsSync(path)) return undefined;
  try {
    const { maxTokens } = JSON.parse(readFileSync(path, "utf8")) as { maxTokens?: unknown };
    return typeof maxTokens === "number" ? maxTokens : undefined;
  } catch {
    return undefined;
  }
}
