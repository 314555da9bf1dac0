/** @file What `npm pack` would put into the package: all that the program reads or imports, and nothing that only a checkout needs. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { ROOT } from "../support/run-cli.js";

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const sources = readdirSync(join(ROOT, "dist"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".js"))
  .map((name) => ({ path: join(ROOT, "dist", name), text: readFileSync(join(ROOT, "dist", name), "utf8") }));

let files: string[];
beforeAll(() => {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  files = packed.files.map(({ path }: { path: string }) => path);
});

/** Whether a path, or files below it, are in the package. */
const isPacked = (path: string) => files.some((file) => file === path || file.startsWith(`${path}/`));

it("holds what package.json names", () => {
  const named = [manifest.bin, manifest.exports].flatMap(pathsIn).map((path) => path.replace("./", ""));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !isPacked(path))).toEqual([]);
});

it("holds every file that the program finds by its own place", () => {
  const named = (text: string, call: RegExp) => [...text.matchAll(call)].map(([, path = ""]) => path);
  const found = sources.flatMap(({ text }) => [
    ...named(text, /\bpackageFile\(["`]([^"`$]+)/g).map((path) => path.replace(/\/$/, "")),
    ...named(text, /\bchildModule\("([^"]+)"/g).map((path) => `dist/${path}`),
  ]);
  // The model, prices, datasets and the runtime of exported programs among them.
  expect(found.length).toBeGreaterThan(5);
  expect(found.filter((path) => !isPacked(path))).toEqual([]);
});

it("imports no package that is there in a checkout only", () => {
  const given = new Set(
    [manifest.dependencies, manifest.optionalDependencies, manifest.peerDependencies].flatMap(Object.keys),
  );
  const imported = new Set(
    sources.flatMap(({ text }) =>
      [...text.matchAll(/^(?:import|export)\b[^"]*? from "([^".][^"]*)"|\bimport\("([^".][^"]*)"\)/gm)].map(
        ([, fixed, lazy]) => fixed ?? lazy ?? "",
      ),
    ),
  );
  const packages = [...imported]
    .filter((name) => !name.startsWith("node:") && !builtinModules.includes(name))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  expect(packages).toContain("commander");
  expect(packages.filter((name) => !given.has(name))).toEqual([]);
});

it("holds nothing else", () => {
  const allowed =
    /^(dist|datasets|runtime|models\/nano|bench)\/|^models\/[\w.-]+\.json$|^(README\.md|LICENSE|package\.json)$/;
  expect(files.filter((file) => !allowed.test(file) || /\.(test|map|log)\b|\/\./.test(file))).toEqual([]);
  expect(files.filter((file) => file.endsWith(".gguf"))).toHaveLength(1);
});

function pathsIn(value: unknown): string[] {
  return typeof value === "string" ? [value] : Object.values(value as object).flatMap(pathsIn);
}
