/** @file One process per run directory. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { RunInUseError, StorageError } from "../../../src/core/errors.js";
import { lockRun } from "../../../src/core/lock-run.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const contenderModule = fileURLToPath(new URL("../../support/lock-contender.mjs", import.meta.url));

/** Above the largest pid Linux gives out. */
const DEAD_PID = 2 ** 22 + 1;

/** A lock as a process leaves it that was killed. */
function plantLock(directory: string, owner: Record<string, unknown>): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "lock-00000000000000aa");
  writeFileSync(file, JSON.stringify(owner));
  writeFileSync(`${file}.held`, "");
  return file;
}

function contend(
  name: string,
  contenders: number,
  meetingPoint: string,
  directories: string[],
): Promise<string> {
  const child = spawn(
    process.execPath,
    [contenderModule, name, String(contenders), meetingPoint, ...directories],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  return new Promise((resolve) => child.on("close", () => resolve(out)));
}

describe("lockRun", () => {
  it("takes a free lock, refuses it a second time, and leaves nothing after the release", () => {
    const directory = join(folder(), "run");
    const release = lockRun(directory);
    expect(() => lockRun(directory)).toThrow(RunInUseError);
    expect(() => lockRun(directory)).toThrow(String(process.pid));
    release();
    release();
    expect(readdirSync(directory)).toEqual([]);
    lockRun(directory)();
  });

  it("takes over the lock of a dead process with one line", () => {
    const directory = folder();
    plantLock(directory, { pid: DEAD_PID, startedAt: "1", host: hostname() });
    const lines: string[] = [];
    const release = lockRun(directory, { onTakeover: (line) => lines.push(line) });
    expect(lines).toEqual([`took over the lock of process ${DEAD_PID}, which ended abruptly`]);
    expect(readdirSync(directory)).toHaveLength(2);
    release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")(
    "takes over a lock whose pid now belongs to another process",
    () => {
      const directory = folder();
      plantLock(directory, { pid: process.pid, startedAt: "1", host: hostname() });
      lockRun(directory)();
    },
  );

  it("refuses the lock of another host unless it is forced", () => {
    const directory = folder();
    plantLock(directory, { pid: DEAD_PID, startedAt: "1", host: "elsewhere" });
    let error: unknown;
    try {
      lockRun(directory);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RunInUseError);
    expect(error).toMatchObject({
      message: expect.stringContaining("elsewhere"),
      hint: expect.stringContaining("--force-unlock"),
    });
    const lines: string[] = [];
    lockRun(directory, { force: true, onTakeover: (line) => lines.push(line) })();
    expect(lines[0]).toContain("on elsewhere");
  });

  it("never forces a process that is known to run", () => {
    const directory = folder();
    const start =
      process.platform === "linux" ? (readFileSync("/proc/self/stat", "utf8").split(") ")[1] ?? "") : "";
    const startedAt = start.split(" ")[19] ?? "";
    plantLock(directory, { pid: process.pid, startedAt, host: hostname() });
    if (startedAt === "") return;
    expect(() => lockRun(directory, { force: true })).toThrow(RunInUseError);
  });

  it("is not stopped by files that are no locks of ours", () => {
    const directory = folder();
    writeFileSync(join(directory, "lock-00000000000000bb"), "");
    writeFileSync(join(directory, "lock-00000000000000cc"), "null");
    writeFileSync(join(directory, "lock"), "anything");
    lockRun(directory)();
    expect(readdirSync(directory)).toEqual(["lock"]);
  });

  it("reports a directory that cannot be made", () => {
    const file = join(folder(), "file");
    writeFileSync(file, "");
    expect(() => lockRun(join(file, "run"))).toThrow(StorageError);
  });

  it.skipIf(process.getuid?.() === 0)("reports a directory that cannot be written (skipped for root)", () => {
    const directory = folder();
    chmodSync(directory, 0o500);
    expect(() => lockRun(directory)).toThrow(StorageError);
    chmodSync(directory, 0o700);
  });

  it("lets exactly one of two processes take over a stale lock, 50 times", async () => {
    const root = folder();
    const meetingPoint = join(root, "meeting-point");
    mkdirSync(meetingPoint);
    const rounds = 50;
    const directories = Array.from({ length: rounds }, (_, round) => join(root, `run-${round}`));
    for (const directory of directories)
      plantLock(directory, { pid: DEAD_PID, startedAt: "1", host: hostname() });
    const outputs = await Promise.all(["a", "b"].map((name) => contend(name, 2, meetingPoint, directories)));
    const lines = outputs.flatMap((output) => output.trim().split("\n"));
    for (let round = 0; round < rounds; round++) {
      const outcomes = lines.filter((line) => line.startsWith(`${round} `)).map((line) => line.split(" ")[1]);
      expect(outcomes.sort(), `round ${round}`).toEqual(["held", "run-in-use"]);
    }
    for (const directory of directories) expect(readdirSync(directory)).toEqual([]);
  });
});
