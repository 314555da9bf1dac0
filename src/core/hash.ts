/** @file Content hashes over bytes and over JSON values, the names of workflows, jobs and cached calls. */
import { createHash } from "node:crypto";

/** SHA-256 of text (as UTF-8; lone surrogates count as U+FFFD) or bytes, as 64 hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/**
 * JSON with sorted keys and without undefined members, so that equal values give equal text.
 * @throws {TypeError} on cycles, as JSON.stringify does.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    const sorted: Record<string, unknown> = Object.create(null);
    for (const key of Object.keys(member).sort()) sorted[key] = (member as Record<string, unknown>)[key];
    return sorted;
  });
}

/** SHA-256 of the canonical JSON of a value. */
export function hashJson(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** A 31-bit seed derived from any JSON value: independent streams for every named use. */
export function seedFrom(...parts: unknown[]): number {
  return Number.parseInt(hashJson(parts).slice(0, 8), 16) & 0x7fffffff;
}
