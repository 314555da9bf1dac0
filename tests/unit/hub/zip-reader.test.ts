/** @file Members come out as they went in; archives that lie are refused. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listZip, readZipMember } from "../../../src/hub/zip-reader.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { type ZipEntry, zipBytes } from "../../support/zip-bytes.js";

const folder = useTemporaryFolder()();
let files = 0;

function write(bytes: Buffer): string {
  const path = join(folder, `${files++}.zip`);
  writeFileSync(path, bytes);
  return path;
}

async function readAll(path: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const member of await listZip(path)) {
    const chunks: Buffer[] = [];
    for await (const chunk of readZipMember(path, member)) chunks.push(chunk);
    contents[member.name] = Buffer.concat(chunks).toString();
  }
  return contents;
}

describe("zip reader", () => {
  test("deflated, stored and empty members", async () => {
    const big = "abc".repeat(500_000);
    const entries: ZipEntry[] = [
      { name: "a/b.txt", content: Buffer.from(big) },
      { name: "stored.txt", content: Buffer.from("as it is"), isStored: true },
      { name: "empty.txt", content: Buffer.alloc(0), isStored: true },
    ];
    expect(await readAll(write(zipBytes(entries)))).toEqual({
      "a/b.txt": big,
      "stored.txt": "as it is",
      "empty.txt": "",
    });
  });

  test.each(["../evil", "a/../../evil", "/etc/evil", "a\\b", "a\0b"])("refuses the name %j", async (name) => {
    await expect(listZip(write(zipBytes([{ name, content: Buffer.from("x") }])))).rejects.toThrow(
      /would leave the archive/,
    );
  });

  test("stops a bomb at the stated size, and notices a short member", async () => {
    const content = Buffer.alloc(5_000_000);
    await expect(readAll(write(zipBytes([{ name: "a", content, statedBytes: 1000 }])))).rejects.toThrow(
      /larger than stated/,
    );
    await expect(readAll(write(zipBytes([{ name: "a", content, statedBytes: 6_000_000 }])))).rejects.toThrow(
      /shorter/,
    );
  });

  test("refuses cut and foreign files", async () => {
    const whole = zipBytes([{ name: "a", content: Buffer.from("hello hello hello") }]);
    await expect(listZip(write(whole.subarray(0, whole.length - 10)))).rejects.toThrow(/damaged archive/);
    await expect(listZip(write(Buffer.from("not a zip")))).rejects.toThrow(/damaged archive/);
    const broken = Buffer.from(whole);
    broken.fill(0xff, 31, 40);
    await expect(readAll(write(broken))).rejects.toThrow(/damaged archive/);
  });
});
