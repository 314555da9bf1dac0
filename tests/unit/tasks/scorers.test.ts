/** @file Scorers on the answers that people and models really give. */
import { describe, expect, test } from "vitest";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import { wordF1 } from "../../../src/tasks/scorers/f1-scorer.js";
import { normalizeWords } from "../../../src/tasks/scorers/normalize-words.js";
import type { Sample } from "../../../src/tasks/task.js";

function sample(answers: string | string[], choices?: string[]): Sample {
  const list = typeof answers === "string" ? [answers] : answers;
  return { id: "s", question: "q", answers: list, meta: {}, ...(choices ? { choices } : {}) };
}

const list1000 = Array.from({ length: 1000 }, (_, i) => i).join(" ");

describe("exact-number", () => {
  const scorer = makeScorer("exact-number");
  test.each<[unknown, string, boolean]>([
    [42, "42", true],
    ["42", "42", true],
    [" 42.", "42", true],
    ["42.0", "42", true],
    ["1,234", "1234", true],
    ["1'234'567", "1234567", true],
    ["12\u202f345", "12345", true],
    ["1,234,567.50", "1234567.5", true],
    ["1,23", "123", false],
    ["$5", "5", true],
    ["$1,200.00", "1200", true],
    ["-$5", "-5", true],
    ["€ 5", "5", true],
    ["5 dollars", "5", true],
    ["−3", "-3", true],
    ["-3", "3", false],
    ["1/2", "0.5", true],
    ["2 1/2", "2.5", true],
    ["½", "0.5", true],
    ["\\frac{3}{4}", "0.75", true],
    ["50%", "50", true],
    ["50%", "0.5", true],
    ["5e3", "5000", true],
    ["০৪২", "42", true],
    ["٤٢", "42", true],
    ["４２", "42", true],
    ["The answer is 42.", "42", true],
    ["**Answer:** 42", "42", true],
    ["#### 42", "42", true],
    ["so $\\boxed{42}$", "42", true],
    ["<answer>42</answer>", "42", true],
    ["6 * 7 = 42", "42", true],
    ["3 + 4 = 7, 7 * 6 = 42", "42", false],
    ["3 + 4 = 7, 7 * 6 = 42. Final answer: 42", "42", true],
    ["The answer is 42 (6 boxes of 7)", "42", true],
    ["between 41 and 43", "42", false],
    ["42 43", "42", false],
    [list1000, "42", false],
    [list1000, "999", false],
    [{ answer: list1000 }, "999", false],
    [{ answer: 42 }, "42", true],
    [[42], "42", true],
    [[41, 42], "42", false],
    [Array.from({ length: 100 }, (_, i) => i), "42", false],
    [true, "1", false],
    [null, "0", false],
    [undefined, "0", false],
    ["", "0", false],
    ["none", "0", false],
    [Number.NaN, "0", false],
    [Number.POSITIVE_INFINITY, "0", false],
    [-0, "0", true],
    ["I cannot answer this question.", "0", false],
    ["I'm sorry, but as a language model I have no number for that.", "1", false],
    ["12 kg", "12", true],
    ["about 3.5 metres", "3.5", true],
    ["3.5 km = 3500 m", "3500", true],
    ["A. 42", "42", true],
    ["x42", "42", false],
    ["1.2.3", "1.2", false],
    ["41.9999999", "42", true],
    ["41.99", "42", false],
    ["3494928", "3494927", false],
    ["12345678901234567891", "12345678901234567890", false],
    ["12345678901234567890", "12345678901234567890", true],
    ["5.33", "5.333333333", true],
    ["5.3", "5.333333333", false],
    ["5.34", "5.333333333", false],
    ["0.12346", "0.123456", true],
    ["0.09", "0.095", false],
    ["0.10", "0.0952381", false],
    ["0.0952", "0.0952381", true],
    ["12.35", "12.3456", false],
    ["1/0", "1", false],
  ])("%j for %s: %s", (answer, expected, isCorrect) => {
    const score = scorer.score(answer, sample(expected));
    expect(score.isCorrect).toBe(isCorrect);
    expect(score.value).toBe(isCorrect ? 1 : 0);
  });

  test("any of several accepted numbers, and a tolerance that was asked for", () => {
    expect(scorer.score("7", sample(["6", "7"])).isCorrect).toBe(true);
    expect(makeScorer("exact-number", { tolerance: 0.05 }).score("10.2", sample("10.5")).isCorrect).toBe(
      true,
    );
    expect(
      makeScorer("exact-number", { tolerance: 1e-9 }).score("51320.1", sample("51320.006")).isCorrect,
    ).toBe(false);
  });
});

describe("choice", () => {
  const scorer = makeScorer("choice");
  const animals = ["cat", "dog", "guinea pig", "pig"];
  test.each<[unknown, string[], string, boolean]>([
    ["B", animals, "B", true],
    ["b", animals, "B", true],
    ["B.", animals, "B", true],
    ["(B)", animals, "B", true],
    ["B)", animals, "B", true],
    ["**B**", animals, "B", true],
    ['"B"', animals, "B", true],
    ["Option B", animals, "B", true],
    ["Answer: B", animals, "B", true],
    ["The answer is B.", animals, "B", true],
    ["The answer is (B) dog.", animals, "B", true],
    ["the correct answer is b", animals, "B", true],
    ["B. dog", animals, "B", true],
    ["(B) dog", animals, "B", true],
    ["B: dog", animals, "B", true],
    ["dog", animals, "B", true],
    ["Dog.", animals, "B", true],
    ["It is a dog.", animals, "B", true],
    ["<answer>B</answer>", animals, "B", true],
    ["\\boxed{B}", animals, "B", true],
    ["A. cat is wrong. The answer is B.", animals, "B", true],
    ["A guinea pig", animals, "C", true],
    ["a guinea pig", animals, "D", false],
    ["pig", animals, "D", true],
    ["A. cat, B. dog, C. guinea pig, D. pig", animals, "A", false],
    ["A or B", animals, "B", false],
    ["A B C D", animals, "B", false],
    ["cat or dog", animals, "B", false],
    ["(A) or (B)", animals, "B", false],
    ["E", animals, "B", false],
    ["", animals, "A", false],
    [null, animals, "A", false],
    [1, animals, "A", false],
    [["B"], animals, "B", true],
    [["A", "B"], animals, "B", false],
    [{ answer: "B" }, animals, "B", true],
    ["A dog barks", animals, "A", false],
    ["A dog barks", animals, "B", true],
    ["I think so", ["yes", "no"], "A", false],
    ["Yes", ["Yes", "No"], "A", true],
    ["no, it is not", ["Yes", "No"], "B", true],
    [4, ["3", "4"], "B", true],
    ["4", ["3", "4"], "B", true],
    ["2", ["3", "4"], "B", false],
    ["C", ["run", "walk", "run"], "A", true],
    ["I would choose option B because dogs bark", animals, "B", true],
    ["Step 1: x\n\nFinal answer: B", animals, "B", true],
    ["A", ["b", "a"], "B", true],
    ["A.", animals, "A", true],
    ["I'm sorry, I can't choose.", animals, "A", false],
    ["I cannot answer that.", animals, "A", false],
    ["None of these.", animals, "D", false],
    ["  \n", animals, "A", false],
    ["chat", ["chat", "château"], "A", true],
    ["Chateau", ["chat", "château"], "B", false],
    ["CHÂTEAU", ["chat", "château"], "B", true],
  ])("%j of %j for %s: %s", (answer, choices, expected, isCorrect) => {
    expect(scorer.score(answer, sample(expected, choices)).isCorrect).toBe(isCorrect);
  });
});

describe("f1", () => {
  const scorer = makeScorer("f1");
  test.each<[unknown, string | string[], number]>([
    ["Paris", "Paris", 1],
    ["paris", "Paris", 1],
    ["Paris.", "Paris", 1],
    ["The Eiffel Tower", "Eiffel Tower", 1],
    ["an apple", "apple", 1],
    ["Eiffel Tower in Paris", "Eiffel Tower", 2 / 3],
    ["Tower", "Eiffel Tower", 2 / 3],
    ["Tower Eiffel", "Eiffel Tower", 1],
    ["London", "Paris", 0],
    ["I do not know", "Paris", 0],
    ["I cannot answer that, but Paris is a city", "Paris", 2 / 9],
    ["7 kg", "7 kg", 1],
    ["1/2", "1 2", 1],
    ["", "Paris", 0],
    [null, "Paris", 0],
    [{}, "Paris", 0],
    [42, "42", 1],
    ["42", "42.0", 1],
    ["1,234", "1234", 1],
    ["12.5", "12.5", 1],
    ["12.5 percent", "12.5", 2 / 3],
    ["-5", "5", 0],
    ["−5", "-5", 1],
    ["well-known man", "well known man", 1],
    ["it's", "its", 0],
    ["a", "A", 1],
    ["the", "the", 1],
    ["the the cat", "cat", 1],
    ["cat cat", "cat", 2 / 3],
    ["two dogs", ["dogs", "two dogs"], 1],
    [["red", "blue"], "red blue", 1],
    [["red"], "red", 1],
    [{ answer: "red" }, "red", 1],
    ["naïve café", "naïve café", 1],
    ["１２", "12", 1],
    ["  spaced\n out ", "spaced out", 1],
    ["Dr. Who", "dr who", 1],
    ["3 July 1990", "July 3, 1990", 1],
    [true, "true", 0],
  ])("%j for %j: %d", (answer, expected, value) => {
    const score = scorer.score(answer, sample(expected));
    expect(score.value).toBeCloseTo(value, 10);
    expect(score.isCorrect).toBe(value === 1);
  });

  test("words and their overlap", () => {
    expect(normalizeWords("The U.S. won 1,000 games (3-2)!")).toEqual([
      "u",
      "s",
      "won",
      "1000",
      "games",
      "3",
      "2",
    ]);
    expect(wordF1(["a", "b"], ["b", "c", "d"])).toBeCloseTo(0.4, 10);
    expect(wordF1([], ["b"])).toBe(0);
  });
});

describe("exact-match", () => {
  const words = makeScorer("exact-match");
  const spaces = makeScorer("exact-match", { normalize: "spaces" });
  const loose = makeScorer("exact-match", { normalize: "spaces", ignoreCase: true });
  test.each<[unknown, string | string[], boolean, boolean, boolean]>([
    ["Paris", "Paris", true, true, true],
    ["paris", "Paris", true, false, true],
    ["The Paris", "Paris", true, false, false],
    ["Paris.", "Paris", true, true, true],
    ["Paris!", "Paris", true, false, false],
    [" Paris \n", "Paris", true, true, true],
    ['"Paris"', "Paris", true, true, true],
    ["'Paris'", "Paris", true, true, true],
    ["`Paris`", "Paris", true, true, true],
    ["**Paris**", "Paris", true, true, true],
    ["“Paris”", "Paris", true, true, true],
    ["New  York", "New York", true, true, true],
    ["NewYork", "New York", false, false, false],
    ["I don't know.", "Paris", false, false, false],
    ["I cannot answer that.", "Paris", false, false, false],
    ["A.", "A", true, true, true],
    ["7 kg", "7kg", false, false, false],
    ["ＰＡＲＩＳ", "Paris", true, false, false],
    ["Paris, France", "Paris", false, false, false],
    ["The answer is Paris", "Paris", false, false, false],
    ["07:45", "07:45", true, true, true],
    ["7:45", "07:45", false, false, false],
    ["a b", "b", true, false, false],
    ["olleH", "olleh", true, false, true],
    ["dhlnrtt", "dhlnrt", false, false, false],
    ["", "x", false, false, false],
    [null, "x", false, false, false],
    [42, "42", true, true, true],
    [["x"], "x", true, true, true],
    [["x", "y"], "x", false, false, false],
    [{ answer: "x" }, "x", true, true, true],
    [false, "false", false, false, false],
    ["e\u0301t\u00e9", "\u00e9te\u0301", true, true, true],
    ["b", ["a", "b"], true, true, true],
    ["...", "...", true, true, true],
    ["!!!", "...", false, false, false],
    ["March 5", "March 5", true, true, true],
    ["march 5th", "March 5", false, false, false],
  ])("%j for %j: words %s, spaces %s, ignoring case %s", (answer, expected, asWords, asSpaces, asLoose) => {
    expect(words.score(answer, sample(expected)).isCorrect).toBe(asWords);
    expect(spaces.score(answer, sample(expected)).isCorrect).toBe(asSpaces);
    expect(loose.score(answer, sample(expected)).isCorrect).toBe(asLoose);
  });
});

describe("regex", () => {
  const whole = makeScorer("regex");
  const partial = makeScorer("regex", { partial: true, ignoreCase: true });
  test.each<[unknown, string | string[], boolean, boolean]>([
    ["abc", "abc", true, true],
    ["xabcx", "abc", false, true],
    ["ABC", "abc", false, true],
    [" abc ", "abc", true, true],
    ["ab", "a|ab", true, true],
    ["b", "a|b", true, true],
    ["12", "\\d+", true, true],
    ["12a", "\\d+", false, true],
    ["a", "\\d+", false, false],
    ["", ".*", false, false],
    ["I cannot answer that.", "\\d+ kg", false, false],
    ["7 kg", "\\d+ kg", true, true],
    ["½", "½|1/2", true, true],
    [null, ".*", false, false],
    [12, "1.", true, true],
    ["é", "\\p{L}", true, true],
    ["\u{1f600}", "^.$", true, true],
    ["a\nb", "a.b", false, false],
    ["a\nb", "a\\sb", true, true],
    ["cat", ["dog", "cat"], true, true],
    ["colour", "colou?r", true, true],
    ["color", "colou?r", true, true],
    ["(a)", "\\(a\\)", true, true],
    ["07:45", "0?7:45", true, true],
    ["7:45", "0?7:45", true, true],
    ["yes", "(?:yes|y)", true, true],
    ["Yes", "(?:yes|y)", false, true],
    ["aa", "(a)\\1", true, true],
    ["ab", "(a)\\1", false, false],
    ["2024-01-05", "\\d{4}-\\d{2}-\\d{2}", true, true],
    [["x"], "x", true, true],
    [{ answer: "x" }, "x", true, true],
    [["x", "y"], "x", false, false],
    ["the end", "(?<=the )end", false, true],
    ["x", "[^y]", true, true],
  ])("%j for %j: whole %s, part %s", (answer, expected, isWhole, isPart) => {
    expect(whole.score(answer, sample(expected)).isCorrect).toBe(isWhole);
    expect(partial.score(answer, sample(expected)).isCorrect).toBe(isPart);
  });

  test("a pattern that would run for years is cut off", () => {
    const score = whole.score(`${"a".repeat(40)}!`, sample("(a+)+b"));
    expect(score.isCorrect).toBe(false);
  });
});
