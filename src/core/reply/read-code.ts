/** @file The program in a reply. */

export type CodeReader = (text: string, isCut?: boolean) => string;

/**
 * Makes the reader of programs: the longest fenced block (backticks or tildes), the later of equals, without those that
 * a later block defines anew, without alternatives, shell lines and printed output; without a fence the whole text,
 * unless it is plain sentences. Blank lines
 * around it are gone. An unclosed block ends with the text; of a cut reply only closed blocks count. "" when there is none.
 */
export function codeReader(withoutThinking: (text: string) => string): CodeReader {
  return (text, isCut = false) => {
    const lines = withoutThinking(text).split(/\r\n|[\n\r\u2028\u2029]/);
    const blocks: { lines: string[]; isAside: boolean; isClosed: boolean }[] = [];
    let fence = "";
    let before = "";
    for (const line of lines) {
      const mark = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
      const isClosing = fence !== "" && mark?.[1]?.startsWith(fence) === true && mark[2]?.trim() === "";
      const block = blocks.at(-1);
      if (fence === "" && mark) {
        fence = mark[1] as string;
        const isAside =
          /^\s*(?:sh|bash|shell|console|text|txt|output)\b/i.test(mark[2] as string) ||
          /alternativ|another (?:way|version|approach)/i.test(before);
        blocks.push({ lines: [], isAside, isClosed: false });
        before = "";
      } else if (isClosing) {
        fence = "";
        if (block) block.isClosed = true;
      } else if (fence !== "") block?.lines.push(line);
      else before += line;
    }
    const trimmed = (part: readonly string[]) => part.join("\n").replace(/^(?:[ \t]*\n)+|\s+$/g, "");
    if (blocks.length === 0) {
      const program = isCut ? "" : trimmed(lines);
      // Sentences without any sign of a program.
      if (/\s\S+\s/.test(program) && !/[()=[\]{}]|^\s*(?:import|from|return|pass|break)\b/m.test(program))
        return "";
      // Lines that go on inside a function keep their indentation.
      const isBody =
        /^\s+\S/.test(program) && /^\s+(?:return|yield)\b/m.test(program) && !/^\s*def /m.test(program);
      return isBody ? program : program.trim();
    }
    const closed = blocks.filter(({ isClosed }) => isClosed || !isCut);
    const programs = closed.filter(({ isAside }) => !isAside);
    const texts = (programs.length > 0 ? programs : closed).map((block) => trimmed(block.lines));
    const names = texts.map((program) =>
      [...program.matchAll(/^(?:def|class) (\w+)/gm)].map(([, name]) => name),
    );
    const current = texts.filter(
      (_, index) =>
        names[index]?.length === 0 ||
        !names.slice(index + 1).some((later) => names[index]?.every((name) => later.includes(name))),
    );
    return current.reduce((best, program) => (program.length >= best.length ? program : best), "");
  };
}
