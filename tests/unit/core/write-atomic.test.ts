/** @file Small state files: old or new, never half, private to the user. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../../src/core/errors.js";
import { writeAtomic } from "../../../src/core/write-atomic.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

describe("writeAtomic", () => {
  it("makes folders, replaces content and leaves no other file", async () => {
    const directory = folder();
    const path = join(directory, "a", "b", "state.json");
    await writeAtomic(path, "one");
    await writeAtomic(path, Buffer.from("two"));
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(readdirSync(join(directory, "a", "b"))).toEqual(["state.json"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("shows a reader the old or the new content, never a part", async () => {
    const path = join(folder(), "state");
    const contents = ["a".repeat(200_000), "b".repeat(300_000)];
    await writeAtomic(path, contents[0]!);
    let isDone = false;
    const writing = (async () => {
      for (let i = 1; i <= 20; i++) await writeAtomic(path, contents[i % 2]!);
      isDone = true;
    })();
    let reads = 0;
    while (!isDone) {
      expect(contents).toContain(readFileSync(path, "utf8"));
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(reads).toBeGreaterThan(0);
  });

  it("names the file when it cannot be written, and keeps what was there", async () => {
    const directory = folder();
    const blocked = join(directory, "file");
    writeFileSync(blocked, "x");
    await expect(writeAtomic(join(blocked, "below"), "y")).rejects.toThrow(StorageError);
    mkdirSync(join(directory, "target"));
    await expect(writeAtomic(join(directory, "target"), "y")).rejects.toThrow(/target/);
    expect(readFileSync(blocked, "utf8")).toBe("x");
    expect(readdirSync(directory).sort()).toEqual(["file", "target"]);
  });

  it.skipIf(process.getuid?.() === 0)("reports a folder without permission (skipped for root)", async () => {
    const directory = folder();
    chmodSync(directory, 0o500);
    await expect(writeAtomic(join(directory, "x"), "y")).rejects.toThrow(StorageError);
    chmodSync(directory, 0o700);
  });
});
