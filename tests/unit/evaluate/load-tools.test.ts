import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { loadTools } from "../../../src/evaluate/load-tools.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const TOOL = '{ name: "echo", description: "Echoes.", input: z.string(), run: (text) => text }';

function write(source: string, path = join(folder(), "tools.mjs")): string {
  writeFileSync(path, source);
  return path;
}

describe("loadTools", () => {
  it("takes a list, or a function that is handed zod, and hashes the module", async () => {
    const path = write(`export default ({ z }) => [${TOOL}];`);
    const first = await loadTools(path);
    expect(first.tools.map(({ name }) => name)).toEqual(["echo"]);
    expect(await loadTools(path)).toMatchObject({ hash: first.hash });
    write(`export default async ({ z }) => [${TOOL}]; // changed`, path);
    expect((await loadTools(path)).hash).not.toBe(first.hash);
  });

  it("hashes the files it names, folders with all that lies in them", async () => {
    const path = write(`export const files = ["texts"];\nexport default ({ z }) => [${TOOL}];`);
    const deep = join(dirname(path), "texts", "deep");
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, "a.txt"), "one");
    const { hash } = await loadTools(path);
    expect((await loadTools(path)).hash).toBe(hash);
    writeFileSync(join(deep, "a.txt"), "two");
    expect((await loadTools(path)).hash).not.toBe(hash);
  });

  it.each<[string, string, RegExp]>([
    ["nothing exported", "const a = 1;", /no default export/],
    ["an empty module", "", /no default export/],
    ["named exports only", "export const tools = [];", /no default export/],
    ["a list of nothing", "export default [];", /no list of tools/],
    ["no list", "export default 5;", /no list of tools/],
    ["a syntax error", "export default [", /cannot be loaded/],
    ["a module that throws", 'throw new Error("not today");', /cannot be loaded: not today/],
    [
      "a function that throws",
      'export default () => { throw new Error("no key"); };',
      /cannot be loaded: no key/,
    ],
    [
      "a missing package",
      'import "no-such-package-here";\nexport default [];',
      /cannot be loaded: .*no-such-package-here/,
    ],
    [
      "files that are missing",
      `export const files = ["gone"];\nexport default ({ z }) => [${TOOL}];`,
      /its export files/,
    ],
    [
      "files that are no list",
      `export const files = "x";\nexport default ({ z }) => [${TOOL}];`,
      /no list of paths/,
    ],
  ])("refuses %s", async (_name, source, message) => {
    const error = await loadTools(write(source)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ message: expect.stringMatching(message), hint: expect.any(String) });
  });

  it("refuses a file that is not there, and a folder", async () => {
    await expect(loadTools(join(folder(), "gone.mjs"))).rejects.toThrow(/cannot be read/);
    await expect(loadTools(folder())).rejects.toThrow(/cannot be read/);
  });
});
