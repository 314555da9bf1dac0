/** @file Runs exported workflows: all of one language in one process, one job a line, so that starts are paid once. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environmentOf, ROOT } from "./run-cli.js";

/** Answers of one exported file to items in their order. */
export type AskExported = (file: string, items: readonly object[]) => Promise<Found[]>;

/** Answer of an item, or why there is none. */
export interface Found {
  answer?: unknown;
  error?: string;
}

const NODE = `import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { file, items } = JSON.parse(line);
  const { answer } = await import(file);
  const found = [];
  for (const item of items)
    found.push(await answer(item).then(({ answer }) => ({ answer }), ({ message }) => ({ error: message })));
  console.log(JSON.stringify(found));
}`;

const PYTHON = `import asyncio, importlib.util, json, sys

async def main():
    for line in sys.stdin:
        job = json.loads(line)
        spec = importlib.util.spec_from_file_location("exported", job["file"])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = []
        for item in job["items"]:
            try:
                found.append({"answer": (await module.answer(item))["answer"]})
            except Exception as error:
                found.append({"error": str(error)})
        print(json.dumps(found), flush=True)

asyncio.run(main())`;

/** A Python with asyncio, and whether it has the openai package; undefined where there is none. */
export function findPython(): { command: string; hasPackage: boolean } | undefined {
  const command = process.env.W4S_TEST_PYTHON ?? "python3";
  const isThere = (code: string) => spawnSync(command, ["-c", code]).status === 0;
  if (!isThere("import sys; assert sys.version_info >= (3, 9)")) return undefined;
  return { command, hasPackage: isThere("import openai") };
}

/** Node with the packages of this project within reach of `folder`. */
export function startNode(folder: string): { ask: AskExported; close: () => void } {
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "ask.mjs"), NODE);
  return asking(spawn(process.execPath, [join(folder, "ask.mjs")], { env: environmentOf() }));
}

/** Python, where the package is missing with a stand-in for the part of it that exports use. */
export function startPython({ command, hasPackage }: { command: string; hasPackage: boolean }): {
  ask: AskExported;
  close: () => void;
} {
  const path: Record<string, string> = hasPackage ? {} : { PYTHONPATH: join(ROOT, "tests/support/python") };
  return asking(spawn(command, ["-c", PYTHON], { env: environmentOf({ ...path, NO_PROXY: "127.0.0.1" }) }));
}

function asking(child: ChildProcessWithoutNullStreams): { ask: AskExported; close: () => void } {
  let stderr = "";
  child.stderr.on("data", (part: Buffer) => {
    stderr += part.toString();
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (file, items) => {
      child.stdin.write(`${JSON.stringify({ file, items })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the process ended: ${stderr}`);
      return JSON.parse(value) as Found[];
    },
    close: () => void child.stdin.end(),
  };
}
