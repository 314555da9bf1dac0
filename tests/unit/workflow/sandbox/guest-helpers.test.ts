import { describe, expect, it } from "vitest";
import {
  agreement,
  choice,
  code,
  extract,
  fewShot,
  number,
  printed,
  vote,
} from "../../../../src/workflow/sandbox/guest-helpers.js";

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

  // What strong and weak models really write, with the reading of a careful person.
  it.each([
    ["<think>the answer is 5? no …</think> It is 7.", 7],
    ["the answer is 5? no …</think>\n\nIt is 7.", 7],
    ["<think>first 16-3=13, then 13-4=9", ""],
    ["```python\neggs = 16\nprint((eggs-3-4)*2)\n```", ""],
    ["eggs = 16\nprint((eggs-3-4)*2)", ""],
    ["`print((eggs-3-4)*2)`", ""],
    ["```python\nprint(5)\n```\nIt prints the answer, which is 18.", 18],
    ["To find the answer: add 3 and 4.\n3 + 4 is easy.\n\n**Final Answer:**\n\n7", 7],
    ["The answer is 18 because 9 × 2 = 18 and 7 are left.", 18],
    ["In the end she makes $18 every day, selling 9 of 16 eggs.", 18],
    ["So it uses 21 litres for 350 km.", 21],
    ["After selling 9 of 16 eggs, she makes $18.", 18],
    ["উত্তর: ৪২", 42],
    ["الجواب: ٤٢", 42],
    ["उत्तर ४२ है", 42],
    ["答案是４２。", 42],
    ["答え：１２０個", 120],
    ["คำตอบ: ๑๒", 12],
    ["1\u202f080", 1080],
    ["1\u2009080 m", 1080],
    ["1\u00a0080", 1080],
    ["1 080", 1080],
    ["1.080 Euro", 1080],
    ["€1.080", 1080],
    ["Die Antwort ist 1.250.", 1250],
    ["La respuesta es 3,5 metros.", 3.5],
    ["Das kostet 1.250,50 Euro und ist teuer.", 1250.5],
    ["Ответ: 12,5 рублей, это всё", 12.5],
    ["1.080 is the ratio", 1.08],
    ["about 3 × 10^8 metres", 3e8],
    ["3 \\times 10^{8}", 3e8],
    ["2,5·10⁻³ ist die Antwort und das Ergebnis", 0.0025],
    ["1.5 million people", 1.5e6],
    ["\\boxed{2\\frac{1}{2}}", 2.5],
    ["\\boxed{-\\dfrac{3}{4}}", -0.75],
    ["\\boxed{\\text{18 apples}}", 18],
    ["\\[ \\boxed{\\$562.40} \\]", 562.4],
    ["2½ cups", 2.5],
    ["- 5 apples", 5],
    ["Step 3: done", ""],
    ["7. I am sure", 7],
    ["The answer is 7. I am sure", 7],
    ["1. add\n2. double\n3. get 14", 14],
    ["It is the 2nd one", ""],
    ["12345678901234567891", "12345678901234567891"],
    ["Réponse finale : 285 tulipes", 285],
    ["3 + 4 = 7\n7 * 6 = 42", 42],
    ["5 8 13 21 34", ""],
  ])("%j gives %j", (text, expected) => {
    expect(number(text)).toBe(expected);
  });

  it.each([
    ["First 16-3=13, then 13-4=9", ""],
    ["The answer is 18. To check, we add 3 and", 18],
    ["so \\boxed{18} and", 18],
    ["<answer>18</answer>", 18],
    ["<answer>18", ""],
    ["The answer is 18", ""],
    ["42", ""],
  ])("%j, cut, gives %j", (text, expected) => {
    expect(number(text, true)).toBe(expected);
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
    ["C\n\nExplanation: option (A) is wrong, and so is (B).", colours, "C"],
    ["I would pick **C**. It beats (A).", colours, "C"],
    ["(A) or (B)", colours, ""],
    ["<think>maybe A. The answer is A.</think>\nC", colours, "C"],
    ["Die Antwort ist (B).", colours, "B"],
    ["答案是B", colours, "B"],
    ["**Final Answer:**\n\nC", colours, "C"],
    ["(A) is too bright.\n(B) is too dark.\n\nC", colours, "C"],
    ["The correct option is **B. dark red**, since (A) is no colour of wine.", colours, "B"],
    ["A. red\nB. dark red\nC. blue", colours, ""],
    ["$\\boxed{\\text{(B)}}$", colours, "B"],
  ])("%j of %j gives %j", (text, choices, expected) => {
    expect(choice(text, choices)).toBe(expected);
  });

  it("reads of a cut reply only what is marked", () => {
    expect(choice("C\n\nExplanation: option (A) is", colours, true)).toBe("C");
    expect(choice("Option (A) is wrong, so we look at", colours, true)).toBe("");
    expect(choice("The answer is (B). Option (A)", colours, true)).toBe("B");
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
    ["<think>```\nprint(81)\nprint(81)\n```</think>\n```\nprint(18)\n```", "print(18)"],
    [
      "Slow:\n```\ndef f(x):\n    y = x\n    return y\n```\nFinal:\n```\ndef f(x):\n    return x\n```",
      "def f(x):\n    return x",
    ],
    ["```sh\npip install a-long-name\n```\n```python\nx = 1\n```", "x = 1"],
    ["    return sum(xs)\n", "    return sum(xs)"],
  ])("%j gives %j", (text, expected) => {
    expect(code(text)).toBe(expected);
  });

  it("gives no half program of a cut reply", () => {
    expect(code("```python\nprint(1)\nprint(", true)).toBe("");
    expect(code("```python\nprint(1)\n```\nThis prin", true)).toBe("print(1)");
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

describe("agreement", () => {
  it.each([
    [["4", 4, "4."], 1],
    [["4", "5", "4", "6"], 0.5],
    [["", "4", null, "4"], 0.5],
    [["", ""], 0],
    [[], 0],
    ["4", 1],
  ])("of %j is %d", (list, share) => {
    expect(agreement(list)).toBe(share);
  });
});

describe("printed", () => {
  it.each([
    ["['pear', 'plum']\n", "pear plum"],
    [`["don't", 'plum']\r\n`, "don't plum"],
    ['["a","b c"]', "a b c"],
    ["['one']", "one"],
    ["['']", ""],
    ["  pear plum \n", "pear plum"],
    ["pear\nplum\n", "pear\nplum"],
    ["[1, 2]", "[1, 2]"],
    ["['a', 1]", "['a', 1]"],
    ["[['a'], ['b']]", "[['a'], ['b']]"],
    ["('a', 'b')", "('a', 'b')"],
    ["[]", "[]"],
    ["['it\\'s', 'b']", "['it\\'s', 'b']"],
    ["['a', 'b'] or ['c']", "['a', 'b'] or ['c']"],
    [undefined, ""],
    [12, "12"],
  ])("reads %j as %j", (output, text) => {
    expect(printed(output)).toBe(text);
  });
});

describe("fewShot", () => {
  it("writes what there is of each example", () => {
    const choices = ["red", "blue"];
    expect(fewShot([{ question: "Which?", choices, context: "A blue box.", answer: "B" }])).toBe(
      "A blue box.\n\nQuestion: Which?\nA. red\nB. blue\nAnswer: B",
    );
    expect(
      fewShot([
        { question: "1 + 1?", solution: "One and one.", answer: "2" },
        { question: "0?", answer: "0" },
      ]),
    ).toBe("Question: 1 + 1?\nSolution: One and one.\nAnswer: 2\n\nQuestion: 0?\nAnswer: 0");
    expect(fewShot([])).toBe("");
    expect(fewShot(undefined)).toBe("");
  });
});
