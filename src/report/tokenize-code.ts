/** @file Splits JavaScript into coloured pieces. Goes into the page as its own text, so it refers to nothing outside. */

/** "" is plain text. */
export type CodeKind = "" | "keyword" | "string" | "comment" | "number" | "call";

/**
 * The pieces of a source in order; joined they are the source. A guess for the eye: regular expressions are not
 * told from divisions, and what stands inside `${…}` is part of its string.
 */
export function tokenizeCode(source: string): { kind: CodeKind; text: string }[] {
  const pattern =
    /(\/\/[^\n]*|\/\*.*?(?:\*\/|$))|("(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?)|\b(\d[\d_]*(?:\.\d+)?)\b|\b(async|await|break|case|catch|const|continue|default|do|else|export|false|finally|for|function|if|import|in|let|new|null|of|return|switch|throw|true|try|typeof|undefined|var|while)\b|(?<![\w$])([A-Za-z_$][\w$]*)(?![\w$])(?=\s*\()/gs;
  const kinds = ["comment", "string", "number", "keyword", "call"] as const;
  const pieces: { kind: CodeKind; text: string }[] = [];
  let end = 0;
  for (const match of source.matchAll(pattern)) {
    if (match.index > end) pieces.push({ kind: "", text: source.slice(end, match.index) });
    const group = kinds.findIndex((_, index) => match[index + 1] !== undefined);
    pieces.push({ kind: kinds[group] ?? "", text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < source.length) pieces.push({ kind: "", text: source.slice(end) });
  return pieces;
}
