/** @file Every hostile program, the shared examples and our own, ends as its MUST line says; nothing gets out. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PythonSandbox } from "../../src/workflow/python/python-sandbox.js";
import { untilNoChild } from "../support/child-processes.js";
import { HOSTILE_TESTS, HOSTILE_WALL_MS, judgeCheck } from "../support/hostile-py.js";
import { sharedPath } from "../support/shared.js";

/** Port that the programs try to reach (hostile/README.md). */
const CANARY_PORT = 45_999;
/** Where the programs of ours try to leave a file. */
const OUTSIDE_FILE = "/tmp/w4s-hostile-py-escaped";
/** Computing of this process, seconds: 2 measured; guests in it that compute until their limits would take many times that. */
const MOST_OWN_SECONDS = 20;
/** A machine that runs other tests meanwhile must not turn a failure into a timeout. */
const BUSY_MS = 10_000;
/** Programs at once: most of the time goes by waiting for limits. */
const PROCESSES = 3;
const HONEST = "def add(a, b):\n    return a + b\n";

const shared = sharedPath("hostile", "py");
const own = fileURLToPath(new URL("../fixtures/hostile-py", import.meta.url));
/** Files of ours that spend seconds at their limits; with $W4S_HOSTILE_PY=all they run too. */
const SLOW = /^(02|04|06|08|10|34|44)-/;
const runsAll = process.env.W4S_HOSTILE_PY === "all";
const files = [
  ...(shared === undefined ? [] : readdirSync(shared).map((name) => join(shared, name))),
  ...readdirSync(own).map((name) => join(own, name)),
].filter((path) => path.endsWith(".py"));

describe("hostile programs", () => {
  let python: PythonSandbox;
  let canary: Server;
  let connections = 0;
  let before: NodeJS.CpuUsage;
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);

  beforeAll(async () => {
    python = new PythonSandbox({
      processes: PROCESSES,
      limits: { wallMs: HOSTILE_WALL_MS, busyMs: BUSY_MS },
    });
    process.on("unhandledRejection", onUnhandled);
    canary = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      canary.on("error", (error: NodeJS.ErrnoException) => {
        // The same tests run somewhere else on this machine: they will be done.
        if (error.code === "EADDRINUSE") setTimeout(() => canary.listen(CANARY_PORT, "127.0.0.1"), 200);
        else reject(error);
      });
      canary.listen(CANARY_PORT, "127.0.0.1", resolve);
    });
    before = process.cpuUsage();
    // Warm, so that no start falls into a program's time.
    await python.check(HONEST, HOSTILE_TESTS, { entryPoint: "add" });
  });
  afterAll(async () => {
    process.off("unhandledRejection", onUnhandled);
    await python.close();
    canary.close();
  });

  it.skipIf(shared !== undefined)(
    "shared examples are absent: $W4S_SHARED or ../shared holds hostile/py",
    () => {
      expect(files.length).toBeGreaterThan(0);
    },
  );

  it.skipIf(runsAll)("slow files of ours run with W4S_HOSTILE_PY=all", () => {
    expect(files.some((path) => SLOW.test(basename(path)))).toBe(true);
  });

  const chosen = files.filter((path) => runsAll || !path.startsWith(own) || !SLOW.test(basename(path)));
  it.concurrent.each(chosen.map((path) => [basename(path), path] as const))("%s", async (_name, path) => {
    const source = readFileSync(path, "utf8");
    const check = await python.check(source, HOSTILE_TESTS, { entryPoint: "add" });
    expect(judgeCheck(source, check)).toBeUndefined();
    for (const text of [...check.errors, check.reason]) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(500);
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });

  it("nothing is left of one program in the next", async () => {
    const left =
      'import os, sys\nopen("w4s-left", "w").write("x")\nsys.w4s_left = 1\nimport builtins\nbuiltins.len = None\n';
    const first = await python.run(left);
    expect(first).toEqual({ isOk: true, stdout: "", stderr: "" });
    const look = 'import os, sys\nprint(os.path.exists("w4s-left"), hasattr(sys, "w4s_left"), len("abc"))\n';
    expect((await python.run(look)).stdout).toBe("False False 3\n");
  });

  it("honest programs are right afterwards", async () => {
    const checks = await Promise.all(
      Array.from({ length: 6 }, () => python.check(HONEST, HOSTILE_TESTS, { entryPoint: "add" })),
    );
    expect(checks.map(({ status }) => status)).toEqual(checks.map(() => "passed"));
  });

  it("no connection, no file, no process, no stray rejection; the parent did not compute for its guests", async () => {
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    process.stderr.write(`computing of the parent: ${seconds.toFixed(1)} s\n`);
    expect(seconds).toBeLessThan(MOST_OWN_SECONDS);
    expect(unhandled).toEqual([]);
    await python.close();
    if (process.platform === "linux") await untilNoChild("python-");
    expect(connections).toBe(0);
    expect(existsSync(OUTSIDE_FILE)).toBe(false);
  });
});
