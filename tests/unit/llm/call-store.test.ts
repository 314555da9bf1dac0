/** @file Stored replies, ledger and results: durable, first wins, damaged files are named. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StorageError } from "../../../src/core/errors.js";
import { CallStore, type LedgerEntry, type StoredReply } from "../../../src/llm/call-store.js";

const repository = new URL("../../../", import.meta.url);
let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "w4s-store-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const reply = (text: string): StoredReply => ({
  texts: [text],
  usage: { promptTokens: 10, completionTokens: 5 },
  finishReasons: ["stop"],
  model: "m",
});
const entry = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  role: "executor",
  model: "m",
  isCached: false,
  promptTokens: 10,
  completionTokens: 5,
  dollars: 0.5,
  ...more,
});

describe("replies and results", () => {
  test("are found again after reopening; text survives unchanged", () => {
    const path = join(directory, "sub", "calls.db");
    const odd = "line\u2028\0\u{1f600} 'quoted' \ud83d";
    const store = CallStore.open(path);
    expect(store.getReply("a")).toBeUndefined();
    expect(store.putReply("a", reply(odd))).toEqual(reply(odd));
    store.putResult("job", '{"score":1}');
    store.close();
    store.close();
    const again = CallStore.open(path);
    expect(again.getReply("a")?.texts[0]).toBe(odd);
    expect(again.getResult("job")).toBe('{"score":1}');
    expect([again.replyCount(), again.resultCount()]).toEqual([1, 1]);
    again.close();
  });

  test("the first one wins, also between two open stores", () => {
    const path = join(directory, "shared.db");
    const one = CallStore.open(path);
    const two = CallStore.open(path);
    one.putReply("k", reply("first"));
    expect(two.putReply("k", reply("second")).texts).toEqual(["first"]);
    expect(two.putResult("j", "1")).toBe("1");
    expect(one.putResult("j", "2")).toBe("1");
    one.close();
    two.close();
  });

  test.skipIf(process.platform === "win32")("only the owner can read the files", () => {
    const path = join(directory, "private.db");
    const store = CallStore.open(path);
    store.putReply("k", reply("x"));
    expect([path, `${path}-wal`].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
    store.close();
  });
});

describe("ledger", () => {
  test("keeps paid and cached calls apart, per role and model, over sessions", () => {
    const path = join(directory, "ledger.db");
    let store = CallStore.open(path);
    store.putReply("a", reply("x"), entry({ isEstimated: true }));
    store.putReply("b", reply("x"), entry());
    store.addLedger(entry({ isCached: true }));
    store.addLedger(entry({ role: "weak", dollars: null }));
    store.close();
    store = CallStore.open(path);
    store.addLedger(entry({ isCached: true }));
    store.addLedger(entry({ role: "judge", isCached: true }));
    expect(store.ledgerTotals()).toEqual([
      {
        role: "executor",
        model: "m",
        calls: 2,
        cachedCalls: 2,
        promptTokens: 20,
        completionTokens: 10,
        dollars: 1,
        estimatedCalls: 1,
      },
      {
        role: "judge",
        model: "m",
        calls: 0,
        cachedCalls: 1,
        promptTokens: 0,
        completionTokens: 0,
        dollars: 0,
        estimatedCalls: 0,
      },
      {
        role: "weak",
        model: "m",
        calls: 1,
        cachedCalls: 0,
        promptTokens: 10,
        completionTokens: 5,
        dollars: null,
        estimatedCalls: 0,
      },
    ]);
    expect(store.ledgerTotals()[0]?.cachedCalls).toBe(2);
    store.close();
  });

  test("one call of unknown price makes the sum unknown", () => {
    using store = CallStore.open(":memory:");
    store.addLedger(entry());
    store.addLedger(entry({ dollars: null }));
    expect(store.ledgerTotals()[0]?.dollars).toBeNull();
  });
});

describe("the files of a store", () => {
  const filesOf = (name: string) =>
    readdirSync(directory)
      .filter((file) => file.startsWith(name))
      .sort();

  test("are one after it was closed", () => {
    const store = CallStore.open(join(directory, "alone.db"));
    for (let i = 0; i < 50; i++) store.putReply(`key ${i}`, reply("x".repeat(500)));
    expect(filesOf("alone.db")).toEqual(["alone.db", "alone.db-shm", "alone.db-wal"]);
    store.close();
    expect(filesOf("alone.db")).toEqual(["alone.db"]);
  });

  test("may be copied without its log after every user has closed it", () => {
    const path = join(directory, "two-users.db");
    const [one, other] = [CallStore.open(path), CallStore.open(path)];
    one.putReply("first", reply("one"));
    one.close();
    other.putReply("last", reply("after the first was closed"));
    other.close();
    copyFileSync(path, join(directory, "copied.db"));
    const copy = CallStore.open(join(directory, "copied.db"));
    expect(copy.replyCount()).toBe(2);
    copy.close();
  });
});

describe("trouble", () => {
  test("a file that is no database, or a damaged one, is named", () => {
    const junk = join(directory, "junk.db");
    writeFileSync(junk, "this is no database ".repeat(500));
    expect(() => CallStore.open(junk)).toThrow(
      expect.objectContaining({ name: "StorageError", code: "damaged-store" }),
    );

    const cut = join(directory, "cut.db");
    const store = CallStore.open(cut);
    for (let i = 0; i < 300; i++) store.putReply(`key ${i}`, reply("x".repeat(2000)));
    store.close();
    truncateSync(cut, Math.floor(statSync(cut).size / 2));
    expect(() => {
      const damaged = CallStore.open(cut);
      for (let i = 0; i < 300; i++) damaged.getReply(`key ${i}`);
    }).toThrow(StorageError);
  });

  test("a directory, and a file of a newer version", () => {
    expect(() => CallStore.open(directory)).toThrow(StorageError);
    const path = join(directory, "newer.db");
    CallStore.open(path).close();
    const script = `const D = require("libsql"); const d = new D(${JSON.stringify(path)}); d.exec("PRAGMA user_version = 99"); d.close();`;
    execFileSync(process.execPath, ["-e", script], { cwd: repository });
    expect(() => CallStore.open(path)).toThrow(/newer version/);
  });

  test("a ledger of format 2 took each call for one request; now each request counts", () => {
    const path = join(directory, "format-2.db");
    const entry = {
      role: "executor",
      model: "m",
      isCached: false,
      promptTokens: 1,
      completionTokens: 1,
      dollars: 1,
    };
    const first = CallStore.open(path);
    first.addLedger(entry);
    first.close();
    const script = `const D = require("libsql"); const d = new D(${JSON.stringify(path)});
      d.exec("ALTER TABLE ledger DROP COLUMN requests; PRAGMA user_version = 2"); d.close();`;
    execFileSync(process.execPath, ["-e", script], { cwd: repository });
    using store = CallStore.open(path);
    expect(store.ledgerTotals()).toMatchObject([{ calls: 1, dollars: 1 }]);
    store.addLedger({ ...entry, requests: 3 });
    expect(store.ledgerTotals()).toMatchObject([{ calls: 4, promptTokens: 2, dollars: 2 }]);
  });

  test("what was committed survives SIGKILL", () => {
    const path = join(directory, "killed.db");
    const module = new URL("dist/llm/call-store.js", repository).href;
    const script = `
      const { CallStore } = await import(${JSON.stringify(module)});
      const store = CallStore.open(${JSON.stringify(path)});
      for (let i = 0; ; i++) {
        store.putReply("key " + i, { texts: ["t" + i], usage: { promptTokens: 1, completionTokens: 1 }, finishReasons: ["stop"], model: "m" },
          { role: "executor", model: "m", isCached: false, promptTokens: 1, completionTokens: 1, dollars: 1 });
        process.stdout.write(i + "\\n");
        if (i === 150) process.kill(process.pid, "SIGKILL");
      }`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: pathToFileURL(directory),
      encoding: "utf8",
    });
    expect(child.signal).toBe("SIGKILL");
    const announced = child.stdout.trim().split("\n").map(Number);
    expect(announced).toHaveLength(151);
    const store = CallStore.open(path);
    for (const i of announced) expect(store.getReply(`key ${i}`)?.texts).toEqual([`t${i}`]);
    // Reply and cost are one step: neither without the other.
    expect(store.ledgerTotals()[0]?.calls).toBe(store.replyCount());
    store.close();
  });
});
