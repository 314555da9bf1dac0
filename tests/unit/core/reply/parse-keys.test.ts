/** @file JSON objects as models write them. */
import { expect, test } from "vitest";
import { parseKeys } from "../../../../src/core/reply/parse-keys.js";

const raw = String.raw;

test.each([
  ["LaTeX with lone backslashes", raw`{"answer":"\frac{1}{2}"}`, raw`\frac{1}{2}`],
  [
    "the commands that look like escapes",
    raw`{"answer":"\boxed{a \neq b \right) \times \beta \text{x} \theta \nu"}`,
    raw`\boxed{a \neq b \right) \times \beta \text{x} \theta \nu`,
  ],
  [
    "commands escaped as they should be",
    raw`{"answer":"\\frac{1}{2}\nu is next"}`,
    "\\frac{1}{2}\nu is next",
  ],
  ["a square root", raw`{"answer":"\sqrt{2}"}`, raw`\sqrt{2}`],
  ["display mathematics", raw`{"answer":"\(x\) and \[y\]"}`, raw`\(x\) and \[y\]`],
  ["escaped line breaks and quotes", raw`{"answer":"one\nThe \"two\"\ttab \u00e9"}`, 'one\nThe "two"\ttab é'],
  ["a raw line break", '{"answer":"one\ntwo"}', "one\ntwo"],
  ["a box before the object", raw`\boxed{7} {"answer": "7"}`, "7"],
  ["prose with other braces", 'Sure! Here it is: {"answer": "18"} (checked {twice}).', "18"],
  ["a set before it", 'With {x, y} given: {"answer": "18"}', "18"],
  ["thinking before it", '<think>{"answer":"81"}</think>\n{"answer":"18"}', "18"],
  ["a fence", '```json\n{"answer": "18"}\n```', "18"],
  ["single quotes and a trailing comma", "{'answer': '18',}", "18"],
  ["an object that was never closed", '{"answer": "18"', "18"],
  ["no quotes around the key", "{answer: 18}", "18"],
  ["a brace inside a text", '{"answer": "a } b"}', "a } b"],
  ["a nested object", '{"answer": {"a": [1]}}', '{"a":[1]}'],
  ["two objects: the last", '{"answer": "1"} no: {"answer": "2"}', "2"],
])("%s", (_what, text, answer) => {
  expect(parseKeys(text, ["answer"])).toEqual({ answer });
});

test("what is wrong is said", () => {
  const problemOf = (text: string, isCut = false) => {
    let problem = "";
    expect(
      parseKeys(text, ["answer", "why"], isCut, (found) => {
        problem = found;
      }),
    ).toBeUndefined();
    return problem;
  };
  expect(problemOf("18")).toBe("The reply holds no JSON object");
  expect(problemOf('{"answer": 18}')).toBe('The JSON object lacks "why"');
  expect(problemOf('{"answer": 18 "why" "x" : }')).toContain("cannot be read");
  expect(problemOf('{"answer": "18", "why": "beca', true)).toBe("The reply holds no JSON object");
});
