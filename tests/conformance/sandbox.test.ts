import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { QuickJsSandbox } from "../../src/workflow/sandbox/quickjs-sandbox.js";
import { childProcesses, untilComputed } from "../support/child-processes.js";
import { HONEST_SOURCE, honestAnswer, StubHost } from "../support/hostile-js.js";
import { sandboxSuite } from "./sandbox.js";

sandboxSuite("QuickJsSandbox", () => new QuickJsSandbox({ processes: 2 }));

/** Of our children. */
const sandboxPids = () => childProcesses("sandbox-child").map(({ pid }) => pid);

const honest = async (sandbox: QuickJsSandbox, i = 1) =>
  await sandbox.run(HONEST_SOURCE, { id: "1", question: `${i}` }, new StubHost(), { seed: 1 });

describe.skipIf(process.platform !== "linux")("processes of the sandbox (found in /proc)", () => {
  it("a killed one costs one run at most: tried again before its first call, failed after it", async () => {
    await using sandbox = new QuickJsSandbox({ processes: 1 });
    await honest(sandbox);
    const [pid] = sandboxPids();
    const waiting = sandbox.run("export default async () => { for (;;) await null; }", {}, new StubHost(), {
      seed: 1,
      limits: { cpuMs: 1_500 },
    });
    await untilComputed(pid!, 100);
    process.kill(pid!, "SIGKILL");
    // The second attempt runs to its own end.
    expect(await waiting).toMatchObject({ status: "timed-out" });

    const host = new StubHost({ delayMs: 60_000 });
    const calling = sandbox.run("export default async (agent) => { await agent.text('q'); }", {}, host, {
      seed: 1,
    });
    while (host.sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const other of sandboxPids()) process.kill(other, "SIGKILL");
    expect(await calling).toMatchObject({
      status: "out-of-memory",
      error: expect.stringContaining("SIGKILL"),
    });
    expect(await honest(sandbox, 5)).toMatchObject({ answer: honestAnswer(5) });
  });

  it("serves more runs than it has processes, and leaves none behind", async () => {
    const before = sandboxPids();
    const sandbox = new QuickJsSandbox({ processes: 2 });
    const runs = await Promise.all(Array.from({ length: 9 }, (_, i) => honest(sandbox, i)));
    expect(runs.map(({ answer }) => answer)).toEqual(runs.map((_, i) => honestAnswer(i)));
    expect(sandboxPids().length - before.length).toBeLessThanOrEqual(2);
    await sandbox.close();
    expect(sandboxPids()).toEqual(before);
    await expect(honest(sandbox)).rejects.toThrow(/was closed/);
  });

  it("closing rejects what still runs", async () => {
    const sandbox = new QuickJsSandbox({ processes: 1 });
    await honest(sandbox);
    const [pid] = sandboxPids();
    const running = sandbox.run("export default () => { for (;;); }", {}, new StubHost(), { seed: 1 });
    const settled = expect(running).rejects.toThrow(/was closed/);
    await untilComputed(pid!, 100);
    await sandbox.close();
    await settled;
  });

  it("an idle sandbox does not keep its program alive", () => {
    const dist = new URL("../../dist/workflow/sandbox/quickjs-sandbox.js", import.meta.url);
    const program = `
      const { QuickJsSandbox } = await import(${JSON.stringify(dist.href)});
      const sandbox = new QuickJsSandbox({ processes: 1 });
      const host = { offers: new Set(), call: async () => [] };
      const { answer } = await sandbox.run("export default () => 'done'", {}, host, { seed: 1 });
      console.log(answer);`;
    // Never closed: it must end by itself.
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(output).toBe("done\n");
  });

  it("refuses limits that are no numbers", () => {
    expect(() => new QuickJsSandbox({ limits: { wallMs: Number.NaN } })).toThrow(RangeError);
    expect(() => new QuickJsSandbox({ limits: { modelCalls: -1 } })).toThrow(RangeError);
  });
});
