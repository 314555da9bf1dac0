/** @file What counts as the program in an answer. */
import { expect, test } from "vitest";
import { programOf } from "../../../src/tasks/scorers/program-of.js";

const HUMANEVAL = {
  prompt:
    'from typing import List\n\n\ndef helper(x):\n    return x\n\n\ndef f(xs: List[int]) -> int:\n    """ Sum.\n    >>> f([1])\n    1\n    """\n',
  entryPoint: "f",
};
const MBPP = {
  prompt: "Write a function to add.\nimport math\ndef add(a, b):\n",
  entryPoint: "add",
};
const BEFORE = "from typing import List\n\n\ndef helper(x):\n    return x\n\n\n";

test.each([
  [
    "the asked function alone",
    "def f(xs):\n    return helper(sum(xs))",
    HUMANEVAL,
    `${BEFORE}def f(xs):\n    return helper(sum(xs))`,
  ],
  [
    "a block",
    "Here:\n```python\ndef f(xs):\n    return 1\n```\nDone.",
    HUMANEVAL,
    `${BEFORE}def f(xs):\n    return 1`,
  ],
  [
    "the longest block",
    "```\nx\n```\n\n~~~py\ndef f(xs):\n    return 2\n~~~",
    HUMANEVAL,
    `${BEFORE}def f(xs):\n    return 2`,
  ],
  [
    "a fence that is never closed",
    "```python\ndef f(xs):\n    return 3\n",
    HUMANEVAL,
    `${BEFORE}def f(xs):\n    return 3`,
  ],
  ["lines that go on", "    return sum(xs)\n", HUMANEVAL, `${HUMANEVAL.prompt}    return sum(xs)`],
  ["another name", "def g(xs):\n    return 0\n", HUMANEVAL, `${BEFORE}def g(xs):\n    return 0`],
  ["a lambda", "f = lambda xs: 4", HUMANEVAL, `${BEFORE}f = lambda xs: 4`],
  [
    "a sentence with imports before the function",
    "def add(a, b):\n    return math.fsum([a, b])",
    MBPP,
    "import math\ndef add(a, b):\n    return math.fsum([a, b])",
  ],
  ["old line ends", "def add(a, b):\r\n    return 1\r\n", MBPP, "import math\ndef add(a, b):\n    return 1"],
  [
    "an import from the future",
    "from __future__ import annotations\ndef f(xs):\n    pass\n",
    HUMANEVAL,
    "from __future__ import annotations\ndef f(xs):\n    pass",
  ],
  ["no task", "print(1)", {}, "print(1)"],
])("%s", (_what, answer, task, program) => {
  expect(programOf(answer, task)).toBe(program);
});

test.each([[""], ["  \n"], ["```\n\n```"], [undefined], [null], [4], [{ code: "x" }], [["x"]]])(
  "no program in %j",
  (answer) => {
    expect(programOf(answer, HUMANEVAL)).toBeUndefined();
  },
);
