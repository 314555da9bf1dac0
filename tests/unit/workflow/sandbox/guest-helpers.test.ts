import { describe, expect, it } from "vitest";
import { choice, code, extract, number, vote } from "../../../../src/workflow/sandbox/guest-helpers.js";

describe("number", () => {
  it.each([
    ["42", 42],
    ["The answer is 42.", 42],
    ["The answer is 12 (3 boxes of 4).", 12],
    ["First 3 * 4 = 12, then 12 + 5 = 17.", 17],
    ["The answer is 3 * 4 = 12.", 12],
    ["#### 1,234", 1234],
    ["#### 5\nWait, no.\n#### 6", 6],
    ["Answer: $1,234.50 per year for 3 years", 1234.5],
    ["**Final answer:** **17**", 17],
    ["The final answer is:\n\n$$\\boxed{42}$$", 42],
    ["so \\boxed{\\frac{1}{2}}", 0.5],
    ["\\boxed{1{,}000}", 1000],
    ["<answer>7</answer> after 9 tries", 7],
    ["<answer>unknown</answer> 8", 8],
    ["It costs €5", 5],
    ["-5", -5],
    ["−5 degrees", -5],
    ["a loss of -$3.20", -3.2],
    ["$-3.20", -3.2],
    ["3-5", 5],
    ["pages 10-12", 12],
    ["50%", 50],
    ["1/2", 0.5],
    ["2 1/2 cups", 2.5],
    ["1.5e3", 1500],
    [".5", 0.5],
    ["12.", 12],
    ["x2 and v1.2.3", ""],
    ["1,2,3", 3],
    ["1,234,567 people", 1234567],
    ["12,345", 12345],
    ["-0", 0],
    ["1/0", ""],
    ["no digits here", ""],
    ["", ""],
    [undefined, ""],
    [17, 17],
  ])("%j gives %j", (text, expected) => {
    const found = number(text);
    expect(Object.is(found, expected)).toBe(true);
  });

  it("reads long texts from their end, in linear time", () => {
    const startedAt = process.cpuUsage();
    expect(number(`${"1 ".repeat(500_000)}answer is 5`)).toBe(5);
    expect(number("- $ ".repeat(100_000))).toBe("");
    expect(number("1,".repeat(100_000))).toBe(1);
    expect(process.cpuUsage(startedAt).user / 1000).toBeLessThan(20_000);
  });
});

describe("choice", () => {
  const colours = ["red", "dark red", "blue"];
  it.each([
    ["B", colours, "B"],
    ["b", colours, "B"],
    ["(C)", colours, "C"],
    ["B.", colours, "B"],
    ["**B**", colours, "B"],
    ["Blue", colours, "C"],
    ["The answer is (B).", colours, "B"],
    ["The answer is B because A is wrong.", colours, "B"],
    ["Answer: dark red", colours, "B"],
    ["The answer is C. blue", colours, "C"],
    ["**Answer:** (A) red", colours, "A"],
    ["A is wrong. B is wrong too.\nAnswer: C", colours, "C"],
    ["\\boxed{\\text{B}}", colours, "B"],
    ["<answer>C</answer>", colours, "C"],
    ["I think it is blue, for a reason.", colours, "C"],
    ["Options (A) and (B) fail, so (C)", colours, "C"],
    ["It must be option C then", colours, "C"],
    ["I have a cat", colours, ""],
    ["The answer is E", colours, ""],
    ["The answer is E", undefined, "E"],
    ["", colours, ""],
    [undefined, colours, ""],
  ])("%j of %j gives %j", (text, choices, expected) => {
    expect(choice(text, choices)).toBe(expected);
  });
});

describe("code", () => {
  it.each([
    ["```python\nprint(1)\n```", "print(1)"],
    ["Here:\n```\nx = 1\n\ny = 2\n```\nThen run it:\n```sh\npython a.py\n```", "x = 1\n\ny = 2"],
    ["~~~py\nprint(1)\n~~~", "print(1)"],
    ["```python\nprint(1)", "print(1)"],
    ["```python\r\nif x:\r\n    y()\r\n```", "if x:\n    y()"],
    ["```\na\n```\n```\nb\n```", "b"],
    ["````md\n```python\nprint(1)\n```\n````", "```python\nprint(1)\n```"],
    ["  print(1)\n", "print(1)"],
    ["", ""],
    [null, ""],
  ])("%j gives %j", (text, expected) => {
    expect(code(text)).toBe(expected);
  });
});

describe("extract", () => {
  it.each([
    ["<answer>5</answer>", "answer", "5"],
    ["<Answer> 5 </ANSWER>", "answer", "5"],
    ["<answer>1</answer> no: <answer>2</answer>", "answer", "2"],
    ["<answer>cut off", "answer", "cut off"],
    ["<answer>5</answer>", "<answer>", "5"],
    ["5", "answer", ""],
    ["<a>", "", ""],
    ["(.*)", "(.*)", ""],
  ])("%j, %j gives %j", (text, tag, expected) => {
    expect(extract(text, tag)).toBe(expected);
  });
});

describe("vote", () => {
  it.each([
    [["a", "b", "b"], "b"],
    [["b", "a"], "b"],
    [["Paris", "paris.", "Rome", " PARIS "], "Paris"],
    [[42, "42", 41], 42],
    [["", null, undefined, Number.NaN, "x"], "x"],
    [["", ""], ""],
    [[], ""],
    ["only", "only"],
    [[{ a: 1 }, { a: 1 }, "x"], { a: 1 }],
    [[false, false, true], false],
  ])("%j gives %j", (list, expected) => {
    expect(vote(list)).toEqual(expected);
  });
});
