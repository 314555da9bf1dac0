/** @file The runtimes under w4s tell nobody what it does: no file of a telemetry client is left, wherever one would put it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const place = mkdtempSync(join(tmpdir(), "w4s-telemetry-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("onnxruntime leaves nothing in home and working folder", () => {
  const folder = mkdtempSync(join(place, "home-"));
  const url = (name: string) => JSON.stringify(pathToFileURL(join(ROOT, "dist/graph", name)).href);
  const script = `
    const { GraphBuilder } = await import(${url("graph-builder.js")});
    const { OrtBackend } = await import(${url("ort-backend.js")});
    const builder = new GraphBuilder();
    const x = builder.input("x", [2]);
    builder.output("y", builder.add(x, x));
    const program = await new OrtBackend({ threads: 1 }).compile(builder.build());
    const { y } = await program.run({ x: Float32Array.of(1, 2) });
    if (y[1] !== 4) throw new Error("wrong");
  `;
  execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    timeout: 120_000,
  });
  expect(readdirSync(folder, { recursive: true })).toEqual([]);
});
