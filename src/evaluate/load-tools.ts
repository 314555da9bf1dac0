/** @file A module of the user's that exports tools, with a hash over its content. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { ConfigError, messageOf } from "../core/errors.js";
import { hashJson, sha256 } from "../core/hash.js";
import { checkTools, type ToolSet } from "../workflow/tool.js";

/** Tools with the files that their hash covers. */
export interface LoadedTools extends ToolSet {
  module: string;
  /** Paths from the folder of the module. */
  files: string[];
}

/**
 * Imports a module whose default export is a list of tools, or a function `({ z }) => list` that needs no zod of its own.
 * The hash covers the module and what its export `files` names (files and folders beside it); results that are stored
 * under another hash are not used.
 * @throws {ConfigError} when it cannot be read or loaded, or what it exports are no tools
 */
export async function loadTools(path: string): Promise<LoadedTools> {
  const file = resolve(path);
  const refuse = (what: string, cause?: unknown) =>
    new ConfigError(`${path}: ${what}`, {
      code: "bad-tools",
      hint: "a module such as tools.mjs with `export default [{ name, description, input, run }]`; see docs/tools.md",
      cause,
    });
  let own: string;
  try {
    own = sha256(readFileSync(file));
  } catch (error) {
    throw refuse(`cannot be read: ${messageOf(error, 200)}`, error);
  }
  let module: { default?: unknown; files?: unknown };
  let list: unknown;
  try {
    // The hash in the address: a module that was changed since is loaded anew.
    module = (await import(`${pathToFileURL(file).href}?${own.slice(0, 16)}`)) as typeof module;
    list = module.default;
    if (typeof list === "function") list = await (list as (given: { z: typeof z }) => unknown)({ z });
  } catch (error) {
    throw refuse(`cannot be loaded: ${messageOf(error, 300)}`, error);
  }
  if (list === undefined) throw refuse("it has no default export");
  const tools = checkTools(list, path);
  const { files = [] } = module;
  if (!Array.isArray(files) || files.some((name) => typeof name !== "string"))
    throw refuse("its export files is no list of paths");
  try {
    const contents = (files as string[]).flatMap((name) => contentsOf(join(dirname(file), name), name));
    const module = basename(file);
    return {
      tools,
      hash: hashJson([own, contents]),
      module,
      files: [module, ...contents.map(([name]) => name)],
    };
  } catch (error) {
    throw refuse(`its export files: ${messageOf(error, 200)}`, error);
  }
}

/** Path and hash of a file, or of all files in a folder, by name. */
function contentsOf(path: string, name: string): [name: string, hash: string][] {
  if (!statSync(path).isDirectory()) return [[name, sha256(readFileSync(path))]];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => contentsOf(join(path, entry), `${name}/${entry}`));
}
