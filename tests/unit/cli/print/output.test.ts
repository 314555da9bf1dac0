/** @file What reaches the terminal. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { visible, visibleLine, writeJson } from "../../../../src/cli/print/output.js";
import { table } from "../../../../src/cli/print/tables.js";

afterEach(() => vi.restoreAllMocks());

const HOSTILE = "\x1b]0;title\x07\x1b[2J\r\x08\x9b31m\x7f\u202eevil\u2066";

describe("visible", () => {
  it("shows control characters and reordering marks, and keeps line breaks and tabs", () => {
    expect(visible("a\n\tb")).toBe("a\n\tb");
    expect(visible(HOSTILE)).toBe("\\x1b]0;title\\x07\\x1b[2J\\x0d\\x08\\x9b31m\\x7f\\u202eevil\\u2066");
    expect(visibleLine("a\nb\tc")).toBe("a\\x0ab\\x09c");
  });

  it("leaves other text alone: umlauts, emoji, CJK", () => {
    const text = "äöü 😀 漢字 — “quotes”";
    expect(visible(text)).toBe(text);
  });

  it("never lets a control character through", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visibleLine(text)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

describe("table", () => {
  it("keeps hostile cells on their line", () => {
    const text = table(["name"], [["evil\n\x1b[31mrow"], ["plain"]]);
    expect(text).not.toContain("\x1b");
    expect(text).toContain("evil\\x0a\\x1b[31mrow");
    expect(text.split("\n")).toHaveLength(6);
  });
});

describe("writeJson", () => {
  it("writes JSON that parses to the same value and holds no control character", () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    const value = { text: `${HOSTILE}\u2028`, list: [1, null] };
    writeJson(value);
    expect(JSON.parse(written.join(""))).toEqual(value);
    expect(written.join("").replace(/\n/g, "")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  });
});
