/** @file The picture of a started interpreter: made, found again, made anew when damaged, done without. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PythonSandbox } from "../../../../src/workflow/python/python-sandbox.js";
import { pythonSnapshot } from "../../../../src/workflow/python/python-snapshot.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const program = "import sys\nprint(sys.version_info[:2] >= (3, 12))";

async function runs(snapshotFolder: string): Promise<boolean> {
  const python = new PythonSandbox({ processes: 1, limits: { wallMs: 20_000 }, snapshotFolder });
  try {
    return (await python.run(program)).stdout === "True\n";
  } finally {
    await python.close();
  }
}

test("made once, found again, and made anew when a byte is wrong", async () => {
  const place = folder();
  const path = await pythonSnapshot(place);
  expect(path).toMatch(/pyodide-[\d.]+-node-[\d.]+-.*\.snapshot$/);
  const made = statSync(path!).mtimeMs;
  expect(statSync(path!).mode & 0o777).toBe(0o600);
  expect(await pythonSnapshot(place)).toBe(path);
  expect(statSync(path!).mtimeMs).toBe(made);
  const bytes = readFileSync(path!);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path!, bytes);
  expect(await runs(place)).toBe(true);
  expect(readFileSync(path!).equals(bytes)).toBe(false);
});

test("where none can be written, interpreters start without", async () => {
  const blocked = join(folder(), "file");
  writeFileSync(blocked, "a file where the folder should be");
  expect(await runs(join(blocked, "python"))).toBe(true);
});
