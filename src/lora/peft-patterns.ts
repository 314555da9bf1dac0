/** @file Ranks and alphas that a PEFT configuration gives single modules, by patterns of their names. */
import { runInNewContext } from "node:vm";
import { messageOf } from "../core/errors.js";
import { badPeft, type PeftPattern } from "./peft-config.js";

/** A pattern that takes longer than this goes back and forth in the names for ever. */
const MAX_MS = 1000;

/**
 * The value of every module that a pattern names: the first pattern that fits the whole name, or its end from a dot on.
 * @source PEFT, `get_pattern_key`
 * @throws {FormatError} for a pattern that is no regular expression, or none that ends
 */
export function patternValues(
  { field, path, entries }: PeftPattern,
  modules: readonly string[],
): Map<string, number> {
  const values = new Map<string, number>();
  for (const [pattern, value] of entries) {
    let fits: boolean[];
    try {
      const { source } = new RegExp(`^(?:(?:.*\\.)?(?:${pattern})$)`);
      // Patterns come from a file: node:vm ends those that would not end by themselves.
      const test = "JSON.stringify(modules.map((name) => new RegExp(source).test(name)))";
      fits = JSON.parse(runInNewContext(test, { modules, source }, { timeout: MAX_MS }) as string);
    } catch (error) {
      throw badPeft(path, field, `has the pattern ${JSON.stringify(pattern)}: ${messageOf(error)}`);
    }
    for (const [i, name] of modules.entries()) if (fits[i] && !values.has(name)) values.set(name, value);
  }
  return values;
}
