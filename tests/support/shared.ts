/** @file Where the shared test data lies: `$W4S_SHARED`, else `../shared` beside the repository. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The path of a shared file or folder, or undefined where it is absent: the test then skips with a reason. */
export function sharedPath(...parts: string[]): string | undefined {
  const root = process.env.W4S_SHARED ?? join(repository, "..", "shared");
  const path = join(root, ...parts);
  return existsSync(path) ? path : undefined;
}
