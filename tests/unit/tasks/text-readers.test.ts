/** @file The small readers under the loader: UTF-8, JSON text, CSV. Seeds are printed by fast-check on failure. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../src/tasks/reading/decode-utf8.js";
import { parseCsv } from "../../../src/tasks/reading/parse-csv.js";
import { JsonTextError, parseJsonLine } from "../../../src/tasks/reading/parse-json-line.js";
import { printable } from "../../../src/tasks/reading/printable.js";

describe("decodeUtf8", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const isValid = (bytes: Uint8Array): boolean => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };

  test("names the first bad byte: everything before it is valid, and nothing behind can mend it", () => {
    const lead = fc.constantFrom(
      0xc0,
      0xc2,
      0xe0,
      0xe1,
      0xed,
      0xef,
      0xf0,
      0xf3,
      0xf4,
      0xf5,
      0xff,
      0x80,
      0xbf,
    );
    const byte = fc.oneof(lead, fc.integer({ min: 0x80, max: 0xbf }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
        const bytes = Buffer.from(list);
        const result = decodeUtf8(bytes);
        if ("text" in result) return isValid(bytes) && Buffer.from(result.text).equals(bytes);
        const { badAt } = result;
        const head = bytes.subarray(0, badAt);
        // No sequence that starts at badAt is complete and valid.
        const isBad = [1, 2, 3, 4].every(
          (length) => badAt + length > bytes.length || !isValid(bytes.subarray(badAt, badAt + length)),
        );
        return !isValid(bytes) && isValid(head) && isBad;
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [[0x61, 0xed, 0xa0, 0x80], 1],
    [[0xf4, 0x90, 0x80, 0x80], 0],
    [[0xc0, 0x80], 0],
    [[0xe2, 0x82], 0],
    [[0x61, 0x62, 0xff], 2],
  ])("%j is bad at %d", (bytes, badAt) => {
    expect(decodeUtf8(Buffer.from(bytes))).toEqual({ badAt });
  });
});

describe("parseJsonLine", () => {
  test("reads what JSON.parse reads", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseJsonLine(text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("refuses what JSON.parse refuses, with a column inside or just behind the text", () => {
    const noise = fc.string({ maxLength: 3 });
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.nat(), noise, (value, at, insert) => {
        const whole = JSON.stringify(value);
        const cut = at % (whole.length + 1);
        const text = whole.slice(0, cut) + insert + whole.slice(cut + 1);
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        try {
          parseJsonLine(text);
          return isJson;
        } catch (error) {
          const { column } = error as JsonTextError;
          return !isJson && error instanceof JsonTextError && column >= 1 && column <= text.length + 1;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['{"a":1,}', 8],
    ['{"a" 1}', 6],
    ['{"a":01}', 7],
    ["[1 2]", 4],
    ['"a\\x"', 3],
    ['"a\tb"', 3],
    ["nul", 1],
    ['{"a":1} x', 9],
    ['{"a":', 6],
    ["", 1],
    ["[1,", 4],
    ["-", 1],
    ['{"a":NaN}', 6],
  ])("the error in %j is at column %d", (text, column) => {
    expect(() => parseJsonLine(text)).toThrow(JsonTextError);
    try {
      parseJsonLine(text);
    } catch (error) {
      expect((error as JsonTextError).column).toBe(column);
    }
  });

  test("objects have no prototype", () => {
    const value = parseJsonLine('{"a":[{"__proto__":{"x":1}}]}') as { a: object[] };
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value.a[0]!)).toEqual(["__proto__"]);
    expect("x" in value.a[0]!).toBe(false);
  });
});

test("printable text drives no terminal", () => {
  expect(printable('a"b\\c\n\u001b[31m\u202e\ud800\u2028é日')).toBe(
    '"a\\"b\\\\c\\x0a\\x1b[31m\\u202e\\ud800\\u2028é日"',
  );
  expect(printable("x".repeat(100), 10)).toBe(`"${"x".repeat(10)}…"`);
});

describe("parseCsv", () => {
  const read = (text: string, separator = ",") =>
    parseCsv(text, "f.csv", separator).map(({ fields }) => fields);

  test.each([
    [
      "a,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "a,b\r\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    ['"a,1","b ""q"""\n', [["a,1", 'b "q"']]],
    [
      'a,b\n"x\ny",\n',
      [
        ["a", "b"],
        ["x\ny", ""],
      ],
    ],
    [
      "a,b\n\n1,2\n\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "a,b\n,\n",
      [
        ["a", "b"],
        ["", ""],
      ],
    ],
    ['""\n', []],
    ["", []],
    ["a\rb,c\n", [["a\rb", "c"]]],
  ])("%j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test("tabs", () => {
    expect(read("a\tb\n1,5\t2", "\t")).toEqual([
      ["a", "b"],
      ["1,5", "2"],
    ]);
  });

  test.each([
    ['a,b\n1,"2', "f.csv: line 2: a quoted field is never closed"],
    ['a,b\n1,2"3\n', "f.csv: line 2: a quote stands inside a field"],
    ['a,b\n"1"x,2\n', "f.csv: line 2: text follows a closing quote"],
    ['a,b\n"x\ny",2\n1\n', "f.csv: line 4: 1 fields, but the header has 2"],
  ])("%j is refused", (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("what was written by the rules is read back", () => {
    const cell = fc.string({ maxLength: 6, unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "é") });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const text = rows
          .map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(","))
          .join("\r\n");
        expect(read(text)).toEqual(rows);
      }),
      { numRuns: 500 },
    );
  });
});
