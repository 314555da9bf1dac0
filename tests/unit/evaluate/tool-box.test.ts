import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ModelCallError } from "../../../src/core/errors.js";
import { ToolBox } from "../../../src/evaluate/tool-box.js";
import { CallStore } from "../../../src/llm/call-store.js";
import { checkTools, type Tool, toolSet } from "../../../src/workflow/tool.js";

const signal = new AbortController().signal;
const FIRST = { occurrence: 0, epoch: 0 };

function boxOf(
  run: Tool["run"],
  rest: Partial<Tool> = {},
  store = CallStore.open(":memory:"),
  recorded?: CallStore,
) {
  const tool = { name: "t", description: "d", input: z.any(), run, ...rest } as Tool;
  const box = new ToolBox({ tools: checkTools([tool], "t"), hash: "h" }, store, recorded);
  const call = async (input: unknown, position = FIRST, abort = signal) =>
    await box.call(box.tool("t"), input, position, abort);
  return { box, call, store };
}

describe("a tool that misbehaves", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  it.each<[string, Tool["run"], RegExp]>([
    [
      "throws",
      () => {
        throw new Error("no\nluck");
      },
      /^tool t failed: no luck$/,
    ],
    [
      "rejects",
      async () => {
        throw "plain";
      },
      /^tool t failed: plain$/,
    ],
    [
      "throws what has no text",
      () => {
        throw Object.create(null);
      },
      /^tool t failed: an error that cannot be read$/,
    ],
    [
      "throws a long text",
      () => {
        throw new Error("x".repeat(10_000));
      },
      /^tool t failed: x{500}…$/,
    ],
    ["never answers", () => new Promise(() => {}), /^tool t gave no result within 20 ms$/],
    ["returns nothing", () => undefined, /returned what is not JSON: undefined$/],
    ["returns a function", () => ({ f: () => 1 }), /returned what is not JSON: a function at f$/],
    ["returns a cycle", () => cycle, /returned what is not JSON: a value nested deeper/],
    ["returns 10 MB", () => "x".repeat(10_000_000), /^the result of tool t is longer than 65536 bytes$/],
  ])("%s", async (_name, run, message) => {
    const { call, store } = boxOf(run, { timeoutMs: 20 });
    const { value, use } = await call({ q: 1 });
    expect(value).toBeUndefined();
    expect(use.error).toMatch(message);
    expect(use).toMatchObject({ tool: "t", input: '{"q":1}', isCached: false });
    // The record of the run has it too.
    expect(store.toolTotals()).toMatchObject([{ tool: "t", calls: 1, errors: 1, bytes: 0 }]);
  });

  it("is told by its signal that nobody waits any more", async () => {
    let wasTold = false;
    const { call } = boxOf(
      (_, context) =>
        new Promise(() => {
          context.signal.addEventListener("abort", () => {
            wasTold = true;
          });
        }),
      { timeoutMs: 20 },
    );
    await call({});
    expect(wasTold).toBe(true);
  });

  it("is given up when the workflow ends, and nothing is stored then", async () => {
    const over = new AbortController();
    const { call, store } = boxOf(() => new Promise(() => {}));
    const waiting = call({}, FIRST, over.signal);
    over.abort(new Error("the run is over"));
    await expect(waiting).rejects.toThrow("the run is over");
    expect(store.toolTotals()).toEqual([]);
  });
});

describe("inputs", () => {
  const schema = z.object({ query: z.string().min(2), limit: z.number().default(3) });

  it("are checked by the schema, which names what is wrong and what it takes", async () => {
    let runs = 0;
    const { call } = boxOf(() => ++runs, { input: schema });
    const error = async (input: unknown) => (await call(input)).use.error ?? "";
    expect(await error({ query: 5 })).toMatch(
      /^the input of tool t is wrong: query: .*string.*; it takes \{ query: string, limit\?: number \}$/,
    );
    expect(await error(null)).toMatch(/^the input of tool t is wrong: .*object/);
    expect(await error({ query: "x" })).toMatch(/query: /);
    expect(runs).toBe(0);
  });

  it("reach the tool as the schema gives them: with defaults, without unknown members", async () => {
    const { call } = boxOf((input) => input, { input: schema });
    expect((await call({ query: "ab", other: 1 })).value).toEqual({ query: "ab", limit: 3 });
  });

  it("a check that throws is an error of the call", async () => {
    const throwing = z.any().refine(() => {
      throw new Error("bad check");
    });
    expect((await boxOf(() => 1, { input: throwing }).call(1)).use.error).toMatch(
      /cannot be checked: bad check/,
    );
  });

  it("an unknown name lists the known ones", () => {
    expect(() => boxOf(() => 1).box.tool("T")).toThrow('there is no tool "T"; known: t');
  });
});

describe("results", () => {
  it("are stored: the same call is not made again, the next equal one in a run is another", async () => {
    let runs = 0;
    const { call, store } = boxOf(() => ({ run: ++runs }));
    expect(await call({ q: 1 })).toMatchObject({ value: { run: 1 }, use: { isCached: false, bytes: 9 } });
    expect(await call({ q: 1 })).toMatchObject({ value: { run: 1 }, use: { isCached: true } });
    expect((await call({ q: 1 }, { occurrence: 1, epoch: 0 })).value).toEqual({ run: 2 });
    expect((await call({ q: 1 }, { occurrence: 0, epoch: 1 })).value).toEqual({ run: 3 });
    expect((await call({ q: 2 })).value).toEqual({ run: 4 });
    expect(store.toolTotals()).toMatchObject([{ calls: 4, errors: 0, bytes: 36 }]);
  });

  it("of other tools under the same name are not used", async () => {
    const store = CallStore.open(":memory:");
    const make = (text: string) => {
      const tool: Tool = { name: "t", description: text, input: z.any(), run: () => text };
      const box = new ToolBox(toolSet([tool]), store);
      return box.call(box.tool("t"), 1, FIRST, signal);
    };
    expect((await make("one")).value).toBe("one");
    expect((await make("two")).value).toBe("two");
  });

  it("a replay answers what was recorded, errors too, and runs no tool", async () => {
    const { call, store } = boxOf((input) => {
      if (input === "bad") throw new Error("no");
      return input;
    });
    await call("good");
    await call("bad");
    const fail = () => {
      throw new Error("a replay ran the tool");
    };
    const replay = boxOf(fail, {}, CallStore.open(":memory:"), store);
    expect(await replay.call("good")).toMatchObject({ value: "good", use: { isCached: true } });
    expect((await replay.call("bad")).use.error).toBe("tool t failed: no");
    const unseen = await replay.call("new").catch((error: unknown) => error);
    expect(unseen).toBeInstanceOf(ModelCallError);
    expect(unseen).toMatchObject({ kind: "unseen-prompt", isFatal: true });
  });
});
