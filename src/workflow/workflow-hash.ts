/** @file The name of a workflow: the hash of its source. */
import { sha256 } from "../core/hash.js";

/** SHA-256 of the exact source text, 64 hex digits. */
export function workflowHash(source: string): string {
  return sha256(source);
}
