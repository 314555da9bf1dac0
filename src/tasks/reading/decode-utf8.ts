/** @file Strict UTF-8: a bad byte is named by its place, never replaced silently. */
import { isUtf8 } from "node:buffer";

/** The text, or the index of the first byte that is not UTF-8. */
export function decodeUtf8(bytes: Buffer): { text: string } | { badAt: number } {
  return isUtf8(bytes) ? { text: bytes.toString("utf8") } : { badAt: firstBadByte(bytes) };
}

const REPLACEMENT = Buffer.from("\ufffd");

/** Start of the first ill-formed sequence: the first replacement character that is not in the bytes themselves. */
function firstBadByte(bytes: Buffer): number {
  let at = 0;
  for (const piece of bytes.toString("utf8").split("\ufffd")) {
    at += Buffer.byteLength(piece);
    if (!bytes.subarray(at, at + REPLACEMENT.length).equals(REPLACEMENT)) break;
    at += REPLACEMENT.length;
  }
  return at;
}
