/** @file Append-only logs: cut anywhere, flipped anywhere, read back to the last whole record or refused. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../../src/core/errors.js";
import { decodeLine, encodeLine, JsonlLog } from "../../../src/core/jsonl-log.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

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
