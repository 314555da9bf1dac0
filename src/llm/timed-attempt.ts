/** @file One attempt of a call with the time it took, told to whoever counts it. */
import type { ChatRequest } from "./chat-model.js";

/** The result of `send` with its milliseconds; `request.onAttempt` hears when it leaves and when it has ended. */
export async function timedAttempt<T extends object>(
  { onAttempt }: Pick<ChatRequest, "onAttempt">,
  send: () => Promise<T>,
): Promise<T & { latencyMs: number }> {
  const sentAt = performance.now();
  onAttempt?.(sentAt);
  try {
    return { ...(await send()), latencyMs: performance.now() - sentAt };
  } finally {
    onAttempt?.(undefined);
  }
}
