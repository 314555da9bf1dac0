/** @file What every Sandbox must do; one suite for all implementations. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BudgetExceededError, ModelCallError } from "../../src/core/errors.js";
import type { AgentHost, Sandbox, SandboxLimits, WorkflowRun } from "../../src/workflow/workflow-run.js";
import { StubHost } from "../support/hostile-js.js";

const TASK = { id: "1", question: "How much is 6 times 7?", choices: ["41", "42"] };

/** Wraps statements into a workflow. */
function body(statements: string): string {
  return `export default async function workflow(agent, task) {\n${statements}\n}\n`;
}

function hostOf(call: AgentHost["call"], offers: string[] = []): AgentHost {
  return { call, offers: new Set(offers) };
}

const sleep = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms));

export function sandboxSuite(name: string, create: () => Sandbox): void {
  describe(`${name} keeps the contract of a sandbox`, () => {
    let sandbox: Sandbox;
    beforeAll(() => {
      sandbox = create();
    });
    afterAll(async () => await sandbox.close());

    const run = async (
      source: string,
      options: {
        host?: AgentHost;
        limits?: Partial<SandboxLimits>;
        seed?: number;
        task?: unknown;
        signal?: AbortSignal;
      } = {},
    ): Promise<WorkflowRun> => {
      const { host = new StubHost(), task = TASK, seed = 1, ...rest } = options;
      return await sandbox.run(source, task, host, { seed, ...rest });
    };

    it("tells which replies were cut, in strings that stay plain", async () => {
      const texts = ["12 - 9 = 3, 3 +", "The answer is 7. I", "8", " So 9 of"];
      const host = {
        ...hostOf(async () => texts),
        isCut: (text: unknown) => text !== "8" && texts.includes(text as string),
      };
      const source = body(`
        const replies = await agent.text("q", { n: 4 });
        return [replies.map((reply) => [typeof reply, reply.isCut, number(reply)]), replies[3].trim().isCut,
          vote(replies.slice(2)), vote(replies.map((reply) => number(reply))), "".isCut];`);
      const { answer } = await run(source, { host });
      expect(answer).toEqual([
        [
          ["string", true, ""],
          ["string", true, 7],
          ["string", false, 8],
          ["string", true, ""],
        ],
        true,
        "8",
        7,
        false,
      ]);
    });

    describe("forms of source", () => {
      it.each([
        [
          "export default async function workflow",
          "export default async function workflow(agent, task) { return 1 }",
        ],
        ["export default function", "export default function (agent, task) { return 1 }"],
        ["export default arrow", "export default async (agent, task) => 1"],
        ["export default of a constant", "const w = async () => ({ answer: 1 });\nexport default w;"],
        ["async function workflow", "async function workflow(agent, task) { return 1 }"],
        ["function workflow", "function workflow(agent, task) { return 1 }"],
        ["const workflow", "const workflow = async () => 1;"],
        ["an assignment: the last one wins", "function workflow() { return 0 }\nworkflow = () => 1;"],
        [
          "a default export beside a workflow: the export wins",
          "function workflow() { return 0 }\nexport default () => 1;",
        ],
        ["a named export", "export async function workflow() { return 1 }"],
        ["top-level await", "const one = await Promise.resolve(1);\nexport default () => one;"],
        ["a byte order mark and a hashbang", "#!/usr/bin/env node\nexport default () => 1;"],
      ])("runs %s", async (_name, source) => {
        expect(await run(source)).toMatchObject({ status: "ok", answer: 1 });
      });

      it.each([
        ["nothing", "", /no function workflow/],
        ["comments only", "// nothing\n/* here */", /no function workflow/],
        ["no function", "const a = 1;", /no function workflow/],
        ["two functions of one name", "export default () => 1;\nexport default () => 2;", /SyntaxError/],
        ["an unknown module", 'import fs from "node:fs";\nexport default () => 1;', /could not load module/],
        ["a value that is no function", "export default 5;", /not a function/],
        ["an unclosed brace", "export default () => {\n  return 1;\n", /line 2/],
        ["a bad token", "export default () => {\n\n  let = 5;\n}", /line 3/],
        ["half a character", "export default () => '\ud800'", /surrogate/],
        ["more than 256 KiB", `export default () => 1; //${"x".repeat(262_144)}`, /longer than 262144 bytes/],
      ])("refuses %s", async (_name, source, message) => {
        const host = new StubHost();
        const result = await run(source, { host });
        expect(result).toMatchObject({ status: "refused", calls: {} });
        expect(result.error).toMatch(message);
        expect(result).not.toHaveProperty("answer");
      });
    });

    describe("answers", () => {
      it.each([
        ["text", '"a\\u0000\\ud800\\u2028é"', "a\u0000\ud800\u2028é"],
        ["numbers", "0.1 + 0.2", 0.1 + 0.2],
        ["booleans", "false", false],
        ["lists", "[1, [2, { a: null }], '3']", [1, [2, { a: null }], "3"]],
        ["{ answer }", "({ answer: 'x', other: () => 1 })", "x"],
        ["{ answer } of an object", "({ answer: { a: [1] } })", { a: [1] }],
        ["a promise", "Promise.resolve({ answer: Promise.resolve })?.then(() => 7)", 7],
        ["objects without prototype", "({ answer: Object.assign(Object.create(null), { a: 1 }) })", { a: 1 }],
      ])("come back as they are: %s", async (_name, value, expected) => {
        expect(await run(body(`return ${value};`))).toMatchObject({ status: "ok", answer: expected });
      });

      it.each([
        "undefined",
        "null",
        "NaN",
        "[Infinity]",
        "-0",
        "() => 1",
        "Symbol('x')",
        "10n",
        "({})",
        "({ result: 5 })",
        "new Date(0)",
        "new Map()",
        "[undefined]",
        "[,1]",
        "({ answer: { a: undefined } })",
        "({ answer: undefined })",
        "({ answer: new String('x') })",
      ])("that are none end as bad-result: %s", async (value) => {
        const result = await run(body(`return ${value};`));
        expect(result.status).toBe("bad-result");
        expect(result.error).toMatch(/answer|null/);
      });

      it("deep ones end as bad-result, big ones as too-big", async () => {
        const deep = "let a = 1; for (let i = 0; i < 100; i++) a = [a]; return a;";
        expect(await run(body(deep))).toMatchObject({ status: "bad-result" });
        const limits = { resultBytes: 1_000 };
        expect(await run(body("return 'x'.repeat(998);"), { limits })).toMatchObject({ status: "ok" });
        expect(await run(body("return 'x'.repeat(999);"), { limits })).toMatchObject({ status: "too-big" });
        // Counted in bytes: an é has two.
        expect(await run(body("return 'é'.repeat(600);"), { limits })).toMatchObject({ status: "too-big" });
      });
    });

    describe("errors", () => {
      it.each([
        ["an Error", "throw new RangeError('too far');", "RangeError: too far (line 2)"],
        ["a mistake", "\nreturn nothing.here;", /^ReferenceError: nothing is not defined \(line 3\)$/],
        ["a string", "throw 'plain';", 'threw "plain"'],
        ["a number", "throw 7;", "threw 7"],
        ["an object", "throw { message: 'like an error' };", "like an error"],
        ["null", "throw null;", "threw null"],
        ["undefined", "throw undefined;", "threw undefined"],
      ])("names %s and its line", async (_name, statements, message) => {
        const result = await run(body(statements));
        expect(result.status).toBe("threw");
        if (typeof message === "string") expect(result.error).toBe(message);
        else expect(result.error).toMatch(message);
      });

      it("are cut and hold no control characters", async () => {
        const result = await run(body("throw new Error('\\u001b[2J\\u202e' + 'x'.repeat(1e6));"));
        expect(result.error).toMatch(/^Error: \\x1b\[2J\\u202ex+…/);
        expect(Buffer.byteLength(result.error!)).toBeLessThanOrEqual(4096);
      });

      it("a promise that never settles is found at once", async () => {
        const result = await run(body("await new Promise(() => {});"));
        expect(result).toMatchObject({ status: "threw", error: expect.stringContaining("never comes") });
      });
    });

    describe("calls", () => {
      it("reach the host checked and cloned, and give guest values", async () => {
        const host = new StubHost({ offers: ["weak", "runPython"] });
        const result = await run(
          body(`
            const [a] = await agent.text("one");
            const list = await agent.text([{ role: "system", content: "s" }, { role: "user", content: "two" }], { n: 2, temperature: 0.5 });
            const { x } = await agent.json("three", ["x"], { n: undefined });
            const [w] = await agent.weak.text("four");
            const { stdout } = await agent.runPython("print(1)", { stdin: "5" });
            return [a, list, x, w, stdout, list instanceof Array];`),
          { host },
        );
        expect(result.answer).toEqual(["42", ["42", "42"], "42", "42", "42", true]);
        expect(result.calls).toEqual({ text: 2, json: 1, "weak.text": 1, runPython: 1 });
        expect(host.sent.map(({ name, args }) => [name, ...args])).toEqual([
          ["text", "one"],
          [
            "text",
            [
              { role: "system", content: "s" },
              { role: "user", content: "two" },
            ],
            { n: 2, temperature: 0.5 },
          ],
          ["json", "three", ["x"], {}],
          ["weak.text", "four"],
          ["runPython", "print(1)", { stdin: "5" }],
        ]);
      });

      it("exist only where they are offered", async () => {
        const source = body(
          "return [agent.weak, agent.runPython, agent.test, agent.tool].map((x) => typeof x);",
        );
        const undefineds = ["undefined", "undefined", "undefined", "undefined"];
        expect((await run(source, { host: new StubHost({ offers: [] }) })).answer).toEqual(undefineds);
        const all = new StubHost({ offers: ["weak", "runPython", "test", "tool"] });
        expect((await run(source, { host: all })).answer).toEqual([
          "object",
          "function",
          "function",
          "function",
        ]);
      });

      it("with wrong arguments are exceptions of the guest and cost nothing", async () => {
        const host = new StubHost();
        const result = await run(
          body(`
            const errors = [];
            for (const args of [[], [5], [""], ["q", { n: 17 }], ["q", { stream: true }], ["q", { n: 1 }, 3], ["q", null], [{}], ["q", { temperature: NaN }]]) {
              try { await agent.text(...args); errors.push("accepted"); } catch (error) { errors.push(error.message); }
            }
            return errors;`),
          { host },
        );
        expect(host.sent).toEqual([]);
        expect(result.answer).toEqual([
          expect.stringMatching(/prompt of agent.text must be/),
          expect.stringMatching(/prompt of agent.text must be/),
          expect.stringMatching(/is empty/),
          expect.stringMatching(/option n of agent.text must be a whole number from 1 to 16/),
          expect.stringMatching(/unknown option "stream" of agent.text; known: n, temperature/),
          expect.stringMatching(/too many arguments/),
          expect.stringMatching(/options of agent.text must be an object/),
          expect.stringMatching(/must be/),
          expect.stringMatching(/NaN/),
        ]);
      });

      it("errors of the host are exceptions the guest can catch", async () => {
        const host = hostOf(async () => {
          throw new Error("context too long");
        });
        const caught = body(
          "try { await agent.text('q'); } catch (error) { return error instanceof Error && error.message; }",
        );
        expect(await run(caught, { host })).toMatchObject({ status: "ok", answer: "context too long" });
        const uncaught = await run(body("await agent.text('q');"), { host });
        expect(uncaught).toMatchObject({ status: "threw", error: "Error: context too long (line 2)" });
      });

      it("a fatal error of the host rejects the run, whatever the guest does about it", async () => {
        const source = body("try { await agent.text('q'); } catch {} return 1;");
        const outage = new ModelCallError("auth", "wrong key");
        await expect(run(source, { host: hostOf(async () => Promise.reject(outage)) })).rejects.toBe(outage);
        const spent = new BudgetExceededError("calls", 5, 5);
        await expect(run(source, { host: hostOf(async () => Promise.reject(spent)) })).rejects.toBe(spent);
        expect(await run(body("return 1;"))).toMatchObject({ status: "ok" });
      });

      it("are limited in number and at once; the limit cannot be swallowed", async () => {
        const host = new StubHost({ delayMs: 20 });
        const limits = { modelCalls: 6, inFlight: 2 };
        const flood = body(
          "const all = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => agent.text('q' + i)));\n" +
            "return all.filter((one) => one.status === 'fulfilled').length;",
        );
        const result = await run(flood, { host, limits });
        expect(result).toMatchObject({ status: "budget", calls: { text: 6 } });
        expect(result.error).toMatch(/limit of 6 model calls/);
        expect(host.sent).toHaveLength(6);
        expect(host.mostInFlight).toBe(2);
        const exact = body("for (let i = 0; i < 6; i++) await agent.text('q'); return 1;");
        expect(await run(exact, { limits })).toMatchObject({ status: "ok", calls: { text: 6 } });
        const tools = body("for (let i = 0; i < 4; i++) await agent.runPython('1'); return 1;");
        expect(await run(tools, { limits: { toolCalls: 3 } })).toMatchObject({ status: "budget" });
      });

      it("with arguments over their cap end the run as too-big", async () => {
        const host = new StubHost();
        const source = body("try { await agent.text('é'.repeat(600)); } catch {} return 1;");
        expect(await run(source, { host, limits: { argumentBytes: 1_000 } })).toMatchObject({
          status: "too-big",
        });
        expect(host.sent).toEqual([]);
      });

      it("that nobody awaits are aborted at the end and their replies dropped", async () => {
        let aborted = 0;
        const host = hostOf(
          async (_name, _args, signal) =>
            await new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => {
                aborted++;
                reject(signal.reason);
              });
            }),
        );
        expect(await run(body("agent.text('q'); return 'early';"), { host })).toMatchObject({
          answer: "early",
        });
        expect(aborted).toBe(1);
      });
    });

    describe("limits", () => {
      it("waiting for the host is not computing", async () => {
        const host = hostOf(async () => {
          await sleep(2500);
          return ["42"];
        });
        const source = body("const [r] = await agent.text('q'); return r;");
        expect(await run(source, { host, limits: { cpuMs: 1500, wallMs: 60_000 } })).toMatchObject({
          status: "ok",
        });
      });

      it("computing is limited, in one go or in many pieces", async () => {
        const limits = { cpuMs: 200, wallMs: 60_000 };
        const loop = await run(body("for (;;);"), { limits });
        expect(loop).toMatchObject({
          status: "timed-out",
          error: expect.stringContaining("200 ms of computing"),
        });
        const pieces = await run(body("for (;;) await null;"), { limits });
        expect(pieces).toMatchObject({ status: "timed-out" });
        const builtIn = await run(body("return (new Array(1e9) + '').length;"), { limits });
        if (builtIn.status !== "out-of-memory")
          expect(builtIn).toMatchObject({
            status: "timed-out",
            error: expect.stringContaining("200 ms of computing"),
          });
      });

      it("a run whose request is still on its way at its time limit is lost, not failed", async () => {
        const host = hostOf(async (_name, _args, _signal, clock) => {
          clock.sentAt(performance.now());
          return await new Promise(() => {});
        });
        const waiting = run(body("try { await agent.text('q'); } catch {} return 1;"), {
          host,
          limits: { wallMs: 300 },
        });
        await expect(waiting).rejects.toMatchObject({ kind: "timeout", isFatal: false });
      });

      describe("the clock of a run", () => {
        /** Every call takes as long as its prompt says, on paper; `realMs` is what it takes here. */
        const told = (realMs = 0) =>
          hostOf(async (_name, args, _signal, clock) => {
            await sleep(realMs);
            clock.took(Number(args[0]));
            return ["x"];
          });
        const limits = { wallMs: 3_000 };

        it("counts what replies took when they were first given, not what they take here", async () => {
          const twice = body("await agent.text('300'); await agent.text('300'); return 1;");
          expect(await run(twice, { host: told(1_600), limits })).toMatchObject({ status: "ok" });
          const thrice = body("for (let i = 0; i < 3; i++) await agent.text('1200'); return 1;");
          await expect(run(thrice, { host: told(), limits })).rejects.toMatchObject({ kind: "timeout" });
        });

        it("counts calls that overlap once", async () => {
          const five = body(
            "await Promise.all(Array.from({ length: 5 }, () => agent.text('1000'))); return 1;",
          );
          // Answered at once, the first could be over before the last has come.
          expect(await run(five, { host: told(400), limits })).toMatchObject({ status: "ok" });
          const chains = body(
            "const twice = async () => { await agent.text('1800'); await agent.text('1800'); };\n" +
              "await Promise.all([twice(), twice()]); return 1;",
          );
          await expect(run(chains, { host: told(), limits })).rejects.toMatchObject({ kind: "timeout" });
        });

        it("stands while a call waits on our side: before it is sent, and again between attempts", async () => {
          const host = hostOf(async (_name, _args, _signal, clock) => {
            for (let attempt = 0; attempt < 3; attempt++) {
              clock.sentAt(performance.now());
              await sleep(50);
              clock.sentAt(undefined);
              await sleep(1_100);
            }
            clock.took(10);
            return ["x"];
          });
          expect(await run(body("await agent.text('q'); return 1;"), { host, limits })).toMatchObject({
            status: "ok",
          });
        });

        it("own computing beyond the whole time is the workflow's", async () => {
          const busy = body("const end = []; for (;;) end.length = 0;");
          expect(await run(busy, { limits: { wallMs: 300, cpuMs: 60_000 } })).toMatchObject({
            status: "timed-out",
            error: expect.stringContaining("300 ms of computing"),
          });
        });
      });

      it("a failed call of a model ends the run, whatever the guest does about it", async () => {
        const cut = new ModelCallError("length", "cut");
        const host = hostOf(async () => Promise.reject(cut));
        await expect(run(body("try { await agent.text('q'); } catch {} return 1;"), { host })).rejects.toBe(
          cut,
        );
      });

      it("memory is limited, also where the error is caught", async () => {
        const limits = { memoryBytes: 32 * 1024 * 1024 };
        const grow = body(
          "const a = []; try { for (;;) a.push(new Uint8Array(1 << 20)); } catch { a.length = 0; } return 1;",
        );
        expect(await run(grow, { limits })).toMatchObject({ status: "out-of-memory" });
        expect(await run(body("return new Uint8Array(8 << 20).length;"), { limits })).toMatchObject({
          status: "ok",
        });
      });

      it("the log is cut at its cap, with a mark", async () => {
        const limits = { logBytes: 300 };
        const flood = await run(body("for (let i = 0; i < 1000; i++) agent.log('line ' + i); return 1;"), {
          limits,
        });
        expect(Buffer.byteLength(flood.log)).toBeLessThanOrEqual(300);
        expect(flood.log).toMatch(/^line 0\nline 1\n[\s\S]*\[log cut here: its limit was reached\]$/);
        const short = await run(body("agent.log({ a: [1] }); console.log('b', 2); return 1;"), { limits });
        expect(short.log).toBe('{"a":[1]}\nb\n2\n');
      });
    });

    describe("isolation", () => {
      it("same seed, same dice and clock; another seed, others", async () => {
        const source = body(
          "return [Math.random(), Math.random(), Date.now(), new Date().toISOString(), Date(), new Date(2020, 5, 1).getTime()];",
        );
        const [first, second, third] = [await run(source), await run(source), await run(source, { seed: 2 })];
        expect(second.answer).toEqual(first.answer);
        expect((third.answer as unknown[])[0]).not.toEqual((first.answer as unknown[])[0]);
        expect((third.answer as unknown[])[2]).not.toEqual((first.answer as unknown[])[2]);
        // Months are counted in UTC everywhere.
        expect((first.answer as unknown[])[5]).toBe(Date.UTC(2020, 5, 1));
      });

      it("dates work as dates", async () => {
        const source = body(
          "const d = new Date('2024-02-29T12:00:00Z'); class Day extends Date {}\n" +
            "return [d.getUTCDate(), d instanceof Date, typeof Date(), Date.UTC(1970, 0, 2), new Day(5) instanceof Day, d.constructor === Date, Date.name];",
        );
        expect((await run(source)).answer).toEqual([29, true, "string", 86_400_000, true, true, "Date"]);
      });

      it("nothing is left over for the next run", async () => {
        const source = `globalThis.count = (globalThis.count ?? 0) + 1;\nArray.prototype.left = 1;\n${body("return [count, [].left];")}`;
        for (let i = 0; i < 5; i++) expect((await run(source)).answer).toEqual([1, 1]);
        expect((await run(body("return typeof [].left;"))).answer).toBe("undefined");
      });

      it.each([
        ["answers", "return 1;"],
        ["throws", "throw new Error('x');"],
        ["computes too long", "for (;;) left.push(1);"],
        ["waits for ever", "await new Promise(() => {});"],
        ["leaves calls behind", "void agent.text('a').then(() => { globalThis.late = 1; }); return 1;"],
        ["leaves jobs behind", "void (async () => { for (;;) await 1; })(); return 1;"],
        ["recurses without end", "const f = () => f() + 1; return f();"],
        ["gives what cannot be given", "return () => 1;"],
        [
          "swallows errors of memory",
          "try { const all = []; for (;;) all.push(new Array(1e5).fill(7)); } catch { return 1; }",
        ],
      ])("nothing is left over of a run that %s", async (_, end) => {
        const look = body(
          "const names = [globalThis, Object.prototype, Array.prototype, Promise.prototype, JSON, agent]" +
            ".map((one) => Object.getOwnPropertyNames(one).join());\n" +
            "return [names, typeof left, JSON.stringify({}), [] + [], String(Promise.prototype.then), Math.random()];",
        );
        const before = await run(look);
        const dirt =
          "globalThis.left = ['secret'.repeat(1000)];\nObject.prototype.left = 1;\nArray.prototype.push = () => 2;\n" +
          "JSON.stringify = () => 'x';\nPromise.prototype.then = Promise.prototype.catch;\nArray.prototype.toString = () => 'y';\n";
        await run(dirt + body(end), { limits: { cpuMs: 300, memoryBytes: 32 * 2 ** 20 } });
        await run(dirt + body(end), { limits: { cpuMs: 300 } });
        expect(await run(look)).toMatchObject({ status: "ok", answer: before.answer });
      });

      it("many runs at once do not mix", async () => {
        const source = body("const [r] = await agent.text(task.question); return r + task.id;");
        const results = await Promise.all(
          Array.from({ length: 16 }, async (_, i) => {
            const host = hostOf(async (_name, args) => {
              await sleep((i * 7) % 20);
              return [`${String(args[0])}!`];
            });
            return await run(source, { host, task: { id: `#${i}`, question: `q${i}` } });
          }),
        );
        expect(results.map(({ answer }) => answer)).toEqual(results.map((_, i) => `q${i}!#${i}`));
      });
    });

    describe("aborting", () => {
      it("rejects with the reason: before, while it runs, while it waits for its turn", async () => {
        const reason = new Error("stop");
        await expect(run(body("return 1;"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
        const controller = new AbortController();
        let hasBegun = () => {};
        const begun = new Promise<void>((resolve) => {
          hasBegun = resolve;
        });
        const hang = hostOf(async () => {
          hasBegun();
          return await new Promise(() => {});
        });
        const runs = Array.from({ length: 12 }, () =>
          run(body("await agent.text('q');"), { host: hang, signal: controller.signal }),
        );
        await begun;
        controller.abort(reason);
        const outcomes = await Promise.allSettled(runs);
        for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason });
        expect(await run(body("return 1;"))).toMatchObject({ status: "ok" });
      });
    });
  });
}
