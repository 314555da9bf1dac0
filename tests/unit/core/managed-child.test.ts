/** @file Children of ours: no environment, killable, reported when they die, gone when the parent is. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ChildExitError, ManagedChild } from "../../../src/core/managed-child.js";

const support = (name: string) => fileURLToPath(new URL(`../../support/${name}`, import.meta.url));
const childPath = support("test-child.mjs");

function nextMessage(child: ManagedChild): Promise<Record<string, unknown>> {
  return new Promise((resolve) => child.onMessage((message) => resolve(message as Record<string, unknown>)));
}

/** A zombie that nobody has collected yet counts as gone. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return process.platform === "linux";
  }
}

async function waitUntilGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    if (isGone(pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return isGone(pid);
}

describe("ManagedChild", () => {
  it("passes messages both ways and hands down no environment but PATH and what it is given", async () => {
    process.env.W4S_TEST_CANARY = "secret";
    const child = await ManagedChild.start(childPath, { name: "test", env: { EXTRA: "1" } });
    delete process.env.W4S_TEST_CANARY;
    const reply = nextMessage(child);
    const value = { text: 'ü😀\u2028"\n', list: [1, null] };
    child.post({ type: "echo", value });
    const message = await reply;
    expect(message.value).toEqual(value);
    const allowed = ["EXTRA", "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "PATH"];
    expect((message.env as string[]).filter((name) => !allowed.includes(name))).toEqual([]);
    await child.kill();
    expect(child.isAlive).toBe(false);
    expect(isGone(child.pid)).toBe(true);
  });

  it("tells how a child ended: exit code, signal, last line of stderr", async () => {
    const first = await ManagedChild.start(childPath, { name: "sandbox" });
    first.post({ type: "exit", code: 7 });
    expect(await first.exited).toMatchObject({ exitCode: 7, exitSignal: null, code: "child-exit" });
    first.post({ type: "echo", value: "dropped without an error" });

    const second = await ManagedChild.start(childPath, { name: "sandbox" });
    process.kill(second.pid, "SIGABRT");
    const aborted = await second.exited;
    expect(aborted).toBeInstanceOf(ChildExitError);
    expect(aborted.message).toContain("the sandbox process ended (killed by SIGABRT)");

    const third = await ManagedChild.start(childPath, { name: "sandbox" });
    third.post({ type: "throw" });
    expect((await third.exited).message).toMatch(/exit code 1/);
  });

  it("kills a child that is stuck in its own thread", async () => {
    const child = await ManagedChild.start(childPath, { name: "test" });
    const spinning = nextMessage(child);
    child.post({ type: "spin" });
    await spinning;
    await child.kill();
    expect(isGone(child.pid)).toBe(true);
  });

  it("gives up on a child that stays silent, and on a module that does not exist", async () => {
    const silent = ManagedChild.start(childPath, { name: "test", env: { SILENT: "1" }, startTimeoutMs: 300 });
    await expect(silent).rejects.toThrow("no sign of life");
    const missing = ManagedChild.start(support("no-such-child.mjs"), { name: "test" });
    await expect(missing).rejects.toBeInstanceOf(ChildExitError);
  });

  it.each(["spin", "idle"])("ends with its parent, also by SIGKILL (%s)", async (mode) => {
    const parent = spawn(process.execPath, [support("test-parent.mjs"), mode], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (chunk) => resolve(Number(String(chunk))));
    });
    expect(isGone(pid)).toBe(false);
    parent.kill("SIGKILL");
    // The watchdog looks twice a second; the rest is slack for a busy machine.
    expect(await waitUntilGone(pid, 120_000)).toBe(true);
  });
});
