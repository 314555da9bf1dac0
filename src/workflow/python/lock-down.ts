/** @file Takes the ways out of a Node process away before an interpreter starts in it. */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";

/** Modules whose functions reach processes, networks or other code. Pyodide imports some and calls none at start. */
const OUTWARD = [
  "child_process",
  "cluster",
  "dgram",
  "dns",
  "dns/promises",
  "http",
  "http2",
  "https",
  "inspector",
  "net",
  "repl",
  "tls",
  "wasi",
];
/** Needed while the process gets ready, closed before the first program. */
const LATE = ["module", "v8", "vm", "worker_threads"];
const GLOBALS = ["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "Request", "Response", "FormData"];
const PROCESS_MEMBERS = [
  "binding",
  "_linkedBinding",
  "chdir",
  "dlopen",
  "getBuiltinModule",
  "kill",
  "setgid",
  "setuid",
  "umask",
];

const LOCKED = { writable: false, configurable: false, enumerable: true };

const require = createRequire(import.meta.url);

/**
 * First half, before loadPyodide: no process, no network. The permission flags of the process say the same for files
 * and processes; this also holds for the network, which they do not cover.
 */
export function lockDown(): void {
  // Pyodide looks for constants here, and the real function is refused under the permission flags.
  const constants = { fs: fs.constants, ...fs.constants };
  (process as unknown as Record<string, unknown>).binding = () => constants;
  // Made when first looked at, with modules that are about to be shut.
  for (const stream of ["stdin", "stdout", "stderr"]) Reflect.get(process, stream);
  shut(OUTWARD);
  for (const name of GLOBALS) Reflect.deleteProperty(globalThis, name);
}

/** Second half, after everything of ours has started: no threads, no signals, no other code. */
export function seal(): void {
  shut(LATE);
  for (const name of PROCESS_MEMBERS) {
    Reflect.defineProperty(process, name, { value: refused, writable: false, configurable: false });
  }
  for (const name of Object.keys(process.env)) delete process.env[name];
}

function shut(modules: readonly string[]): void {
  // All are loaded before the first is shut: the loader itself is one of them.
  for (const module of modules.map((name) => require(`node:${name}`) as Record<string, unknown>)) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
      const isCode = property.get !== undefined || typeof property.value === "function";
      if (isCode && property.configurable) Object.defineProperty(module, key, { ...LOCKED, value: refused });
    }
  }
  syncBuiltinESMExports();
}

function refused(): never {
  throw new Error("not available to programs");
}
