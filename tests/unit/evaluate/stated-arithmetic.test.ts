import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { statedArithmetic } from "../../../src/evaluate/stated-arithmetic.js";

/** Text, equations found, equations that hold. */
const CASES: readonly (readonly [string, number, number])[] = [
  ["3 + 4 = 7", 1, 1],
  ["1 + 1 = 3", 1, 0],
  ["33 - 33 / 3 = 22", 1, 1],
  ["2 * 1 + 3 * 4 = 14", 1, 1],
  ["(2+3)*4=20", 1, 1],
  ["there are 3 and 5 + 2 = 7 apples.", 1, 1],
  ["5 apples + 3 apples = 8 apples", 1, 1],
  ["3+4=7+1=8", 2, 1],
  ["$1,200 × 2 = $2,400.", 1, 1],
  ["2 x 3 = 6 and 2 \\times 3 = 6", 2, 2],
  ["20% * 50 = 10; 1/4 = 25%", 2, 2],
  ["Step 1: 52 - 18 = 34\nStep 2: 34 + 2 = 37", 2, 1],
  ["**5 + 2 = 7**", 1, 1],
  ["<<48/2=24>>24", 1, 1],
  ["-3 + 5 = 2, 5 - -2 = 7, 5 − 2 = 3", 3, 3],
  ["total: -3 + 5 = 2", 1, 1],
  // Rounded where the result has decimals or says so, else not.
  ["10 / 3 = 3.33", 1, 1],
  ["10 / 3 = 3.34", 1, 0],
  ["10/3=3", 1, 0],
  ["10/3≈3", 1, 1],
  ["0.1 + 0.2 = 0.3", 1, 1],
  // Variables, remainders, times, lone numbers and broken sides are passed over.
  ["x - 3 + 2 = 7", 0, 0],
  ["2x + 3 = 7", 0, 0],
  ["y = 2x + 3 = 9", 0, 0],
  ["3 + 4 = 7x", 0, 0],
  ["3 + 4 = 7 + x", 0, 0],
  ["15 / 4 = 3 remainder 3", 0, 0],
  ["12:30 + 1:15 = 13:45", 0, 0],
  ["answer = 5", 0, 0],
  ["7 = 7", 0, 0],
  ["1/0 = 5", 0, 0],
  ["(3 + 4 = 7", 0, 0],
  ["", 0, 0],
];

describe("statedArithmetic", () => {
  it.each(CASES)("%j", (text, stated, holding) => {
    expect(statedArithmetic(text)).toEqual({ stated, holding });
  });

  it("finds every right sum right, and every wrong one wrong", () => {
    const number = fc.integer({ min: 0, max: 99_999 });
    fc.assert(
      fc.property(
        number,
        number,
        fc.constantFrom("+", "-", "*"),
        fc.integer({ min: 1, max: 9 }),
        (a, b, sign, off) => {
          const value = sign === "+" ? a + b : sign === "-" ? a - b : a * b;
          expect(statedArithmetic(`So ${a} ${sign} ${b} = ${value} pieces.`)).toEqual({
            stated: 1,
            holding: 1,
          });
          expect(statedArithmetic(`So ${a} ${sign} ${b} = ${value + off}`)).toEqual({
            stated: 1,
            holding: 0,
          });
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  it("never throws, and reads hostile texts in reasonable time", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-*/=().,%$x \n^".split("")) }), (text) => {
        const { stated, holding } = statedArithmetic(text);
        expect(holding).toBeLessThanOrEqual(stated);
      }),
      { numRuns: 500, seed: 1 },
    );
    for (const text of ["1 + ".repeat(20_000), "(".repeat(30_000), "1,".repeat(30_000), "- ".repeat(30_000)])
      expect(statedArithmetic(`${text}1 = 3`).stated).toBeLessThan(2);
  });
});
