/** @file Text of a user's file made fit for one line of a message: bounded, and nothing that drives a terminal. */

/** Control, format (bidi marks, joiners), surrogate and line separator characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Quoted, with escapes for unprintable characters, and cut to `maxLength` characters before escaping. */
export function printable(text: string, maxLength = 80): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  const quoted = `"${cut.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return quoted.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
