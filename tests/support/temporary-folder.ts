/** @file A fresh folder per test file, removed at the end. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Call at the top of a test file; the function returned gives a new empty folder each time. */
export function useTemporaryFolder(): () => string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "w4s-test-")));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return () => mkdtempSync(join(root, "case-"));
}
