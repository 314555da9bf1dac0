/** @file The hash of an adapter's numbers, whatever file they lie in. */
import { createHash } from "node:crypto";
import type { LoraAdapter } from "./lora-adapter.js";

/** Hash of an adapter's content: SHA-256 over configuration and pairs, in hex. */
export function adapterHash({ architecture, config, pairs }: LoraAdapter): string {
  const hash = createHash("sha256").update(JSON.stringify([architecture, config.rank, config.alpha]));
  for (const [name, { a, b }] of pairs) {
    hash.update(name);
    for (const part of [a, b]) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex");
}
