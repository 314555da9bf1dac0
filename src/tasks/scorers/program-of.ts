/** @file The program in an answer to a code task: one reading for public tests, private tests and reports. */
import { readCode } from "../../core/reply/reply-readers.js";

/** Parts of a sample that the reading needs; the rest stays out of sight. */
export interface CodeTask {
  prompt?: string | undefined;
  entryPoint?: string | undefined;
}

const IMPORT_LINE = /^(?:from\s+[\w.]+\s+import\s|import\s+[\w.])/;

/**
 * Models answer with a whole program, with the asked function alone, or with the lines that go on where the prompt
 * stopped. What the prompt defines before the asked function is put in front, so that all three mean the same.
 * @param answer - what the workflow returned; fences around the program are taken off
 * @returns undefined when there is no program in it
 */
export function programOf(answer: unknown, { prompt = "", entryPoint }: CodeTask): string | undefined {
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
}

function definitionOf(name: string): RegExp {
  return new RegExp(`^(?:async\\s+)?(?:def|class)\\s+${name}\\b`, "m");
}

/** A prompt begins as a program, or as a sentence followed by imports. */
function codeBefore(text: string): string {
  const first = /^\s*(\S.*)$/m.exec(text)?.[1] ?? "";
  if (IMPORT_LINE.test(first) || /^(?:def|class|@|#|[A-Za-z_]\w*\s*=[^=])/.test(first)) return text;
  const imports = text.split("\n").filter((line) => IMPORT_LINE.test(line));
  return imports.length > 0 ? `${imports.join("\n")}\n` : "";
}
