/** @file Starts Pyodide inside a child: walls around memory, files and output. The only import of pyodide. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { loadPyodide, type PyodideInterface } from "pyodide";
import { PICTURED_SOURCE } from "./python-pictured-source.js";
import { SHUT_SOURCE } from "./python-preload-source.js";
import { SNAPSHOT_VARIABLE } from "./python-protocol.js";

const PAGE_BYTES = 65_536;
/** POSIX: no space left on device. */
const ENOSPC = 51;
/** Files and folders together, above the few hundred that the interpreter brings along. */
const MAX_NODES = 10_000;

/** A function of the interpreter, as JavaScript sees it. */
export type PythonFunction = (...args: unknown[]) => unknown;

export interface BootedPython {
  /** Functions of one side of the border (python-pictured-source.ts). */
  functions(side: "program" | "judge", names: readonly string[]): PythonFunction[];
  /** Sets the walls for the program to come. */
  setLimits(limits: { memoryBytes: number; fileBytes: number; outputBytes: number; stdin: string }): void;
  /** Kept output; bytes that are no UTF-8 show as U+FFFD. */
  output(): { stdout: string; stderr: string };
  /** Memory was asked for and refused. */
  isMemoryShort(): boolean;
  /** Shuts the interpreter's ways to JavaScript. */
  shut(): void;
}

/**
 * Every option must be the same where the picture is taken and where it is used.
 * @returns a started interpreter with the usual modules loaded
 */
export async function bootPython(): Promise<BootedPython> {
  const path = process.env[SNAPSHOT_VARIABLE];
  const memory = limitMemory();
  const python = path
    ? await load({ _loadSnapshot: readFileSync(path).subarray(SNAPSHOT_HEADER_BYTES) })
    : await load({});
  if (!path) python.runPython(PICTURED_SOURCE);
  const files = limitFiles(python);
  const streams = captureStreams(python);
  return {
    functions(side, names) {
      const scope = python.globals.get("w4s").get(side);
      return names.map((name) => scope.get(name) as PythonFunction);
    },
    setLimits({ memoryBytes, fileBytes, outputBytes, stdin }) {
      memory.setLimit(memoryBytes);
      files.setLimit(fileBytes);
      streams.setLimit(outputBytes);
      streams.setInput(stdin);
    },
    output: streams.output,
    isMemoryShort: memory.isShort,
    shut() {
      python.runPython(SHUT_SOURCE);
    },
  };
}

/** A hash stands before the picture (python-snapshot.ts). */
export const SNAPSHOT_HEADER_BYTES = 32;

/** The picture of an interpreter that has loaded the usual modules. */
export async function takeSnapshot(): Promise<Uint8Array> {
  const python = await load({ _makeSnapshot: true });
  python.runPython(PICTURED_SOURCE);
  return python.makeMemorySnapshot();
}

type Python = PyodideInterface & { makeMemorySnapshot(): Uint8Array };

/**
 * The optimising compiler is kept for code that runs a hundred times as long as by default: most programs are over before
 * it would pay, and starting costs a third less.
 */
const TIERING_FLAG = "--wasm-tiering-budget=180000000";

async function load(options: { _makeSnapshot?: boolean; _loadSnapshot?: Uint8Array }): Promise<Python> {
  setFlagsFromString(TIERING_FLAG);
  // Left to itself Pyodide loads this megabyte through import(), which first searches it for names of exports.
  createRequire(import.meta.url)("pyodide/pyodide.asm.js");
  // A fixed hash seed: sets come in the same order in every run.
  const env = { HOME: "/home/pyodide", PYTHONHASHSEED: "0" };
  return (await loadPyodide({ jsglobals: {}, env, ...options } as Parameters<
    typeof loadPyodide
  >[0])) as unknown as Python;
}

/** The platform's type stands in the DOM library, which is not used here. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** Growth of wasm memory beyond the limit is refused, which Python turns into MemoryError. */
function limitMemory() {
  let limit = Number.POSITIVE_INFINITY;
  let isShort = false;
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } })
    .WebAssembly.Memory;
  const grow = prototype.grow;
  prototype.grow = function (this: WasmMemory, pages: number) {
    if (this.buffer.byteLength + pages * PAGE_BYTES > limit) {
      isShort = true;
      throw new RangeError("the memory limit is reached");
    }
    return grow.call(this, pages);
  };
  return {
    setLimit(bytes: number) {
      limit = bytes;
    },
    isShort: () => isShort,
  };
}

interface MemoryNode {
  contents?: { length: number } | null | undefined;
}

type WriteFile = (
  stream: { node: MemoryNode },
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
  canOwn?: boolean,
) => number;

interface MemoryFiles {
  ops_table: { file: { stream: { write: WriteFile } } };
  createNode(...args: unknown[]): unknown;
  expandFileStorage(node: MemoryNode, size: number): void;
  resizeFileStorage(node: MemoryNode, size: number): void;
}

/** The interpreter's files live in JavaScript's memory, beside the limit above: their growth is counted here. */
function limitFiles(python: Python) {
  const { FS } = python as unknown as {
    FS: { filesystems: { MEMFS: MemoryFiles }; ErrnoError: new (errno: number) => Error };
  };
  const files = FS.filesystems.MEMFS;
  let room = Number.POSITIVE_INFINITY;
  let nodes = MAX_NODES;
  const counted = new WeakMap<MemoryNode, number>();
  /** Deleted files give nothing back, which is simple and errs on the safe side. */
  const grow = <T>(node: MemoryNode, size: number, change: () => T): T => {
    const sizeOf = () => node.contents?.length ?? 0;
    const before = counted.get(node) ?? sizeOf();
    if (size - before > room) throw new FS.ErrnoError(ENOSPC);
    const result = change();
    // Storage grows ahead of what is used.
    const growth = Math.max(0, sizeOf() - (counted.get(node) ?? before));
    counted.set(node, (counted.get(node) ?? before) + growth);
    room -= growth;
    return result;
  };
  const { createNode, expandFileStorage, resizeFileStorage } = files;
  files.expandFileStorage = (node, size) => grow(node, size, () => expandFileStorage.call(files, node, size));
  files.resizeFileStorage = (node, size) => grow(node, size, () => resizeFileStorage.call(files, node, size));
  // The first write to a file takes its bytes over whole, past the two above.
  const operations = files.ops_table.file.stream;
  const { write } = operations;
  operations.write = (stream, buffer, offset, length, position, canOwn) =>
    grow(stream.node, position + length, () => write(stream, buffer, offset, length, position, canOwn));
  files.createNode = (...args) => {
    if (--nodes < 0) throw new FS.ErrnoError(ENOSPC);
    return createNode.apply(files, args);
  };
  return {
    setLimit(bytes: number) {
      room = bytes;
    },
  };
}

function captureStreams(python: Python) {
  let limit = 0;
  let input = Buffer.alloc(0);
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const used = { stdout: 0, stderr: 0 };
  const writer = (name: "stdout" | "stderr") => ({
    write(bytes: Uint8Array) {
      const room = limit - used[name];
      if (room > 0) {
        const part = Buffer.from(bytes.subarray(0, room));
        kept[name].push(part);
        used[name] += part.length;
      }
      // What does not fit is dropped, and the program is none the wiser.
      return bytes.length;
    },
    isatty: false,
  });
  python.setStdout(writer("stdout"));
  python.setStderr(writer("stderr"));
  python.setStdin({
    read(buffer: Uint8Array) {
      const count = Math.min(buffer.length, input.length);
      input.copy(buffer, 0, 0, count);
      input = input.subarray(count);
      return count;
    },
    isatty: false,
  });
  const text = (parts: Buffer[]) => Buffer.concat(parts).toString("utf8");
  return {
    setLimit(bytes: number) {
      limit = bytes;
    },
    setInput(stdin: string) {
      input = Buffer.from(stdin, "utf8");
    },
    output: () => ({ stdout: text(kept.stdout), stderr: text(kept.stderr) }),
  };
}
