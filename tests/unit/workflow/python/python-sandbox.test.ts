/** @file The Python sandbox with honest programs: results, borders between tests and program, limits, aborts. */
import { afterAll, describe, expect, it } from "vitest";
import { PythonSandbox } from "../../../../src/workflow/python/python-sandbox.js";
import { childProcesses, untilComputed } from "../../../support/child-processes.js";

/** Far above what any of these needs; a loaded machine may be slow. */
const WALL_MS = 20_000;
const python = new PythonSandbox({ processes: 2, limits: { wallMs: WALL_MS } });
afterAll(() => python.close());

const check = (program: string, tests: string[], entryPoint = "f") =>
  python.check(program, tests, { entryPoint });

describe("run", () => {
  it.concurrent.each([
    [
      "output of both kinds, input",
      "import sys\nprint(int(input()) + 1)\nprint('e', file=sys.stderr)",
      "41\n",
      { isOk: true, stdout: "42\n", stderr: "e\n" },
    ],
    [
      "no input is end of file",
      "try:\n    input()\nexcept EOFError:\n    print('end')",
      "",
      { isOk: true, stdout: "end\n", stderr: "" },
    ],
    ["exit 0", "import sys\nprint(1)\nsys.exit(0)", "", { isOk: true, stdout: "1\n", stderr: "" }],
    ["exit with a message", "raise SystemExit('no')", "", { isOk: false, stdout: "", stderr: "no\n" }],
    ["text beyond ASCII", "print('é😀')", "", { isOk: true, stdout: "é😀\n", stderr: "" }],
    [
      "is the main program",
      "if __name__ == '__main__':\n    print('main')",
      "",
      { isOk: true, stdout: "main\n", stderr: "" },
    ],
  ] as const)("%s", async (_what, program, stdin, expected) => {
    expect(await python.run(program, { stdin })).toEqual(expected);
  });

  it.concurrent("a traceback names the lines of the program and nothing of ours", async () => {
    const { isOk, stderr } = await python.run("def g():\n    return 1 / 0\n\ng()\n");
    expect(isOk).toBe(false);
    expect(stderr).toMatch(/^Traceback[^\n]*\n {2}File "<program>", line 4, in <module>/);
    expect(stderr).toMatch(/ZeroDivisionError: division by zero\n$/);
  });

  it.concurrent("the same dice and the same order of sets in every run", async () => {
    const program = "import random\nprint(random.random(), list({'a', 'b', 'c', 'd', 'e'}))";
    const [first, second] = await Promise.all([python.run(program), python.run(program)]);
    expect(second.stdout).toBe(first.stdout);
    expect(first.isOk).toBe(true);
  });

  it("what ended by itself is remembered with its input", async () => {
    const own = new PythonSandbox({ processes: 1, limits: { wallMs: WALL_MS } });
    const program = "print(input()[::-1])";
    const first = await own.run(program, { stdin: "ab" });
    expect(first.stdout).toBe("ba\n");
    expect((await own.run(program, { stdin: "cd" })).stdout).toBe("dc\n");
    await own.close();
    // No process is left that could run it.
    expect(await own.run(program, { stdin: "ab" })).toEqual(first);
    await expect(own.run(program, { stdin: "ef" })).rejects.toThrow();
  });

  it("too long a program, and half a character, are refused unseen", async () => {
    expect((await python.run("#".repeat(262_145))).stderr).toMatch(/longer than/);
    expect((await python.run("x = '\ud800'")).stderr).toMatch(/half a surrogate/);
  });
});

describe("check", () => {
  it.concurrent("each test is judged for itself, and told with what was got", async () => {
    const tests = [
      "assert f(1) == 2",
      "assert f(2) == 5",
      "assert f('x') == 1",
      "assert f(",
      "assert f(3) == 4",
    ];
    const result = await check("def f(x):\n    return x + 1\n", tests);
    expect(result).toMatchObject({ status: "failed", passed: 2, failed: 3 });
    expect(result.errors[0]).toBe("assert f(2) == 5: AssertionError: got 3, expected 5");
    expect(result.errors[1]).toMatch(/^assert f\('x'\) == 1: TypeError: .* \(line 2 of the program\)$/);
    expect(result.errors[2]).toMatch(/^assert f\(: SyntaxError/);
    expect(result.reason).toBe("AssertionError");
  });

  it.concurrent("values of every plain kind come and go unchanged", async () => {
    const values = [
      "None",
      "True",
      "0",
      "-0.0",
      "1.5",
      "float('inf')",
      "2 ** 200",
      "-(2 ** 64)",
      "'a\\u20ac\\ud800'",
      "b'\\x00\\xff'",
      "(1, (2,))",
      "[1, [2, []]]",
      "{1, 2}",
      "frozenset({3})",
      "{'a': {1: (2, 3)}}",
      "complex(1, -2)",
      "range(3)",
      "__import__('decimal').Decimal('1.10')",
      "__import__('fractions').Fraction(1, 3)",
      "__import__('datetime').date(2020, 2, 29)",
      "__import__('collections').deque([1, 2])",
    ];
    const tests = values.map(
      (value) => `x = ${value}\ny = f(x)\nassert y == x and type(y) is type(x), (y, x)`,
    );
    expect(await check("def f(x):\n    return x\n", tests)).toMatchObject({
      status: "passed",
      passed: values.length,
    });
  });

  it.concurrent("subclasses arrive as what they hold", async () => {
    const program =
      "import collections\nclass L(list):\n    def __eq__(self, o): return True\nP = collections.namedtuple('P', 'a b')\ndef f(x):\n    return {'l': L([1]), 'c': collections.Counter('aab'), 'p': P(1, 2)}[x]\n";
    const tests = [
      "assert f('l') == [1]",
      "assert f('c') == {'a': 2, 'b': 1}",
      "assert f('p') == (1, 2)",
      "assert f('l') == [2]",
    ];
    expect(await check(program, tests)).toMatchObject({ passed: 3, failed: 1 });
  });

  it.concurrent("classes, instances, iterators, helpers and modules of the program serve the tests", async () => {
    const program = [
      "import math",
      "class Node:",
      "    def __init__(self, v):",
      "        self.v, self.next = v, None",
      "def f(n):",
      "    return n.v + (f(n.next) if n.next else 0)",
      "def count(n):",
      "    yield from range(n)",
      "LIMIT = 3",
    ].join("\n");
    const tests = [
      "n = Node(1)\nn.next = Node(4)\nassert f(n) == 5\nassert n.next.v == 4",
      "assert list(count(LIMIT)) == [0, 1, 2]",
      "assert math.isclose(f(Node(0.1)), 0.1)",
      "assert next(count(1)) == 0",
    ];
    expect(await check(program, tests)).toMatchObject({ status: "passed", passed: 4, errors: [] });
  });

  it.concurrent("an object of the program has its own truth value and is equal to nothing else", async () => {
    const program = "import re\ndef f(x):\n    return re.search('a', x)\n";
    const tests = [
      "assert f('cat')",
      "assert not f('dog')",
      "assert f('cat').group() == 'a'",
      "assert f('cat') == 'a'",
    ];
    expect(await check(program, tests)).toMatchObject({ passed: 3, failed: 1 });
  });

  it.concurrent("arguments changed in place are changed for the tests too", async () => {
    const program = "def f(xs, d, s):\n    xs.sort()\n    d['k'] = 1\n    s.clear()\n";
    const test = "xs, d, s = [2, 1], {}, {1}\nf(xs, d, s)\nassert (xs, d, s) == ([1, 2], {'k': 1}, set())";
    expect(await check(program, [test])).toMatchObject({ status: "passed" });
  });

  it.concurrent("exceptions of the program reach tests that expect them", async () => {
    const program = "class Own(ValueError): pass\ndef f(x):\n    raise Own('bad ' + x)\n";
    const test =
      "try:\n    f('y')\n    assert False\nexcept ValueError as error:\n    assert str(error) == 'bad y'";
    expect(await check(program, [test])).toMatchObject({ status: "passed" });
  });

  it.concurrent("a program that hides built-ins does not change what the tests compare with", async () => {
    const program = "set = lambda *a: 0\nlen = lambda *a: 3\ndef f(x):\n    return [1]\n";
    expect(await check(program, ["assert set(f(1)) == {1, 2}", "assert len(f(1)) == 3"])).toMatchObject({
      failed: 2,
    });
    expect(await check("def sum(a, b):\n    return a + b\n", ["assert sum(1, 2) == 3"], "sum")).toMatchObject(
      { passed: 1 },
    );
  });

  it.concurrent("without the function: every test fails and says so", async () => {
    const { failed, errors, reason } = await check("def g(x):\n    return x\n", ["assert f(1) == 1"]);
    expect({ failed, errors }).toEqual({
      failed: 1,
      errors: ["assert f(1) == 1: NameError: name 'f' is not defined"],
    });
    expect(reason).toBe("NameError");
  });

  it.concurrent("a program that does not run fails all tests with its own line", async () => {
    const result = await check("x = 1\ndef f(:\n", ["assert f(1) == 1", "assert f(2) == 2"]);
    expect(result).toMatchObject({
      status: "failed",
      passed: 0,
      failed: 2,
      reason: "SyntaxError in line 2 of the program",
    });
  });

  it.concurrent("no tests: the program still has to run", async () => {
    expect(await check("def f(x):\n    return x\n", [])).toMatchObject({
      status: "passed",
      passed: 0,
      failed: 0,
    });
    expect(await check("1 / 0\n", [])).toMatchObject({ status: "failed" });
  });
});

describe("processes", () => {
  it.skipIf(process.platform !== "linux")(
    "a judge that is killed is replaced, and the check is made again (found in /proc, so on Linux only)",
    async () => {
      const own = new PythonSandbox({ processes: 1, limits: { wallMs: WALL_MS } });
      try {
        const judges = () => childProcesses("python-judge-child").map(({ pid }) => pid);
        const others = new Set(judges());
        await own.check("def f(x):\n    return x\n", ["assert f(1) == 1"], { entryPoint: "f" });
        const mine = judges().filter((pid) => !others.has(pid));
        expect(mine).toHaveLength(1);
        const slow = "import time\ndef f(x):\n    time.sleep(1)\n    return x\n";
        const running = own.check(slow, ["assert f(1) == 1"], { entryPoint: "f" });
        process.kill(mine[0]!, "SIGKILL");
        expect(await running).toMatchObject({ status: "passed", passed: 1 });
      } finally {
        await own.close();
      }
    },
  );
});

describe("limits", () => {
  const small = new PythonSandbox({
    processes: 1,
    limits: { wallMs: 4_000, outputBytes: 100, valueBytes: 10_000, fileBytes: 1024 * 1024 },
  });
  afterAll(() => small.close());

  it("time, output, values and files; and the sandbox goes on afterwards", async () => {
    const slow = await small.run("print('begun')\nwhile True:\n    pass\n");
    expect(slow).toEqual({
      isOk: false,
      stdout: "",
      stderr: "stopped: the time limit of 4000 ms was reached\n",
    });
    expect((await small.run("print('x' * 1000)")).stdout).toBe("x".repeat(100));
    const big = await small.check("def f(n):\n    return 'x' * n\n", ["assert len(f(20000)) == 20000"], {
      entryPoint: "f",
    });
    expect(big.status).toBe("too-big");
    const full =
      "try:\n    open('a', 'wb').write(b'x' * 2 ** 21)\nexcept OSError as error:\n    print(error.strerror)";
    expect((await small.run(full)).stdout).toBe("No space left on device\n");
    expect(
      await small.check("def f(n):\n    return n\n", ["assert f(1) == 1"], { entryPoint: "f" }),
    ).toMatchObject({ passed: 1 });
  });

  it.skipIf(process.platform !== "linux")(
    "an abort ends a program that computes (seen in /proc, so on Linux only)",
    async () => {
      const stop = new AbortController();
      const running = expect(small.run("while True:\n    pass\n", { signal: stop.signal })).rejects.toThrow(
        "enough",
      );
      // Longer than the start of an interpreter: one of them is in the loop.
      const programs = childProcesses("python-program-child");
      await Promise.any(programs.map(({ pid }) => untilComputed(pid, 1000)));
      stop.abort(new Error("enough"));
      await running;
    },
  );

  it("a closed sandbox takes nothing more", async () => {
    await small.close();
    await expect(small.run("pass")).rejects.toThrow(/closed/);
  });
});
