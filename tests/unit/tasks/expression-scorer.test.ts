/** @file Answers in LaTeX, as benchmarks store them and as models write them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import type { Sample } from "../../../src/tasks/task.js";

const scorer = makeScorer("expression");

function score(answer: unknown, expected: string): boolean {
  const sample: Sample = { id: "s", question: "q", answers: [expected], meta: {} };
  return scorer.score(answer, sample).isCorrect;
}

describe("expression", () => {
  test.each<[unknown, string, boolean]>([
    // Numbers, units, signs
    ["42", "42", true],
    [42, "42", true],
    ["42.0", "42", true],
    ["10,000", "10{,}000", true],
    ["10000", "10,\\!000", true],
    ["\\$32,348", "\\$32,\\!348", true],
    ["5\\%", "5", true],
    ["90^\\circ", "90", true],
    ["90°", "90^{\\circ}", true],
    ["5.4 cents", "5.4 \\text{ cents}", true],
    ["10\\text{ cm}^2", "10", true],
    ["6 square inches", "6", true],
    ["12 m", "12", false],
    ["−3", "-3", true],
    ["3", "-3", false],
    ["0.333", "\\frac{1}{3}", false],
    // Fractions
    ["\\dfrac{3}{4}", "\\frac34", true],
    ["3/4", "\\frac{3}{4}", true],
    ["0.75", "\\frac{3}{4}", true],
    ["\\frac{6}{8}", "\\frac{3}{4}", true],
    ["-\\frac{1}{2}", "\\frac{-1}{2}", true],
    ["\\frac{4}{3}", "\\frac{3}{4}", false],
    ["3\\frac{1}{2}", "\\frac{7}{2}", true],
    ["3 1/2", "3.5", true],
    ["½", "\\frac12", true],
    ["2\\frac{\\pi}{3}", "\\frac{2\\pi}{3}", true],
    // Roots, powers, constants
    ["3\\sqrt{13}", "\\sqrt{117}", true],
    ["3√13", "3\\sqrt{13}", true],
    ["3\\sqrt{13}", "13\\sqrt{3}", false],
    ["\\sqrt[3]{8}", "2", true],
    ["\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt3}", true],
    ["2^{10}", "1024", true],
    ["4π", "4\\pi", true],
    ["12.566", "4\\pi", false],
    ["\\frac{3\\pi}{2}", "1.5\\pi", true],
    ["5!", "120", true],
    // Letters
    ["(x+1)^2", "x^2+2x+1", true],
    ["2x + 3", "3+2x", true],
    ["2x + 3", "2x - 3", false],
    ["y = 2x + 3", "2x+3", true],
    ["x=5", "5", true],
    ["5", "x=5", true],
    ["p - q", "q - p", false],
    ["6 - 5i", "6-5i", true],
    ["2k+2", "2(k+1)", true],
    // Tuples, intervals, sets, lists, matrices
    ["(3, \\frac{\\pi}{2})", "\\left( 3, \\frac{\\pi}{2} \\right)", true],
    ["(3, 4)", "(4, 3)", false],
    ["[3, 4]", "(3, 4)", false],
    ["(-\\infty, 2)", "(-∞,2)", true],
    ["(2,12) \\cup (12,102)", "(2, 12)∪(12, 102)", true],
    ["[0, 1) \\cup (2, 3]", "(2,3] \\cup [0,1)", true],
    ["[0, 1) \\cup (2, 3]", "[0,1] \\cup (2,3]", false],
    ["1, -2", "-2, 1", true],
    ["x = 1 or x = -2", "-2, 1", true],
    ["1, 2", "1, 2, 3", false],
    ["1, 1", "1, 2", false],
    ["1 \\pm \\sqrt{2}", "1+\\sqrt2, 1-\\sqrt2", true],
    ["\\{1, 2\\}", "\\{2, 1\\}", true],
    ["\\begin{pmatrix} 1 \\\\ 0.5 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ \\frac12 \\end{pmatrix}", true],
    ["\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\end{pmatrix}", false],
    // Relations
    ["x \\geq 2", "x≥2", true],
    ["x > 2", "x \\ge 2", false],
    ["-2 \\le x \\le 3", "-2 ≤ x ≤ 3", true],
    ["x \\in [-2, 3]", "[-2,3]", true],
    // Words
    ["Tuesday", "\\text{Tuesday}", true],
    ["\\text{(B)}", "\\text{B}", true],
    ["B.", "\\text{(B)}", true],
    ["even", "\\text{odd}", false],
    ["angel", "angle", false],
    ["2516_8", "2516_8", true],
    ["2516_7", "2516_8", false],
    // Around the answer
    ["The answer is $\\boxed{\\frac{3}{4}}$.", "\\frac34", true],
    ["First \\boxed{1}, no, \\boxed{\\sqrt{\\frac{1}{4}}}", "\\frac12", true],
    ["<answer>\\left(3, 4\\right)</answer>", "(3,4)", true],
    ["#### 7", "7", true],
    [["7"], "7", true],
    [{ answer: "\\frac12" }, "0.5", true],
    // No answers
    ["", "0", false],
    [" $ $ ", "0", false],
    [null, "0", false],
    ["I cannot answer this.", "0", false],
    ["\\boxed{}", "0", false],
    ["\\frac{1}{0}", "\\frac{2}{0}", true],
    ["0/0", "5", false],
    ["((((", "1", false],
    ["\\frac{1}", "1", false],
    ["1 2", "2", false],
    ["x".repeat(5000), "x", false],
  ])("%j for %s: %s", (answer, expected, isRight) => {
    expect(score(answer, expected)).toBe(isRight);
  });

  test("is right about itself, and never throws or hangs", () => {
    const pieces = fc.constantFrom(
      "\\frac",
      "\\sqrt",
      "{",
      "}",
      "(",
      ")",
      "[",
      "]",
      "1",
      "23",
      "x",
      "+",
      "-",
      "^",
      "_",
      ",",
      "\\cup",
      "\\pm",
      "\\pi",
      "=",
      "\\le",
      " ",
      "|",
      "!",
      "/",
      "\\text{ cm}",
      "\\{",
      "\\}",
      "&",
      "\\\\",
      "\\begin{pmatrix}",
      "\\end{pmatrix}",
      "½",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), fc.array(pieces, { maxLength: 40 }), (a, b) => {
        const [left, right] = [a.join(""), b.join("")];
        score(left, right);
        if (/[\dx]/.test(left) && !/text/.test(left)) expect(score(left, left), left).toBe(true);
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test("deep nesting ends, in time that does not grow without bound", () => {
    for (const text of [
      `${"(".repeat(400)}1${")".repeat(400)}`,
      "{".repeat(900),
      `${"-".repeat(900)}1`,
      `1${"!".repeat(900)}`,
      "1,".repeat(450),
      "1=".repeat(450),
      `${"\\sqrt".repeat(150)}2`,
      `${"1\\pm".repeat(150)}1`,
    ])
      expect(score(text, "7")).toBe(false);
  });
});
