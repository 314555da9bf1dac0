/** @file Append-only logs: cut anywhere, flipped anywhere, read back to the last whole record or refused. */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { StorageError } from "../../../src/core/errors.js";
import { decodeLine, encodeLine, JsonlLog } from "../../../src/core/jsonl-log.js";
import { verifyChain } from "../../../src/core/verify-chain.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

/** What the disk allows: bytes a write, bytes in all before it is full, cutting and flushing. */
const most = vi.hoisted(() => ({ bytes: Infinity, left: Infinity, canCut: true, canSync: true }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const full = () => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  return {
    ...fs,
    writeSync: (descriptor: number, bytes: Uint8Array, offset = 0) => {
      const length = Math.min(bytes.length - offset, most.bytes, most.left);
      if (length === 0) throw full();
      most.left -= length;
      return fs.writeSync(descriptor, bytes, offset, length);
    },
    ftruncateSync: (descriptor: number, length: number) => {
      if (!most.canCut) throw full();
      fs.ftruncateSync(descriptor, length);
    },
    fsyncSync: (descriptor: number) => {
      if (!most.canSync) throw full();
      fs.fsyncSync(descriptor);
    },
  };
});

afterEach(() => Object.assign(most, { bytes: Infinity, left: Infinity, canCut: true, canSync: true }));

const folder = useTemporaryFolder();

const RECORDS = [
  { kind: "header", version: 1 },
  { kind: "turn", text: 'quotes " and , "sum":"00000000"} inside', n: 2 },
  { kind: "turn", text: "umlaut ü, pair 😀, line\nbreak, \u2028", nested: { list: [1, null, true] } },
];

function written(records: readonly Record<string, unknown>[]): string {
  const path = join(folder(), "log.jsonl");
  const { log } = JsonlLog.open(path);
  for (const record of records) log.append(record, true);
  log.close();
  return path;
}

describe("encodeLine and decodeLine", () => {
  it("give back any record, on one line", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        const line = encodeLine(record);
        expect(line).not.toContain("\n");
        expect(decodeLine(line)).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
  });

  it("are not fooled by a record that holds a sum of its own", () => {
    const record = { sum: "12345678", text: '","sum":"12345678"}' };
    expect(decodeLine(encodeLine(record))).toEqual(record);
  });

  it("refuse a line without a sum, and the empty line", () => {
    for (const line of ["", "{}", '{"a":1}', "null", '{"a":1,"sum":"00000000"}', 'x,"sum":"00000000"}']) {
      expect(decodeLine(line)).toBeUndefined();
    }
  });
});

describe("JsonlLog", () => {
  it("appends over several sessions", () => {
    const path = written(RECORDS.slice(0, 2));
    const { log, records, isTorn } = JsonlLog.open(path);
    expect([records, isTorn]).toEqual([RECORDS.slice(0, 2), false]);
    log.append(RECORDS[2]!);
    log.close();
    expect(JsonlLog.read(path).records).toEqual(RECORDS);
  });

  it("opens a file cut at every byte of its last line; the rest is set aside and writing goes on", () => {
    const path = written(RECORDS);
    const whole = readFileSync(path);
    const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let length = lastStart; length < whole.length; length++) {
      const cut = join(folder(), "cut.jsonl");
      writeFileSync(cut, whole.subarray(0, length));
      const { log, records, isTorn } = JsonlLog.open(cut);
      expect(records).toEqual(RECORDS.slice(0, 2));
      expect(isTorn).toBe(length > lastStart);
      expect(existsSync(`${cut}.torn`)).toBe(length > lastStart);
      log.append(RECORDS[2]!);
      log.close();
      expect(JsonlLog.read(cut).records).toEqual(RECORDS);
    }
  });

  it("reading leaves a torn file as it is", () => {
    const path = written(RECORDS);
    appendFileSync(path, '{"half');
    const before = readFileSync(path, "utf8");
    expect(JsonlLog.read(path)).toMatchObject({ records: RECORDS, torn: '{"half' });
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  it("refuses every one-bit change in a line before the last, naming the line", () => {
    const path = written(RECORDS);
    const whole = readFileSync(path);
    const firstLength = whole.indexOf(0x0a) + 1;
    const end = whole.indexOf(0x0a, firstLength) + 1;
    const damaged = join(folder(), "flipped.jsonl");
    for (let byte = 0; byte < end; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        const copy = Buffer.from(whole);
        copy[byte]! ^= 1 << bit;
        writeFileSync(damaged, copy);
        let message = "";
        try {
          JsonlLog.read(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError);
          message = (error as Error).message;
        }
        expect(message, `byte ${byte}, bit ${bit}`).toMatch(byte < firstLength ? /line 1 / : /line [12] /);
      }
    }
  });

  it("never returns a changed record when a bit of the last line flips", () => {
    const path = written(RECORDS);
    const whole = readFileSync(path);
    const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    const damaged = join(folder(), "flipped.jsonl");
    for (let byte = lastStart; byte < whole.length; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        const copy = Buffer.from(whole);
        copy[byte]! ^= 1 << bit;
        writeFileSync(damaged, copy);
        let records: unknown;
        try {
          ({ records } = JsonlLog.read(damaged));
        } catch (error) {
          // A whole line that was changed is damage, not a cut.
          expect(error).toBeInstanceOf(StorageError);
          continue;
        }
        expect(records).toEqual(RECORDS.slice(0, 2));
      }
    }
  });

  describe("on a disk that fills up", () => {
    const limitOf = (kib: number, path: string, script: string) =>
      spawnSync(
        "bash",
        [
          "-c",
          `ulimit -S -f ${kib}; exec "$@"`,
          "bash",
          process.execPath,
          "--input-type=module",
          "-e",
          script,
        ],
        { env: { ...process.env, LOG: path }, encoding: "utf8" },
      );
    const HEAD = `import { JsonlLog } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../../dist/core/jsonl-log.js")).href)};
      import { execFileSync } from "node:child_process";
      import { readFileSync } from "node:fs";`;

    it("half a record is taken back, and the next one stands on a line of its own", () => {
      const path = join(folder(), "full.jsonl");
      // Records of about 300 bytes into a file of at most 1 KiB; then there is room again.
      const script = `${HEAD}
        const { log } = JsonlLog.open(process.env.LOG, "genesis");
        let failed = 0;
        for (let n = 0; n < 6; n++) {
          try { log.append({ n, text: "x".repeat(200) }, n % 2 === 0); }
          catch (error) { if (error.name !== "StorageError") throw error; failed++; }
        }
        if (failed !== 3) throw new Error("failed " + failed);
        execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
        log.append({ n: 9, text: "room again" });
        log.close();`;
      const child = limitOf(1, path, script);
      expect(child.stderr).toBe("");
      expect(child.status).toBe(0);
      expect(JsonlLog.read(path).records.map(({ n }) => n)).toEqual([0, 1, 2, 9]);
      expect(verifyChain(path, "genesis")).toMatchObject({ lines: 4 });
    });
  });

  it("a write that takes a part at a time is finished", () => {
    const path = join(folder(), "parts.jsonl");
    const { log } = JsonlLog.open(path);
    most.bytes = 7;
    for (const record of RECORDS) log.append(record);
    log.close();
    expect(JsonlLog.read(path).records).toEqual(RECORDS);
  });

  it("a record that fails at any byte leaves no trace, and one that cannot be taken back closes the log", () => {
    const length = Buffer.byteLength(`${encodeLine(RECORDS[2]!)}\n`);
    for (let byte = 0; byte < length; byte++) {
      const path = written(RECORDS.slice(0, 2));
      const { log } = JsonlLog.open(path);
      Object.assign(most, { bytes: 5, left: byte });
      expect(() => log.append(RECORDS[2]!)).toThrow(StorageError);
      Object.assign(most, { bytes: Infinity, left: Infinity });
      log.append(RECORDS[2]!);
      log.close();
      expect(JsonlLog.read(path).records).toEqual(RECORDS);
    }
    const path = written(RECORDS.slice(0, 2));
    const { log } = JsonlLog.open(path);
    Object.assign(most, { bytes: 5, left: 9, canCut: false });
    expect(() => log.append(RECORDS[2]!)).toThrow(StorageError);
    Object.assign(most, { bytes: Infinity, left: Infinity, canCut: true });
    expect(() => log.append(RECORDS[2]!)).toThrow(StorageError);
    expect(JsonlLog.open(path)).toMatchObject({ records: RECORDS.slice(0, 2), isTorn: true });
  });

  it("a record that is not safely on the disk is taken back too", () => {
    const path = written(RECORDS.slice(0, 2));
    const { log } = JsonlLog.open(path);
    most.canSync = false;
    expect(() => log.append(RECORDS[2]!, true)).toThrow(StorageError);
    most.canSync = true;
    log.append(RECORDS[2]!, true);
    log.close();
    expect(JsonlLog.read(path).records).toEqual(RECORDS);
  });

  it("reports a path that cannot be opened", () => {
    const directory = folder();
    mkdirSync(join(directory, "log.jsonl"));
    expect(() => JsonlLog.open(join(directory, "log.jsonl"))).toThrow(StorageError);
  });

  it("reports writing after close instead of losing a record silently", () => {
    const { log } = JsonlLog.open(join(folder(), "log.jsonl"));
    log.close();
    log.close();
    expect(() => log.append({ a: 1 })).toThrow(StorageError);
  });
});
