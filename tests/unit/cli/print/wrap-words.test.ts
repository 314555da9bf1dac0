/** @file Lines of whole words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnsOf, joinedWithin, wrapHelp, wrapWords } from "../../../../src/cli/print/wrap-words.js";

describe("wrapWords", () => {
  it("keeps every word whole, also one that is longer than the line", () => {
    expect(wrapWords("see runs/a-very-long-name now", 10)).toEqual(["see", "runs/a-very-long-name", "now"]);
  });

  it("never passes the width where each word fits, and loses nothing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 9 }).filter((word) => !/\s/.test(word))),
        (words) => {
          const lines = wrapWords(words.join(" "), 20);
          expect(lines.join(" ")).toBe(words.join(" "));
          for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(20);
        },
      ),
    );
  });

  it("counts two columns for a letter of East Asian scripts", () => {
    expect(columnsOf("漢字 ab")).toBe(7);
    expect(wrapWords("漢字 漢字", 8)).toEqual(["漢字", "漢字"]);
  });
});

describe("joinedWithin", () => {
  it("ends a line with the separator", () => {
    expect(joinedWithin(["n 12", "lost 0", "calls 1"], "; ", 13)).toEqual(["n 12; lost 0;", "calls 1"]);
  });
});

describe("wrapHelp", () => {
  it("joins what goes on, keeps what ended, and leaves commands alone", () => {
    const text = [
      "",
      "Examples:",
      "  What would it cost?",
      "  $ w4s optimize --task gsm8k --model qwen2.5-coder-0.5b --executor \\",
      "      openai:https://api.openai.com/v1",
      "",
      "A sentence that goes on in",
      "the next line. And another one.",
      "Exit codes: 0 done.",
    ].join("\n");
    expect(wrapHelp(text, 40)).toBe(
      [
        "",
        "Examples:",
        "  What would it cost?",
        "  $ w4s optimize --task gsm8k --model qwen2.5-coder-0.5b --executor \\",
        "      openai:https://api.openai.com/v1",
        "",
        "A sentence that goes on in the next",
        "line. And another one.",
        "Exit codes: 0 done.",
      ].join("\n"),
    );
    expect(wrapHelp("word ".repeat(60).trim(), Number.POSITIVE_INFINITY).split("\n")[0]).toHaveLength(119);
  });
});
