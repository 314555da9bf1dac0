/** @file Lines of whole words: paths, links and hashes stay in one piece, so that they can be copied. */

/** Characters that take two columns of a terminal: East Asian scripts and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/gu;

/** Columns that a text on one line takes. */
export function columnsOf(text: string): number {
  return [...text].length + (text.match(WIDE)?.length ?? 0);
}

/** The text in lines of at most so many columns; a longer word stands on a line of its own. */
export function wrapWords(text: string, width: number): string[] {
  return joinedWithin(text.split(" "), " ", width);
}

/** Sentences line by line within a width; what goes on stands as far in as its line began. */
export function wrapProse(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => {
      const indent = /^ */.exec(line)?.[0] ?? "";
      return wrapWords(line.slice(indent.length), width - indent.length)
        .map((part) => `${indent}${part}`)
        .join("\n");
    })
    .join("\n");
}

/** Pieces joined by a separator, in lines of at most so many columns; the separator ends a line without its blanks. */
export function joinedWithin(pieces: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const [at, piece] of pieces.entries()) {
    const isLast = at === pieces.length - 1;
    const ended = isLast ? piece : `${piece}${separator.trimEnd()}`;
    const line = lines.at(-1);
    const gap = separator.slice(separator.trimEnd().length);
    if (line !== undefined && columnsOf(line + gap + ended) <= width)
      lines[lines.length - 1] = line + gap + ended;
    else lines.push(ended);
  }
  return lines;
}

/** Columns of a help page where nothing is known of the screen. */
const HELP_COLUMNS = 120;

/** Text below a help page: sentences are wrapped anew, commands to be copied stay as they are. */
export function wrapHelp(text: string, width: number): string {
  const blocks: { text: string; isCommand: boolean }[] = [];
  for (const line of text.split("\n")) {
    const last = blocks.at(-1);
    const isCommand = /^\s*\$ /.test(line) || (last?.isCommand === true && last.text.endsWith("\\"));
    const goesOn =
      last !== undefined && !last.isCommand && !isCommand && line !== "" && /^\S.*[^.:;)\s]$/.test(last.text);
    if (goesOn && /^\S/.test(line)) last.text += ` ${line}`;
    else blocks.push({ text: line, isCommand });
  }
  const columns = Math.min(width, HELP_COLUMNS);
  return blocks.map((block) => (block.isCommand ? block.text : wrapProse(block.text, columns))).join("\n");
}
