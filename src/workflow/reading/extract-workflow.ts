/** @file Reads the workflow out of a reply of the meta-agent. */
import { MAX_SOURCE_BYTES } from "../sandbox/sandbox-protocol.js";

export type Extraction = { ok: true; source: string } | { ok: false; error: string };

/** Info strings of blocks that hold JavaScript; a block without one may. */
const LANGUAGES: ReadonlySet<string> = new Set(["js", "javascript", "mjs", "jsx", "ts", "typescript"]);
const DEFINES_WORKFLOW = /\bexport\s+default\b|\bfunction\b[\s*]*\bworkflow\b|(?<![\w$.])workflow\s*=(?!=)/;
const STARTS_AS_WORKFLOW = /^\s*(?:export\s+default\s|(?:async\s+)?function\s+workflow\b)/;
const LINE_BREAK = /\r\n|[\n\r\u0085\u2028\u2029]/;

interface Block {
  language: string;
  lines: string[];
}

/**
 * The rule, also in docs/writing-workflows.md:
 * 1. A reply of more than 256 KiB is refused.
 * 2. LF, CRLF, CR, NEL, U+2028 and U+2029 all end a line; the extracted source has LF only.
 * 3. A fence is a line of three or more backticks or tildes, however far indented, with an optional language.
 *    It closes with a line of the same mark, at least as long, without a language; the end of the reply closes it too.
 * 4. Inside a block a fence with a language opens a nested one, which the next closing fence ends; both stay part of the
 *    source (programs in prompts). A fence that says JavaScript or TypeScript always begins a block of its own, so that
 *    wrappers (```markdown) and blocks that were never closed do no harm.
 * 5. Candidates are blocks in JavaScript, TypeScript or without a language that define a workflow (`export default`,
 *    `function workflow`, `workflow =`). The last candidate is taken.
 * 6. A reply without any fence counts as a whole when it begins with `export default` or `function workflow`.
 */
export function extractWorkflow(reply: string): Extraction {
  if (reply.length > MAX_SOURCE_BYTES || Buffer.byteLength(reply) > MAX_SOURCE_BYTES) {
    return { ok: false, error: `the reply is longer than ${MAX_SOURCE_BYTES} bytes` };
  }
  const lines = reply.replace(/^\ufeff/, "").split(LINE_BREAK);
  const blocks = fencedBlocks(lines);
  if (blocks.length === 0) {
    const text = lines.join("\n");
    if (STARTS_AS_WORKFLOW.test(text)) return { ok: true, source: `${text.trim()}\n` };
    return { ok: false, error: "the reply has no ```js block with a workflow function" };
  }
  const chosen = blocks
    .filter(({ language }) => language === "" || LANGUAGES.has(language))
    .map((block) => block.lines.join("\n"))
    .findLast((text) => DEFINES_WORKFLOW.test(text));
  if (chosen === undefined)
    return { ok: false, error: "no ```js block of the reply defines a workflow function" };
  return { ok: true, source: `${chosen.trim()}\n` };
}

function fencedBlocks(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let block: Block | undefined;
  /** Marks of the open fences, outermost first. */
  let marks: string[] = [];
  for (const line of lines) {
    const [, mark, info = ""] = /^[ \t]*(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    // "```js x```" on one line is inline code, not a fence.
    if (mark === undefined || (mark.startsWith("`") && info.includes("`"))) {
      block?.lines.push(line);
      continue;
    }
    const language = (/^\s*\{?\.?([\w+#-]*)/.exec(info)?.[1] ?? "").toLowerCase();
    const innermost = marks.at(-1);
    if (block === undefined || LANGUAGES.has(language)) {
      block = { language, lines: [] };
      blocks.push(block);
      marks = [mark];
    } else if (info.trim() === "" && innermost !== undefined && mark.startsWith(innermost)) {
      marks.pop();
      if (marks.length === 0) block = undefined;
      else block.lines.push(line);
    } else {
      if (info.trim() !== "") marks.push(mark);
      block.lines.push(line);
    }
  }
  return blocks;
}
