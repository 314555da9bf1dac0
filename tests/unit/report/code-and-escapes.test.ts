/** @file What goes into the page: escapes, JSON in a script element, coloured code, line differences. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines } from "../../../src/report/diff-lines.js";
import { escapeHtml, html, Markup, scriptJson, shown } from "../../../src/report/html.js";
import { tokenizeCode } from "../../../src/report/tokenize-code.js";
import { XSS_STRINGS } from "./xss-strings.js";

const SEED = 20_261_123;
const settings = { seed: SEED, numRuns: 300 };

describe("escapes", () => {
  const unescaped = (text: string) =>
    text.replace(/&(amp|lt|gt|quot|#39|#96);/g, (_, name: string) => {
      const marks: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#96": "`" };
      return marks[name] ?? "";
    });

  it(`give the text back and leave no mark that HTML reads (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]/);
        expect(escaped).not.toMatch(/&(?!(amp|lt|gt|quot|#39|#96);)/);
        expect(unescaped(escaped)).toBe(shown(text));
      }),
      settings,
    );
  });

  it("shows what is invisible, and lets letters of all scripts through", () => {
    expect(shown("a\u202eb\u0000c\u200bd\u001b")).toBe("aU+202EbU+0000cU+200BdU+001B");
    expect(shown("tab\tline\né 漢字 👍 العربية")).toBe("tab\tline\né 漢字 👍 العربية");
    expect(shown("\ud800")).toBe("\ufffd");
  });

  it("happen to every fill of a template but our own markup", () => {
    const name = "<b>";
    const list = [name, html`<i>${name}</i>`, 3, null, false, undefined] as const;
    expect(html`<p title="${name}">${list}${new Markup("<hr>")}</p>`.text).toBe(
      '<p title="&lt;b&gt;">&lt;b&gt;<i>&lt;b&gt;</i>3<hr></p>',
    );
  });

  it(`keep JSON in a script element whole (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...XSS_STRINGS), (value, text) => {
        const json = scriptJson([value, text]);
        expect(json).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify([value, text])));
      }),
      settings,
    );
  });
});

describe("tokenizeCode", () => {
  it(`loses no character (seed ${SEED})`, () => {
    const part = fc.constantFrom(
      ...["const ", '"a\\"b"', "'x", "`${y}`", "// c\n", "/* d", "*/", "12.5", "call(", "\n", "\\", "/", "$"],
    );
    const source = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(part).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(source, (text) => {
        expect(
          tokenizeCode(text)
            .map((piece) => piece.text)
            .join(""),
        ).toBe(text);
      }),
      settings,
    );
  });

  it("names what it sees", () => {
    const kinds = tokenizeCode("const a = agent.text('if'); // 12\nreturn 12").filter(
      ({ kind }) => kind !== "",
    );
    expect(kinds).toEqual([
      { kind: "keyword", text: "const" },
      { kind: "call", text: "text" },
      { kind: "string", text: "'if'" },
      { kind: "comment", text: "// 12" },
      { kind: "keyword", text: "return" },
      { kind: "number", text: "12" },
    ]);
  });

  it.each([
    "a".repeat(50_000),
    `a${" ".repeat(50_000)}`,
    `"${"\\".repeat(50_000)}`,
    "/*".repeat(25_000),
    "1_".repeat(25_000),
  ])("does not stall on a long odd text (%#)", (text) => {
    // A pattern that backtracks would need minutes; the test's own time limit fails it.
    expect(tokenizeCode(text).reduce((sum, piece) => sum + piece.text.length, 0)).toBe(text.length);
  });
});

describe("diffLines", () => {
  const lines = fc.array(fc.constantFrom("a", "b", "c", "  d", ""), { maxLength: 30 });

  it(`holds both texts, and as many common lines as the longest common subsequence (seed ${SEED})`, () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = diffLines(before.join("\n"), after.join("\n"));
        const side = (mark: "-" | "+") =>
          diff
            .filter((line) => line.mark !== mark)
            .map((line) => line.text)
            .join("\n");
        expect(side("+")).toBe(before.join("\n").replace(/\n$/, ""));
        expect(side("-")).toBe(after.join("\n").replace(/\n$/, ""));
        const split = (text: string[]) => text.join("\n").replace(/\n$/, "").split("\n");
        expect(diff.filter(({ mark }) => mark === " ")).toHaveLength(
          longestCommon(split(before), split(after)),
        );
      }),
      settings,
    );
  });

  it("gives up on the middle of huge differences, not on the rest", () => {
    const many = (name: string) => Array.from({ length: 900 }, (_, index) => `${name}${index}`);
    const diff = diffLines(
      ["same", ...many("a"), "end"].join("\n"),
      ["same", ...many("b"), "end"].join("\n"),
    );
    expect(diff).toHaveLength(1802);
    expect([diff[0]?.mark, diff[1]?.mark, diff[901]?.mark, diff.at(-1)?.mark]).toEqual([" ", "-", "+", " "]);
  });
});

/** By recursion over the definition, with memory; slow and plain. */
function longestCommon(
  a: readonly string[],
  b: readonly string[],
  i = 0,
  j = 0,
  known = new Map<number, number>(),
): number {
  if (i === a.length || j === b.length) return 0;
  const key = i * 1000 + j;
  const old = known.get(key);
  if (old !== undefined) return old;
  const value =
    a[i] === b[j]
      ? 1 + longestCommon(a, b, i + 1, j + 1, known)
      : Math.max(longestCommon(a, b, i + 1, j, known), longestCommon(a, b, i, j + 1, known));
  known.set(key, value);
  return value;
}
