/** @file Where the package's own files lie: data, the manifest, and the modules that child processes run. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Two folders up is the root from a source file, from its compiled twin and from a chunk of the bundle.
const ROOT = new URL("../../", import.meta.url);

/** Path of a file or folder of the package. @param path - from its root, with slashes */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}

/** Path of a module that a child process runs: the compiled one, also where the caller is TypeScript. @param path - from dist/ */
export function childModule(path: string): string {
  return packageFile(`dist/${path}`);
}

/** Version of w4s. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string }).version;
}
