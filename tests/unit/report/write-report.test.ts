/** @file Where a page may be written, and what is said where it may not. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeReport } from "../../../src/report/write-report.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

test("a page that cannot be written names the flag that puts it elsewhere, not the disk", async () => {
  const file = join(folder(), "file");
  writeFileSync(file, "");
  await expect(writeReport(join(file, "report.html"), "page")).rejects.toMatchObject({
    hint: "write it elsewhere with --out FILE",
    message: expect.stringContaining("report.html"),
  });
});

test("another file of that name stays, an older page is replaced", async () => {
  const path = join(folder(), "report.html");
  writeFileSync(path, "mine");
  await expect(writeReport(path, "page")).rejects.toThrow(/no report of w4s/);
  expect(readFileSync(path, "utf8")).toBe("mine");
  writeFileSync(path, '<meta name="generator" content="w4s report">');
  await writeReport(path, "page");
  expect(readFileSync(path, "utf8")).toBe("page");
});
