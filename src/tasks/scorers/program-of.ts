/** @file The program in an answer to a code task: one reading for public tests, private tests and reports. */
import { readCode } from "../../core/reply/reply-readers.js";

/** Parts of a sample that the reading needs; the rest stays out of sight. */
export interface CodeTask {
  prompt?: string | undefined;
  entryPoint?: string | undefined;
}

/**
 * Makes the reader of programs for code tasks. Models answer with a whole program, with the asked function alone, or with the
 * lines that go on where the prompt stopped. What the prompt defines before the asked function is put in front, so that all
 * three mean the same.
 */
export function programReader(
  readCode: (text: string) => string,
): (answer: unknown, task: CodeTask) => string | undefined {
  const importLine = /^(?:from\s+[\w.]+\s+import\s|import\s+[\w.])/;
  const definitionOf = (name: string) => new RegExp(`^(?:async\\s+)?(?:def|class)\\s+${name}\\b`, "m");
  /** A prompt begins as a program, or as a sentence followed by imports. */
  const codeBefore = (text: string): string => {
    const first = /^\s*(\S.*)$/m.exec(text)?.[1] ?? "";
    if (importLine.test(first) || /^(?:def|class|@|#|[A-Za-z_]\w*\s*=[^=])/.test(first)) return text;
    const imports = text.split("\n").filter((line) => importLine.test(line));
    return imports.length > 0 ? `${imports.join("\n")}\n` : "";
  };
  return (answer, { prompt = "", entryPoint }) => {
    if (typeof answer !== "string") return undefined;
    const program = readCode(answer);
    if (program === "") return undefined;
    // Such a line must be the first of its program.
    if (/^from\s+__future__\s/m.test(program)) return program;
    const start = entryPoint === undefined ? -1 : prompt.search(definitionOf(entryPoint));
    if (entryPoint === undefined || start < 0) return program;
    const isWhole =
      definitionOf(entryPoint).test(program) || new RegExp(`^${entryPoint}\\s*=`, "m").test(program);
    const isContinuation = !isWhole && /^[ \t]+\S/.test(program);
    const before = codeBefore(prompt.slice(0, start));
    return before + (isContinuation ? prompt.slice(start) : "") + program;
  };
}

/**
 * The program in what a workflow returned; fences around it are taken off.
 * @returns undefined when there is none in it
 */
export const programOf = programReader(readCode);
