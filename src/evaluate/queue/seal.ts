/** @file A text with a mark that only holders of the same secret can make. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";

const sealedSchema = z.object({ body: z.string(), mark: z.string() });

/** @param token - the secret; undefined: whoever reaches the queue is trusted */
export function seal(body: string, token: string | undefined): string {
  return JSON.stringify({ body, mark: markOf(body, token) });
}

/**
 * The text inside; undefined where it was sealed with another secret, or by somebody who has none (or has one, and here is
 * none), or is no sealed text at all.
 */
export function unseal(sealed: string, token: string | undefined): string | undefined {
  let parsed: z.infer<typeof sealedSchema>;
  try {
    parsed = sealedSchema.parse(JSON.parse(sealed));
  } catch {
    return undefined;
  }
  const [given, own] = [Buffer.from(parsed.mark), Buffer.from(markOf(parsed.body, token))];
  return given.length === own.length && timingSafeEqual(given, own) ? parsed.body : undefined;
}

function markOf(body: string, token: string | undefined): string {
  return token === undefined ? "" : createHmac("sha256", token).update(body).digest("hex");
}
