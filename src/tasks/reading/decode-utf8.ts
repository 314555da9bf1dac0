/** @file Strict UTF-8: a bad byte is named by its place, never replaced silently. */
import { isUtf8 } from "node:buffer";

/** The text, or the index of the first byte that is not UTF-8. */
export function decodeUtf8(bytes: Buffer): { text: string } | { badAt: number } {
  return isUtf8(bytes) ? { text: bytes.toString("utf8") } : { badAt: firstBadByte(bytes) };
}

/** Start of the first ill-formed sequence (Unicode 15, table 3-7: no overlong forms, surrogates, or > U+10FFFF). */
function firstBadByte(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : 4;
    if (length === 4 && (lead < 0xf0 || lead > 0xf4)) return at;
    for (let i = 1; i < length; i++) {
      const low = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      const byte = bytes[at + i];
      if (byte === undefined || byte < low || byte > high) return at;
    }
    at += length;
  }
  return bytes.length;
}
